"""Phrases -> short regular expressions over the tokens of a sentence, and the tokens that every match must hold.

The notation is read by `notation`; here its tree becomes a shape (what stands token after token), and the shape an
expression over codes (`alphabet`). Every expression is bounded: gaps are the only repeats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import product
from math import prod

from modassist.errors import RuleError
from modassist.rules import shapes
from modassist.rules.alphabet import LONGEST, SIGNS, WORDS, Alphabet, TokenClass, TokenPattern
from modassist.rules.inflection import Branch, Inflection
from modassist.rules.notation import (
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
)
from modassist.rules.rarity import Rarity
from modassist.rules.shapes import (
    Edge,
    Either,
    One,
    Row,
    Shape,
    Skip,
    Way,
    alike,
    frequency,
    has_signs,
    length,
    required,
    united,
    ways,
)

_NUMBER = r"\d+(?:[.,:]\d+)*"
_ENDING = r"\w{0,40}"
_MOST_WAYS = 48
"""Ways of matching a phrase that are looked for one by one."""
_MOST_SPELLINGS = 64
_MOST_JOINED = 400
_GAP = ".{0,%d}?"
_GAP_AMONG_SIGNS = f"(?:{SIGNS}{{0,3}}{WORDS}){{0,%d}}?{SIGNS}{{0,3}}"
_EDGES_AMONG_SIGNS = {r"\A": rf"\A{SIGNS}{{0,5}}", r"\Z": rf"(?={SIGNS}{{0,20}}\Z)", ".": WORDS}

_LETTER = re.compile(r"(ss|[^?])(\??)")
_SPELLED_OTHERWISE = re.compile("[äöüß'?]|ss")
_LETTERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "de": {"ä": ("ä", "ae"), "ö": ("ö", "oe"), "ü": ("ü", "ue"), "ß": ("ß", "ss"), "ss": ("ss", "ß")},
    "fi": {},
    "en": {},
}
"""How a letter may be written also by those who have umlauts."""
_BARE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "de": {"ä": ("ae", "a"), "ö": ("oe", "o"), "ü": ("ue", "u"), "ß": ("ss",), "ss": ("ss",)},
    "fi": {"ä": ("a",), "ö": ("o",)},
    "en": {},
}
"""How a letter is written in a post without any umlaut: only there, because schon is not schön."""
_ARCHIPHONEMES = {"A": "[aä]", "O": "[oö]", "U": "[uy]", "V": "[aeiouyäö]"}
"""In endings of the tables: a vowel that follows the harmony, or (V) repeats the one before it."""


_EDGES = {START: shapes.START, END: shapes.END, ANY_WORD: shapes.ANY}


class Grammar:
    """What phrases of one language are read with: its lists for `{name}`, its inflection, its alphabet.

    `examples` are texts to learn from which words are rare.
    """

    def __init__(
        self,
        lang: str,
        lists: Mapping[str, tuple[str, ...]],
        inflection: Inflection,
        examples: Iterable[str] = (),
    ) -> None:
        self.lang = lang
        self.alphabet = Alphabet()
        self.rarity = Rarity(examples)
        self._inflection = inflection
        self._lists = lists
        self._phrases: dict[str, Phrase] = {}
        self._listed: dict[str, Choice] = {}
        self._reading: list[str] = []
        self._shapes: dict[int, tuple[Choice, Shape]] = {}
        self._options: dict[int, tuple[Sequence, Shape]] = {}
        self._endings: dict[tuple[tuple[str, ...], ...], str] = {}
        self._words: dict[Word, One] = {}

    def phrase(self, source: str) -> Phrase:
        """The phrase, ready to be matched; one object for one text. Raises RuleError that says what to write instead."""
        found = self._phrases.get(source)
        if found is None:
            found = self._phrases[str(source)] = self._made(source)
        return found

    def _made(self, source: str) -> Phrase:
        shape = self._row(Parser(source, self.listed).phrase())
        wanted = required(shape)
        if not wanted:
            raise RuleError(f"phrase „{source}“ has no word that every match holds", "write at least one plain word")
        for pattern in min(wanted, key=frequency).patterns:
            if pattern.kind != "regex" and len(min(pattern.texts, key=len)) < 2:
                shortest = min(pattern.texts, key=len)
                raise RuleError(f"phrase „{source}“ is found by „{shortest}“ alone", "write more of it")
        return Phrase(lambda: shape, has_signs(shape), self.alphabet)

    def listed(self, name: str) -> Choice:
        """The alternatives named `name` in the language's lists.yaml."""
        if name in self._listed:
            return self._listed[name]
        if name not in self._lists:
            close = get_close_matches(name, self._lists, n=1)
            hint = f"did you mean {{{close[0]}}}?" if close else "write the list, or the words here"
            raise RuleError(f"no list {{{name}}} in rules/{self.lang}/lists.yaml", hint)
        if name in self._reading:
            circle = " -> ".join([*self._reading[self._reading.index(name) :], name])
            raise RuleError(f"lists go round in a circle: {circle}", "take one of them out")
        self._reading.append(name)
        try:
            options = [Parser(entry, self.listed).phrase() for entry in self._lists[name]]
            self._listed[name] = Choice.of(options)
        finally:
            self._reading.pop()
        return self._listed[name]

    # -- tree to shape

    def _row(self, sequence: Sequence) -> Shape:
        parts: list[Shape] = []
        run: list[Node] = []
        for node in (*sequence, BLANK):
            if node is not BLANK:
                run.append(node)
                continue
            parts += self._run(run)
            run = []
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _run(self, run: list[Node]) -> Iterator[Shape]:
        """What stands without a blank in between: words glued to each other, unless the blank is inside a group."""
        glued: list[Node] = []
        for place, node in enumerate(run):
            is_last = place + 1 == len(run)
            if _stands_alone(node, is_first=not glued, is_last=is_last):
                yield from self._glued(glued)
                glued = []
                yield self._single(node)
            else:
                glued.append(node)
        yield from self._glued(glued)

    def _glued(self, nodes: list[Node]) -> Iterator[Shape]:
        if not nodes:
            return
        if len(nodes) == 1:
            yield self._single(nodes[0])
            return
        if HYPHEN in nodes:
            place = nodes.index(HYPHEN)
            before, after = nodes[:place], nodes[place + 1 :]
            apart = Row((*self._glued(before), *self._glued(after)))
            yield Either((apart, *self._glued(before + after)), is_optional=False)
            return
        broken = next((place for place, node in enumerate(nodes) if not _is_joinable(node)), None)
        if broken is None:
            yield self._joined(nodes)
            return
        choice = nodes[broken]
        assert isinstance(choice, Choice)
        rows = [self._row((*nodes[:broken], *option, *nodes[broken + 1 :])) for option in choice.options]
        yield Either(tuple(rows), is_optional=False)

    def _single(self, node: Node) -> Shape:
        if isinstance(node, Word):
            if node not in self._words:
                self._words[node] = self._word(node)
            return self._words[node]
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, Gap):
            return Skip(node.words)
        if node == NUMBER:
            return alike(TokenClass(patterns=frozenset([TokenPattern("regex", (), regex=_NUMBER)])))
        if node == HYPHEN:
            return Row(())
        return _EDGES.get(node) or alike(TokenClass(frozenset([node.sign[-1]])))

    def _choice(self, choice: Choice) -> Shape:
        known = self._shapes.get(id(choice))
        if known is not None:
            return known[1]
        rows = [self._option(option) for option in choice.options if option]
        ones = [row for row in rows if isinstance(row, One)]
        others = [row for row in rows if not isinstance(row, One)]
        options: list[Shape] = sorted(others, key=length, reverse=True)
        if ones:
            options.append(united(ones))
        is_optional = () in choice.options
        shape = options[0] if len(options) == 1 and not is_optional else Either(tuple(options), is_optional)
        self._shapes[id(choice)] = (choice, shape)
        return shape

    def _option(self, option: Sequence) -> Shape:
        """The shape of an alternative; plain ones are the same object wherever they stand, and made once."""
        known = self._options.get(id(option))
        if known is None:
            known = self._options[id(option)] = (option, self._row(option))
        return known[1]

    # -- one token

    def _word(self, word: Word) -> One:
        strict = self._class(word, bare=False)
        if not word.inflected and _SPELLED_OTHERWISE.search(word.text) is None:
            return alike(strict)
        return One(strict, self._class(word, bare=True))

    def _class(self, word: Word, bare: bool) -> TokenClass:
        if word.inflected and not (word.open_left or word.open_right):
            return TokenClass(patterns=frozenset([self._inflected(word.text, bare)]))
        texts = self.spellings(word.text, bare)
        if not word.open_left and not word.open_right:
            return TokenClass(frozenset(texts))
        kind = "part" if word.open_left and word.open_right else "suffix" if word.open_left else "prefix"
        return TokenClass(patterns=frozenset([TokenPattern(kind, texts)]))

    def _inflected(self, word: str, bare: bool) -> TokenPattern:
        forms: list[tuple[tuple[str, ...], str]] = []
        for branch in (branch for one in _every_optional(word) for branch in self._inflection.branches(one)):
            stems = tuple(text for stem in branch.stems for text in self.spellings(stem, bare))
            forms.append((tuple(dict.fromkeys(stems)), self._branch_endings(branch)))
        every = {stem for stems, _ in forms for stem in stems}
        roots = [stem for stem in every if not any(stem[:length] in every for length in range(1, len(stem)))]
        return TokenPattern("forms", tuple(sorted(roots)), tuple(forms))

    def _branch_endings(self, branch: Branch) -> str:
        key = (branch.endings, *branch.tails)
        if key not in self._endings:
            groups = [_group(map(_ending, sorted(endings, key=len, reverse=True))) for endings in key]
            self._endings[key] = groups[0] + "".join(f"{group}?" for group in groups[1:])
        return self._endings[key]

    def spellings(self, text: str, bare: bool) -> tuple[str, ...]:
        """The ways in which the text is written, `bare` in a post without any umlaut."""
        if _SPELLED_OTHERWISE.search(text) is None:
            return (text,)
        table = (_BARE if bare and not self._inflection.is_distinct(text) else _LETTERS)[self.lang]
        letters: list[tuple[str, ...]] = []
        for piece, optional in _LETTER.findall(text):
            options = ("'", "") if piece == "'" else table.get(piece, (piece,))
            letters.append((*options, "") if optional else options)
        if prod(map(len, letters)) > _MOST_SPELLINGS:
            letters = [options[:1] for options in letters]
        return tuple(text for text in dict.fromkeys(map("".join, product(*letters))) if text)

    def _joined(self, nodes: list[Node]) -> One:
        """Words and alternatives glued into one token."""
        return One(self._joined_class(nodes, bare=False), self._joined_class(nodes, bare=True))

    def _joined_class(self, nodes: Iterable[Node], bare: bool) -> TokenClass:
        texts = self._texts(nodes, bare)
        if texts is not None and len(texts) <= _MOST_JOINED:
            return TokenClass(frozenset(texts))
        source = self._regex(nodes, bare)
        parts = [p for node in nodes if isinstance(node, Word) and not node.inflected for p in [node.text]]
        longest = self.spellings(max(parts, key=len), bare) if parts else ()
        return TokenClass(patterns=frozenset([TokenPattern("regex", longest, regex=source)]))

    def _texts(self, nodes: Iterable[Node], bare: bool) -> list[str] | None:
        """All tokens, where they can be listed."""
        columns: list[list[str]] = []
        for node in nodes:
            if isinstance(node, Choice):
                options = [self._texts(option, bare) for option in node.options]
                if None in options:
                    return None
                columns.append([text for option in options for text in option or ()])
            elif isinstance(node, Word) and not (node.open_left or node.open_right or node.inflected):
                columns.append(list(self.spellings(node.text, bare)))
            else:
                return None
        return ["".join(parts) for parts in product(*columns)] if prod(map(len, columns)) <= _MOST_JOINED else None

    def _regex(self, nodes: Iterable[Node], bare: bool) -> str:
        parts: list[str] = []
        for node in nodes:
            if isinstance(node, Choice):
                parts.append(_group(self._regex(option, bare) for option in node.options))
            elif node == NUMBER:
                parts.append(_NUMBER)
            elif isinstance(node, Word):
                body = _group(map(re.escape, self.spellings(node.text, bare)))
                if node.inflected:
                    forms = self._inflected(node.text, bare).forms
                    body = _group(_group(map(re.escape, stems)) + endings for stems, endings in forms)
                parts.append((_ENDING if node.open_left else "") + body + (_ENDING if node.open_right else ""))
        return "".join(parts)


