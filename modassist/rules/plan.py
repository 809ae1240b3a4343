"""What to look for first in a text, for many phrases at once: the anchor of every way of matching.

Every way of matching a phrase has an anchor: two words in a row that are met together least often, or one word. Where
an anchor stands, the next rarest words of that way are looked for within their reach. Nothing that the phrase's own
expression finds is lost, for only what every match holds is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modassist.rules.alphabet import BREAK, TokenClass
from modassist.rules.phrases import Phrase
from modassist.rules.rarity import Rarity
from modassist.rules.shapes import Step, Way

MOST_CHECKS = 2
"""Words beside the anchor that are looked for."""
_PAIR_COST = 0.001
"""Two words that are met so and so often stand together this part of the product times."""

Anchor = tuple[TokenClass, TokenClass | None]
Check = tuple[TokenClass, int, int]
"""A class, and where a word of it stands: so many words behind the anchor's first one, at least and at most."""
Entry = tuple[int, tuple[Check, ...]]
"""A phrase, and what must stand near the anchor."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Anchors of phrases, each named by its place in a sequence. It knows no codes, so it can be kept in a file."""

    anchors: tuple[tuple[Anchor, tuple[Entry, ...]], ...]
    rows: tuple[tuple[int, tuple[TokenClass, ...]], ...]
    """Phrases that are nothing but signs, one after the other."""
    signs: tuple[tuple[int, tuple[TokenClass, ...]], ...]
    """Phrases, and classes of signs: each match holds one of a class."""


def plan_of(phrases: Sequence[Phrase], rarity: Rarity) -> Plan:
    """The plan by which the phrases are looked for together."""
    by_anchor: dict[Anchor, dict[Entry, None]] = {}
    rows: list[tuple[int, tuple[TokenClass, ...]]] = []
    for number, phrase in enumerate(phrases):
        row = phrase.row_of_signs()
        if row:
            rows.append((number, row))
            continue
        for way in phrase.ways():
            anchor, checks = _anchored(way, rarity.of)
            by_anchor.setdefault(anchor, {})[number, checks] = None
    signs = ((number, signs) for number, phrase in enumerate(phrases) if (signs := phrase.needs_sign()))
    return Plan(tuple((anchor, tuple(its)) for anchor, its in by_anchor.items()), tuple(rows), tuple(signs))


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
    return tuple((steps[place].wanted, *_distance(steps, min(anchor), place)) for place in others[:MOST_CHECKS])


def _distance(steps: Sequence[Step], start: int, end: int) -> tuple[int, int]:
    """How many words lie from one step to another, at least and at most; to an earlier one they are negative."""
    if end < start:
        least, most = _distance(steps, end, start)
        return -most, -least
    between = steps[start + 1 : end + 1]
    return sum(step.least + 1 for step in between), sum(step.most + 1 for step in between)
