"""evaluate: labelled threads against what the program says of them."""

from __future__ import annotations

from pathlib import Path

import click

from modassist.commands.run import Run, command
from modassist.errors import ModassistError


@command("evaluate", "modassist evaluate gold/*.jsonl --errors flagged")
@click.argument("gold", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json", "html"]),
    default="table",
    show_default=True,
    help="Output; the HTML has plots.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of standard output.")
@click.option(
    "--errors",
    "wanted",
    metavar="LABEL",
    is_flag=False,
    flag_value="all",
    help="List every miss and false alarm of this label, or of all.",
)
@click.option("--rules-only", is_flag=True, help="Without the trained model.")
def evaluate_command(
    run: Run, gold: tuple[Path, ...], form: str, output: Path | None, wanted: str | None, rules_only: bool
) -> None:
    """Measure precision, recall and F1 on labelled threads.

    GOLD are thread records whose posts bear "gold": {"signals": [...]}, staff replies also "flagged"; on the
    thread "gold": {"lang", "states", "escalate"} are optional. Each is judged at its own "now".
    """
    from modassist.evaluation.observe import LABELS, observe
    from modassist.evaluation.report import as_html, as_json, as_markdown, as_table, errors, report
    from modassist.records.stream import load_judge

    if wanted not in (None, "all", *LABELS):
        raise click.BadParameter(f"{wanted!r} is no label; known are all, {', '.join(LABELS)}", param_hint="--errors")
    settings = run.settings(**({"detection__model": "off"} if rules_only else {}))
    judge = load_judge(settings, run.now(settings.timezone))
    observed = observe(gold, judge.detectors_for(None), settings.limits)
    for bad in observed.bad:
        run.complain(str(bad))
    if observed.items:
        by = "rules alone" if judge.weighers is None else f"rules and model {judge.weighers.name}"
        write = {"table": as_table, "markdown": as_markdown, "json": as_json, "html": as_html}[form]
        text = write(report(observed, by))
        if output is None:
            click.echo(text)
        else:
            output.write_text(text + "\n", encoding="utf-8")
        for line in errors(observed, None if wanted == "all" else wanted) if wanted else ():
            click.echo(line)
    if observed.bad:
        raise ModassistError(f"{len(observed.bad)} of the records could not be used", "the others are measured")
