"""Words of a text as single characters, so that a phrase is a short regular expression over them.

A sentence becomes a string with one code per token: a word that phrases name has its own code; words that phrases mean
by a pattern (any ending, inflected forms) share the code of all words that the same patterns mean; every other word is
OTHER. A token class is then a set of characters, an alternative of a hundred words as quick as one.

Codes are given out as words are met, so a class can grow while a program runs: what was built from it is told (`Atom`).
Searching gives the same hits in whatever order texts are searched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from ahocorasick_rs import AhoCorasick

_WORD = r"(?:\d+(?:[.,:]\d+)+(?!\w)|\w++(?:'\w++)*+)"
_WORDS = re.compile(_WORD)
_TOKENS = re.compile(_WORD + r"|[^\w\s,'/]|\n")
_FIRST_SIGN, _FIRST_WORD = 0xF0000, 0xF0200
SIGN, OTHER = chr(_FIRST_SIGN), chr(_FIRST_WORD)
SIGNS = f"[{chr(_FIRST_SIGN)}-{chr(_FIRST_WORD - 1)}]"
WORDS = f"[^{chr(_FIRST_SIGN)}-{chr(_FIRST_WORD - 1)}]"
BREAK = "\n"
"""Sets sentences apart where their codes stand in one string; no token has it as its code."""
LONGEST = 60
"""A longer token is no word of a language: it is OTHER without a look at the patterns."""
_LAST_WORD = 0x10FFF0
_MOST_MET = 100_000
_WORTH_INDEXING = 2_000


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
        self._met = _Met(self._meet)
        self._words: dict[str, str] = {BREAK: BREAK}
        self._next_sign, self._next_word = _FIRST_SIGN + 1, _FIRST_WORD + 1
        self._by_patterns: dict[frozenset[TokenPattern], str] = {}
        self._codes: dict[TokenPattern, set[str]] = {}
        self._users: dict[TokenPattern, list[Atom]] = {}
        self._indexed: list[TokenPattern] = []
        self._late: list[TokenPattern] = []
        self._textless: list[TokenPattern] = []
        self._finder: AhoCorasick | None = None
        self._owners: list[tuple[list[TokenPattern], ...]] = []
        """For each text of the automaton, patterns with it at the start of a token, at its end, anywhere; others."""
        self._tried = 0

    def encode(self, low: str) -> list[str]:
        """One code for each token, BREAK for BREAK. A list, as the codes keep their hashes for the look-ups to come."""
        return list(map(self._met.__getitem__, _TOKENS.findall(low)))

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

    def codes_of(self, wanted: Iterable[TokenClass]) -> frozenset[str]:
        """The codes of all these classes, as far as their words have been met."""
        return frozenset().union(*(self.atom(one).codes for one in wanted))

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
        """The patterns that mean the token. Late ones join the automaton when trying them has cost as much as that."""
        self._tried += len(self._late)
        if self._tried > _WORTH_INDEXING + len(self._owners):
            self._index()
        yield from (pattern for pattern in (*self._textless, *self._late) if pattern.matches(token))
        if self._finder is None:
            return
        seen: set[TokenPattern] = set()
        for number, start, end in self._finder.find_matches_as_indexes(token, overlapping=True):
            at_start, at_end, anywhere, unsure = self._owners[number]
            seen.update(anywhere)
            seen.update(pattern for pattern in unsure if pattern.matches(token))
            if start == 0:
                seen.update(pattern for pattern in at_start if pattern.kind == "prefix" or pattern.matches(token))
            if end == len(token):
                seen.update(at_end)
        yield from seen

    def _index(self) -> None:
        """Put the patterns that came late into the automaton, too."""
        self._indexed += self._late
        self._late, self._tried = [], 0
        owners: dict[str, tuple[list[TokenPattern], ...]] = {}
        for pattern in self._indexed:
            place = _PLACES.index(pattern.kind) if pattern.kind in _PLACES else len(_PLACES)
            for text in pattern.texts:
                owners.setdefault(text, ([], [], [], []))[max(0, place - 1)].append(pattern)
        self._owners = list(owners.values())
        self._finder = AhoCorasick(list(owners))


_PLACES = ("forms", "prefix", "suffix", "part")
"""Kinds of patterns by where their text stands in a token: at its start twice, at its end, anywhere."""


class _Met(dict[str, str]):
    """Tokens that were met, with their codes."""

    def __init__(self, meet: Callable[[str], str]) -> None:
        super().__init__()
        self._meet = meet

    def __missing__(self, token: str) -> str:
        code = self[token] = self._meet(token)
        return code


def is_sign(token: str) -> bool:
    """Whether the token is a sign, not a word or number."""
    return not (token[:1].isalnum() or token[:1] == "_")


def is_sign_code(code: str) -> bool:
    return _FIRST_SIGN <= ord(code) < _FIRST_WORD


def without_signs(codes: Iterable[str]) -> list[str]:
    """The words alone, and BREAKs."""
    return [code for code in codes if code >= OTHER or code == BREAK]


def tokens(low: str) -> list[str]:
    """The tokens of a text, signs too."""
    return _TOKENS.findall(low)


def token_places(low: str, start: int, end: int, signs: bool) -> list[re.Match[str]]:
    """Where the tokens stand, with the signs or without."""
    return list((_TOKENS if signs else _WORDS).finditer(low, start, end))
