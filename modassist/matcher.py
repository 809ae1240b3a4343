"""Posts against the rules of one language and role: a prefilter for literals, then the phrases it names.

A post is matched sentence by sentence. A sentence beyond PIECE characters is matched in pieces cut at a blank, so that
the work grows with the length of the post and no faster; a phrase across such a cut is not found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from modassist.errors import RuleError
from modassist.model import Span
from modassist.packs import Line, Rule
from modassist.phrases import Grammar, Literal, Phrase
from modassist.regexes import required_literals, safe_regex

PIECE = 1_000

_SAME = {
    "'": "’‘‛ʼ´`′",
    " ": ",\"“”„‟«»‹›″()-‐‑‒–—―−\t\r\n"
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
"""What counts as the same sign: all that a blank in a phrase matches is a blank."""
_FOLD = str.maketrans({written: same for same, all_written in _SAME.items() for written in all_written})
_EDGE = re.compile(r"[ '\[\]*•·>.…]*")
_UMLAUTS = re.compile("[äöüß]")


@dataclass(frozen=True, slots=True)
class Answered:
    """The post being answered: its own words, and the names of signals (and cues) that it shows."""

    text: str
    signals: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that a rule found: `text[start:end]`, in the sentence of that index."""

    rule: Rule
    start: int
    end: int
    sentence: int


class Copy:
    """The text as it is matched: lower case, one kind of each sign, common misspellings righted.

    Its sentences are `bounds`, cut at PIECE; `sentence_of` says which sentence a piece belongs to.
    """

    __slots__ = ("_ends", "_spans", "_starts", "bounds", "is_bare", "low", "sentence_of", "text")

    def __init__(self, text: str, spans: Sequence[Span], spelling: Spelling | None = None) -> None:
        self.text = text
        self.low = folded(text)
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._spans = spans
        if spelling is not None:
            self._right(spelling)
        self.is_bare = _UMLAUTS.search(self.low) is None
        self.bounds: list[tuple[int, int]] = []
        self.sentence_of: list[int] = []
        for number, (start, end) in enumerate(self._sentence_bounds()):
            for piece in _pieces(self.low, start, end):
                self.bounds.append(piece)
                self.sentence_of.append(number)

    def _right(self, spelling: Spelling) -> None:
        """Put the right word for each misspelling, and remember where every character came from."""
        changes = spelling.changes(self.low)
        if not changes:
            return
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, right in [*changes, (len(self.low), len(self.low), "")]:
            parts += (self.low[at:start], right)
            starts += [*range(at, start), *[start] * len(right)]
            ends += [*range(at + 1, start + 1), *[end] * len(right)]
            at = end
        self.low, self._starts, self._ends = "".join(parts), starts, ends

    def _sentence_bounds(self) -> Iterator[tuple[int, int]]:
        if self._starts is None:
            yield from ((span.start, span.end) for span in self._spans)
            return
        for span in self._spans:
            yield bisect_right(self._starts, span.start - 1), bisect_right(self._starts, span.end - 1)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range in the original text for a range in the copy."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]

    def is_question(self, number: int) -> bool:
        span = self._spans[number]
        return self.text[span.start : span.end].rstrip(" \n\"'“”’»)*").endswith("?")

    @property
    def sentences(self) -> int:
        return len(self._spans)

    def sentence(self, number: int) -> Span:
        """The sentence's range in the original text."""
        return self._spans[number]


class AnsweredCopy:
    """The post being answered: signals that it shows, and its matching copy, made when first asked for."""

    __slots__ = ("_copy", "_make", "signals")

    def __init__(self, signals: frozenset[str], make: Callable[[], Copy]) -> None:
        self.signals = signals
        self._make = make
        self._copy: Copy | None = None

    def copy(self) -> Copy:
        if self._copy is None:
            self._copy = self._make()
        return self._copy


