"""Which of many phrases a text may hold, at a look: the anchors of their plan, as codes.

What passes is a candidate for the phrase's own expression.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from modassist.rules.alphabet import BREAK, Alphabet, TokenClass, is_sign_code
from modassist.rules.plan import Anchor, Check, Plan

_MOST_READ = 20_000

_Lookup = tuple[set[str], int, int]
_Entry = tuple[int, tuple[_Lookup, ...]]


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
        entries = {
            anchor: [(number, self._lookups(checks, alphabet)) for number, checks in its]
            for anchor, its in plan.anchors
        }
        self._alone: dict[str, tuple[_Entry, ...]] = {}
        """For each code, the entries of those anchors that are this one word."""
        self._begins: dict[str, int] = {}
        """For each code, the pairs (a bit each) that begin with it."""
        self._goes_on: dict[str, int] = {}
        """For each code, the pairs whose second word it is."""
        self._pairs = [its for (_, second), its in entries.items() if second is not None]
        self._read: dict[int, tuple[_Entry, ...]] = {}
        self._fill(entries, alphabet)

    def _lookups(self, checks: tuple[Check, ...], alphabet: Alphabet) -> tuple[_Lookup, ...]:
        back = self._back
        return tuple((alphabet.atom(wanted).codes, least + back, most + back + 1) for wanted, least, most in checks)

    def _fill(self, entries: Mapping[Anchor, Sequence[_Entry]], alphabet: Alphabet) -> None:
        """Note the codes of all anchors, now and whenever a class turns out to have another one."""
        for (word, second), its in entries.items():
            if second is None:
                _watch(alphabet, word, partial(self._add, tuple(its)))
        pairs = [anchor for anchor in entries if anchor[1] is not None]
        for masks, place in ((self._begins, 0), (self._goes_on, 1)):
            bits: dict[TokenClass, int] = {}
            for bit, pair in enumerate(pairs):
                wanted = pair[place]
                assert wanted is not None
                bits[wanted] = bits.get(wanted, 0) | 1 << bit
            for wanted, mask in bits.items():
                _watch(alphabet, wanted, partial(_or, masks, mask))

    def _add(self, entries: tuple[_Entry, ...], code: str) -> None:
        if is_sign_code(code):
            self._signs.setdefault(code, []).extend(number for number, _ in entries)
        else:
            self._alone[code] = self._alone.get(code, ()) + entries

    def in_words(self, codes: list[str], closed: Container[int] = ()) -> list[tuple[int, int]]:
        """Candidates, each behind the place of its anchor, in the codes of words with a BREAK at every edge of a piece.

        Without those that are closed. A candidate may be named more than once.
        """
        found: list[tuple[int, int]] = []
        padded = [BREAK] * self._back + codes
        singles, begins = map(self._alone.get, codes), map(self._begins.get, codes)
        follows = map(self._goes_on.get, islice(codes, 1, None))
        for at, (entries, begin, follow) in enumerate(zip(singles, begins, follows)):  # noqa: B905 - the last has none
            if begin and follow and (pairs := begin & follow):
                entries = (*(entries or ()), *self._entries_of(pairs))
            for number, lookups in entries or ():
                if number in closed:
                    continue
                for wanted, least, most in lookups:
                    if wanted.isdisjoint(padded[at + least : at + most]):
                        break
                else:
                    found.append((at, number))
        return found

    def in_signs(self, tokens: str, closed: Container[int] = ()) -> list[tuple[int, str]]:
        """Candidates by signs alone in the codes of all tokens, each with the row of signs."""
        rows = [(row, numbers) for row, numbers in self._signs.items() if row in tokens]
        return [(number, row) for row, numbers in rows for number in numbers if number not in closed]

    def _entries_of(self, pairs: int) -> tuple[_Entry, ...]:
        found = self._read.get(pairs)
        if found is None:
            if len(self._read) > _MOST_READ:
                self._read.clear()
            found = self._read[pairs] = tuple(entry for bit in _bits(pairs) for entry in self._pairs[bit])
        return found


def _watch(alphabet: Alphabet, wanted: TokenClass, note: Callable[[str], None]) -> None:
    """Have every code of the class noted, those of today and those to come."""
    atom = alphabet.atom(wanted)
    atom.watchers.append(note)
    for code in atom.codes:
        note(code)


def _or(masks: dict[str, int], mask: int, code: str) -> None:
    masks[code] = masks.get(code, 0) | mask


def _bits(number: int) -> Iterator[int]:
    """The places of the ones in a number's binary form, the lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest
