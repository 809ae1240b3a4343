"""Phrase notation of the rule packs -> a bounded regular expression and the literals that every match must hold.

The notation is the table in docs/design.md. A phrase is matched against one sentence of a post's matching copy
(`matcher.Copy`): lower case, one kind of apostrophe, quotation mark, dash and blank. Everything here is made so that
a match is linear in the sentence: no unbounded repeat, and tokens of a gap cannot be cut in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

from modassist.errors import RuleError
from modassist.inflection import Branch, Inflection

_BETWEEN = r"""\s,\-"'()"""
SEPARATOR = rf"[{_BETWEEN}]{{1,4}}+"
_TOKEN = rf"[^{_BETWEEN}]{{1,60}}+"
_ENDING = r"\w{0,40}"
_NUMBER = r"\d{1,9}(?:[.,]\d{1,9})?"
_SENTENCE_END = r"(?=\W{0,20}+\Z)"
_GAP_WORDS = 4
_MAX_GAP = 12
_MAX_GAPS = 3
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
BLANK, HYPHEN, START, END, NUMBER = Mark(" "), Mark("-"), Mark("^"), Mark("$"), Mark("#")


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
        tree = _Parser(source, self).whole()
        literals = _required(tree, self)
        if literals is None:
            raise RuleError(f"phrase „{source}“ has no word that every match holds", "write at least one plain word")
        shortest = min(literals, key=_weight_of_literal)
        if _weight_of_literal(shortest) < 2:
            raise RuleError(f"phrase „{source}“ is found by „{shortest}“ alone", "write a longer word")
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
            self._read[name] = Choice(_flat(tuple(_Parser(entry, self).entry() for entry in self._lists[name])))
        finally:
            self._reading.pop()
        return self._read[name]

    def fragment(self, parts: tuple[str, ...], bare: bool) -> str:
        """A regex group of literal parts, such as the endings of a table; cached, for the tables are long."""
        key = (parts, bare)
        if key not in self._fragments:
            self._fragments[key] = _group([self.spelled(part, bare) for part in parts])
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

    def __init__(self, source: str, tree: Sequence, grammar: Grammar, literals: frozenset[str]) -> None:
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


def _weight_of_literal(literal: str) -> int:
    """Length, where a sign or an emoji counts as a whole word."""
    return len(literal) + sum(2 for sign in literal if not (sign.isalnum() or sign == "'"))


# --- reading ---------------------------------------------------------------------------------------------------------

_FOLD = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "–": "-", "—": "-", "‑": "-", "\u00a0": " "})
_LEXER = re.compile(
    r"(?P<gap>\.\.\.(?P<count>\d*)|…)|(?P<blank>[\s,]+)|(?P<list>\{(?P<name>[^{}]*)\})|(?P<word>[\w']+)|(?P<sign>.)",
    re.DOTALL,
)


class _Parser:
    """Recursive descent over one phrase."""

    def __init__(self, source: str, grammar: Grammar) -> None:
        self._source = source
        self._grammar = grammar
        folded = unicodedata.normalize("NFC", source).lower().translate(_FOLD)
        self._tokens = list(_LEXER.finditer(folded))
        self._at = 0
        self._gaps = 0

    def whole(self) -> Sequence:
        """A phrase of a rule: begins and ends with words."""
        sequence = self.entry()
        solid = tuple(node for node in sequence if node not in (BLANK, START, END))
        if not solid:
            raise self._fault("is empty", "write the words to look for")
        if isinstance(sequence[0], Gap) or isinstance(sequence[-1], Gap):
            raise self._fault("begins or ends with a gap", "take the „...“ at the edge out")
        return sequence

    def entry(self) -> Sequence:
        """A phrase, or an entry of a list."""
        sequence = _trimmed_option(self._sequence(depth=0), left=True, right=True)
        if self._at < len(self._tokens):
            raise self._fault(f"has „{self._tokens[self._at].group()}“ outside a group", "balance the parentheses")
        if self._gaps > _MAX_GAPS:
            raise self._fault(f"has {self._gaps} gaps", f"use at most {_MAX_GAPS}, or two rules")
        return sequence

    def _fault(self, what: str, hint: str) -> RuleError:
        return RuleError(f"phrase „{self._source}“ {what}", hint)

    def _sequence(self, depth: int) -> Sequence:
        if depth > 8:
            raise self._fault("nests groups too deeply", "use a list {name}")
        nodes: list[Node] = []
        open_next = False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            sign = token.group("sign")
            if sign == "|" or sign == ")":
                break
            self._at += 1
            if sign == "*" and self._is_before_word() and not _ends_in_word(nodes):
                open_next = True
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
        return bool(token.group("word") or token.group("list") or token.group("sign") == "(")

    def _mark_last(self, nodes: list[Node], sign: str) -> None:
        if not _ends_in_word(nodes):
            raise self._fault(f"has „{sign}“ without a word before it", f"write it at the word: laite{sign}")
        nodes[-1] = _marked(nodes[-1], sign)

    def _node(self, token: re.Match[str], depth: int) -> Node:
        if token.group("gap"):
            return self._gap(token.group("count") or "")
        if token.group("blank"):
            return BLANK
        if token.group("list"):
            return self._grammar.listed(token.group("name"))
        if token.group("word"):
            return Word(token.group("word"))
        if token.group("sign") == "(":
            return self._group(depth)
        return Mark(token.group("sign"))

    def _gap(self, count: str) -> Gap:
        self._gaps += 1
        words = int(count) if count else _GAP_WORDS
        if not 1 <= words <= _MAX_GAP:
            raise self._fault(f"has a gap of {words} words", f"use 1 to {_MAX_GAP}")
        return Gap(words)

    def _group(self, depth: int) -> Choice:
        options = [self._sequence(depth + 1)]
        while self._at < len(self._tokens) and self._tokens[self._at].group("sign") == "|":
            self._at += 1
            options.append(self._sequence(depth + 1))
        if self._at >= len(self._tokens):
            raise self._fault("has a group that is not closed", "add the missing „)“")
        self._at += 1
        return Choice(_flat(tuple(options)))

    def _tidied(self, nodes: list[Node]) -> Sequence:
        """One blank between things; a hyphen at an edge or beside a blank is a blank."""
        tidy: list[Node] = []
        for place, node in enumerate(nodes):
            before = tidy[-1] if tidy else BLANK
            if node == HYPHEN and (before == BLANK or place + 1 == len(nodes) or nodes[place + 1] == BLANK):
                node = BLANK
            if node == BLANK and tidy and tidy[-1] == BLANK:
                continue
            tidy.append(node)
        inner = tuple(node for node in tidy if node != BLANK)
        if len(inner) > 1 and all(_is_optional(node) for node in inner):
            raise self._fault("has a part that is optional as a whole", "write its alternatives out")
        return tuple(_without_double_blanks(tidy))


