"""Commands about what is stored: `import`, `export`, `forget`, `purge`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from modassist.commands.progress import progress
from modassist.commands.reading import analyse_due, open_store, raise_for
from modassist.commands.run import Run, command, duration
from modassist.digest.printable import one_line
from modassist.errors import ModassistError


@command("import", "modassist import threads.jsonl.gz && modassist digest --stale")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--of-forum", is_flag=True, help="The threads are the configured forum's own: polling goes on with them.")
def import_command(run: Run, files: tuple[Path, ...], of_forum: bool) -> None:
    """Bring thread records from files into the database.

    FILES are as for analyse; - is standard input. Doing it twice changes nothing.
    """
    from modassist.pipeline import FILES
    from modassist.records.importing import import_records
    from modassist.records.threads import read_records
    from modassist.store.store import Store

    settings = run.settings()
    if of_forum and not settings.forum.url:
        raise ModassistError("--of-forum needs a forum, and none is configured", "set forum.url, or leave the flag out")
    found = (record for file in files for record in read_records(file))
    with Store.open(settings.database) as store, progress(run, "importing threads") as tell:
        report = import_records(
            store,
            found,
            source=settings.forum.url if of_forum else FILES,
            seen_at=run.now(settings.timezone),
            on_bad=lambda bad: run.complain(str(bad)),
            on_progress=lambda done: tell(done, 0),
        )
    run.tell(f"{report.threads} threads stored: {report.posts_new} new posts, {report.posts_changed} changed")
    if report.bad:
        what = "record" if report.bad == 1 else "records"
        raise ModassistError(f"{report.bad} {what} could not be read", "the others are stored")


@command("export", "modassist export --format csv --output findings.csv")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    default="jsonl",
    show_default=True,
    help="Output.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of standard output.")
def export_command(run: Run, form: str, output: Path | None) -> None:
    """Write every finding of the database as rows.

    One row for each piece of evidence; parquet needs the extra of that name.
    """
    from modassist.pipeline import Desk
    from modassist.records.export import export

    settings = run.settings()
    with open_store(settings) as store:
        report = analyse_due(run, Desk(store, settings, run.now(settings.timezone)))
        if output is None or str(output) == "-":
            rows = export(store, form, sys.stdout.buffer)
        else:
            with _created(output) as out:
                rows = export(store, form, out)
    run.tell(f"{rows} rows written")
    raise_for(None, report)


def _created(output: Path) -> Any:
    try:
        return output.open("wb")
    except OSError as fault:
        raise ModassistError(f"{output}: cannot be written: {fault.strerror}", "--output another file") from fault


@command("forget", "modassist forget winni --yes")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_command(run: Run, user: str, yes: bool) -> None:
    """Remove a person's texts and name from the database.

    For good: later polls do not bring them back. Asks first.
    """
    settings = run.settings()
    with open_store(settings) as store:
        if not yes:
            _confirm(f"Remove everything of {one_line(user)!r} from {settings.database}?")
        report = store.forget(user, now=run.now(settings.timezone))
    click.echo(
        f"{report.posts} posts emptied, {report.quoting} posts of others that named the person changed, "
        f"{report.threads} threads are judged again."
    )


@command("purge", "modassist purge --older-than 180d")
@click.option(
    "--older-than", type=duration, metavar="DURATION", help="Age of a thread's last post [privacy.retention_days]."
)
def purge_command(run: Run, older_than: timedelta | None) -> None:
    """Remove threads in which nobody has written for long.

    With all their texts, and without asking: made for a timer.
    """
    settings = run.settings()
    age = older_than or timedelta(days=settings.privacy.retention_days)
    with open_store(settings) as store:
        report = store.purge(run.now(settings.timezone) - age)
    click.echo(f"{report.threads} threads with {report.posts} posts removed.")


def _confirm(question: str) -> None:
    try:
        is_sure = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        is_sure = False
    if not is_sure:
        raise ModassistError("nothing was removed: not confirmed", "answer y, or say --yes")
