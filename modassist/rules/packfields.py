"""Fields of a rule pack: YAML nodes -> values, with the line of every fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from modassist.model import Signal

WEIGHTS: Mapping[str, float] = MappingProxyType({"weak": 0.4, "medium": 0.7, "strong": 0.9})

CUES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        (
            "promise",
            "delivers",
            "interim",
            "retraction",
            "echo",
            "agrees",
            "closing",
            "explains",
            "asks_back",
            "handled_privately",
            "unfit_for_draft",
        ),
        "staff",
    )
    | dict.fromkeys(
        (
            "solved",
            "thanks",
            "waits",
            "still_broken",
            "chases",
            "same_here",
            "peer_help",
            "question",
            "rhetorical",
            "how_to",
            "wish",
            "silent_return",
            "since",
            "tried",
        ),
        "customer",
    )
    | {"ironic_thanks": "any"}
)
"""Every cue with the role in which it is looked for."""


class Line(str):
    """A text that knows its line in the file."""

    __slots__ = ("line",)
    line: int

    def __new__(cls, text: str, line: int = 0) -> Line:
        made = super().__new__(cls, text)
        made.line = line
        return made


@dataclass(frozen=True, slots=True)
class Example:
    """A post that a rule is proved by. `answered` is the post before it; `marks` are the words that must be shown."""

    text: str
    line: int
    answered: str | None = None
    marks: tuple[tuple[int, int], ...] = ()
    fails: str = ""
    """`missed` or `wrong` for a known gap."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a pack, where, and what to write instead."""

    path: Path
    line: int
    id: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.id or '-'}: {self.message}"


class Reader:
    """Reads nodes of one file and writes down what is wrong with them."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        self.path = path
        self._faults = faults

    def add(self, line: int, id: str, message: str) -> None:
        self._faults.append(Fault(self.path, line, id, message))

    def mapping(self, node: yaml.Node, id: str) -> dict[str, yaml.Node]:
        """Keys with their nodes; a key that stands twice is a fault, and the first one counts."""
        if not isinstance(node, yaml.MappingNode):
            self.add(line_of(node), id, "is no mapping, write `name: value` lines")
            return {}
        read: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in read:
                self.add(line_of(key), id, f"„{name}“ stands twice, keep one")
                continue
            read[name] = value
        return read

    def text(self, node: yaml.Node, id: str) -> Line:
        if isinstance(node, yaml.ScalarNode):
            return Line(str(node.value).strip(), line_of(node))
        self.add(line_of(node), id, "is no text; quote it if it holds signs such as : { [ #")
        return Line("", line_of(node))

    def texts(self, node: yaml.Node, id: str) -> list[Line]:
        if isinstance(node, yaml.SequenceNode):
            return [text for entry in node.value if (text := self.text(entry, id)) or not text]
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return []
        return [self.text(node, id)]


def line_of(node: yaml.Node) -> int:
    """The line of a node, counted from one."""
    return int(node.start_mark.line) + 1


def nearest(name: str, names: Iterable[str]) -> str:
    """The hint with the most similar name, or all names."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean „{close[0]}“?" if close else f"known: {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is read: for faults and for the role of its examples."""

    reader: Reader
    id: str
    role: str

    def add(self, node: yaml.Node, message: str) -> None:
        self.reader.add(line_of(node), self.id, message)


def _text(node: yaml.Node, at: Place) -> str:
    return str(at.reader.text(node, at.id))


def _texts(node: yaml.Node, at: Place) -> tuple[Line, ...]:
    return tuple(at.reader.texts(node, at.id))


def _weight(node: yaml.Node, at: Place) -> float:
    word = at.reader.text(node, at.id)
    if word not in WEIGHTS:
        at.add(node, f"weight is „{word}“, write weak, medium or strong")
    return WEIGHTS.get(word, WEIGHTS["medium"])