def _without_double_blanks(nodes: list[Node]) -> list[Node]:
    """„(sehr |) gut“ has a blank inside and outside of the group: the inner one goes."""
    for place, node in enumerate(nodes):
        if isinstance(node, Choice):
            has_before = place > 0 and nodes[place - 1] == BLANK
            has_after = place + 1 < len(nodes) and nodes[place + 1] == BLANK
            nodes[place] = _trimmed(node, has_before, has_after)
    return nodes


def _trimmed(choice: Choice, left: bool, right: bool) -> Choice:
    return Choice(_flat(tuple(_trimmed_option(option, left, right) for option in choice.options)))


def _trimmed_option(option: Sequence, left: bool, right: bool) -> Sequence:
    if left and option and option[0] == BLANK:
        option = option[1:]
    if right and option and option[-1] == BLANK:
        option = option[:-1]
    if right and option and isinstance(option[-1], Choice):
        option = (*option[:-1], _trimmed(option[-1], False, True))
    if left and option and isinstance(option[0], Choice):
        option = (_trimmed(option[0], True, False), *option[1:])
    return option


def _flat(options: tuple[Sequence, ...]) -> tuple[Sequence, ...]:
    """An alternative that is nothing but a group becomes the group's alternatives."""
    flat: list[Sequence] = []
    for option in options:
        if len(option) == 1 and isinstance(option[0], Choice):
            flat += option[0].options
        else:
            flat.append(option)
    return tuple(dict.fromkeys(flat))


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


def _is_zero(option: Sequence) -> bool:
    """An alternative that takes no characters: empty, or an edge of the sentence."""
    return all(node in (START, END) for node in option)


def _is_optional(node: Node) -> bool:
    return isinstance(node, Gap) or (isinstance(node, Choice) and any(_is_zero(option) for option in node.options))


# --- writing the expression ------------------------------------------------------------------------------------------


def _render(sequence: Sequence, grammar: Grammar, bare: bool) -> str:
    parts: list[str] = []
    at, is_fresh = 0, True
    while at < len(sequence):
        node = sequence[at]
        alone_after = at + 1 < len(sequence) and sequence[at + 1] == BLANK
        if is_fresh and alone_after and (_is_optional(node) or node == START):
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
        if stands_alone and (_is_optional(following) or following == END):
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
    solid = _group([_render(option, grammar, bare) for option in node.options if not _is_zero(option)])
    zero = [_render(option, grammar, bare) for option in node.options if _is_zero(option)]
    return _group([SEPARATOR + solid if leads else solid + SEPARATOR, *sorted(zero, key=len, reverse=True)])


def _node(node: Node, grammar: Grammar, bare: bool) -> str:
    if isinstance(node, Word):
        return _word(node, grammar, bare)
    if isinstance(node, Choice):
        return _group([_render(option, grammar, bare) for option in node.options])
    if isinstance(node, Gap):
        return f"(?:{_TOKEN}{SEPARATOR}){{0,{node.words}}}?"
    fixed = {"^": r"\A", "$": _SENTENCE_END, "#": _NUMBER, " ": SEPARATOR, "-": r"[\s\-]?"}
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


def _required(sequence: Sequence, grammar: Grammar) -> frozenset[str] | None:
    """The best set of literals one of which stands in every match of the sequence; None where there is none."""
    found = [literals for node in sequence if (literals := _required_by(node, grammar))]
    return max(found, key=_usefulness) if found else None


def _required_by(node: Node, grammar: Grammar) -> frozenset[str] | None:
    if isinstance(node, Word):
        return _word_literals(node, grammar)
    if isinstance(node, Mark) and node not in (BLANK, HYPHEN, START, END, NUMBER):
        return frozenset([node.sign])
    if not isinstance(node, Choice):
        return None
    union: set[str] = set()
    for option in node.options:
        literals = _required(option, grammar)
        if literals is None:
            return None
        union |= literals
    return frozenset(union)


def _word_literals(word: Word, grammar: Grammar) -> frozenset[str]:
    if not word.inflected:
        return grammar.variants(word.text)
    stems = {stem for branch in grammar.inflection.branches(word.text) for stem in branch.stems}
    roots = {stem for stem in stems if not any(other != stem and other in stem for other in stems)}
    return frozenset().union(*(grammar.variants(root) for root in roots))


def _usefulness(literals: frozenset[str]) -> tuple[int, int]:
    return min(_weight_of_literal(literal) for literal in literals), -len(literals)
