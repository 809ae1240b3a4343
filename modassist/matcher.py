"""Posts against the rules of one language and role: a prefilter for literals, then the phrases it names.

A post is matched sentence by sentence. A sentence beyond PIECE characters is matched in pieces cut at a blank, so that
the work grows with the length of the post and no faster; a phrase across such a cut is not found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ahocorasick_rs import AhoCorasick

from modassist.alphabet import SIGN, Alphabet, token_bounds, without_signs
from modassist.errors import RuleError
from modassist.model import Span
from modassist.packs import Line, Rule
from modassist.phrases import Grammar, Phrase
from modassist.regexes import required_literals, safe_regex

PIECE = 1_000

_SAME = {
    "'": "’‘‛ʼ´`′",
    " ": "\"“”„‟«»‹›″()-‐‑‒–—―−\t\r\n"
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
"""What counts as the same sign: all that a blank in a phrase matches is a blank."""
_FOLD = str.maketrans({written: same for same, all_written in _SAME.items() for written in all_written})
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


Range = tuple[int, int, int]
"""Start and end in the original text, and the number of the sentence."""


class Copy:
    """The text as it is matched: lower case, one kind of each sign, common misspellings righted.

    Its sentences are `bounds`, cut at PIECE; `sentence_of` says which sentence a piece belongs to.
    """

    __slots__ = ("_ends", "_encoded", "_spans", "_starts", "bounds", "is_bare", "low", "sentence_of", "text")

    def __init__(self, text: str, spans: Sequence[Span], spelling: Spelling | None = None) -> None:
        self.text = text
        self.low = folded(text)
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._spans = spans
        self._encoded: tuple[int, list[str], list[str]] = (-1, [], [])
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

    def codes(self, alphabet: Alphabet, signs: bool) -> list[str]:
        """The codes of each piece, with signs or of words alone; encoded again where new phrases changed them."""
        if self._encoded[0] != alphabet.version:
            every = [alphabet.encode(self.low, start, end) for start, end in self.bounds]
            self._encoded = (alphabet.version, list(map(without_signs, every)), every)
        return self._encoded[2 if signs else 1]

    def ranges(self, piece: int, matches: Iterable[re.Match[str]], signs: bool) -> Iterator[Range]:
        """Where in the original text the matches in the piece's codes stand."""
        bounds: list[tuple[int, int]] = []
        for match in matches:
            bounds = bounds or token_bounds(self.low, *self.bounds[piece], signs)
            first, last = match.span()
            while signs and first < last - 1 and match.string[first] == SIGN:
                first += 1
            while signs and first < last - 1 and match.string[last - 1] == SIGN:
                last -= 1
            yield *self.original(bounds[first][0], bounds[last - 1][1]), self.sentence_of[piece]

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
    """The sentence, cut at blanks where it is very long."""
    while end - start > PIECE:
        blank = low.rfind(" ", start + PIECE // 2, start + PIECE)
        cut = blank + 1 if blank > 0 else start + PIECE
        yield start, cut
        start = cut
    yield start, end


class Spelling:
    """Common misspellings of a language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._wrong = [folded(word) for word in words]
        self._right = [folded(right) for right in words.values()]
        self._finder = AhoCorasick(self._wrong) if words else None

    def changes(self, low: str) -> list[tuple[int, int, str]]:
        """Ranges to be replaced with the right words, from left to right."""
        if self._finder is None:
            return []
        found: list[tuple[int, int, str]] = []
        for number, start, end in self._finder.find_matches_as_indexes(low, overlapping=True):
            is_word = not low[start - 1 : start].isalnum() and not low[end : end + 1].isalnum()
            if is_word and not (found and found[-1][0] <= start < found[-1][1]):
                while found and start <= found[-1][0]:
                    found.pop()
                found.append((start, end, self._right[number]))
        return found


Finder = Phrase | re.Pattern[str]


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

    A phrase is tried on a sentence only where of each class of tokens that it requires one stands there.
    """

    def __init__(self, rules: Iterable[Rule], grammar: Grammar) -> None:
        self._alphabet = grammar.alphabet
        self._compiled = [Compiled(rule, grammar) for rule in rules]
        self._phrases = [(number, phrase) for number, one in enumerate(self._compiled) for phrase in one.phrases]
        self._regexes = [(number, *regex) for number, one in enumerate(self._compiled) for regex in one.regexes]
        self._rows: dict[str, list[int]] = {}
        """For each code, and each of the places in `required`, the phrases (as bits) that the code satisfies there."""
        self._satisfied = [0] * _PLACES
        """For each place the phrases that require nothing there."""
        for number, (_, phrase) in enumerate(self._phrases):
            atoms = phrase.atoms()[:_PLACES]
            for place in range(_PLACES):
                if place >= len(atoms):
                    self._satisfied[place] |= 1 << number
                    continue
                watch = partial(self._satisfy, place, 1 << number)
                atoms[place].watchers.append(watch)
                for code in atoms[place].codes:
                    watch(code)

    def _satisfy(self, place: int, phrase: int, code: str) -> None:
        self._rows.setdefault(code, [0] * _PLACES)[place] |= phrase

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
        version = alphabet.version
        words, every = copy.codes(alphabet, signs=False), copy.codes(alphabet, signs=True)
        for piece, standing in enumerate(every):
            for candidate in self._candidates(standing):
                number, phrase = phrases[candidate]
                pattern = phrase.pattern(is_bare)
                if alphabet.version != version:
                    version = alphabet.version
                    words, every = copy.codes(alphabet, signs=False), copy.codes(alphabet, signs=True)
                codes = every[piece] if phrase.has_signs else words[piece]
                if pattern.search(codes) is None:
                    continue
                for found in copy.ranges(piece, pattern.finditer(codes), phrase.has_signs):
                    yield number, found
        for number, literals, regex in self._regexes:
            if not literals or any(literal in copy.low for literal in literals):
                yield from ((number, found) for found in _regex_places(regex, copy))


    def _candidates(self, codes: str) -> list[int]:
        """Phrases, by number, all of whose required tokens stand in the sentence."""
        a, b, c, d = self._satisfied
        for row in filter(None, map(self._rows.get, set(codes))):
            a |= row[0]
            b |= row[1]
            c |= row[2]
            d |= row[3]
        left = a & b & c & d
        found: list[int] = []
        while left:
            lowest = left & -left
            found.append(lowest.bit_length() - 1)
            left ^= lowest
        return found


_PLACES = 4
"""How many of a phrase's required classes the prefilter looks at."""


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
    pieces = [piece for piece, number in enumerate(copy.sentence_of) if sentence is None or number == sentence]
    for phrase in phrases:
        pattern = phrase.pattern(copy.is_bare)
        codes = copy.codes(alphabet, phrase.has_signs)
        if any(pattern.search(codes[piece]) for piece in pieces):
            return True
    return False


def _places(phrase: Phrase, copy: Copy, alphabet: Alphabet) -> Iterator[Range]:
    pattern = phrase.pattern(copy.is_bare)
    for piece, codes in enumerate(copy.codes(alphabet, phrase.has_signs)):
        yield from copy.ranges(piece, pattern.finditer(codes), phrase.has_signs)


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
