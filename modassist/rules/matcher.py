"""Posts against the rules of one language and role: a prefilter over tokens, then the phrases it names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from modassist.errors import RuleError
from modassist.rules.copies import AnsweredCopy, Copy, Range
from modassist.rules.packfields import Line
from modassist.rules.packs import Rule
from modassist.rules.phrases import Grammar, Phrase
from modassist.rules.plan import Plan, plan_of
from modassist.rules.regexes import required_literals, safe_regex
from modassist.rules.search import Search


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
    """A rule with its expressions and conditions, ready to be asked."""

    __slots__ = ("_grammar", "_read", "regexes", "rule")

    def __init__(self, rule: Rule, grammar: Grammar) -> None:
        self.rule = rule
        self._grammar = grammar
        self._read: dict[str, Search] = {}
        self.regexes = [(required_literals(line), safe_regex(line, rule)) for line in rule.regex]

    def condition(self, name: str) -> Search:
        """The phrases of a condition such as `unless`, read when first asked for."""
        found = self._read.get(name)
        if found is None:
            lines: tuple[Line, ...] = getattr(self.rule, name)
            phrases = [read_phrase(line, self.rule, self._grammar) for line in lines]
            found = self._read[name] = Search(phrases, self._grammar)
        return found


def read_phrase(line: Line, rule: Rule, grammar: Grammar) -> Phrase:
    """The phrase; a fault names the rule's file and line."""
    try:
        return grammar.phrase(line)
    except RuleError as error:
        raise RuleError(f"{rule.path}:{line.line}: {rule.id}: {error.message}", error.hint) from error


Planned = tuple[Sequence[Phrase], Plan]


def read_rules(rules: Iterable[Rule], grammar: Grammar) -> Planned:
    """The phrases of the rules, one after the other, and the plan by which they are looked for. Raises RuleError."""
    phrases = [read_phrase(line, rule, grammar) for rule in rules for line in rule.phrases]
    return phrases, plan_of(phrases, grammar.rarity)


class Matcher:
    """The rules of one language and role, ready to search posts."""

    def __init__(self, rules: Iterable[Rule], grammar: Grammar, planned: Planned | None = None) -> None:
        """`planned` is what `read_rules` made of the same rules, where the caller has it."""
        self._alphabet = grammar.alphabet
        self._compiled = [Compiled(rule, grammar) for rule in rules]
        self._owners = [number for number, one in enumerate(self._compiled) for _ in one.rule.phrases]
        """For each phrase, its rule."""
        phrases, plan = planned or read_rules([one.rule for one in self._compiled], grammar)
        self._search = Search(phrases, grammar, plan)
        self._regexes = [(number, *regex) for number, one in enumerate(self._compiled) for regex in one.regexes]
        every = [one.rule for one in self._compiled]
        self._needed = frozenset(name for rule in every for name in rule.needs)
        self._word_limits = sorted({rule.max_words for rule in every if rule.max_words})
        self._placed = frozenset(n for n, rule in enumerate(every) if (rule.position, rule.sentence) != ("any", "any"))
        self._closed: dict[tuple[frozenset[str], int], _Closed] = {}

    def find(self, copy: Copy, answered: AnsweredCopy | None) -> list[Hit]:
        """Hits of all rules whose conditions hold."""
        self._alphabet.tidy()
        ranges: dict[int, list[Range]] = {}
        for number, found in self._found(copy, self._closed_to(copy, answered)):
            ranges.setdefault(number, []).append(found)
        hits: list[Hit] = []
        for number in sorted(ranges):
            one = self._compiled[number]
            hits += (Hit(one.rule, *found) for found in _held(one, _merged(ranges[number]), copy, answered))
        return _without_countered(hits)

    def _found(self, copy: Copy, closed: _Closed) -> Iterator[tuple[int, Range]]:
        """Rules, by number, with the places where one of their phrases or regexes stands."""
        for piece, phrase in self._search.candidates(copy, closed.phrases):
            number = self._owners[phrase]
            if number not in self._placed or _is_placed(self._compiled[number].rule, copy.sentence_of[piece], copy):
                for found in self._search.matches(phrase, copy, piece):
                    yield number, found
        for number, literals, regex in self._regexes:
            if number not in closed.rules and (not literals or any(literal in copy.low for literal in literals)):
                for found in _regex_places(regex, copy):
                    if _is_placed(self._compiled[number].rule, found[2], copy):
                        yield number, found

    def _closed_to(self, copy: Copy, answered: AnsweredCopy | None) -> _Closed:
        """Rules that cannot hold in a post of this length that answers what it answers."""
        shown = self._needed & answered.signals if answered is not None else frozenset()
        words = bisect_left(self._word_limits, len(copy.text.split())) if self._word_limits else 0
        closed = self._closed.get((shown, words))
        if closed is None:
            limit = self._word_limits[words - 1] if words else 0
            every = [(number, one.rule) for number, one in enumerate(self._compiled)]
            rules = frozenset(
                number
                for number, rule in every
                if (rule.needs and shown.isdisjoint(rule.needs)) or 0 < rule.max_words <= limit
            )
            phrases = frozenset(phrase for phrase, owner in enumerate(self._owners) if owner in rules)
            closed = self._closed[shown, words] = _Closed(rules, phrases)
        return closed


@dataclass(frozen=True, slots=True)
class _Closed:
    """Rules, and their phrases, that need not be looked for in a post."""

    rules: frozenset[int]
    phrases: frozenset[int]


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


def _held(one: Compiled, ranges: list[Range], copy: Copy, answered: AnsweredCopy | None) -> list[Range]:
    """The ranges for which all conditions of the rule hold that are looked at after a hit, but for `unless_signal`."""
    rule = one.rule
    if rule.unless:
        unless, touched = one.condition("unless"), {found[2] for found in ranges}
        stopped = {sentence for sentence in touched if unless.stands_in(copy, sentence)}
        ranges = [found for found in ranges if found[2] not in stopped]
    if ranges and rule.unless_post and one.condition("unless_post").stands(copy):
        return []
    if ranges and rule.needs_post:
        others = list(one.condition("needs_post").places(copy))
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
    if one.rule.needs_answered and not one.condition("needs_answered").stands(answered.copy()):
        return False
    return not (one.rule.unless_answered and one.condition("unless_answered").stands(answered.copy()))


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
