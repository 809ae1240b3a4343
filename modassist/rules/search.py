"""Phrases looked for together in a post: candidates by their anchors, then each one's own expression."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from modassist.rules.anchors import Index
from modassist.rules.copies import Copy, Range
from modassist.rules.phrases import Grammar, Phrase


class Search:
    """Phrases, named by their place in the sequence."""

    __slots__ = ("_alphabet", "_index", "_phrases", "_signed", "_signs")

    def __init__(self, phrases: Sequence[Phrase], grammar: Grammar) -> None:
        self._phrases = phrases
        self._alphabet = grammar.alphabet
        self._index = Index(phrases, grammar.alphabet, grammar.rarity)
        self._signs = {number: signs for number, one in enumerate(phrases) if (signs := one.needs_sign())}
        """For phrases that no text without one of these signs holds, the signs."""
        self._signed = self._signs.keys()

    def candidates(self, copy: Copy, closed: Container[int] = ()) -> Iterator[tuple[int, int]]:
        """Pieces of the text, each with the phrases that may stand there and are not closed."""
        for piece in range(len(copy.bounds)):
            yield from ((piece, number) for number in self._candidates_in(copy, piece, closed))

    def _candidates_in(self, copy: Copy, piece: int, closed: Container[int] = ()) -> set[int]:
        tokens = copy.codes(self._alphabet, signs=True)[piece]
        found = self._index.in_words(copy.row(self._alphabet, piece), closed)
        if not self._signed.isdisjoint(found):
            found = {n for n in found if n not in self._signs or not self._signs[n].isdisjoint(tokens)}
        found.update(self._index.in_signs(tokens, closed))
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
        return any(
            True
            for piece in copy.pieces_of(sentence)
            for number in self._candidates_in(copy, piece)
            for _ in self.matches(number, copy, piece)
        )
