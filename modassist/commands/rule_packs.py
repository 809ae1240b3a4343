"""`modassist rules`: what the rule packs are, whether they are sound, and what fires on a text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modassist.commands.run import Run, command, language
from modassist.digest.printable import one_line
from modassist.errors import RuleError

if TYPE_CHECKING:
    from modassist.config.settings import Settings
    from modassist.rules.rulebook import Hit, RulePacks

_SHOWN = (
    "title why phrases regex unless unless_post unless_signal needs needs_post needs_answered unless_answered sentence "
    "position max_words false_positives references"
).split()


@click.group("rules", short_help="The rule packs: list, show, check, test.")
def rules_group() -> None:
    """The rule packs: what they are, whether they are sound, what fires on a text."""


def _folders(settings: Settings) -> list[Path]:
    from modassist.resources import rules_root

    return [rules_root(), *settings.rules.folders]


def _packs(run: Run) -> RulePacks:
    from modassist.rules.rulebook import load_packs

    settings = run.settings()
    return load_packs(*_folders(settings), disable=settings.rules.disable)


@command("list", "modassist rules list --lang de --signal dismissal")
@click.option("--lang", type=language, metavar="de|en|fi", help="Only of this language.")
@click.option("--signal", help="Only of this signal or cue.")
def list_command(run: Run, lang: str | None, signal: str | None) -> None:
    """List the rules in force: id and title."""
    packs = _packs(run)
    chosen = [rule for rule in packs if lang in (None, rule.lang) and signal in (None, rule.name)]
    if signal and not chosen:
        known = sorted({rule.name for rule in packs})
        raise click.BadParameter(f"no rules for {signal!r}; there are {', '.join(known)}", param_hint="--signal")
    width = max((len(rule.id) for rule in chosen), default=0)
    for rule in chosen:
        click.echo(f"{rule.id:<{width}}  {one_line(rule.title)}")
    run.tell(f"{len(chosen)} rules")


@command("show", "modassist rules show de/dismissal/isolated-case")
@click.argument("rule_id", metavar="ID")
def show_command(run: Run, rule_id: str) -> None:
    """Show one rule: what it looks for, its conditions and its examples."""
    from modassist.rules.packfields import WEIGHTS

    packs = _packs(run)
    rule = packs.by_id.get(rule_id)
    if rule is None:
        from difflib import get_close_matches

        close = get_close_matches(rule_id, list(packs.by_id), n=1)
        raise RuleError(f"no rule {rule_id}", f"did you mean {close[0]}?" if close else "`modassist rules list`")
    click.echo(f"{rule.id}  ({_relative(rule.path)}:{rule.line})")
    _show_field("weight", next(word for word, weight in WEIGHTS.items() if weight == rule.weight))
    for name in _SHOWN:
        value = getattr(rule, name)
        if value and value != "any":
            _show_field(name, value)
    for name in ("must_match", "must_not_match", "known_gaps"):
        _show_field(name, tuple(_example(example) for example in getattr(rule, name)))


def _show_field(name: str, value: Any) -> None:
    if not isinstance(value, tuple):
        click.echo(f"  {name}: {one_line(str(value))}")
    elif value:
        click.echo(f"  {name}:")
        for entry in value:
            click.echo(f"    - {one_line(str(entry))}")


def _example(example: Any) -> str:
    text = _marked(example.text, example.marks)
    return f"{example.answered!r} -> {text}" if example.answered else text


def _marked(text: str, ranges: Iterable[tuple[int, int]]) -> str:
    at, parts = 0, []
    for start, end in sorted(ranges):
        if start >= at:
            parts += [text[at:start], "<<", text[start:end], ">>"]
            at = end
    return "".join([*parts, text[at:]])


@command("check", "modassist rules check my-rules/")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
def check_command(run: Run, paths: tuple[Path, ...]) -> None:
    """Prove the packs: every example of every rule, and all faults at once as path:line: id: what is wrong.

    Without PATHS: the packs in force, those of the package and those of your own folders.
    """
    from modassist.rules.rulecheck import check_paths

    checked = paths or tuple(_folders(run.settings()))
    faults = check_paths(checked)
    for fault in faults:
        path, colon, rest = fault.partition(":")
        run.complain(f"{_relative(Path(path))}{colon}{rest}")
    if faults:
        raise RuleError(f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'} in the rule packs")
    click.echo(f"{_count(checked)} rules are sound.")


def _count(paths: Iterable[Path]) -> int:
    from modassist.rules.packs import read_folders

    return len(read_folders(paths).rules)


def _relative(path: Path) -> Path:
    short = Path(os.path.relpath(path))
    return path if ".." in short.parts else short


@command("test", 'modassist rules test "Das ist ein Einzelfall." --answering "Die Pumpe ist schon wieder defekt."')
@click.argument("text")
@click.option("--lang", type=language, metavar="de|en|fi", help="Language of the text [found out].")
@click.option(
    "--role", type=click.Choice(["staff", "customer"]), default="staff", show_default=True, help="Who wrote it."
)
@click.option("--answering", metavar="TEXT", help="The customer's post that it answers.")
def test_command(run: Run, text: str, lang: str | None, role: str, answering: str | None) -> None:
    """Show which rules fire on TEXT (- reads standard input), with the exact words."""
    from modassist.rules.rulebook import Answered, combine, present

    text = sys.stdin.read() if text == "-" else text
    packs = _packs(run)
    lang = lang or _identified(text)
    answered = None
    if answering is not None:
        answered = Answered(answering, present(packs.find(answering, lang=lang, role="customer")))
    hits = packs.find(text, lang=lang, role=role, answered=answered)
    by_name: dict[str, list[Hit]] = {}
    for hit in hits:
        by_name.setdefault(hit.rule.name, []).append(hit)
    for name, found in by_name.items():
        click.echo(f"{name} {combine(found):.2f}")
        for hit in found:
            click.echo(f"  {hit.rule.id}: {one_line(text[hit.start : hit.end])}")
    run.tell(
        f"{lang}, {role}: {len(hits)} hits; present from 0.50. In a thread, context decides too: modassist analyse"
    )


def _identified(text: str) -> str:
    from modassist.model import LANGUAGES
    from modassist.text.language import load

    found = load().identify(text)
    if found not in LANGUAGES:
        raise click.UsageError(f"the language of the text is not one of {', '.join(LANGUAGES)}; say --lang")
    return found


for subcommand in (list_command, show_command, check_command, test_command):
    rules_group.add_command(subcommand)
