"""Phrase notation of the rule packs -> a bounded regular expression and the literals that every match must hold.

The notation is the table in docs/design.md. A phrase is matched against one sentence of a post's matching copy
(`matcher.Copy`): lower case, one kind of apostrophe, quotation mark, dash and blank. Everything here is made so that
a match is linear in the sentence: no unbounded repeat, and tokens of a gap cannot be cut in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from modassist.errors import RuleError
from modassist.inflection import Branch, Inflection
from modassist.notation import (
    ANY_WORD,
    BLANK,
    END,
    HYPHEN,
    NUMBER,
    START,
    Choice,
    Gap,
    Mark,
    Node,
    Parser,
    Sequence,
    Word,
    is_optional,
    is_zero,
)

_BETWEEN = r"""\s,\-"'()"""
SEPARATOR = rf"[{_BETWEEN}]{{1,4}}+"
_TOKEN = rf"[^{_BETWEEN}]{{1,60}}+"
_ENDING = r"\w{0,40}"
_NUMBER = r"\d{1,9}(?:[.,]\d{1,9})?"
_SENTENCE_END = r"(?=\W{0,20}+\Z)"
_MAX_VARIANTS = 24

_LETTERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "de": {"ä": ("ä", "ae"), "ö": ("ö", "oe"), "ü": ("ü", "ue"), "ß": ("ß", "ss"), "ss": ("ss", "ß")},
    "fi": {},
    "en": {},
}
"""How a letter may be written also where the writer's keyboard has umlauts."""

_BARE: Mapping[str, Mapping[str, str]] = {"de": {"ä": "a", "ö": "o", "ü": "u"}, "fi": {"ä": "a", "ö": "o"}, "en": {}}
"""How a letter is written in a post without any umlaut: only there, because schon is not schön."""

_ARCHIPHONEMES = {"A": "[aä]", "O": "[oö]", "U": "[uy]", "V": "[aeiouyäö]"}
"""In endings of the tables: a vowel that follows the harmony, or (V) repeats the one before it."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Characters that a match must hold; `is_whole` where no letter or digit stands beside them."""

    text: str
    is_whole: bool


class Grammar:
    """What phrases of one language are read with: its lists for `{name}` and its inflection."""

    def __init__(self, lang: str, lists: Mapping[str, tuple[str, ...]], inflection: Inflection) -> None:
        self.lang = lang
        self.inflection = inflection
        self._lists = lists
        self._read: dict[str, Choice] = {}
        self._reading: list[str] = []
        self._fragments: dict[tuple[tuple[str, ...], bool], str] = {}

    def phrase(self, source: str) -> Phrase:
        """The phrase, ready to be matched. Raises RuleError that says what to write instead."""
        tree = Parser(source, self.listed).phrase()
        literals = _required(tree, self)
        if literals is None:
            raise RuleError(f"phrase „{source}“ has no word that every match holds", "write at least one plain word")
        shortest = min(literals, key=_weight)
        if _weight(shortest) < 2 and not (shortest.is_whole and BLANK in tree):
            raise RuleError(f"phrase „{source}“ is found by „{shortest.text}“ alone", "write a longer word")
        return Phrase(source, tree, self, literals)

    def listed(self, name: str) -> Choice:
        """The alternatives named `name` in the language's lists.yaml."""
        if name in self._read:
            return self._read[name]
        if name not in self._lists:
            known = ", ".join(sorted(self._lists)) or "none"
            raise RuleError(f"no list {{{name}}} in rules/{self.lang}/lists.yaml", f"known lists: {known}")
        if name in self._reading:
            circle = " -> ".join([*self._reading[self._reading.index(name) :], name])
            raise RuleError(f"lists go round in a circle: {circle}", "take one of them out")
        self._reading.append(name)
        try:
            self._read[name] = Choice(_flat(tuple(Parser(entry, self.listed).phrase() for entry in self._lists[name])))
        finally:
            self._reading.pop()
        return self._read[name]

    def fragment(self, parts: tuple[str, ...], bare: bool) -> str:
        """A regex group of literal parts, such as the endings of a table; cached, for the tables are long."""
        key = (parts, bare)
        if key not in self._fragments:
            self._fragments[key] = _group([self.spelled(part, bare) for part in sorted(parts, key=len, reverse=True)])
        return self._fragments[key]

    def spelled(self, text: str, bare: bool) -> str:
        """A regex for the text in every spelling."""
        return "".join(_spelled_letter(options) for options in self._letters(text, bare))

    def variants(self, text: str) -> frozenset[str]:
        """Literals, one of which stands in every spelling of the text."""
        letters = self._letters(text, bare=True)
        count = 1
        for options in letters:
            count *= len(options)
        if count <= _MAX_VARIANTS:
            return frozenset("".join(parts) for parts in product(*letters))
        runs = "".join(options[0] if len(options) == 1 else "\n" for options in letters).split("\n")
        return frozenset([max(runs, key=len)])

    def _letters(self, text: str, bare: bool) -> list[tuple[str, ...]]:
        table, bare_table = _LETTERS[self.lang], _BARE[self.lang]
        bare = bare and not self.inflection.is_distinct(text)
        letters: list[tuple[str, ...]] = []
        for piece in re.findall("ss|.", text, re.DOTALL):
            options = ("'", "") if piece == "'" else table.get(piece, (piece,))
            letters.append(options + ((bare_table[piece],) if bare and piece in bare_table else ()))
        return letters


