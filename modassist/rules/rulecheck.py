"""Proves rule packs: what is written wrong, and every example that does not hold.

`python -m modassist.rulecheck [PATH...]` prints the faults, `--try LANG ROLE "text"` what fires on a post.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from modassist.errors import RuleError
from modassist.model import LANGUAGES, Signal
from modassist.resources import rules_root
from modassist.rules.matcher import Answered, Compiled, Hit, Matcher, present
from modassist.rules.packfields import Example, Fault, Line
from modassist.rules.packs import Folder, Rule, pack_files, read_folders
from modassist.rules.rulebook import RulePacks

_PHRASE_FIELDS = ("phrases", "unless", "unless_post", "needs_post", "needs_answered", "unless_answered")
_CONDITIONS: Mapping[str, object] = MappingProxyType(
    dict.fromkeys(
        ("unless_signal", "unless", "unless_post", "needs", "needs_post", "needs_answered", "unless_answered"), ()
    )
    | {"sentence": "any", "position": "any", "max_words": 0}
)
"""What may stop a rule, with the value that stops nothing."""


def check_paths(paths: Iterable[Path]) -> list[str]:
    """All faults of the packs at these paths (folders of packs, of one language, or files), in order of file and line.

    Other built-in packs are read too, for examples that need them; their faults are not reported.
    """
    paths = [path.resolve() for path in paths]
    wanted = {file.resolve() for path in paths for file in pack_files(path)}
    roots = dict.fromkeys([rules_root().resolve(), *map(_root_of, paths)])
    read = read_folders(roots)
    every = RulePacks(read)
    ours = [rule for rule in read.rules.values() if rule.path.resolve() in wanted]
    faults = {*read.faults, *_list_faults(read, every, wanted)}
    for rule in ours:
        faults.update(_unread(rule, every, compiles=True))
    unsound = {fault.id for fault in faults}
    prover = _Prover(every)
    for rule in ours:
        if rule.id not in unsound and not rule.disabled:
            faults.update(example_faults(rule, prover.packs_for(rule)))
    reported = [fault for fault in faults if fault.path.resolve() in wanted]
    return [str(fault) for fault in sorted(reported, key=lambda fault: (fault.path, fault.line, fault.message))]


class _Prover:
    """The packs that a rule's examples need: mostly the rule alone, which spares reading all the others."""

    def __init__(self, every: RulePacks) -> None:
        self._every = every
        self._sound: dict[str, RulePacks] = {}

    def packs_for(self, rule: Rule) -> RulePacks:
        examples = (*rule.must_match, *rule.must_not_match, *rule.known_gaps)
        if rule.unless_signal or any(example.answered is not None for example in examples):
            return self._all_of(rule.lang)
        return self._every.only({rule.id})

    def _all_of(self, lang: str) -> RulePacks:
        if lang not in self._sound:
            rules = [rule for rule in self._every if rule.lang == lang]
            self._sound[lang] = self._every.only({rule.id for rule in rules if not any(_unread(rule, self._every))})
        return self._sound[lang]


def _root_of(path: Path) -> Path:
    folder = path.parent if path.is_file() else path
    return folder.parent if folder.name in LANGUAGES else folder


def _list_faults(read: Folder, packs: RulePacks, wanted: Container[Path]) -> Iterator[Fault]:
    for lang, path in read.lists_files.items():
        for name, entries in read.lists[lang].items() if path.resolve() in wanted else ():
            try:
                packs.grammar(lang).listed(name)
            except RuleError as error:
                line = entries[0].line if entries and isinstance(entries[0], Line) else 1
                yield Fault(path, line, name, str(error))


def _unread(rule: Rule, packs: RulePacks, compiles: bool = False) -> Iterator[Fault]:
    """Phrases and expressions that cannot be read."""
    grammar = packs.grammar(rule.lang)
    for name in _PHRASE_FIELDS:
        for line in getattr(rule, name):
            try:
                phrase = grammar.phrase(line)
                if compiles:
                    phrase.pattern("", bare=False)
            except RuleError as error:
                yield Fault(rule.path, line.line, rule.id, f"{name}: {error}")
    for line in rule.regex:
        try:
            Compiled(replace(rule, phrases=(), regex=(line,)), grammar)
        except RuleError as error:
            yield Fault(rule.path, line.line, rule.id, str(error).split(f"{rule.id}: ", 1)[-1])


# --- examples --------------------------------------------------------------------------------------------------------