def _one_of(*allowed: str) -> Callable[[yaml.Node, Place], str]:
    def read(node: yaml.Node, at: Place) -> str:
        word = str(at.reader.text(node, at.id))
        if word in allowed:
            return word
        at.add(node, f"„{word}“ is not possible here, write {', '.join(allowed)}")
        return allowed[0]

    return read


def _names(node: yaml.Node, at: Place) -> tuple[Line, ...]:
    """Names of signals or cues."""
    known = [*Signal, *CUES]
    names = _texts(node, at)
    for name in names:
        if name not in known:
            at.reader.add(name.line, at.id, f"unknown signal or cue „{name}“, {nearest(name, known)}")
    return tuple(name for name in names if name in known)


def _count(node: yaml.Node, at: Place) -> int:
    word = at.reader.text(node, at.id)
    if word.isdecimal() and 0 < int(word[:6]) <= 10_000:
        return int(word)
    at.add(node, f"„{word}“ is no number of words, write 1 to 10000")
    return 0


def _flag(node: yaml.Node, at: Place) -> bool:
    return _one_of("false", "true")(node, at) == "true"


_MARK = re.compile(r"<<|>>")


def _examples(node: yaml.Node, at: Place) -> tuple[Example, ...]:
    entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return tuple(example for entry in entries if (example := _example(entry, at)) is not None)


def _example(node: yaml.Node, at: Place, fails: str = "") -> Example | None:
    """A post, or a post with the one that it answers: {customer, staff}, of which the last one speaks."""
    if isinstance(node, yaml.ScalarNode):
        return _marked(at.reader.text(node, at.id), None, at, fails)
    parts = at.reader.mapping(node, at.id)
    if set(parts) != {"customer", "staff"}:
        at.add(node, 'an example is a text or {customer: "…", staff: "…"}')
        return None
    speaker = list(parts)[-1] if at.role == "any" else at.role
    other = "staff" if speaker == "customer" else "customer"
    answered = at.reader.text(parts[other], at.id)
    return _marked(at.reader.text(parts[speaker], at.id), str(answered), at, fails)


def _marked(text: Line, answered: str | None, at: Place, fails: str) -> Example:
    signs = _MARK.findall(text)
    if signs != ["<<", ">>"] * (len(signs) // 2):
        at.reader.add(text.line, at.id, "the marks << and >> do not pair up")
        return Example(_MARK.sub("", text), text.line, answered, (), fails)
    places: list[int] = []
    plain = ""
    for piece in _MARK.split(text):
        plain += piece
        places.append(len(plain))
    marks = tuple(zip(places[:-1:2], places[1:-1:2], strict=True))
    return Example(plain, text.line, answered, marks, fails)


def _gaps(node: yaml.Node, at: Place) -> tuple[Example, ...]:
    entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
    read: list[Example | None] = []
    for entry in entries:
        parts = at.reader.mapping(entry, at.id)
        if len(parts) != 1 or not set(parts) <= {"missed", "wrong"}:
            at.add(entry, 'a known gap is {missed: "…"} or {wrong: "…"}')
            continue
        ((fails, example),) = parts.items()
        read.append(_example(example, at, fails))
    return tuple(example for example in read if example is not None)


FIELDS: Mapping[str, Callable[[yaml.Node, Place], object]] = {
    "id": _text,
    "title": _text,
    "why": _text,
    "weight": _weight,
    "phrases": _texts,
    "regex": _texts,
    "unless": _texts,
    "unless_post": _texts,
    "unless_signal": _names,
    "needs": _names,
    "needs_post": _texts,
    "needs_answered": _texts,
    "unless_answered": _texts,
    "sentence": _one_of("any", "statement", "question"),
    "position": _one_of("any", "first", "last"),
    "max_words": _count,
    "must_match": _examples,
    "must_not_match": _examples,
    "known_gaps": _gaps,
    "false_positives": _text,
    "references": _texts,
    "disabled": _flag,
}
