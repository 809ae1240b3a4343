"""A post as it is matched: lower case, one kind of each sign, misspellings righted, and always the way back.

Sentences beyond PIECE characters are matched in pieces cut at a blank, so that the work grows with the length of the
post and no faster; a phrase across such a cut is not found. No post is too long.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from ahocorasick_rs import AhoCorasick

from modassist.model import Span
from modassist.rules.alphabet import BREAK, SIGN, Alphabet, token_places, without_signs

PIECE = 1_000

_SAME = {
    "'": "’‘‛ʼ´`′",
    " ": '"“”„‟«»‹›″()-‐‑‒–—―−\t\r\n'
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
"""What counts as the same sign: all that a blank in a phrase matches is a blank."""
_FOLD = str.maketrans({written: same for same, all_written in _SAME.items() for written in all_written})
_SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of characters, which cannot be encoded and would stop the automaton."""
_UMLAUTS = re.compile("[äöüß]")


Range = tuple[int, int, int]
"""Start and end in the original text, and the number of the sentence."""


class Copy:
    """The text as it is matched: lower case, one kind of each sign, common misspellings righted.

    Its sentences are `bounds`, cut at PIECE; `sentence_of` says which sentence a piece belongs to.
    """

    __slots__ = (
        "_ends",
        "_first",
        "_places",
        "_row",
        "_spans",
        "_starts",
        "_tokens",
        "_version",
        "_words",
        "bounds",
        "is_bare",
        "low",
        "sentence_of",
        "text",
    )

    def __init__(self, text: str, spans: Sequence[Span], spelling: Spelling | None = None) -> None:
        self.text = text
        self.low = folded(text)
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._spans = spans
        self._version = -1
        self._words: list[str] = []
        self._tokens: list[str] = []
        self._row: list[str] = []
        self._first: list[int] = []
        self._places: dict[tuple[int, bool], list[re.Match[str]]] = {}
        if spelling is not None:
            self._right(spelling)
        self.is_bare = _UMLAUTS.search(self.low) is None
        self.bounds: list[tuple[int, int]] = []
        self.sentence_of: list[int] = []
        for number, (start, end) in enumerate(self._sentence_bounds()):
            for piece in _pieces(self.low, start, end):
                self.bounds.append(piece)
                self.sentence_of.append(number)

    def _right(self, spelling: Spelling) -> None:
        """Put the right word for each misspelling, and remember where every character came from."""
        changes = spelling.changes(self.low)
        if not changes:
            return
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, right in [*changes, (len(self.low), len(self.low), "")]:
            parts += (self.low[at:start], right)
            starts += [*range(at, start), *[start] * len(right)]
            ends += [*range(at + 1, start + 1), *[end] * len(right)]
            at = end
        self.low, self._starts, self._ends = "".join(parts), starts, ends

    def _sentence_bounds(self) -> Iterator[tuple[int, int]]:
        if self._starts is None:
            yield from ((span.start, span.end) for span in self._spans)
            return
        for span in self._spans:
            yield bisect_left(self._starts, span.start), bisect_left(self._starts, span.end)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range in the original text for a range in the copy."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]

    def codes(self, alphabet: Alphabet, signs: bool) -> list[str]:
        """The codes of each piece, with signs or of words alone; encoded again where new phrases changed them."""
        while self._version != alphabet.version:
            self._version = alphabet.version
            codes = alphabet.encode(BREAK.join([self.low[start:end] for start, end in self.bounds]))
            words = without_signs(codes)
            self._tokens = "".join(codes).split(BREAK)
            self._words = "".join(words).split(BREAK)
            self._row = [BREAK, *words, BREAK]
            self._first = list(accumulate([len(piece) + 1 for piece in self._words], initial=1))
        return self._tokens if signs else self._words

    def row(self, alphabet: Alphabet) -> tuple[list[str], list[int]]:
        """The codes of all words with a BREAK at every edge of a piece, and where in this row each piece begins."""
        self.codes(alphabet, signs=False)
        return self._row, self._first

    def ranges(self, piece: int, matches: Iterable[re.Match[str]], signs: bool) -> list[Range]:
        """Where in the original text the matches in the piece's codes stand."""
        bounds = self._places.get((piece, signs))
        if bounds is None:
            bounds = self._places[piece, signs] = token_places(self.low, *self.bounds[piece], signs)
        number = self.sentence_of[piece]
        found: list[Range] = []
        for match in matches:
            first, last = match.span()
            while signs and first < last - 1 and match.string[first] == SIGN:
                first += 1
            while signs and first < last - 1 and match.string[last - 1] == SIGN:
                last -= 1
            found.append((*self.original(bounds[first].start(), bounds[last - 1].end()), number))
        return found

    def pieces_of(self, sentence: int) -> range:
        """The pieces that the sentence is cut into, mostly one."""
        return range(bisect_left(self.sentence_of, sentence), bisect_left(self.sentence_of, sentence + 1))

    def is_question(self, number: int) -> bool:
        span = self._spans[number]
        return self.text[span.start : span.end].rstrip(" \n\"'“”’»)*").endswith("?")

    @property
    def sentences(self) -> int:
        return len(self._spans)

    def sentence(self, number: int) -> Span:
        """The sentence's range in the original text."""
        return self._spans[number]


class AnsweredCopy:
    """The post being answered: signals that it shows, and its matching copy, made when first asked for."""

    __slots__ = ("_copy", "_make", "signals")

    def __init__(self, signals: frozenset[str], make: Callable[[], Copy]) -> None:
        self.signals = signals
        self._make = make
        self._copy: Copy | None = None

    @property
    def is_read(self) -> bool:
        """Whether anything has depended on its words."""
        return self._copy is not None

    def copy(self) -> Copy:
        if self._copy is None:
            self._copy = self._make()
        return self._copy


def folded(text: str) -> str:
    """Lower case and one kind of each sign, character by character: offsets stay what they were."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(letter if len(letter.lower()) != 1 else letter.lower() for letter in text)
    return low.translate(_FOLD) if low.isascii() else _SURROGATES.sub(" ", low.translate(_FOLD))


def _pieces(low: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentence, cut at blanks where it is very long."""
    while end - start > PIECE:
        blank = low.rfind(" ", start + PIECE // 2, start + PIECE)
        cut = blank + 1 if blank > 0 else start + PIECE
        yield start, cut
        start = cut
    yield start, end


class Spelling:
    """Common misspellings of a language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._wrong = [folded(word) for word in words]
        self._right = [folded(right) for right in words.values()]
        self._finder = AhoCorasick(self._wrong) if words else None

    def changes(self, low: str) -> list[tuple[int, int, str]]:
        """Ranges to be replaced with the right words, from left to right."""
        if self._finder is None:
            return []
        found: list[tuple[int, int, str]] = []
        for number, start, end in self._finder.find_matches_as_indexes(low, overlapping=True):
            is_word = not low[start - 1 : start].isalnum() and not low[end : end + 1].isalnum()
            if is_word and not (found and found[-1][0] <= start < found[-1][1]):
                while found and start <= found[-1][0]:
                    found.pop()
                found.append((start, end, self._right[number]))
        return found
