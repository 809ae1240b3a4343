"""Phrase notation of the rule packs -> a bounded regular expression and the literals that every match must hold.

The notation is the table in docs/design.md. A phrase is matched against one sentence of a post's matching copy
(`matcher.Copy`): lower case, one kind of apostrophe, and a blank for every sign that a blank of a phrase matches.
Everything here is made so that a match is linear in the sentence: no unbounded repeat, and the words of a gap cannot be
cut in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from math import prod

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
    flat,
    is_optional,
    is_zero,
)

SEPARATOR = "[ ']{1,4}+"
_TOKEN = "[^ ]{1,60}+"
_WORD_TO_FOLLOW = f"(?:{_TOKEN}{SEPARATOR})"
_WORD_MORE = f"(?:{SEPARATOR}{_TOKEN})"
_ENDING = r"\w{0,40}"
_NUMBER = r"\d{1,9}(?:[. ]\d{1,9})?"
_SENTENCE_END = r"(?=\W{0,20}+\Z)"
_MAX_VARIANTS = 24

_LETTER = re.compile(r"(ss|[^?])(\??)")

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
        self._phrases: dict[str, Phrase] = {}
        self._read: dict[str, Choice] = {}
        self._reading: list[str] = []
        self._fragments: dict[tuple[tuple[str, ...], bool], str] = {}

    def phrase(self, source: str) -> Phrase:
        """The phrase, ready to be matched; one object for one text. Raises RuleError that says what to write instead."""
        found = self._phrases.get(source)
        if found is None:
            found = self._phrases[str(source)] = self._made(source)
        return found

    def _made(self, source: str) -> Phrase:
        tree = Parser(source, self.listed).phrase()
        required = _required(tree, self)
        if not required:
            raise RuleError(f"phrase „{source}“ has no word that every match holds", "write at least one plain word")
        shortest = min(required[0], key=_weight)
        if not shortest.is_whole and _weight(shortest) < 2:
            raise RuleError(f"phrase „{source}“ is found by „{shortest.text}“ alone", "write a longer word")
        return Phrase(source, tree, self, required)

    def listed(self, name: str) -> Choice:
        """The alternatives named `name` in the language's lists.yaml."""
        if name in self._read:
            return self._read[name]
        if name not in self._lists:
            close = get_close_matches(name, self._lists, n=1)
            hint = f"did you mean {{{close[0]}}}?" if close else "write the list, or the words here"
            raise RuleError(f"no list {{{name}}} in rules/{self.lang}/lists.yaml", hint)
        if name in self._reading:
            circle = " -> ".join([*self._reading[self._reading.index(name) :], name])
            raise RuleError(f"lists go round in a circle: {circle}", "take one of them out")
        self._reading.append(name)
        try:
            self._read[name] = Choice(flat(tuple(Parser(entry, self.listed).phrase() for entry in self._lists[name])))
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
        """Every spelling of the text; none where they are too many to list."""
        letters = self._letters(text, bare=True)
        return _spellings(letters) if prod(map(len, letters)) <= _MAX_VARIANTS else frozenset()

    def part(self, text: str) -> frozenset[str]:
        """Every spelling of the longest part of the text that has not too many."""
        letters = self._letters(text, bare=True)
        best: list[tuple[str, ...]] = []
        for start in range(len(letters)):
            end = start + len(best) + 1
            while end <= len(letters) and prod(map(len, letters[start:end])) <= _MAX_VARIANTS:
                best = letters[start:end]
                end += 1
        return _spellings(best)

    def _letters(self, text: str, bare: bool) -> list[tuple[str, ...]]:
        table, bare_table = _LETTERS[self.lang], _BARE[self.lang]
        bare = bare and not self.inflection.is_distinct(text)
        letters: list[tuple[str, ...]] = []
        for piece, optional in _LETTER.findall(text):
            options = ("'", "") if piece == "'" else table.get(piece, (piece,))
            options += (bare_table[piece],) if bare and piece in bare_table else ()
            letters.append((*options, "") if optional else options)
        return letters


def _spellings(letters: list[tuple[str, ...]]) -> frozenset[str]:
    return frozenset("".join(parts) for parts in product(*letters))


class Phrase:
    """A phrase that can be looked for. `required`: of each set one literal stands in every match, the rarest first."""

    __slots__ = ("_grammar", "_patterns", "required", "source", "tree")

    def __init__(
        self, source: str, tree: Sequence, grammar: Grammar, required: tuple[frozenset[Literal], ...]
    ) -> None:
        self.source = source
        self.tree = tree
        self.required = required
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
        left = r"\b" if _is_wordy(self.tree, 0) else r"(?:\b|(?!\w))"
        right = r"\b" if _is_wordy(self.tree, -1) else r"(?:\b|(?<!\w))"
        return left + _render(self.tree, self._grammar, bare) + right