def example_faults(rule: Rule, packs: RulePacks) -> Iterator[Fault]:
    """Every example of the rule that does not hold."""
    cases = [
        *((example, _must_match) for example in rule.must_match),
        *((example, _must_not_match) for example in rule.must_not_match),
        *((example, _still_fails) for example in rule.known_gaps),
    ]
    for example, judge in cases:
        if message := judge(rule, example, packs):
            yield Fault(rule.path, example.line, rule.id, f"{message}: „{example.text}“")


def _must_match(rule: Rule, example: Example, packs: RulePacks) -> str:
    if not example.marks:
        return "must_match without marks, put << >> round the words that must be shown"
    if rule.needs_answered and example.answered is None:
        return "must_match needs the post being answered, write {customer: …, staff: …}"
    hits = _hits(rule, example, packs)
    shown = [(hit.start, hit.end) for hit in hits]
    if shown == list(example.marks):
        return ""
    if not shown:
        return f"must_match is not found{_reason(rule, example, packs)}"
    return f"must_match shows {_quoted(example, shown)}, marked is {_quoted(example, example.marks)}"


def _must_not_match(rule: Rule, example: Example, packs: RulePacks) -> str:
    shown = [(hit.start, hit.end) for hit in _hits(rule, example, packs)]
    return f"must_not_match is found by {_quoted(example, shown)}" if shown else ""


def _still_fails(rule: Rule, example: Example, packs: RulePacks) -> str:
    hits = _hits(rule, example, packs)
    if example.fails == "missed" and hits:
        return "known gap is found now, move it to must_match"
    if example.fails == "wrong" and not hits:
        return "known false alarm is gone, move it to must_not_match"
    return ""


def _quoted(example: Example, ranges: Iterable[tuple[int, int]]) -> str:
    return " + ".join(f"„{example.text[start:end]}“" for start, end in ranges)


def _hits(rule: Rule, example: Example, packs: RulePacks) -> list[Hit]:
    role = "staff" if rule.role == "any" else rule.role
    hits = packs.find(example.text, lang=rule.lang, role=role, answered=_answered(rule, example, packs))
    return [hit for hit in hits if hit.rule.id == rule.id]


def _answered(rule: Rule, example: Example, packs: RulePacks) -> Answered | None:
    """What the example answers; a plain text answers just what the rule needs."""
    if example.answered is None:
        return Answered("", frozenset(rule.needs)) if rule.needs else None
    other = "staff" if rule.role == "customer" else "customer"
    return Answered(example.answered, present(packs.find(example.answered, lang=rule.lang, role=other)))


def _reason(rule: Rule, example: Example, packs: RulePacks) -> str:
    """Which condition stops the rule, where one does."""
    answered = _answered(rule, example, packs)
    if rule.needs and answered and answered.signals.isdisjoint(rule.needs):
        shown = ", ".join(sorted(answered.signals)) or "nothing"
        return f", for the post being answered shows {shown} by the rules, not {' or '.join(rule.needs)}"
    for name, nothing in _CONDITIONS.items():
        freed = replace(rule, **{"unless_signal": (), name: nothing})  # type: ignore[arg-type]
        matcher = Matcher([freed], packs.grammar(rule.lang))
        if matcher.find(packs.copy(example.text, rule.lang), packs.answered_copy(answered, rule.lang)):
            return f", for {name} stops it"
    return ""


# --- the command -----------------------------------------------------------------------------------------------------


def _tried(lang: str, role: str, text: str, answered: str) -> Iterator[str]:
    """What fires on a post that answers the given one, or any complaint."""
    every = RulePacks(read_folders([rules_root()]))
    packs = every.only({rule.id for rule in every if rule.lang == lang and not any(_unread(rule, every))})
    other = "staff" if role == "customer" else "customer"
    signals = present(packs.find(answered, lang=lang, role=other)) if answered else frozenset([Signal.COMPLAINT])
    hits = packs.find(text, lang=lang, role=role, answered=Answered(answered, signals))
    for hit in hits:
        yield f"{hit.rule.id} [{hit.start}:{hit.end}] „{text[hit.start : hit.end]}“ {hit.rule.weight}"
    yield f"answers: {', '.join(sorted(signals)) or '-'}; shows: {', '.join(sorted(present(hits))) or '-'}"


def main(arguments: list[str]) -> int:
    """The command: 0 where nothing is wrong."""
    if arguments[:1] == ["--try"]:
        lang, role, text, *answered = arguments[1:]
        sys.stdout.writelines(f"{line}\n" for line in _tried(lang, role, text, " ".join(answered)))
        return 0
    faults = check_paths([Path(argument) for argument in arguments] or [rules_root()])
    sys.stdout.writelines(f"{line}\n" for line in [*faults, f"{len(faults)} faults"])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
