"""Words of a text as single characters, so that a phrase is a short regular expression over them.

A sentence becomes a string with one code per token: a word that phrases name has its own code; words that phrases mean
by a pattern (any ending, inflected forms) share the code of all words that the same patterns mean; every other word is
OTHER. A token class is then a set of characters, an alternative of a hundred words as quick as one.

Codes are given out as words are met, so a class can grow while a program runs: what was built from it is told (`Atom`).
Searching gives the same hits in whatever order texts are searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ahocorasick_rs import AhoCorasick

_WORD = r"\d+(?:[.,:]\d+)+(?!\w)|\w+(?:'\w+)*"
_WORDS = re.compile(_WORD)
_TOKENS = re.compile(_WORD + r"|[^\w\s,'/]")
_FIRST_SIGN, _FIRST_WORD = 0xF0000, 0xF0200
SIGN, OTHER = chr(_FIRST_SIGN), chr(_FIRST_WORD)
SIGNS = f"[{chr(_FIRST_SIGN)}-{chr(_FIRST_WORD - 1)}]"
WORDS = f"[^{chr(_FIRST_SIGN)}-{chr(_FIRST_WORD - 1)}]"
_SIGN_CODES = re.compile(SIGNS)
LONGEST = 60
"""A longer token is no word of a language: it is OTHER without a look at the patterns."""
_LAST_WORD = 0x10FFF0
_MOST_MET = 100_000
_MOST_LATE = 60


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


@dataclass(frozen=True, slots=True)
class TokenPattern:
    """Tokens meant together: `kind` is prefix, suffix, part, forms (a stem, then an ending) or regex.

    One of `texts` stands in each of them; none for a regex without one. `forms` are stems with the regex of endings.
    """

    kind: str
    texts: tuple[str, ...]
    forms: tuple[tuple[tuple[str, ...], str], ...] = ()
    regex: str = ""

    def matches(self, token: str) -> bool:
        if self.kind == "prefix":
            return token.startswith(self.texts)
        if self.kind == "suffix":
            return token.endswith(self.texts)
        if self.kind == "part":
            return any(text in token for text in self.texts)
        if self.kind == "regex":
            return _compiled(self.regex).fullmatch(token) is not None
        return any(
            token.startswith(stem) and _compiled(endings).fullmatch(token, len(stem))
            for stems, endings in self.forms
            for stem in stems
        )


@dataclass(frozen=True, slots=True)
class TokenClass:
    """A set of tokens: words as they are, and whatever the patterns mean."""

    words: frozenset[str] = frozenset()
    patterns: frozenset[TokenPattern] = frozenset()

    def __or__(self, other: TokenClass) -> TokenClass:
        return TokenClass(self.words | other.words, self.patterns | other.patterns)


class Atom:
    """The codes of a token class as far as its words have been met, and who wants to know of new ones."""

    __slots__ = ("codes", "watchers")

    def __init__(self, codes: set[str]) -> None:
        self.codes = codes
        self.watchers: list[Callable[[str], None]] = []

    def add(self, code: str) -> None:
        if code not in self.codes:
            self.codes.add(code)
            for watcher in self.watchers:
                watcher(code)


class Alphabet:
    """The codes of one language."""

    def __init__(self) -> None:
        self.version = 0
        """Rises when new phrases change the code of a token met before: texts must be encoded again."""
        self._atoms: dict[TokenClass, Atom] = {}
        self._met: dict[str, str] = _Met(self._meet)
        self._words: dict[str, str] = {}
        self._next_sign, self._next_word = _FIRST_SIGN + 1, _FIRST_WORD + 1
        self._by_patterns: dict[frozenset[TokenPattern], str] = {}
        self._codes: dict[TokenPattern, set[str]] = {}
        self._users: dict[TokenPattern, list[Atom]] = {}
        self._indexed: list[TokenPattern] = []
        self._late: list[TokenPattern] = []
        self._textless: list[TokenPattern] = []
        self._finder: AhoCorasick | None = None
        self._owners: list[list[TokenPattern]] = []

    def encode(self, low: str, start: int, end: int) -> str:
        """One code for each token of `low[start:end]`."""
        return "".join(map(self._met.__getitem__, _TOKENS.findall(low, start, end)))

    def tidy(self) -> None:
        """To be called between two texts: forgets tokens met, where a flood of them has filled the memory."""
        if len(self._met) > _MOST_MET:
            self._met.clear()

    def atom(self, wanted: TokenClass) -> Atom:
        """The atom of the class; the same class has one atom."""
        found = self._atoms.get(wanted)
        if found is None:
            codes = {self._word(word) for word in sorted(wanted.words)}
            for pattern in wanted.patterns:
                codes |= self._known(pattern)
            found = self._atoms[wanted] = Atom(codes)
            for pattern in wanted.patterns:
                self._users[pattern].append(found)
        return found

    def _word(self, word: str) -> str:
        """The word's own code."""
        code = self._words.get(word)
        if code is None:
            code = self._words[word] = self._new_code(word)
            self._forget(word)
        return code

    def _new_code(self, word: str) -> str:
        if is_sign(word):
            self._next_sign += 1
            return chr(min(self._next_sign, _FIRST_WORD) - 1)
        self._next_word += 1
        return chr(self._next_word - 1)

    def _forget(self, token: str) -> None:
        if self._met.pop(token, None) is not None:
            self.version += 1

    def _known(self, pattern: TokenPattern) -> set[str]:
        """Codes of the pattern so far; a new pattern is told to every token that was met before."""
        if pattern not in self._codes:
            code = self._by_patterns[frozenset([pattern])] = self._new_code("w")
            self._codes[pattern], self._users[pattern] = {code}, []
            (self._late if pattern.texts else self._textless).append(pattern)
            for token in [token for token in self._met if pattern.matches(token)]:
                self._forget(token)
        return self._codes[pattern]

    def _meet(self, token: str) -> str:
        """The code of a token that is met for the first time."""
        own = self._words.get(token)
        patterns = frozenset(self._patterns_of(token)) if len(token) <= LONGEST else frozenset()
        if not patterns:
            return own or (SIGN if is_sign(token) else OTHER)
        code = own or self._by_patterns.get(patterns)
        if code is None:
            if self._next_word >= _LAST_WORD:
                return OTHER
            code = self._by_patterns[patterns] = self._new_code("w")
        for pattern in patterns:
            if code not in self._codes[pattern]:
                self._codes[pattern].add(code)
                for atom in self._users[pattern]:
                    atom.add(code)
        return code

    def _patterns_of(self, token: str) -> Iterator[TokenPattern]:
        if len(self._late) > _MOST_LATE:
            self._index()
        yield from (pattern for pattern in (*self._textless, *self._late) if pattern.matches(token))
        if self._finder is None:
            return
        found = self._finder.find_matches_as_indexes(token, overlapping=True)
        for number in {match[0] for match in found}:
            yield from (pattern for pattern in self._owners[number] if pattern.matches(token))

    def _index(self) -> None:
        """Put the patterns that came late into the automaton, too."""
        self._indexed += self._late
        self._late = []
        owners: dict[str, list[TokenPattern]] = {}
        for pattern in self._indexed:
            for text in pattern.texts:
                owners.setdefault(text, []).append(pattern)
        self._owners = list(owners.values())
        self._finder = AhoCorasick(list(owners))


class _Met(dict[str, str]):
    """Tokens met, each with its code."""

    def __init__(self, meet: Callable[[str], str]) -> None:
        super().__init__()
        self._meet = meet

    def __missing__(self, token: str) -> str:
        code = self[token] = self._meet(token)
        return code


def is_sign(token: str) -> bool:
    """Whether the token is a sign, not a word or number."""
    return not (token[:1].isalnum() or token[:1] == "_")


def without_signs(codes: str) -> str:
    """The words alone."""
    return _SIGN_CODES.sub("", codes)


def token_bounds(low: str, start: int, end: int, signs: bool) -> list[tuple[int, int]]:
    """Where the tokens stand, with the signs or without."""
    tokens = _TOKENS if signs else _WORDS
    return [match.span() for match in tokens.finditer(low, start, end)]
