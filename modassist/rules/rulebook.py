"""The rule packs as one thing: load them, search a post, prove them.

Words of a language stand in the YAML packs under rules/, never here. Reading them is `packs`, their notation `phrases`,
searching `matcher`, proving `rulecheck`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from modassist.errors import RuleError
from modassist.model import LANGUAGES, Role, Span
from modassist.rules.copies import AnsweredCopy, Copy, Spelling
from modassist.rules.inflection import Inflection
from modassist.rules.matcher import PRESENT, Answered, Hit, Matcher, Planned, combine, present, read_rules
from modassist.rules.packfields import CUES, nearest
from modassist.rules.packs import Folder, Rule, read_folders
from modassist.rules.phrases import Grammar
from modassist.rules.planfile import from_bytes, to_bytes
from modassist.rules.shelf import Shelf, digest_of
from modassist.text.own_words import sentences

__all__ = ["CUES", "PRESENT", "Answered", "Hit", "Rule", "RulePacks", "check", "combine", "load_packs", "present"]

_MOST_KNOWN = 2_000


def load_packs(*folders: Path, disable: Sequence[str] = (), shelf: Shelf | None = None) -> RulePacks:
    """The packs of all folders; a rule in a later one replaces the rule of the same id.

    `disable` switches rules off by id, `*` for any part of it. What is made of the rules is kept on the shelf. Raises
    RuleError with all faults at once.
    """
    read = read_folders(folders)
    if read.faults:
        faults = tuple(map(str, read.faults))
        raise RuleError(f"{len(faults)} faults in the rule packs, the first: {faults[0]}", faults=faults)
    for pattern in disable:
        if not any(fnmatchcase(id, pattern) for id in read.rules):
            raise RuleError(f"no rule „{pattern}“ to disable", nearest(pattern, read.rules))
    return RulePacks(read, disable=disable, shelf=shelf)


class RulePacks:
    """All rules that are in force, in the order of their files. Searching the same post twice gives the same hits."""

    def __init__(self, read: Folder, *, disable: Sequence[str] = (), shelf: Shelf | None = None) -> None:
        rules = (rule for rule in read.rules.values() if not rule.disabled)
        kept = [rule for rule in rules if not any(fnmatchcase(rule.id, pattern) for pattern in disable)]
        self.by_id: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in kept})
        self._read = read
        self._shelf = shelf
        self._grammars: dict[str, Grammar] = {}
        self._spellings: dict[str, Spelling] = {}
        self._matchers: dict[tuple[str, str], Matcher] = {}
        self._known: dict[tuple[str, str, Role, frozenset[str] | None], Sequence[Hit]] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)

    def counts(self) -> dict[tuple[str, str], int]:
        """Number of rules by language and by signal or cue."""
        return dict(Counter((rule.lang, rule.name) for rule in self))

    def find(
        self,
        text: str,
        *,
        lang: str,
        role: Role | str,
        answered: Answered | None = None,
        spans: Sequence[Span] | None = None,
    ) -> list[Hit]:
        """What the rules of that language and role find in a post's own words, cues included.

        `spans` are the post's sentences, where the caller has them. Offsets count in `text`. Other languages than the
        three, and automatic posts, give nothing. Raises RuleError where a phrase of the language cannot be read.
        """
        return self._hits(text, lang, role, self.answered_copy(answered, lang), spans)

    def find_again(self, text: str, *, lang: str, role: Role, answered: Answered | None = None) -> Sequence[Hit]:
        """As `find`, for texts that come again and again: hits that did not depend on the answered words are kept."""
        key = (text, lang, role, answered.signals if answered is not None else None)
        known = self._known.get(key)
        if known is not None:
            return known
        asked = self.answered_copy(answered, lang)
        hits = self._hits(text, lang, role, asked)
        if asked is None or not asked.is_read:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = hits
        return hits

    def _hits(
        self, text: str, lang: str, role: Role | str, asked: AnsweredCopy | None, spans: Sequence[Span] | None = None
    ) -> list[Hit]:
        if lang not in LANGUAGES or role not in ("staff", "customer") or not text:
            return []
        return self._matcher(lang, str(role)).find(self.copy(text, lang, spans), asked)

    def copy(self, text: str, lang: str, spans: Sequence[Span] | None = None) -> Copy:
        """The text as it is matched in that language."""
        return Copy(text, sentences(text) if spans is None else spans, self._spelling(lang))

    def answered_copy(self, answered: Answered | None, lang: str) -> AnsweredCopy | None:
        """The post being answered, read when a condition first asks for its words."""
        if answered is None:
            return None
        return AnsweredCopy(answered.signals, lambda: self.copy(answered.text, lang))

    def grammar(self, lang: str) -> Grammar:
        """What phrases of the language are read with."""
        if lang not in self._grammars:
            lists = self._read.lists.get(lang, {})
            inflection = Inflection(lang, self._read.inflection.get(lang, {}))
            self._grammars[lang] = Grammar(lang, lists, inflection, self._examples(lang))
        return self._grammars[lang]

    def only(self, ids: Container[str]) -> RulePacks:
        """The same packs with these rules alone; what was read of phrases is shared."""
        kept = {id: rule for id, rule in self.by_id.items() if id in ids}
        packs = RulePacks(replace(self._read, rules=kept))
        packs._grammars = self._grammars
        return packs

    def _spelling(self, lang: str) -> Spelling:
        if lang not in self._spellings:
            self._spellings[lang] = Spelling(self._read.spelling.get(lang, {}))
        return self._spellings[lang]

    def _matcher(self, lang: str, role: str) -> Matcher:
        key = (lang, role)
        if key not in self._matchers:
            wanted = [rule for rule in self if rule.lang == lang and rule.role in (role, "any")]
            self._matchers[key] = Matcher(wanted, self.grammar(lang), self._planned(wanted, lang, role))
        return self._matchers[key]

    def _planned(self, rules: Sequence[Rule], lang: str, role: str) -> Planned | None:
        """The phrases of the rules and how to look for them: from the shelf, or put there."""
        if self._shelf is None:
            return None
        grammar, kind = self.grammar(lang), f"{lang}-{role}"
        lists, tables = self._read.lists.get(lang, {}), self._read.inflection.get(lang, {})
        digest = digest_of((lang, lists, tables, self._examples(lang), [rule.phrases for rule in rules]))
        kept = self._shelf.take(kind, digest, lambda content: from_bytes(content, grammar.alphabet))
        if kept is not None:
            return kept
        made = read_rules(rules, grammar)
        self._shelf.keep(kind, digest, to_bytes(*made))
        return made

    def _examples(self, lang: str) -> list[str]:
        """Texts to learn from which words of the language are rare."""
        rules = (rule for rule in self._read.rules.values() if rule.lang == lang)
        return [example.text for rule in rules for example in (*rule.must_match, *rule.must_not_match)]


def check(paths: Iterable[Path]) -> list[str]:
    """All faults of the packs at these paths as `path:line: id: what is wrong, what to write instead`."""
    from modassist.rules.rulecheck import check_paths

    return check_paths(paths)
