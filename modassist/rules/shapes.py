"""What a phrase looks like token after token, and what every match of it must hold."""

from __future__ import annotations

from dataclasses import dataclass

from modassist.rules.alphabet import TokenClass, is_sign


@dataclass(frozen=True, slots=True)
class One:
    """One token: of a class, or of a wider class in a text without umlauts."""

    strict: TokenClass
    bare: TokenClass

    def __or__(self, other: One) -> One:
        return One(self.strict | other.strict, self.bare | other.bare)


@dataclass(frozen=True, slots=True)
class Row:
    """Things one after the other."""

    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the options, or none of them."""

    options: tuple[Shape, ...]
    is_optional: bool


@dataclass(frozen=True, slots=True)
class Skip:
    """Up to so many words."""

    words: int


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge of the sentence, or (`*`) any one word, as an expression."""

    expression: str


Shape = One | Row | Either | Skip | Edge


def alike(wanted: TokenClass) -> One:
    return One(wanted, wanted)


def united(ones: list[One]) -> One:
    def union(classes: list[TokenClass]) -> TokenClass:
        words = frozenset().union(*(one.words for one in classes))
        return TokenClass(words, frozenset().union(*(one.patterns for one in classes)))

    return ones[0] if len(ones) == 1 else One(union([one.strict for one in ones]), union([one.bare for one in ones]))


def length(shape: Shape) -> int:
    """How many tokens at least."""
    if isinstance(shape, Row):
        return sum(map(length, shape.parts))
    if isinstance(shape, Either):
        return 0 if shape.is_optional else min(map(length, shape.options), default=0)
    return 0 if isinstance(shape, Skip) else 1


def required(shape: Shape) -> list[TokenClass]:
    """Classes; of each, one token stands in every match, in this order."""
    if isinstance(shape, One):
        return [shape.strict | shape.bare]
    if isinstance(shape, Row):
        return [wanted for part in shape.parts for wanted in required(part)]
    if not isinstance(shape, Either) or shape.is_optional:
        return []
    found = [required(option) for option in shape.options]
    if not found or not all(found):
        return []
    best = [min(classes, key=frequency) for classes in found]
    return [united([alike(wanted) for wanted in best]).strict]


def ways(shape: Shape, most: int) -> list[list[TokenClass]]:
    """What `required` says, for each way of matching on its own: at most so many, the rest taken together.

    An alternative of many words in a row is then looked for by its own words, not by what all alternatives share.
    """
    if isinstance(shape, Row):
        found: list[list[TokenClass]] = [[]]
        for part in shape.parts:
            more = ways(part, most // len(found))
            found = [[*before, *after] for before in found for after in more]
        return found
    if not isinstance(shape, Either) or shape.is_optional:
        return [required(shape)]
    alone: list[One] = []
    longer: list[list[TokenClass]] = []
    for option in shape.options:
        for way in ways(option, most):
            if not way:
                return [[]]
            if len(way) == 1:
                alone.append(alike(way[0]))
            else:
                longer.append(way)
    found = [[united(alone).strict], *longer] if alone else longer
    return found if len(found) <= most else [required(shape)]


def frequency(wanted: TokenClass) -> float:
    """Roughly how often a sentence holds one of them: words get rarer by letter, patterns less so."""
    words = sum(0.4 ** len(word) for word in wanted.words)
    return words + sum(2 * 0.4 ** min(map(len, pattern.texts), default=0) for pattern in wanted.patterns)


def has_signs(shape: Shape) -> bool:
    if isinstance(shape, One):
        return any(is_sign(word) for word in shape.strict.words)
    parts = shape.parts if isinstance(shape, Row) else shape.options if isinstance(shape, Either) else ()
    return any(map(has_signs, parts))