def folded(text: str) -> str:
    """Lower case and one kind of each sign, character by character: offsets stay what they were."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(letter if len(letter.lower()) != 1 else letter.lower() for letter in text)
    return low.translate(_FOLD)


def _pieces(low: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentence without the signs before its first word, cut at blanks where it is very long."""
    edge = _EDGE.match(low, start, end)
    start = edge.end() if edge is not None and edge.end() < end else start
    while end - start > PIECE:
        blank = low.rfind(" ", start + PIECE // 2, start + PIECE)
        cut = blank + 1 if blank > 0 else start + PIECE
        yield start, cut
        start = cut
    yield start, end


class Spelling:
    """Common misspellings of a language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        wrong = sorted((folded(word) for word in words), key=len, reverse=True)
        self.right = {folded(word): folded(right) for word, right in words.items()}
        self._finder = AhoCorasick(wrong) if wrong else None
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, wrong))})(?!\w)") if wrong else None

    def changes(self, low: str) -> list[tuple[int, int, str]]:
        """Ranges to be replaced with the right words, from left to right."""
        if self._finder is None or self._pattern is None or not self._finder.find_matches_as_indexes(low):
            return []
        return [(m.start(), m.end(), self.right[m.group()]) for m in self._pattern.finditer(low)]


Finder = Phrase | re.Pattern[str]


class Compiled:
    """A rule with its phrases read."""

    __slots__ = ("_grammar", "_read", "finders", "rule")

    def __init__(self, rule: Rule, grammar: Grammar) -> None:
        self.rule = rule
        self._grammar = grammar
        self._read: dict[str, tuple[Phrase, ...]] = {}
        self.finders: list[tuple[tuple[frozenset[Literal], ...], Finder]] = []
        for line in rule.phrases:
            phrase = read_phrase(line, rule, grammar)
            self.finders.append((phrase.required, phrase))
        for line in rule.regex:
            literals = frozenset(Literal(text, False) for text in required_literals(line))
            self.finders.append(((literals,) if literals else (), safe_regex(line, rule)))

    def condition(self, name: str) -> tuple[Phrase, ...]:
        """The phrases of a condition such as `unless`, read when first asked for."""
        found = self._read.get(name)
        if found is None:
            lines: tuple[Line, ...] = getattr(self.rule, name)
            found = self._read[name] = tuple(read_phrase(line, self.rule, self._grammar) for line in lines)
        return found


def read_phrase(line: Line, rule: Rule, grammar: Grammar) -> Phrase:
    """The phrase; a fault names the rule's file and line."""
    try:
        return grammar.phrase(line)
    except RuleError as error:
        raise RuleError(f"{rule.path}:{line.line}: {rule.id}: {error.message}", error.hint) from error


Range = tuple[int, int, int]
"""Start and end in the original text, and the number of the sentence."""


class Matcher:
    """The rules of one language and role, ready to search posts.

    A finder (phrase or regex) is tried on a sentence only where of each set of its required literals one stands there.
    Literals that are whole words are found among the sentence's words, parts of words by the automaton.
    """

    def __init__(self, rules: Iterable[Rule], grammar: Grammar) -> None:
        self._compiled = [Compiled(rule, grammar) for rule in rules]
        self._finders = [(number, finder) for number, one in enumerate(self._compiled) for _, finder in one.finders]
        self._others: list[tuple[frozenset[str], ...]] = []
        self._users: dict[str, list[int]] = {}
        self._always: list[int] = []
        parts: set[str] = set()
        every = (required for one in self._compiled for required, _ in one.finders)
        for number, required in enumerate(every):
            first, *others = [frozenset(map(_key, literals)) for literals in required] or [frozenset()]
            self._others.append(tuple(others))
            for key in first:
                self._users.setdefault(key, []).append(number)
            if not first:
                self._always.append(number)
            parts.update(literal.text for literals in required for literal in literals if not literal.is_whole)
        self._keys = frozenset(self._users)
        self._parts = [_PART + text for text in parts]
        self._automaton = AhoCorasick(list(parts)) if parts else None

    def find(self, copy: Copy, answered: AnsweredCopy | None) -> list[Hit]:
        """Hits of all rules whose conditions hold."""
        ranges: dict[int, list[Range]] = {}
        for finder, piece in self._candidates(copy):
            number, search = self._finders[finder]
            for found in _search(search, copy, piece):
                ranges.setdefault(number, []).append(found)
        if not ranges:
            return []
        hits: list[Hit] = []
        for number in sorted(ranges):
            one = self._compiled[number]
            held = _held(one, _merged(ranges[number]), copy, answered)
            hits += (Hit(one.rule, *found) for found in held)
        return _without_countered(hits)

    def _candidates(self, copy: Copy) -> Iterator[tuple[int, int]]:
        """Finders with the pieces of the text that hold what they require, each pair once."""
        users, others = self._users, self._others
        for piece, standing in enumerate(self._standing(copy)):
            finders = {finder for key in standing & self._keys for finder in users[key]}
            for finder in sorted(finders):
                if not any(standing.isdisjoint(literals) for literals in others[finder]):
                    yield finder, piece
            yield from ((finder, piece) for finder in self._always)

    def _standing(self, copy: Copy) -> list[set[str]]:
        """For each piece the keys of what stands in it: its words, and parts of words that some phrase requires."""
        low = copy.low
        standing = [set(_WORDS.findall(low, start, end)) for start, end in copy.bounds]
        if "'" in low:
            for (start, end), keys in zip(copy.bounds, standing, strict=True):
                keys.update(_APOSTROPHES.findall(low, start, end))
        if self._automaton is None or not standing:
            return standing
        starts, parts = [start for start, _ in copy.bounds], self._parts
        for literal, start, _ in self._automaton.find_matches_as_indexes(low, overlapping=True):
            standing[bisect_right(starts, start, 1) - 1].add(parts[literal])
        return standing


_PART = "*"
_WORDS = re.compile(r"\w+")
_APOSTROPHES = re.compile(r"\w+(?:'\w+)+")


def _key(literal: Literal) -> str:
    return literal.text if literal.is_whole else _PART + literal.text


def _search(finder: Finder, copy: Copy, piece: int) -> Iterator[Range]:
    start, end = copy.bounds[piece]
    number = copy.sentence_of[piece]
    if isinstance(finder, Phrase):
        for match in finder.pattern(copy.is_bare).finditer(copy.low[start:end]):
            yield *copy.original(start + match.start(), start + match.end()), number
        return
    first, _ = copy.original(start, start + 1)
    _, last = copy.original(end - 1, end)
    for match in finder.finditer(copy.text[first:last]):
        if match.end() > match.start():
            yield first + match.start(), first + match.end(), number


def _merged(ranges: list[Range]) -> list[Range]:
    """Overlapping ranges of one rule are one."""
    merged: list[Range] = []
    for start, end, number in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, number))
    return merged


