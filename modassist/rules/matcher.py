"""Posts against the rules of one language and role: a prefilter over tokens, then the phrases it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import repeat

from modassist.errors import RuleError
from modassist.rules.alphabet import Alphabet
from modassist.rules.copies import AnsweredCopy, Copy, Range
from modassist.rules.packfields import Line
from modassist.rules.packs import Rule
from modassist.rules.phrases import MOST_REQUIRED, Grammar, Phrase
from modassist.rules.regexes import required_literals, safe_regex


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


class Compiled:
    """A rule with its phrases read."""

    __slots__ = ("_grammar", "_read", "phrases", "regexes", "rule")

    def __init__(self, rule: Rule, grammar: Grammar) -> None:
        self.rule = rule
        self._grammar = grammar
        self._read: dict[str, tuple[Phrase, ...]] = {}
        self.phrases = [read_phrase(line, rule, grammar) for line in rule.phrases]
        self.regexes = [(required_literals(line), safe_regex(line, rule)) for line in rule.regex]

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


class Matcher:
    """The rules of one language and role, ready to search posts.

    A phrase is tried on a sentence only where of each class of tokens that it requires one stands there, in order.
    """

    def __init__(self, rules: Iterable[Rule], grammar: Grammar) -> None:
        self._alphabet = grammar.alphabet
        self._compiled = [Compiled(rule, grammar) for rule in rules]
        self._phrases = [(number, phrase) for number, one in enumerate(self._compiled) for phrase in one.phrases]
        self._regexes = [(number, *regex) for number, one in enumerate(self._compiled) for regex in one.regexes]
        self._rows: dict[str, list[int]] = {}
        """For each code and place, the ways (as bits) that require it there; the last place is every way's last."""
        self._begun = [0] * MOST_REQUIRED
        """For each place but the last, the ways that require nothing up to there."""
        self._owners = [number for number, (_, phrase) in enumerate(self._phrases) for _ in phrase.ways]
        """For each way of each phrase, the phrase."""
        for number, atoms in enumerate(atoms for _, phrase in self._phrases for atoms in phrase.atoms()):
            unused = MOST_REQUIRED - len(atoms)
            for place in range(unused):
                self._begun[place] |= 1 << number
            for place, atom in enumerate(atoms, unused):
                watch = partial(self._require, place, 1 << number)
                atom.watchers.append(watch)
                for code in atom.codes:
                    watch(code)

    def _require(self, place: int, way: int, code: str) -> None:
        self._rows.setdefault(code, [0] * MOST_REQUIRED)[place] |= way

    def find(self, copy: Copy, answered: AnsweredCopy | None) -> list[Hit]:
        """Hits of all rules whose conditions hold."""
        self._alphabet.tidy()
        ranges: dict[int, list[Range]] = {}
        for number, found in self._found(copy):
            ranges.setdefault(number, []).append(found)
        if not ranges:
            return []
        hits: list[Hit] = []
        for number in sorted(ranges):
            one = self._compiled[number]
            held = _held(one, _merged(ranges[number]), copy, answered, self._alphabet)
            hits += (Hit(one.rule, *found) for found in held)
        return _without_countered(hits)

    def _found(self, copy: Copy) -> Iterator[tuple[int, Range]]:
        """Rules, by number, with the places where one of their phrases or regexes stands."""
        alphabet, phrases, is_bare = self._alphabet, self._phrases, copy.is_bare
        words, tokens = copy.codes(alphabet, signs=False), copy.codes(alphabet, signs=True)
        for piece in range(len(tokens)):
            for candidate in self._candidates(tokens[piece]):
                number, phrase = phrases[candidate]
                pattern = phrase.patterns[is_bare]
                if pattern is None:
                    pattern, _ = ready(phrase, copy, alphabet)
                    words, tokens = copy.codes(alphabet, signs=False), copy.codes(alphabet, signs=True)
                codes = tokens[piece] if phrase.has_signs else words[piece]
                if pattern.search(codes) is not None:
                    found = copy.ranges(piece, pattern.finditer(codes), phrase.has_signs)
                    yield from zip(repeat(number), found)
        for number, literals, regex in self._regexes:
            if not literals or any(literal in copy.low for literal in literals):
                yield from ((number, found) for found in _regex_places(regex, copy))

    def _candidates(self, codes: str) -> list[int]:
        """Phrases, by number, all of whose required tokens stand in the sentence in their order.

        All phrases at once, a bit each: reading on, a phrase gets to a place once it has got to the place before it.
        """
        a, b, c, _ = self._begun
        left = 0
        for row in filter(None, map(self._rows.get, codes)):
            left |= c & row[3]
            c |= b & row[2]
            b |= a & row[1]
            a |= row[0]
        found: list[int] = []
        while left:
            lowest = left & -left
            found.append(self._owners[lowest.bit_length() - 1])
            left ^= lowest
        return list(dict.fromkeys(found))


