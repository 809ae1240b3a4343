"""Phrases and their plan as bytes and back, so that a program that starts need not read them from the packs again.

JSON: what stands often (classes, patterns, shapes) stands once, in tables, and is named by its place there. Shapes are
made when a text is first searched for their phrase; most phrases of a pack are never looked for in a run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from modassist.rules.alphabet import Alphabet, TokenClass, TokenPattern
from modassist.rules.phrases import Phrase
from modassist.rules.plan import Plan
from modassist.rules.shapes import Edge, Either, One, Row, Shape, Skip

T = TypeVar("T")

NONE = -1
"""Stands for no second word of an anchor."""


def to_bytes(phrases: Sequence[Phrase], plan: Plan) -> bytes:
    """The phrases and their plan, in tables."""
    tables = _Tables()
    classes = tables.classes
    written = {
        "phrases": [[tables.shape(phrase.shape()), phrase.has_signs] for phrase in phrases],
        "anchors": [
            [
                classes(first),
                NONE if second is None else classes(second),
                [
                    [number, [[classes(wanted), least, most] for wanted, least, most in checks]]
                    for number, checks in its
                ],
            ]
            for (first, second), its in plan.anchors
        ],
        "rows": [[number, list(map(classes, signs))] for number, signs in plan.rows],
        "signs": [[number, list(map(classes, signs))] for number, signs in plan.signs],
    }
    text = json.dumps(written | tables.written(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def from_bytes(content: bytes, alphabet: Alphabet) -> tuple[list[Phrase], Plan]:
    """What `to_bytes` was given, the phrases ready to be matched. Raises ValueError, KeyError … for other bytes."""
    read: dict[str, Any] = json.loads(content.decode("utf-8", "surrogatepass"))
    patterns = [_pattern(read["texts"], *written) for written in read["patterns"]]
    classes = [
        TokenClass(frozenset(words), frozenset(patterns[number] for number in its)) for words, its in read["classes"]
    ]
    shapes = _Shapes(read["shapes"], classes)
    phrases = [Phrase(partial(shapes.made, number), signs, alphabet) for number, signs in read["phrases"]]
    anchors = (
        (
            (classes[first], None if second == NONE else classes[second]),
            tuple(
                (number, tuple((classes[its], least, most) for its, least, most in checks)) for number, checks in its
            ),
        )
        for first, second, its in read["anchors"]
    )
    rows, signs = (
        tuple((number, tuple(classes[one] for one in its)) for number, its in read[name]) for name in ("rows", "signs")
    )
    return phrases, Plan(tuple(anchors), rows, signs)


def _pattern(
    texts: Sequence[str], kind: str, words: Iterable[str], forms: Iterable[Sequence[Any]], regex: int
) -> TokenPattern:
    stems = tuple((tuple(stems), texts[endings]) for stems, endings in forms)
    return TokenPattern(kind, tuple(words), stems, texts[regex])


class _Table(Generic[T]):
    """Things in the order in which they were first asked for, each written once."""

    def __init__(self, write: Callable[[T], object]) -> None:
        self._write = write
        self._places: dict[T, int] = {}
        self.rows: list[object] = []

    def __call__(self, one: T) -> int:
        """The thing's place in the table."""
        place = self._places.get(one)
        if place is None:
            row = self._write(one)
            place = self._places[one] = len(self.rows)
            self.rows.append(row)
        return place


class _Tables:
    """What stands in a plan and its phrases."""

    def __init__(self) -> None:
        self._texts = _Table[str](lambda text: text)
        self._patterns = _Table[TokenPattern](
            lambda one: [
                one.kind,
                one.texts,
                [[stems, self._texts(endings)] for stems, endings in one.forms],
                self._texts(one.regex),
            ]
        )
        self.classes = _Table[TokenClass](
            lambda one: [sorted(one.words), sorted(map(self._patterns, sorted(one.patterns, key=repr)))]
        )
        self._shapes: list[list[object]] = []
        self._known: dict[int, tuple[Shape, int]] = {}

    def written(self) -> dict[str, list[Any]]:
        return {
            "texts": self._texts.rows,
            "patterns": self._patterns.rows,
            "classes": self.classes.rows,
            "shapes": self._shapes,
        }

    def shape(self, shape: Shape) -> int:
        """The shape's place; alternatives of a list are the same object wherever they stand, and kept alive here."""
        known = self._known.get(id(shape))
        if known is None:
            self._shapes.append(self._row(shape))
            known = self._known[id(shape)] = shape, len(self._shapes) - 1
        return known[1]

    def _row(self, shape: Shape) -> list[object]:
        if isinstance(shape, One):
            return ["one", self.classes(shape.strict), self.classes(shape.bare)]
        if isinstance(shape, Row):
            return ["row", *map(self.shape, shape.parts)]
        if isinstance(shape, Either):
            return ["either", shape.is_optional, *map(self.shape, shape.options)]
        return ["skip", shape.words] if isinstance(shape, Skip) else ["edge", shape.expression]


class _Shapes:
    """Shapes, each made when it is first asked for."""

    def __init__(self, rows: list[list[Any]], classes: list[TokenClass]) -> None:
        self._rows = rows
        self._classes = classes
        self._made: dict[int, Shape] = {}

    def made(self, place: int) -> Shape:
        if place not in self._made:
            self._made[place] = self._make(*self._rows[place])
        return self._made[place]

    def _make(self, kind: str, *rest: Any) -> Shape:
        match kind, rest:
            case "one", (strict, bare):
                return One(self._classes[strict], self._classes[bare])
            case "row", parts:
                return Row(tuple(map(self.made, parts)))
            case "either", (is_optional, *options):
                return Either(tuple(map(self.made, options)), is_optional)
            case "skip", (words,):
                return Skip(words)
            case "edge", (expression,):
                return Edge(expression)
        raise ValueError(f"no shape is called {kind}")
