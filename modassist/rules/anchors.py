"""Which of many phrases a text may hold, at a look: the anchors of phrases, and an index of them.

Every way of matching a phrase has an anchor: two words in a row that are met together least often, or one word. Where
an anchor stands, the next rarest words of that way are looked for within their reach; what passes is a candidate for
the phrase's own expression. Nothing that the expression finds is lost, for only what every match holds is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from itertools import repeat
from operator import and_

from modassist.rules.alphabet import BREAK, Alphabet, TokenClass, is_sign_code
from modassist.rules.phrases import Phrase
from modassist.rules.rarity import Rarity
from modassist.rules.shapes import Step, Way

_CHECKS = 2
"""Words beside the anchor that are looked for."""
_PAIR_COST = 0.001
"""Two words that are met so and so often stand together this part of the product times."""
_MOST_KNOWN = 20_000

Anchor = tuple[TokenClass, TokenClass | None]
Check = tuple[TokenClass, int, int]
"""A class, and where a word of it stands: so many words behind the anchor's first one, at least and at most."""
_Lookup = tuple[set[str], int, int]
_Entry = tuple[int, tuple[_Lookup, ...]]


class Index:
    """The anchors of phrases. A phrase is named by its place in the sequence."""

    def __init__(self, phrases: Sequence[Phrase], alphabet: Alphabet, rarity: Rarity) -> None:
        self._begins: dict[str, int] = {}
        """For each code, the anchors (a bit each) that begin with it."""
        self._goes_on: dict[str, int] = {}
        """For each code, the anchors that go on with it, or have no second word."""
        self._signs: dict[str, set[int]] = {}
        """For each sign, the phrases that it is the anchor of."""
        self._known: dict[int, list[_Entry]] = {}
        ways = [(number, *_anchored(way, rarity.of)) for number, phrase in enumerate(phrases) for way in phrase.ways()]
        by_anchor: dict[Anchor, dict[tuple[int, tuple[Check, ...]], None]] = {}
        for number, anchor, checks in ways:
            by_anchor.setdefault(anchor, {})[number, checks] = None
        self._back = max((-least for _, _, checks in ways for _, least, _ in checks), default=0)
        self._back = max(self._back, 0)
        self._entries = [
            [(number, self._lookups(checks, alphabet)) for number, checks in entries] for entries in by_anchor.values()
        ]
        self._alone = sum(1 << bit for bit, (_, second) in enumerate(by_anchor) if second is None)
        self._index(list(by_anchor), alphabet)

    def _lookups(self, checks: tuple[Check, ...], alphabet: Alphabet) -> tuple[_Lookup, ...]:
        back = self._back
        return tuple((alphabet.atom(wanted).codes, least + back, most + back + 1) for wanted, least, most in checks)

    def _index(self, anchors: Iterable[Anchor], alphabet: Alphabet) -> None:
        """Fill the rows, now and whenever a class turns out to have another code."""
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
            self._signs.setdefault(code, set()).update(number for number, _ in self._read(mask))
        else:
            self._begins[code] = self._begins.get(code, 0) | mask

    def _go_on(self, mask: int, code: str) -> None:
        self._goes_on[code] = self._goes_on.get(code, self._alone) | mask

    def in_words(self, words: str, closed: Container[int] = ()) -> list[tuple[int, int]]:
        """Candidates, without those that are closed, and where in the codes of words their anchors stand."""
        begins = map(self._begins.get, words, repeat(0))
        goes_on = map(self._goes_on.get, words[1:] + BREAK, repeat(self._alone))
        standing = [(at, bits) for at, bits in enumerate(map(and_, begins, goes_on)) if bits]
        padded = BREAK * self._back + words
        found: list[tuple[int, int]] = []
        for at, bits in standing:
            for number, lookups in self._known.get(bits) or self._read(bits):
                if number in closed:
                    continue
                for wanted, least, most in lookups:
                    if wanted.isdisjoint(padded[at + least : at + most]):
                        break
                else:
                    found.append((at, number))
        return found

    def in_signs(self, tokens: str, closed: Container[int] = ()) -> list[tuple[int, int]]:
        """Candidates by signs alone, and where in the codes of all tokens these stand."""
        found: list[tuple[int, int]] = []
        for sign, numbers in self._signs.items():
            at = tokens.find(sign)
            while at >= 0:
                found += ((at, number) for number in numbers if number not in closed)
                at = tokens.find(sign, at + 1)
        return found

    def _read(self, bits: int) -> list[_Entry]:
        """The entries of all these anchors."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        entries: list[_Entry] = []
        left = bits
        while left:
            lowest = left & -left
            entries += self._entries[lowest.bit_length() - 1]
            left ^= lowest
        self._known[bits] = entries
        return entries


def _anchored(way: Way, rarity: Callable[[TokenClass], float]) -> tuple[Anchor, tuple[Check, ...]]:
    """The anchor of a way of matching, and what else must stand near it."""
    if not way.steps:
        return (min(way.loose, key=rarity), None), ()
    often = [rarity(step.wanted) for step in way.steps]
    single = min(range(len(often)), key=often.__getitem__)
    pairs = [place for place in range(len(often) - 1) if way.steps[place + 1].most == 0]
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