def ready(phrase: Phrase, copy: Copy, alphabet: Alphabet) -> tuple[re.Pattern[str], list[str]]:
    """The phrase's expression and the codes that it is to be searched in.

    In this order, for the phrase's own words may be new to the alphabet, and a word met anew may be new to the phrase.
    """
    phrase.pattern(copy.is_bare)
    codes = copy.codes(alphabet, phrase.has_signs)
    return phrase.pattern(copy.is_bare), codes


def _regex_places(regex: re.Pattern[str], copy: Copy) -> Iterator[Range]:
    """Matches in the original text; none across a cut."""
    for (start, end), number in zip(copy.bounds, copy.sentence_of, strict=True):
        if start < end:
            first, last = copy.original(start, end)
            for match in regex.finditer(copy.text[first:last]):
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


def _held(
    one: Compiled, ranges: list[Range], copy: Copy, answered: AnsweredCopy | None, alphabet: Alphabet
) -> list[Range]:
    """The ranges for which all conditions of the rule hold, but for `unless_signal`."""
    rule = one.rule
    if rule.needs and (answered is None or answered.signals.isdisjoint(rule.needs)):
        return []
    if rule.max_words and len(copy.text.split()) > rule.max_words:
        return []
    ranges = [found for found in ranges if _is_placed(rule, found[2], copy)]
    if ranges and rule.unless:
        ranges = [found for found in ranges if not _stands(one.condition("unless"), copy, alphabet, found[2])]
    if ranges and rule.unless_post and _stands(one.condition("unless_post"), copy, alphabet):
        return []
    if ranges and rule.needs_post:
        others = [place for phrase in one.condition("needs_post") for place in _places(phrase, copy, alphabet)]
        ranges = [r for r in ranges if any(end <= r[0] or start >= r[1] for start, end, _ in others)]
    if ranges and (rule.needs_answered or rule.unless_answered) and not _fits_answered(one, answered, alphabet):
        return []
    return ranges


def _is_placed(rule: Rule, sentence: int, copy: Copy) -> bool:
    if rule.position == "first" and sentence != 0:
        return False
    if rule.position == "last" and sentence != copy.sentences - 1:
        return False
    return rule.sentence == "any" or (rule.sentence == "question") == copy.is_question(sentence)


def _fits_answered(one: Compiled, answered: AnsweredCopy | None, alphabet: Alphabet) -> bool:
    if answered is None:
        return not one.rule.needs_answered
    if one.rule.needs_answered and not _stands(one.condition("needs_answered"), answered.copy(), alphabet):
        return False
    return not (one.rule.unless_answered and _stands(one.condition("unless_answered"), answered.copy(), alphabet))


def _stands(phrases: Iterable[Phrase], copy: Copy, alphabet: Alphabet, sentence: int | None = None) -> bool:
    """Whether one of the phrases stands in the sentence, or anywhere."""
    pieces = range(len(copy.bounds)) if sentence is None else copy.pieces_of(sentence)
    for phrase in phrases:
        pattern, codes = ready(phrase, copy, alphabet)
        if any(pattern.search(codes[piece]) for piece in pieces):
            return True
    return False


def _places(phrase: Phrase, copy: Copy, alphabet: Alphabet) -> Iterator[Range]:
    pattern, codes = ready(phrase, copy, alphabet)
    for piece in range(len(codes)):
        yield from copy.ranges(piece, pattern.finditer(codes[piece]), phrase.has_signs)


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