class Phrase:
    """A phrase that can be looked for. `literals`: one of them stands in every match (in the matching copy)."""

    __slots__ = ("_grammar", "_patterns", "literals", "source", "tree")

    def __init__(self, source: str, tree: Sequence, grammar: Grammar, literals: frozenset[Literal]) -> None:
        self.source = source
        self.tree = tree
        self.literals = literals
        self._grammar = grammar
        self._patterns: list[re.Pattern[str] | None] = [None, None]

    def pattern(self, bare: bool = False) -> re.Pattern[str]:
        """The compiled expression; `bare` for texts without any umlaut, where „a“ may stand for „ä“."""
        found = self._patterns[bare]
        if found is None:
            found = self._patterns[bare] = re.compile(self.expression(bare))
        return found

    def expression(self, bare: bool = False) -> str:
        """The regular expression as text."""
        return r"(?:(?<!\w)|(?!\w))" + _render(self.tree, self._grammar, bare) + r"(?:(?!\w)|(?<!\w))"


# --- writing the expression ------------------------------------------------------------------------------------------


def _render(sequence: Sequence, grammar: Grammar, bare: bool) -> str:
    parts: list[str] = []
    at, is_fresh = 0, True
    while at < len(sequence):
        node = sequence[at]
        alone_after = at + 1 < len(sequence) and sequence[at + 1] == BLANK
        if is_fresh and alone_after and (is_optional(node) or node == START):
            parts.append(_optional(node, grammar, bare, leads=False))
            at += 2
            continue
        is_fresh = False
        if node != BLANK:
            parts.append(_node(node, grammar, bare))
            at += 1
            continue
        following = sequence[at + 1] if at + 1 < len(sequence) else BLANK
        stands_alone = at + 2 >= len(sequence) or sequence[at + 2] == BLANK
        if stands_alone and (is_optional(following) or following == END):
            parts.append(_optional(following, grammar, bare, leads=True))
            at += 2
            continue
        parts.append(SEPARATOR)
        at += 1
    return "".join(parts)


def _optional(node: Node, grammar: Grammar, bare: bool, leads: bool) -> str:
    """Something that may be absent together with the blank before it (`leads`) or after it."""
    if isinstance(node, Gap):
        step = SEPARATOR + _TOKEN if leads else _TOKEN + SEPARATOR
        return f"(?:{step}){{0,{node.words}}}?"
    if not isinstance(node, Choice):
        return _node(node, grammar, bare)
    solid = _group([_render(option, grammar, bare) for option in node.options if not is_zero(option)])
    zero = [_render(option, grammar, bare) for option in node.options if is_zero(option)]
    return _group([SEPARATOR + solid if leads else solid + SEPARATOR, *sorted(zero, key=len, reverse=True)])


