"""How varied a corpus is: near-duplicates, distinct runs of words, spread of lengths.

Written text by text, a corpus has next to no two posts alike; made from templates, it has many.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modassist.learned.words import words

RUN = 3
ALIKE = 0.5
"""Two posts are near-duplicates when they share this part of their runs of three words (Jaccard, Broder 1997)."""
WINDOW = 20_000
"""Neighbouring words are counted as pairs among so many of them: over a whole corpus the share of different ones falls
as it grows, however varied it is (Heaps' law; the standardised type-token ratio of corpus linguistics does the same)."""
SHORTEST = 8
"""Words of a post from which on it is compared: shorter ones are alike by nature."""


@dataclass(frozen=True, slots=True)
class Diversity:
    """Figures of some texts; shares from 0 to 1, lengths in words."""

    texts: int
    near_duplicates: float
    distinct_bigrams: float
    """Share of different pairs of words among WINDOW of them, the mean of all windows."""
    distinct_openings: float
    """Share of different first three words among the posts."""
    shortest_tenth: int
    median: int
    longest_tenth: int


def diversity(texts: Sequence[str]) -> Diversity:
    """The figures of these texts."""
    tokens = [words(text) for text in texts]
    pairs = [pair for each in tokens for pair in pairwise(each)]
    openings = [tuple(each[:3]) for each in tokens if len(each) >= SHORTEST]
    lengths = sorted(len(each) for each in tokens)
    return Diversity(
        texts=len(texts),
        near_duplicates=len(set(near_duplicates(tokens))) / max(len(texts), 1),
        distinct_bigrams=_distinct(pairs),
        distinct_openings=len(set(openings)) / max(len(openings), 1),
        shortest_tenth=lengths[len(lengths) // 10],
        median=lengths[len(lengths) // 2],
        longest_tenth=lengths[len(lengths) * 9 // 10],
    )


def _distinct(pairs: Sequence[tuple[str, str]]) -> float:
    """The share in windows that are full; in all there is where there is less than one."""
    starts = range(0, max(len(pairs) - WINDOW, 0) + 1, WINDOW)
    shares = [len(set(window)) / max(len(window), 1) for start in starts for window in [pairs[start : start + WINDOW]]]
    return sum(shares) / len(shares)


def near_duplicates(texts: Sequence[Sequence[str]]) -> Iterator[int]:
    """Numbers of texts that are nearly the same as an earlier one."""
    seen: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: list[int] = []
    for number, tokens in enumerate(texts):
        own = set(runs(tokens, RUN)) if len(tokens) >= SHORTEST else set()
        sizes.append(len(own))
        shared = Counter(other for run in own for other in seen[run])
        if any(count / (len(own) + sizes[other] - count) >= ALIKE for other, count in shared.items()):
            yield number
        for run in own:
            seen[run].append(number)


def runs(tokens: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    """All runs of so many words."""
    return zip(*(tokens[i:] for i in range(length)), strict=False)