def _stands_alone(node: Node, is_first: bool, is_last: bool) -> bool:
    """Whether the node is a token of its own, or a group that brings its own blanks."""
    if isinstance(node, Mark):
        return node not in (HYPHEN, NUMBER)
    if not isinstance(node, Choice):
        return isinstance(node, Gap)
    if is_first and not is_last and all(not option or option[-1] is BLANK for option in node.options):
        return True
    return is_last and not is_first and all(not option or option[0] is BLANK for option in node.options)


def _is_joinable(node: Node) -> bool:
    if isinstance(node, Choice):
        return all(_is_joinable(part) for option in node.options for part in option)
    return isinstance(node, Word) or node == NUMBER


def _every_optional(word: str) -> list[str]:
    """„colou?r“ as both words."""
    if "?" not in word:
        return [word]
    letters = [(letter, "") if optional else (letter,) for letter, optional in re.findall(r"([^?])(\??)", word)]
    return ["".join(parts) for parts in product(*letters[:LONGEST])][:_MOST_SPELLINGS]


def _group(parts: Iterable[str]) -> str:
    return f"(?:{'|'.join(dict.fromkeys(parts))})"


def _ending(text: str) -> str:
    return "".join(_ARCHIPHONEMES.get(letter) or re.escape(letter) for letter in text)


