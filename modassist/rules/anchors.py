"""Which of many phrases a text may hold, at a look: the anchors of their plan, as codes.

What passes is a candidate for the phrase's own expression.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from modassist.rules.alphabet import BREAK, Alphabet, TokenClass, is_sign_code
from modassist.rules.plan import MOST_CHECKS, Anchor, Check, Plan

_MOST_READ = 20_000

_Lookup = tuple[Callable[[Sequence[str]], bool], int, int]
"""What says of some codes that no word of a class is among them, and where to look, counted from before the anchor."""
_Entry = tuple[int, _Lookup, _Lookup]
"""A phrase, and what must stand near its anchor."""
_NOTHING_NEAR: _Lookup = (bool, 0, 0)
"""Asks nothing: no codes at all are never refused."""
_Here = tuple[tuple[_Entry, ...], int]
"""Entries whose anchor is one word alone, and the pairs (a bit each) that begin with it."""
_NOTHING: _Here = ((), 0)


class Index:
    """The anchors of phrases. A phrase is named by its place in the sequence."""

    def __init__(self, plan: Plan, alphabet: Alphabet) -> None:
        self._signs: dict[str, list[int]] = {}
        """For each sign, or row of signs, the phrases that it is the anchor of."""
        for number, signs in plan.rows:
            row = "".join(code for sign in signs for code in alphabet.atom(sign).codes)
            self._signs.setdefault(row, []).append(number)
        every = (check for _, its in plan.anchors for _, checks in its for check in checks)
        self._back = max(0, max((-least for _, least, _ in every), default=0))
        entries: dict[Anchor, list[_Entry]] = {
            anchor: [(number, *self._lookups(checks, alphabet)) for number, checks in its]
            for anchor, its in plan.anchors
        }
        self._begins: dict[str, _Here] = {}
        """For each code at which an anchor may begin, what begins there."""
        self._goes_on: dict[str, int] = {}
        """For each code, the pairs (a bit each) whose second word it is."""
        self._pairs = [its for (_, second), its in entries.items() if second is not None]
        self._read: dict[int, tuple[_Entry, ...]] = {}
        self._fill(entries, alphabet)

    def _lookups(self, checks: tuple[Check, ...], alphabet: Alphabet) -> tuple[_Lookup, _Lookup]:
        back = self._back
        found: list[_Lookup] = [
            (alphabet.atom(wanted).codes.isdisjoint, least + back, most + back + 1) for wanted, least, most in checks
        ]
        first, second = (*found, _NOTHING_NEAR, _NOTHING_NEAR)[:MOST_CHECKS]
        return first, second

    def _fill(self, entries: Mapping[Anchor, Sequence[_Entry]], alphabet: Alphabet) -> None:
        """Note the codes of all anchors, now and whenever a class turns out to have another one."""
        for (word, second), its in entries.items():
            if second is None:
                _watch(alphabet, word, partial(self._add, tuple(its)))
        pairs = [anchor for anchor in entries if anchor[1] is not None]
        for join, place in ((self._begin, 0), (self._go_on, 1)):
            bits: dict[TokenClass, int] = {}
            for bit, pair in enumerate(pairs):
                wanted = pair[place]
                assert wanted is not None
                bits[wanted] = bits.get(wanted, 0) | 1 << bit
            for wanted, mask in bits.items():
                _watch(alphabet, wanted, partial(join, mask))

    def _add(self, entries: tuple[_Entry, ...], code: str) -> None:
        if is_sign_code(code):
            self._signs.setdefault(code, []).extend(number for number, *_ in entries)
        else:
            alone, pairs = self._begins.get(code, _NOTHING)
            self._begins[code] = (*alone, *entries), pairs

    def _begin(self, mask: int, code: str) -> None:
        alone, pairs = self._begins.get(code, _NOTHING)
        self._begins[code] = alone, pairs | mask

    def _go_on(self, mask: int, code: str) -> None:
        self._goes_on[code] = self._goes_on.get(code, 0) | mask

    def in_words(self, codes: list[str], closed: Container[int] = ()) -> list[tuple[int, int]]:
        """Candidates, each behind the place of its anchor, in the codes of words with a BREAK at every edge of a piece.

        Without those that are closed. A candidate may be named more than once.
        """
        found: list[tuple[int, int]] = []
        if self._begins.keys().isdisjoint(codes):  # so it is with most conditions, and told without a loop
            return found
        padded = [BREAK] * self._back + codes
        first, second = map(self._begins.get, codes), map(self._goes_on.get, islice(codes, 1, None))
        for at, (here, after) in enumerate(zip(first, second)):  # noqa: B905 - the last has none
            if here is None:
                continue
            entries, begin = here
            if begin and after and (pairs := begin & after):
                entries = (*entries, *self._entries_of(pairs))
            for number, (lacks, least, most), other in entries:
                if number in closed or lacks(padded[at + least : at + most]):
                    continue
                lacks, least, most = other
                if not lacks(padded[at + least : at + most]):
                    found.append((at, number))
        return found

    @property
    def has_signs(self) -> bool:
        """Whether any phrase is looked for by signs alone."""
        return bool(self._signs)

    def in_signs(self, tokens: str, closed: Container[int] = ()) -> list[tuple[int, str]]:
        """Candidates by signs alone in the codes of all tokens, each with the row of signs."""
        rows = [(row, numbers) for row, numbers in self._signs.items() if row in tokens]
        return [(number, row) for row, numbers in rows for number in numbers if number not in closed]

    def _entries_of(self, pairs: int) -> tuple[_Entry, ...]:
        found = self._read.get(pairs)
        if found is None:
            if len(self._read) > _MOST_READ:
                self._read.clear()
            found = self._read[pairs] = tuple([entry for bit in _bits(pairs) for entry in self._pairs[bit]])
        return found


def _watch(alphabet: Alphabet, wanted: TokenClass, note: Callable[[str], None]) -> None:
    """Have every code of the class noted, those of today and those to come."""
    atom = alphabet.atom(wanted)
    atom.watchers.append(note)
    for code in atom.codes:
        note(code)


def _bits(number: int) -> Iterator[int]:
    """The places of the ones in a number's binary form, the lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
