"""Phrase notation of the rule packs -> a tree.

The notation is the table in docs/design.md. A lone `*` is any one word; a gap takes as few words as it can, so at the
edge of a phrase none. A `?` makes the letter or blank before it optional. Alternatives may carry their own blanks: `(sehr |)gut` and `(sehr|) gut` are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

from modassist.errors import RuleError

_GAP_WORDS = 4
_MAX_GAP = 12
_MAX_WAYS = 2_000
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Word:
    """A word or part of one; open sides take any letters."""

    text: str
    open_left: bool = False
    open_right: bool = False
    inflected: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives; an empty one makes the group optional."""

    options: tuple[Sequence, ...]

    @staticmethod
    def of(options: Iterable[Sequence]) -> Choice:
        """An alternative that is nothing but a group becomes the group's alternatives."""
        flat: list[Sequence] = []
        for option in options:
            if len(option) == 1 and isinstance(option[0], Choice):
                flat += option[0].options
            else:
                flat.append(option)
        return Choice(tuple(flat))


@dataclass(frozen=True, slots=True)
class Gap:
    """Up to so many words in between."""

    words: int


@dataclass(frozen=True, slots=True)
class Mark:
    """`^`, `$`, `#`, a blank, a hyphen, or another sign that stands for itself."""

    sign: str


Node = Word | Choice | Gap | Mark
Sequence = tuple[Node, ...]
BLANK, HYPHEN, START, END, NUMBER, ANY_WORD = Mark(" "), Mark("-"), Mark("^"), Mark("$"), Mark("#"), Mark("*")

_REFUSED = {
    "[": "this is no regex: write (a|b)",
    "]": "this is no regex: write (a|b)",
    "{": "write {name} for a list",
    "}": "write {name} for a list",
}


_FOLD = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "–": "-", "—": "-", "‑": "-", "\u00a0": " "})
_LEXER = re.compile(
    r"(?P<gap>\.\.\.(?P<count>\d*)|…)|(?P<joined>\s\?(?=\w))|(?P<blank>[\s,]+)|(?P<list>\{(?P<name>[^{}]*)\})"
    r"|(?P<plain>\((?:(?:\w[*~]?|[' |])*)\))|(?P<escape>\\.)|(?P<word>(?:[\w']\??)+)|(?P<sign>.)",
    re.DOTALL,
)
_PLAIN_WORD = re.compile(r"([\w']+)([*~]?)")


@cache
def _plain_option(text: str) -> Sequence | None:
    """An alternative of nothing but words and blanks, which most are; None where it needs the parser."""
    nodes: list[Node] = []
    for piece in re.split(" +", text):
        word = _PLAIN_WORD.fullmatch(piece)
        if piece and word is None:
            return None
        if word is not None:
            nodes.append(Word(word[1], open_right=word[2] == "*", inflected=word[2] == "~"))
        nodes.append(BLANK)
    nodes.pop()
    return tuple(node for place, node in enumerate(nodes) if node is not BLANK or nodes[place - 1 : place] != [BLANK])