def _ranges(codes: list[str]) -> Iterator[str]:
    """Neighbours as ranges: words that stand together in a phrase mostly have codes in a row."""
    first = last = codes[0]
    for code in codes[1:]:
        if ord(code) != ord(last) + 1:
            yield first if first == last else f"{first}-{last}"
            first = code
        last = code
    yield first if first == last else f"{first}-{last}"


# --- phrases -----------------------------------------------------------------------------------------------------------


class Phrase:
    """A phrase that can be looked for, by an expression over the codes of a sentence."""

    __slots__ = ("_alphabet", "_fresh", "_patterns", "_watched", "has_signs", "shape")

    def __init__(self, shape: Callable[[], Shape], has_signs: bool, alphabet: Alphabet) -> None:
        self.shape = shape
        """What it looks like token after token; asked for when a text is first searched for it."""
        self.has_signs = has_signs
        """Whether it names a sign other than a blank, comma or dash: only then signs in the text count."""
        self._alphabet = alphabet
        self._watched: set[TokenClass] = set()
        self._patterns: list[re.Pattern[str] | None] = [None, None]
        self._fresh: tuple[set[str], set[str]] = (set(), set())
        """For each of the patterns, codes that have joined one of its classes since it was made."""

    def ways(self) -> list[Way]:
        """The ways of matching, so that a text that cannot hold one of them need not be searched."""
        return ways(self.shape(), _MOST_WAYS)

    def row_of_signs(self) -> tuple[TokenClass, ...]:
        """The signs of a phrase that is nothing but signs, each of one kind; else none."""
        return shapes.row_of_signs(self.shape())

    def needs_sign(self) -> tuple[TokenClass, ...]:
        """Classes of signs; every match holds a sign of one of them. None where it may do without any."""
        loose = [way.loose for way in self.ways()] if self.has_signs else []
        return tuple(dict.fromkeys(sign for signs in loose for sign in signs)) if all(loose) else ()

    def pattern(self, codes: str, bare: bool) -> re.Pattern[str]:
        """The expression with which these codes are searched; `bare` in a text without any umlaut: „a“ may be „ä“.

        It is made again only where it does not know one of them.
        """
        found = self._patterns[bare]
        if found is None or (self._fresh[bare] and not self._fresh[bare].isdisjoint(codes)):
            self._fresh[bare].clear()
            found = self._patterns[bare] = re.compile(self._render(self.shape(), bare))
        return found

    def _render(self, shape: Shape, bare: bool) -> str:
        if isinstance(shape, One):
            return self._codes(shape.bare if bare else shape.strict)
        if isinstance(shape, Row):
            return "".join(self._render(part, bare) for part in shape.parts)
        if isinstance(shape, Skip):
            return (_GAP_AMONG_SIGNS if self.has_signs else _GAP) % shape.words
        if isinstance(shape, Edge):
            return _EDGES_AMONG_SIGNS[shape.expression] if self.has_signs else shape.expression
        body = _group(self._render(option, bare) for option in shape.options)
        return body + "?" if shape.is_optional else body

    def _codes(self, wanted: TokenClass) -> str:
        atom = self._alphabet.atom(wanted)
        if wanted not in self._watched:
            self._watched.add(wanted)
            atom.watchers.append(self._outdate)
        return f"[{''.join(_ranges(sorted(atom.codes)))}]" if atom.codes else "(?!)"

    def _outdate(self, code: str) -> None:
        for fresh in self._fresh:
            fresh.add(code)