def _is_wordy(sequence: Sequence, edge: int) -> bool:
    """Whether that edge of the sequence (0 or -1) is always a letter or digit."""
    if not sequence:
        return False
    node = sequence[edge]
    if isinstance(node, Choice):
        return all(_is_wordy(option, edge) for option in node.options)
    return (isinstance(node, Word) and node.text[edge] not in "'?") or node == NUMBER


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
        return f"{_WORD_MORE if leads else _WORD_TO_FOLLOW}{{0,{node.words}}}?"
    if not isinstance(node, Choice):
        return _node(node, grammar, bare)
    solid = _group([_render(option, grammar, bare) for option in node.options if not is_zero(option)])
    zero = [_render(option, grammar, bare) for option in node.options if is_zero(option)]
    return _group([SEPARATOR + solid if leads else solid + SEPARATOR, *sorted(zero, key=len, reverse=True)])


def _node(node: Node, grammar: Grammar, bare: bool) -> str:
    if isinstance(node, Word):
        return _word(node, grammar, bare)
    if isinstance(node, Choice):
        options = [option for option in node.options if option or not _has_optional_gap(node)]
        return _group([_render(option, grammar, bare) for option in options])
    if isinstance(node, Gap):
        return f"{_WORD_TO_FOLLOW}{{0,{node.words}}}?"
    fixed = {"*": _TOKEN, "^": r"\A", "$": _SENTENCE_END, "#": _NUMBER, " ": SEPARATOR, "-": " ?"}
    return fixed.get(node.sign) or re.escape(node.sign[-1])


def _has_optional_gap(choice: Choice) -> bool:
    """„(...2 |)“: the gap may be empty by itself."""
    return any(len(option) == 2 and isinstance(option[0], Gap) and option[1] == BLANK for option in choice.options)


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
    written = [re.escape(option) for option in options if option]
    body = written[0] if len(written) == 1 and len(options[0]) == 1 else _group(written)
    return body + ("?" if "" in options else "")


# --- literals for the prefilter --------------------------------------------------------------------------------------


def _required(
    sequence: Sequence, grammar: Grammar, left: bool = True, right: bool = True
) -> tuple[frozenset[Literal], ...]:
    """Sets of literals; of each, one stands in every match of the sequence. The most telling set comes first.

    `left` and `right` say whether the sequence's edges are edges of words.
    """
    found: list[frozenset[Literal]] = []
    for place, node in enumerate(sequence):
        before = left if place == 0 else sequence[place - 1] == BLANK
        after = right if place + 1 == len(sequence) else sequence[place + 1] == BLANK
        literals = _required_by(node, grammar, before, after)
        if literals:
            found.append(literals)
    return tuple(sorted(found, key=_frequency))


def _required_by(node: Node, grammar: Grammar, left: bool, right: bool) -> frozenset[Literal] | None:
    if isinstance(node, Word):
        return _word_literals(node, grammar, left and right)
    if isinstance(node, Mark) and node not in (ANY_WORD, BLANK, HYPHEN, START, END, NUMBER):
        return frozenset([Literal(node.sign[-1], False)])
    if not isinstance(node, Choice):
        return None
    union: set[Literal] = set()
    for option in node.options:
        sets = _required(option, grammar, left, right)
        if not sets:
            return None
        union |= sets[0]
    return frozenset(union)


def _word_literals(word: Word, grammar: Grammar, is_whole: bool) -> frozenset[Literal]:
    if word.inflected:
        stems = {stem for branch in grammar.inflection.branches(word.text) for stem in branch.stems}
        roots = {stem for stem in stems if not any(other != stem and other in stem for other in stems)}
        return _parts(roots, grammar)
    texts = grammar.variants(word.text)
    if not texts:
        return _parts([word.text], grammar)
    is_whole = is_whole and not word.open_left and not word.open_right
    return frozenset(Literal(text, is_whole and text[:1] != "'" and text[-1:] != "'") for text in texts)


def _parts(words: Iterable[str], grammar: Grammar) -> frozenset[Literal]:
    return frozenset(Literal(text, False) for word in words for text in grammar.part(word))


def _frequency(literals: frozenset[Literal]) -> float:
    """Roughly how often one of them stands in a sentence: words get rarer by letter."""
    return sum(0.4 ** _weight(literal) * (1 if literal.is_whole else 2) for literal in literals)


def _weight(literal: Literal) -> int:
    """Length, where a sign or an emoji counts as a whole word."""
    return len(literal.text) + sum(2 for sign in literal.text if not (sign.isalnum() or sign == "'"))
