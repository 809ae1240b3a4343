"""Which of many phrases a text may hold, at a look: the anchors of phrases, and an index of them.

Every way of matching a phrase has an anchor: two words in a row that are met together least often, or one word. Where
an anchor stands, the next rarest words of that way are looked for within their reach; what passes is a candidate for
the phrase's own expression. Nothing that the expression finds is lost, for only what every match holds is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial

from modassist.rules.alphabet import BREAK, Alphabet, TokenClass, is_sign_code
from modassist.rules.phrases import Phrase
from modassist.rules.rarity import Rarity
from modassist.rules.shapes import Step, Way

_CHECKS = 2
"""Words beside the anchor that are looked for."""
_PAIR_COST = 0.001
"""Two words that are met so and so often stand together this part of the product times."""
_MOST_READ = 20_000

Anchor = tuple[TokenClass, TokenClass | None]
Check = tuple[TokenClass, int, int]
"""A class, and where a word of it stands: so many words behind the anchor's first one, at least and at most."""
_Lookup = tuple[set[str], int, int]
_Entry = tuple[int, tuple[_Lookup, ...]]


class Index:
    """The anchors of phrases. A phrase is named by its place in the sequence."""

    def __init__(self, phrases: Sequence[Phrase], alphabet: Alphabet, rarity: Rarity) -> None:
        self._signs: dict[str, list[int]] = {}
        """For each sign, or row of signs, the phrases that it is the anchor of."""
        ways = [
            (number, *_anchored(way, rarity.of))
            for number, phrase in enumerate(phrases)
            if not self._is_row_of_signs(number, phrase, alphabet)
            for way in phrase.ways()
        ]
        by_anchor: dict[Anchor, dict[tuple[int, tuple[Check, ...]], None]] = {}
        for number, anchor, checks in ways:
            by_anchor.setdefault(anchor, {})[number, checks] = None
        self._back = max((-least for _, _, checks in ways for _, least, _ in checks), default=0)
        self._back = max(self._back, 0)
        self._entries = [
            [(number, self._lookups(checks, alphabet)) for number, checks in entries] for entries in by_anchor.values()
        ]
        self._begins: dict[str, int] = {}
        """For each code, the anchors (a bit each) that begin with it."""
        self._goes_on: dict[str, int] = {}
        """For each code, the anchors whose second word it is."""
        self._alone = sum(1 << bit for bit, (_, second) in enumerate(by_anchor) if second is None)
        self._read: dict[int, tuple[_Entry, ...]] = {}
        self._fill(list(by_anchor), alphabet)

    def _is_row_of_signs(self, number: int, phrase: Phrase, alphabet: Alphabet) -> bool:
        """Whether the phrase is nothing but signs, one after the other; it is then looked for as it stands."""
        signs = phrase.row_of_signs()
        if signs:
            row = "".join(code for sign in signs for code in alphabet.atom(sign).codes)
            self._signs.setdefault(row, []).append(number)
        return bool(signs)

    def _lookups(self, checks: tuple[Check, ...], alphabet: Alphabet) -> tuple[_Lookup, ...]:
        back = self._back
        return tuple((alphabet.atom(wanted).codes, least + back, most + back + 1) for wanted, least, most in checks)

    def _fill(self, anchors: Iterable[Anchor], alphabet: Alphabet) -> None:
        """Note the codes of all anchors, now and whenever a class turns out to have another one."""
        firsts: dict[TokenClass, int] = {}
        seconds: dict[TokenClass, int] = {}
        for bit, (first, second) in enumerate(anchors):
            firsts[first] = firsts.get(first, 0) | 1 << bit
            if second is not None:
                seconds[second] = seconds.get(second, 0) | 1 << bit
        for masks, add in ((firsts, self._begin), (seconds, self._go_on)):
            for wanted, mask in masks.items():
                atom = alphabet.atom(wanted)
                watch = partial(add, mask)
                atom.watchers.append(watch)
                for code in atom.codes:
                    watch(code)

    def _begin(self, mask: int, code: str) -> None:
        if is_sign_code(code):
            self._signs.setdefault(code, []).extend(number for number, _ in self._entries_of(mask))
        else:
            self._begins[code] = self._begins.get(code, 0) | mask

    def _go_on(self, mask: int, code: str) -> None:
        self._goes_on[code] = self._goes_on.get(code, 0) | mask

    def in_words(self, codes: list[str], closed: Container[int] = ()) -> list[tuple[int, int]]:
        """Candidates, each behind the place of its anchor, in the codes of words with a BREAK at every edge of a piece.

        Without those that are closed. A candidate may be named more than once.
        """
        found: list[tuple[int, int]] = []
        if self._begins.keys().isdisjoint(codes):
            return found
        goes_on, alone, back = self._goes_on, self._alone, self._back
        padded = [BREAK] * back + codes
        for at, begin in enumerate(map(self._begins.get, codes)):
            anchors = begin and begin & (goes_on.get(codes[at + 1], 0) | alone)
            for number, lookups in self._entries_of(anchors) if anchors else ():
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

    def _entries_of(self, anchors: int) -> tuple[_Entry, ...]:
        found = self._read.get(anchors)
        if found is None:
            if len(self._read) > _MOST_READ:
                self._read.clear()
            found = self._read[anchors] = tuple(entry for bit in _bits(anchors) for entry in self._entries[bit])
        return found


def _bits(number: int) -> Iterator[int]:
    """The places of the ones in a number's binary form, the lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _anchored(way: Way, rarity: Callable[[TokenClass], float]) -> tuple[Anchor, tuple[Check, ...]]:
    """The anchor of a way of matching, and what else must stand near it. It begins with a word, or with a sign."""
    often = [rarity(step.wanted) for step in way.steps]
    singles = [place for place, step in enumerate(way.steps) if BREAK not in step.wanted.words]
    if not singles:
        return (min(way.loose, key=rarity), None), ()
    single = min(singles, key=often.__getitem__)
    pairs = [place for place in singles if place + 1 < len(often) and way.steps[place + 1].most == 0]
    pair = min(pairs, key=lambda place: often[place] * often[place + 1], default=None)
    if pair is None or often[pair] * often[pair + 1] * _PAIR_COST >= often[single]:
        return (way.steps[single].wanted, None), _checks(way.steps, {single}, often)
    return (way.steps[pair].wanted, way.steps[pair + 1].wanted), _checks(way.steps, {pair, pair + 1}, often)


def _checks(steps: Sequence[Step], anchor: set[int], often: Sequence[float]) -> tuple[Check, ...]:
    others = sorted((place for place in range(len(steps)) if place not in anchor), key=often.__getitem__)
    return tuple((steps[place].wanted, *_distance(steps, min(anchor), place)) for place in others[:_CHECKS])


def _distance(steps: Sequence[Step], start: int, end: int) -> tuple[int, int]:
    """How many words lie from one step to another, at least and at most; to an earlier one they are negative."""
    if end < start:
        least, most = _distance(steps, end, start)
        return -most, -least
    between = steps[start + 1 : end + 1]
    return sum(step.least + 1 for step in between), sum(step.most + 1 for step in between)
