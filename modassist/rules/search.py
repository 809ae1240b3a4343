"""Phrases looked for together in a post: candidates by their anchors, then each one's own expression."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence

from modassist.rules.anchors import Index
from modassist.rules.copies import Copy, Range
from modassist.rules.phrases import Grammar, Phrase
from modassist.rules.plan import Plan, plan_of


class Search:
    """Phrases, named by their place in the sequence."""

    __slots__ = ("_alphabet", "_index", "_phrases", "_signs")

    def __init__(self, phrases: Sequence[Phrase], grammar: Grammar, plan: Plan | None = None) -> None:
        """`plan` spares making it, where the caller has it."""
        self._phrases = phrases
        self._alphabet = grammar.alphabet
        plan = plan_of(phrases, grammar.rarity) if plan is None else plan
        self._index = Index(plan, self._alphabet)
        self._signs = {number: self._alphabet.codes_of(signs) for number, signs in plan.signs}
        """For phrases that no text without one of these signs holds, the signs."""

    def candidates(self, copy: Copy, closed: Container[int] = (), within: range | None = None) -> set[tuple[int, int]]:
        """Phrases that may stand in the text, or in these pieces of it, and are not closed; each behind its piece."""
        pieces = range(len(copy.bounds)) if within is None else within
        row, starts = copy.row(self._alphabet)
        before = starts[pieces.start] - 1
        words = self._index.in_words(row[before : starts[pieces.stop]], closed)
        found = {(bisect_right(starts, before + at) - 1, number) for at, number in words}
        if found and self._signs:
            tokens, needed = copy.codes(self._alphabet, signs=True), self._signs.get
            found = {
                (piece, number)
                for piece, number in found
                if (signs := needed(number)) is None or not signs.isdisjoint(tokens[piece])
            }
        if self._index.has_signs:
            tokens = copy.codes(self._alphabet, signs=True)
            for number, row_of_signs in self._index.in_signs("".join(tokens[pieces.start : pieces.stop]), closed):
                found.update((piece, number) for piece in pieces if row_of_signs in tokens[piece])
        return found

    def matches(self, number: int, copy: Copy, piece: int) -> Sequence[Range]:
        """Where the phrase stands in the piece."""
        phrase, alphabet = self._phrases[number], self._alphabet
        version = -1
        while version != alphabet.version:  # the phrase's own words may be new to the alphabet
            version = alphabet.version
            codes = copy.codes(alphabet, phrase.has_signs)[piece]
            pattern = phrase.pattern(codes, copy.is_bare)
        found = list(pattern.finditer(codes))  # most candidates are none
        return copy.ranges(piece, found, phrase.has_signs) if found else ()

    def places(self, copy: Copy) -> Iterator[Range]:
        """Where any of the phrases stands."""
        for piece, number in self.candidates(copy):
            yield from self.matches(number, copy, piece)

    def stands(self, copy: Copy, within: range | None = None) -> bool:
        """Whether any of the phrases stands in the text, or in these pieces of it."""
        return any(self.matches(number, copy, piece) for piece, number in self.candidates(copy, within=within))

    def stands_in(self, copy: Copy, sentence: int) -> bool:
        """Whether any of the phrases stands in the sentence."""
        return self.stands(copy, copy.pieces_of(sentence))