class Parser:
    """Recursive descent over one phrase."""

    def __init__(self, source: str, listed: Callable[[str], Choice]) -> None:
        self._source = source
        self._listed = listed
        folded = unicodedata.normalize("NFC", source).lower().translate(_FOLD)
        self._tokens = list(_LEXER.finditer(folded))
        self._at = 0

    def phrase(self) -> Sequence:
        """The tree of the whole text. Raises RuleError that says what to write instead."""
        options = self._options(depth=0)
        if self._at < len(self._tokens):
            raise self._fault("has „)“ without „(“", "balance the parentheses")
        whole = options[0] if len(options) == 1 else (Choice.of(options),)
        sequence = _without_edges(_trimmed_option(whole, left=True, right=True))
        if all(node in (BLANK, START, END) for node in sequence):
            raise self._fault("is empty", "write the words to look for")
        if _ways(sequence) > _MAX_WAYS:
            raise self._fault("has too many gaps", "use shorter ones such as ...2, or write two phrases")
        return sequence

    def _options(self, depth: int) -> list[Sequence]:
        options = [self._sequence(depth)]
        while self._at < len(self._tokens) and self._tokens[self._at].group("sign") == "|":
            self._at += 1
            options.append(self._sequence(depth))
        return options

    def _fault(self, what: str, hint: str) -> RuleError:
        return RuleError(f"phrase „{self._source}“ {what}", hint)

    def _sequence(self, depth: int) -> Sequence:
        if depth > _DEEPEST:
            raise self._fault("nests groups too deeply", "use a list {name}")
        nodes: list[Node] = []
        open_next = False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            sign = token.group("sign")
            if sign == "|" or sign == ")":
                break
            self._at += 1
            if sign == "*" and not _ends_in_word(nodes):
                open_next = self._is_before_word()
                nodes += [] if open_next else [ANY_WORD]
                continue
            if sign in ("*", "~"):
                self._mark_last(nodes, sign)
                continue
            node = self._node(token, depth)
            nodes.append(_opened_left(node) if open_next else node)
            open_next = False
        return self._tidied(nodes)

    def _is_before_word(self) -> bool:
        if self._at >= len(self._tokens):
            return False
        token = self._tokens[self._at]
        return bool(token.group("word") or token.group("list") or token.group("plain") or token.group("sign") == "(")

    def _mark_last(self, nodes: list[Node], sign: str) -> None:
        if not _ends_in_word(nodes):
            raise self._fault(f"has „{sign}“ without a word before it", f"write it at the word: laite{sign}")
        nodes[-1] = _marked(nodes[-1], sign)

    def _node(self, token: re.Match[str], depth: int) -> Node:
        if token.group("gap"):
            return self._gap(token.group("count") or "")
        if token.group("escape"):
            return Mark("\\" + token.group("escape")[1])
        if token.group("joined"):
            return HYPHEN
        if token.group("blank"):
            return BLANK
        if token.group("list"):
            return self._listed(token.group("name"))
        if token.group("plain"):
            return self._plain_group(token.group("plain"), depth)
        if token.group("word"):
            return Word(token.group("word"))
        if token.group("sign") == "(":
            return self._group(depth)
        if token.group("sign") in _REFUSED:
            raise self._fault(f"has „{token.group('sign')}“ in it", _REFUSED[token.group("sign")])
        return Mark(token.group("sign"))

    def _gap(self, count: str) -> Gap:
        words = int(count[:3]) if count else _GAP_WORDS
        if not 1 <= words <= _MAX_GAP:
            raise self._fault(f"has a gap of {words} words", f"use 1 to {_MAX_GAP}")
        return Gap(words)

    def _plain_group(self, text: str, depth: int) -> Node:
        """A group of plain alternatives, read at once; the others are put back as single tokens."""
        options = [_plain_option(option) for option in text[1:-1].split("|")]
        if None not in options:
            return _joint(Choice.of(option for option in options if option is not None))
        inner = [*_LEXER.finditer("("), *_LEXER.finditer(text[1:])]
        self._tokens[self._at - 1 : self._at] = inner
        return self._group(depth)

    def _group(self, depth: int) -> Node:
        options = self._options(depth + 1)
        if self._at >= len(self._tokens):
            raise self._fault("has a group that is not closed", "add the missing „)“")
        self._at += 1
        return _joint(Choice.of(options))

    def _tidied(self, nodes: list[Node]) -> Sequence:
        """One blank between things; a hyphen is one, too, where it does not join words."""
        tidy: list[Node] = []
        for place, node in enumerate(nodes):
            before = tidy[-1] if tidy else BLANK
            after = nodes[place + 1] if place + 1 < len(nodes) else BLANK
            if node == HYPHEN and not (isinstance(before, Word) and isinstance(after, Word)):
                node = BLANK
            if node is BLANK and tidy and tidy[-1] is BLANK:
                continue
            tidy.append(node)
        return tuple(_without_double_blanks(tidy))


def _joint(choice: Choice) -> Node:
    """„( |)“ joins as a hyphen does."""
    return HYPHEN if set(choice.options) == {(), (BLANK,)} else choice


def _ways(sequence: Sequence) -> int:
    """In how many ways the gaps of a match can be filled, at most."""
    ways = 1
    for node in sequence:
        if isinstance(node, Gap):
            ways *= node.words + 1
        elif isinstance(node, Choice):
            ways *= max(map(_ways, node.options))
    return ways


def _without_edges(sequence: Sequence) -> Sequence:
    """A gap at the edge takes no words."""
    while sequence and (sequence[0] is BLANK or isinstance(sequence[0], Gap)):
        sequence = sequence[1:]
    while sequence and (sequence[-1] is BLANK or isinstance(sequence[-1], Gap)):
        sequence = sequence[:-1]
    return sequence


def _without_double_blanks(nodes: list[Node]) -> list[Node]:
    """„(sehr |) gut“ has a blank inside and outside of the group: the inner one goes."""
    for place, node in enumerate(nodes):
        if isinstance(node, Choice):
            has_before = place > 0 and nodes[place - 1] is BLANK
            has_after = place + 1 < len(nodes) and nodes[place + 1] is BLANK
            nodes[place] = _trimmed(node, has_before, has_after)
    return nodes


def _trimmed(choice: Choice, left: bool, right: bool) -> Node:
    trimmed = Choice.of(_trimmed_option(option, left, right) for option in choice.options)
    gaps = [option[0] for option in trimmed.options if len(option) == 1 and isinstance(option[0], Gap)]
    return gaps[0] if gaps and all(option in ((), (gaps[0],)) for option in trimmed.options) else trimmed


def _trimmed_option(option: Sequence, left: bool, right: bool) -> Sequence:
    if left and option and option[0] is BLANK:
        option = option[1:]
    if right and option and option[-1] is BLANK:
        option = option[:-1]
    if right and option and isinstance(option[-1], Choice):
        option = (*option[:-1], _trimmed(option[-1], False, True))
    if left and option and isinstance(option[0], Choice):
        option = (_trimmed(option[0], True, False), *option[1:])
    return option


def _ends_in_word(nodes: list[Node]) -> bool:
    return bool(nodes) and isinstance(nodes[-1], (Word, Choice))


def _marked(node: Node, sign: str) -> Node:
    if isinstance(node, Word):
        return replace(node, open_right=True) if sign == "*" else replace(node, inflected=True)
    if isinstance(node, Choice):
        return Choice(tuple((*option[:-1], _marked(option[-1], sign)) if option else option for option in node.options))
    return node


def _opened_left(node: Node) -> Node:
    if isinstance(node, Word):
        return replace(node, open_left=True)
    if isinstance(node, Choice):
        return Choice(tuple((_opened_left(option[0]), *option[1:]) if option else option for option in node.options))
    return node
