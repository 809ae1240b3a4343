"""How often a sentence holds a word of a class, learnt from the examples of the packs: for choosing what to look for first.

A wrong guess costs time, never a hit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from modassist.rules.alphabet import BREAK, TokenClass, TokenPattern, tokens
from modassist.rules.copies import folded
from modassist.rules.shapes import frequency

_UNSEEN = 0.3
"""What counts for a class of which the examples hold no word."""
_EDGES_OF_TEXT, _ONE_NUMBER_AMONG = 3, 40
"""An example has so many beginnings and ends of sentences; one of so many words of real posts is a number."""
_LAST = "\U0010ffff"


class Rarity:
    """Word counts of texts in one language."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = tuple(texts)
        self._counts = Counter(tokens(folded("\n".join(texts))))
        self._counts[BREAK] = _EDGES_OF_TEXT * len(texts)
        self._many = self._counts.total() // _ONE_NUMBER_AMONG
        self._words = sorted(self._counts)
        self._backwards = sorted(word[::-1] for word in self._words)
        self._of_pattern = cache(self._count)
        self.of: Callable[[TokenClass], float] = cache(self._of)

    def _of(self, wanted: TokenClass) -> float:
        """Roughly how often one of the class is met, of no unit."""
        words = sum(map(self._counts.__getitem__, wanted.words))
        return _UNSEEN + words + sum(map(self._of_pattern, wanted.patterns)) + 0.01 * frequency(wanted)

    def _count(self, pattern: TokenPattern) -> int:
        count = sum(self._counts[word] for word in set(self._near(pattern)) if pattern.matches(word))
        return count if pattern.texts else max(count, self._many)

    def _near(self, pattern: TokenPattern) -> Iterator[str]:
        """Words that the pattern may mean."""
        if pattern.kind in ("prefix", "forms"):
            for text in pattern.texts:
                yield from _beginning(self._words, text)
        elif pattern.kind == "suffix":
            for text in pattern.texts:
                yield from (word[::-1] for word in _beginning(self._backwards, text[::-1]))
        else:
            yield from self._words


def _beginning(words: list[str], text: str) -> list[str]:
    return words[bisect_left(words, text) : bisect_left(words, text + _LAST)]