# --- conditions ------------------------------------------------------------------------------------------------------


def _held(one: Compiled, ranges: list[Range], copy: Copy, answered: AnsweredCopy | None) -> list[Range]:
    """The ranges for which all conditions of the rule hold, but for `unless_signal`."""
    rule = one.rule
    if rule.needs and (answered is None or answered.signals.isdisjoint(rule.needs)):
        return []
    if rule.max_words and len(copy.text.split()) > rule.max_words:
        return []
    ranges = [found for found in ranges if _is_placed(rule, found[2], copy)]
    if ranges and rule.unless:
        ranges = [found for found in ranges if not _stands(one.condition("unless"), copy, found[2])]
    if ranges and rule.unless_post and _stands(one.condition("unless_post"), copy):
        return []
    if ranges and rule.needs_post:
        others = [place for phrase in one.condition("needs_post") for place in _places(phrase, copy)]
        ranges = [r for r in ranges if any(end <= r[0] or start >= r[1] for start, end, _ in others)]
    if ranges and (rule.needs_answered or rule.unless_answered) and not _fits_answered(one, answered):
        return []
    return ranges


def _is_placed(rule: Rule, sentence: int, copy: Copy) -> bool:
    if rule.position == "first" and sentence != 0:
        return False
    if rule.position == "last" and sentence != copy.sentences - 1:
        return False
    return rule.sentence == "any" or (rule.sentence == "question") == copy.is_question(sentence)


def _fits_answered(one: Compiled, answered: AnsweredCopy | None) -> bool:
    if answered is None:
        return not one.rule.needs_answered
    if one.rule.needs_answered and not _stands(one.condition("needs_answered"), answered.copy()):
        return False
    return not (one.rule.unless_answered and _stands(one.condition("unless_answered"), answered.copy()))


def _stands(phrases: Iterable[Phrase], copy: Copy, sentence: int | None = None) -> bool:
    """Whether one of the phrases stands in the sentence, or anywhere."""
    return any(next(_places(phrase, copy, sentence), None) is not None for phrase in phrases)


def _places(phrase: Phrase, copy: Copy, sentence: int | None = None) -> Iterator[Range]:
    if sentence is None and not any(literal.text in copy.low for literal in phrase.required[0]):
        return
    for piece, number in enumerate(copy.sentence_of):
        if sentence is None or number == sentence:
            yield from _search(phrase, copy, piece)


PRESENT = 0.5
"""From this score on a signal is present."""


def combine(hits: Iterable[Hit]) -> float:
    """The score of hits on one signal: different rules are independent evidence, one rule counts once."""
    missing = 1.0
    for weight in {hit.rule.id: hit.rule.weight for hit in hits}.values():
        missing *= 1.0 - weight
    return 1.0 - missing


def present(hits: Iterable[Hit]) -> frozenset[str]:
    """Names of the signals that are present by these hits, and of all cues."""
    by_name: dict[str, list[Hit]] = {}
    for hit in hits:
        by_name.setdefault(hit.rule.name, []).append(hit)
    return frozenset(name for name, its in by_name.items() if its[0].rule.cue or combine(its) >= PRESENT)


def _without_countered(hits: list[Hit]) -> list[Hit]:
    """Drop hits whose rule yields to a signal or cue that the post shows too."""
    if not any(hit.rule.unless_signal for hit in hits):
        return hits
    shown = present(hits)
    return [hit for hit in hits if shown.isdisjoint(hit.rule.unless_signal)]
