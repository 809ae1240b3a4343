"""Words as rows of scores: a linear model over pieces of words, added up once per word and kept.

A word is the set of its n-grams of three to five letters with its borders, and itself whole, each hashed into a fixed
number of buckets (the hashing trick, Weinberger et al. 2009): inflected forms and compounds share pieces, so that no
list of word forms is needed in any of the three languages. As n-grams never leave their word, a word's score is the
same wherever it stands, and a post costs one look-up a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from modassist.model import Span

BUCKETS = 1 << 15
GRAMS = (3, 4, 5)
LONGEST_WORD = 40
"""Letters of a word that are looked at: what is longer is no word."""
MOST_WORDS = 100_000
"""Words whose scores are kept; when there are more, all are forgotten and learnt again."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

Floats = NDArray[np.float32]


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order; numbers are one word whatever they are."""
    return ["0" if word.isdigit() else word for word in _WORD.findall(text.lower())]


def buckets(word: str) -> list[int]:
    """The buckets of a word's pieces, each once, in rising order; the same on every machine."""
    bounded = f"<{word[:LONGEST_WORD]}>"
    pieces = {bounded}
    for size in GRAMS:
        pieces.update(bounded[i : i + size] for i in range(len(bounded) - size + 1))
    return sorted({crc32(piece.encode("utf-8", "replace")) % BUCKETS for piece in pieces})


class WordScores:
    """Scores of texts by their words, for all labels at once."""

    def __init__(self, weights: Floats, intercepts: Floats) -> None:
        """`weights` is (BUCKETS, labels), `intercepts` (labels,)."""
        self._weights = weights
        self._intercepts = intercepts
        self._forget()

    def _forget(self) -> None:
        self._index: dict[str, int] = {}
        self._rows: Floats = np.zeros((1024, self._weights.shape[1]), dtype=np.float32)

    def _learn(self, word: str) -> int:
        number = len(self._index)
        if number == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        pieces = buckets(word)
        self._rows[number] = self._weights[pieces].sum(axis=0) / np.sqrt(len(pieces))
        self._index[word] = number
        return number

    def _numbers(self, tokens: Iterable[str]) -> list[int]:
        known = self._index
        return [known[token] if token in known else self._learn(token) for token in tokens]

    def score(self, text: str, spans: Sequence[Span]) -> tuple[Floats, Floats]:
        """Scores of the whole text, (labels,), and of each of its sentences, (sentences, labels).

        A text's score is the sum of its words' scores over the root of their number: evidence adds up, but ten times
        the words are not ten times the evidence. What holds no words scores the intercepts.
        """
        if len(self._index) > MOST_WORDS:
            self._forget()
        pieces = [self._numbers(words(text[span.start : span.end])) for span in spans]
        sizes = np.array([len(piece) for piece in pieces], dtype=np.int64)
        sums = np.zeros((len(pieces), self._weights.shape[1]), dtype=np.float32)
        if sizes.sum():
            flat = self._rows[[number for piece in pieces for number in piece]]
            filled = sizes > 0
            starts = (np.cumsum(sizes) - sizes)[filled]
            sums[filled] = np.add.reduceat(flat, starts, axis=0)
        roots = np.sqrt(np.maximum(sizes, 1), dtype=np.float32)
        whole: Floats = sums.sum(axis=0) / np.float32(max(sizes.sum(), 1) ** 0.5) + self._intercepts
        each: Floats = (sums / roots[:, None] + self._intercepts).astype(np.float32)
        return whole, each