def _node(node: Node, grammar: Grammar, bare: bool) -> str:
    if isinstance(node, Word):
        return _word(node, grammar, bare)
    if isinstance(node, Choice):
        return _group([_render(option, grammar, bare) for option in node.options])
    if isinstance(node, Gap):
        return f"(?:{_TOKEN}{SEPARATOR}){{0,{node.words}}}?"
    fixed = {"*": _TOKEN, "^": r"\A", "$": _SENTENCE_END, "#": _NUMBER, " ": SEPARATOR, "-": r"[\s\-]?"}
    return fixed.get(node.sign) or re.escape(node.sign)


def _word(word: Word, grammar: Grammar, bare: bool) -> str:
    body = grammar.spelled(word.text, bare)
    if word.inflected:
        branches = grammar.inflection.branches(word.text)
        body = _group([_branch(branch, grammar, bare) for branch in branches])
    return (_ENDING + "?" if word.open_left else "") + body + (_ENDING if word.open_right else "")


def _branch(branch: Branch, grammar: Grammar, bare: bool) -> str:
    tails = "".join(grammar.fragment(tail, bare) + "?" for tail in branch.tails)
    endings = grammar.fragment(branch.endings, bare) if branch.endings != ("",) else ""
    return grammar.fragment(branch.stems, bare) + endings + tails


def _group(parts: Iterable[str]) -> str:
    parts = list(dict.fromkeys(parts))
    return parts[0] if len(parts) == 1 and len(parts[0]) == 1 else f"(?:{'|'.join(parts)})"


def _spelled_letter(options: tuple[str, ...]) -> str:
    if len(options) == 1:
        return _ARCHIPHONEMES.get(options[0]) or re.escape(options[0])
    if "" in options:
        return _group(re.escape(option) for option in options if option) + "?"
    return _group(re.escape(option) for option in options)


# --- literals for the prefilter --------------------------------------------------------------------------------------


def _required(
    sequence: Sequence, grammar: Grammar, left: bool = True, right: bool = True
) -> frozenset[Literal] | None:
    """The best set of literals one of which stands in every match of the sequence; None where there is none.

    `left` and `right` say whether the sequence's edges are edges of words.
    """
    found: list[frozenset[Literal]] = []
    for place, node in enumerate(sequence):
        before = left if place == 0 else sequence[place - 1] == BLANK
        after = right if place + 1 == len(sequence) else sequence[place + 1] == BLANK
        literals = _required_by(node, grammar, before, after)
        if literals:
            found.append(literals)
    return max(found, key=_usefulness) if found else None


def _required_by(node: Node, grammar: Grammar, left: bool, right: bool) -> frozenset[Literal] | None:
    if isinstance(node, Word):
        return _word_literals(node, grammar, left and right)
    if isinstance(node, Mark) and node not in (ANY_WORD, BLANK, HYPHEN, START, END, NUMBER):
        return frozenset([Literal(node.sign, False)])
    if not isinstance(node, Choice):
        return None
    union: set[Literal] = set()
    for option in node.options:
        literals = _required(option, grammar, left, right)
        if literals is None:
            return None
        union |= literals
    return frozenset(union)


def _word_literals(word: Word, grammar: Grammar, is_whole: bool) -> frozenset[Literal]:
    if not word.inflected:
        is_whole = is_whole and not word.open_left and not word.open_right
        return frozenset(Literal(text, is_whole and text != "") for text in grammar.variants(word.text))
    stems = {stem for branch in grammar.inflection.branches(word.text) for stem in branch.stems}
    roots = {stem for stem in stems if not any(other != stem and other in stem for other in stems)}
    return frozenset(Literal(text, False) for root in roots for text in grammar.variants(root))


def _usefulness(literals: frozenset[Literal]) -> tuple[int, int]:
    return min(_weight(literal) for literal in literals), -len(literals)


def _weight(literal: Literal) -> int:
    """Length, where a sign or an emoji counts as a whole word."""
    return len(literal.text) + sum(2 for sign in literal.text if not (sign.isalnum() or sign == "'"))
