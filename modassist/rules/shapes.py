"""What a phrase looks like token after token, and what every match of it must hold."""

from __future__ import annotations

from dataclasses import dataclass

from modassist.rules.alphabet import BREAK, TokenClass, is_sign


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

START, END, ANY = Edge(r"\A"), Edge(r"\Z"), Edge(".")
"""The beginning and the end of the sentence, and any one word."""
EDGE = TokenClass(frozenset([BREAK]))
"""What stands before the first word of a sentence and behind the last one, where sentences are in a row."""


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


@dataclass(frozen=True, slots=True)
class Step:
    """A word that a way of matching needs, `least` to `most` words after the one before it (or after its beginning)."""

    wanted: TokenClass
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Way:
    """One way of matching, seen as words alone: its steps, the words after them, and what signs (or words) it needs."""

    steps: tuple[Step, ...] = ()
    least: int = 0
    most: int = 0
    loose: tuple[TokenClass, ...] = ()

    def __add__(self, other: Way) -> Way:
        loose = (*self.loose, *other.loose)
        if not other.steps:
            return Way(self.steps, self.least + other.least, self.most + other.most, loose)
        first, *rest = other.steps
        joint = Step(first.wanted, first.least + self.least, first.most + self.most)
        return Way((*self.steps, joint, *rest), other.least, other.most, loose)

    def only(self, place: int) -> Way:
        """The way with one of its steps alone."""
        before, after = self.steps[: place + 1], self.steps[place + 1 :]
        step = Step(self.steps[place].wanted, *_reach(before, -1))
        return Way((step,), *_reach(after, 0, self.least, self.most))


_AT_EDGE = Way((Step(EDGE, 0, 0),))


def _reach(steps: tuple[Step, ...], ends: int, least: int = 0, most: int = 0) -> tuple[int, int]:
    """How many words such steps take, at least and at most."""
    count = len(steps) + ends
    return count + least + sum(step.least for step in steps), count + most + sum(step.most for step in steps)


def ways(shape: Shape, most: int) -> list[Way]:
    """What `required` says with its places, for each way of matching on its own: at most so many, the rest together.

    An alternative of many words in a row is then looked for by its own words, not by what all alternatives share.
    """
    if isinstance(shape, One):
        return [_way_of(shape)]
    if isinstance(shape, Row):
        found = [Way()]
        for part in shape.parts:
            more = ways(part, most // len(found))
            found = [before + after for before in found for after in more]
        return found
    if shape in (START, END):
        return [_AT_EDGE]
    if not isinstance(shape, Either) or shape.is_optional:
        return [Way((), *_words(shape))]
    every = [way for option in shape.options for way in ways(option, most)]
    if not all(way.steps or way.loose for way in every):
        return [Way((), *_words(shape))]
    alone = [way for way in every if len(way.steps) < 2]
    found = [*_united(alone), *(way for way in every if len(way.steps) > 1)]
    return found if len(found) <= most else _united(list(map(_rarest_of, every)))


def _way_of(one: One) -> Way:
    """A sign does not count among words; what may be either is looked for by itself."""
    words = frozenset(word for word in one.strict.words | one.bare.words if len(word) == 1 or not is_sign(word))
    wanted = TokenClass(words, one.strict.patterns | one.bare.patterns)
    texts = [*words, *(text for pattern in wanted.patterns for text in pattern.texts)]
    if texts and all(map(is_sign, texts)):
        return Way((), 0, int(bool(wanted.patterns)), (wanted,))
    return Way((), 0, 1, (wanted,)) if any(map(is_sign, texts)) else Way((Step(wanted, 0, 0),))


def _rarest_of(way: Way) -> Way:
    if not way.steps:
        return Way((), way.least, way.most, (min(way.loose, key=frequency),))
    return way.only(min(range(len(way.steps)), key=lambda place: frequency(way.steps[place].wanted)))


def _united(ways: list[Way]) -> list[Way]:
    """Ways of one step each as one way, and those without steps as another."""
    stepped, loose = [way for way in ways if way.steps], [way for way in ways if not way.steps]
    found: list[Way] = []
    if stepped:
        firsts = [way.steps[0] for way in stepped]
        wanted = united([alike(step.wanted) for step in firsts]).strict
        step = Step(wanted, min(step.least for step in firsts), max(step.most for step in firsts))
        found.append(Way((step,), min(way.least for way in stepped), max(way.most for way in stepped)))
    if loose:
        wanted = united([alike(min(way.loose, key=frequency)) for way in loose]).strict
        found.append(Way((), min(way.least for way in loose), max(way.most for way in loose), (wanted,)))
    return found


def _words(shape: Shape) -> tuple[int, int]:
    """How many words the shape takes, at least and at most, signs not counted."""
    if isinstance(shape, One):
        way = _way_of(shape)
        return way.least + len(way.steps), way.most + len(way.steps)
    if isinstance(shape, Skip):
        return 0, shape.words
    if isinstance(shape, Edge):
        return (1, 1) if shape == ANY else (0, 0)
    reaches = list(map(_words, shape.parts if isinstance(shape, Row) else shape.options))
    if isinstance(shape, Row):
        return sum(least for least, _ in reaches), sum(most for _, most in reaches)
    least = 0 if shape.is_optional else min((least for least, _ in reaches), default=0)
    return least, max((most for _, most in reaches), default=0)


def frequency(wanted: TokenClass) -> float:
    """Roughly how often a sentence holds one of them: words get rarer by letter, patterns less so."""
    words = sum(0.4 ** len(word) for word in wanted.words)
    return words + sum(2 * 0.4 ** min(map(len, pattern.texts), default=0) for pattern in wanted.patterns)


def has_signs(shape: Shape) -> bool:
    if isinstance(shape, One):
        return any(is_sign(word) for word in shape.strict.words)
    parts = shape.parts if isinstance(shape, Row) else shape.options if isinstance(shape, Either) else ()
    return any(map(has_signs, parts))


def row_of_signs(shape: Shape) -> tuple[TokenClass, ...]:
    """The classes of a shape that is nothing but signs in a row, one kind of sign each; else none."""
    parts = shape.parts if isinstance(shape, Row) else (shape,)
    ones = [part.strict for part in parts if isinstance(part, One) and part.strict == part.bare]
    is_row = len(ones) == len(parts) and all(len(one.words) == 1 and not one.patterns for one in ones)
    return tuple(ones) if is_row and all(is_sign(word) for one in ones for word in one.words) else ()
