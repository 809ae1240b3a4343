"""Words as rows of scores: a linear model over pieces of words, added up once per word and kept.

A word is the set of its n-grams of three to five letters with its borders, and itself whole, each hashed into a fixed
number of buckets (the hashing trick, Weinberger et al. 2009): inflected forms and compounds share pieces, so that no
list of word forms is needed in any of the three languages. As n-grams never leave their word, a word's score is the
same wherever it stands, and a post costs one look-up a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, count
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

_WORD = re.compile(r"[^\W_]++(?:['’][^\W_]++)*+")
_EDGE = "\0"
_WORD_OR_EDGE = re.compile(_WORD.pattern + "|" + _EDGE)

Floats = NDArray[np.float32]


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order; numbers are one word whatever they are."""
    return [_known_as(word) for word in _WORD.findall(text.lower())]


def buckets(word: str) -> list[int]:
    """The buckets of a word's pieces, each once, in rising order; the same on every machine."""
    bounded = f"<{word[:LONGEST_WORD]}>"
    if bounded.isascii():
        row = bounded.encode()
        found = {crc32(row) % BUCKETS}
        for size in GRAMS:
            found.update([crc32(row[i : i + size]) % BUCKETS for i in range(len(row) - size + 1)])
        return sorted(found)
    pieces = [bounded, *(bounded[i : i + size] for size in GRAMS for i in range(len(bounded) - size + 1))]
    return sorted({crc32(piece.encode("utf-8", "replace")) % BUCKETS for piece in pieces})


class WordScores:
    """Scores of texts by their words, for all labels at once."""

    def __init__(self, weights: Floats, intercepts: Floats) -> None:
        """`weights` is (BUCKETS, labels), `intercepts` (labels,)."""
        self._weights = weights
        self._intercepts = intercepts
        self._forget()

    def _forget(self) -> None:
        """Row 0 is that of `_EDGE`: no word's, and without a score."""
        self._index: dict[str, int] = {_EDGE: 0}
        self._rows: Floats = np.zeros((1024, self._weights.shape[1]), dtype=np.float32)
        self._used = 1

    def _learn(self, tokens: Iterable[str]) -> None:
        """Works out the scores of tokens that are met for the first time, all at once."""
        new = {word: buckets(word) for word in dict.fromkeys(map(_known_as, tokens)) if word not in self._index}
        if new:
            self._index.update(zip(new, count(self._used), strict=False))
            start, self._used = self._used, self._used + len(new)
            while self._used > len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            sizes = np.fromiter(map(len, new.values()), np.intp, len(new))
            rows = self._weights.take(np.fromiter(chain.from_iterable(new.values()), np.intp), axis=0)
            sums = np.add.reduceat(rows, sizes.cumsum() - sizes, axis=0)
            self._rows[start : self._used] = sums / np.sqrt(sizes)[:, None]
        self._index.update((token, self._index[_known_as(token)]) for token in tokens)

    def score(self, text: str, spans: Sequence[Span]) -> tuple[Floats, Floats]:
        """Scores of the whole text, (labels,), and of each of its sentences, (sentences, labels).

        A text's score is the sum of its words' scores over the root of their number: evidence adds up, but ten times
        the words are not ten times the evidence. What holds no words scores the intercepts.
        """
        if len(self._index) > MOST_WORDS:
            self._forget()
        tokens = _tokens(text, spans)
        unknown = set(tokens).difference(self._index)  # in whatever order: a word's scores are its own
        if unknown:
            self._learn(unknown)
        numbers = np.fromiter(map(self._index.__getitem__, tokens), np.intp, len(tokens))
        bounds = (numbers == 0).nonzero()[0]
        edges = bounds[:-1]  # each opens a sentence, so that none is empty for reduceat
        sizes = bounds[1:] - edges - 1
        sums = np.add.reduceat(self._rows.take(numbers[:-1], axis=0), edges, axis=0)
        roots = np.sqrt(np.maximum(sizes, 1), dtype=np.float32)
        many = max(len(numbers) - len(bounds), 1)
        whole: Floats = np.add.reduce(sums, axis=0) / np.float32(many**0.5) + self._intercepts
        each: Floats = sums / roots[:, None] + self._intercepts
        return whole, each


def _tokens(text: str, spans: Sequence[Span]) -> list[str]:
    """The words of each sentence between _EDGEs."""
    clean = text.replace(_EDGE, " ")
    return _WORD_OR_EDGE.findall("".join([_EDGE + clean[span.start : span.end] for span in spans]).lower() + _EDGE)


def _known_as(token: str) -> str:
    return "0" if token.isdigit() else token
