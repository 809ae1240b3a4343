"""Phrases looked for together in a post: candidates by their anchors, then each one's own expression."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence

from modassist.rules.alphabet import BREAK
from modassist.rules.anchors import Index
from modassist.rules.copies import Copy, Range
from modassist.rules.phrases import Grammar, Phrase


class Search:
    """Phrases, named by their place in the sequence."""

    __slots__ = ("_alphabet", "_index", "_phrases")

    def __init__(self, phrases: Sequence[Phrase], grammar: Grammar) -> None:
        self._phrases = phrases
        self._alphabet = grammar.alphabet
        self._index = Index(phrases, grammar.alphabet, grammar.rarity)

    def candidates(self, copy: Copy, closed: Container[int] = ()) -> set[tuple[int, int]]:
        """Pieces of the text, each with a phrase that may stand there and is not closed."""
        words, starts = copy.joined(self._alphabet, signs=False)
        found = {(bisect_right(starts, at) - 1, number) for at, number in self._index.in_words(words, closed)}
        tokens, starts = copy.joined(self._alphabet, signs=True)
        for at, number in self._index.in_signs(tokens, closed):
            found.add((bisect_right(starts, at) - 1, number))
        return found

    def matches(self, number: int, copy: Copy, piece: int) -> Iterator[Range]:
        """Where the phrase stands in the piece."""
        phrase, alphabet = self._phrases[number], self._alphabet
        version = -1
        while version != alphabet.version:  # the phrase's own words may be new to the alphabet
            version = alphabet.version
            codes = copy.codes(alphabet, phrase.has_signs)[piece]
            pattern = phrase.pattern(codes, copy.is_bare)
        return copy.ranges(piece, pattern.finditer(codes), phrase.has_signs)

    def places(self, copy: Copy) -> Iterator[Range]:
        """Where any of the phrases stands."""
        for piece, number in self.candidates(copy):
            yield from self.matches(number, copy, piece)

    def stands(self, copy: Copy) -> bool:
        """Whether any of the phrases stands in the text."""
        return any(True for _ in self.places(copy))

    def stands_in(self, copy: Copy, sentence: int) -> bool:
        """Whether any of the phrases stands in the sentence."""
        words, tokens = copy.codes(self._alphabet, signs=False), copy.codes(self._alphabet, signs=True)
        for piece in copy.pieces_of(sentence):
            found = self._index.in_words(f"{BREAK}{words[piece]}{BREAK}") + self._index.in_signs(tokens[piece])
            for number in {number for _, number in found}:
                for _ in self.matches(number, copy, piece):
                    return True
        return False
