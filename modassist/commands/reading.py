"""Commands that read and judge: `poll`, `analyse`, `digest`, `show`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modassist.commands.progress import progress
from modassist.commands.run import (
    Run,
    command,
    duration,
    shows_colour,
    terminal_width,
    write_output,
)
from modassist.digest.printable import one_line
from modassist.errors import ConfigError, ModassistError, StoreError

if TYPE_CHECKING:
    from modassist.config.settings import Settings
    from modassist.forum.poll import PollReport
    from modassist.pipeline import Desk, Report


@command("poll", "modassist poll --url https://community.example.com")
@click.option("--url", help="Address of the forum, in place of the configured one.")
@click.option("--full", is_flag=True, help="Read every thread again, not only what changed.")
def poll_command(run: Run, url: str | None, full: bool) -> None:
    """Bring what is new from the forum into the database and judge it.

    Resumes where it stopped, also after a kill. Never writes to the forum.
    """
    from modassist.pipeline import Desk
    from modassist.store.store import Store

    settings = run.settings(forum__url=url)
    if not settings.forum.url:
        raise ConfigError("no forum is configured", "`modassist init` sets one up, or say --url")
    with Store.open(settings.database) as store:
        desk = Desk(store, settings, run.now(settings.timezone))
        polled = poll_forum(run, desk, full=full)
        report = analyse_due(run, desk)
    raise_for(polled, report)


def poll_forum(run: Run, desk: Desk, *, full: bool = False) -> PollReport:
    """Polls the configured forum and says what came of it."""
    from modassist.forum.discourse import Forum
    from modassist.forum.poll import poll
    from modassist.pipeline import poll_settings

    forum = desk.settings.forum
    client = Forum(
        forum.url,
        api_username=forum.api_username or None,
        api_key=forum.api_key or None,
        requests_per_minute=forum.requests_per_minute,
    )
    with client, progress(run, "reading threads") as tell:
        polled = poll(client, desk.store, now=desk.now, settings=poll_settings(desk.settings), full=full, progress=tell)
    for note in polled.notes:
        run.tell(note)
    for topic_id, fault in polled.failed:
        run.complain(f"thread {topic_id}: {fault}")
    left = f", {polled.topics_left} threads left for the next poll" if polled.topics_left else ""
    run.tell(
        f"{polled.topics_read} threads read: {polled.posts_new} new posts, {polled.posts_changed} changed; "
        f"{polled.requests} requests{left}"
    )
    return polled


def analyse_due(run: Run, desk: Desk) -> Report:
    """Judges what is due and says which threads failed."""
    with progress(run, "judging threads") as tell:
        report = desk.analyse_due(tell)
    for topic_id, fault in report.failed:
        run.complain(f"thread {topic_id}: {fault}")
    if report.analysed:
        run.tell(f"{report.analysed} threads judged")
    return report


def raise_for(polled: PollReport | None, report: Report) -> None:
    """Exit code 1 where something was not done; what could be done is stored."""
    if polled is not None and polled.stopped is not None:
        raise polled.stopped
    failed = len(report.failed) + (len(polled.failed) if polled is not None else 0)
    if failed:
        raise ModassistError(f"{failed} {'thread' if failed == 1 else 'threads'} failed", "the others are stored")


@command("analyse", "modassist analyse threads.jsonl.gz --format table")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "json", "table"]),
    default="jsonl",
    show_default=True,
    help="Output.",
)
@click.option("--all-scores", is_flag=True, help="Every signal of every post with its score.")
@click.option("--with-text", is_flag=True, help="The visible text in which the evidence stands.")
def analyse_command(run: Run, files: tuple[Path, ...], form: str, all_scores: bool, with_text: bool) -> None:
    """Judge thread records: files in, result records out.

    In order, as a stream; needs no database and no network.
    FILES are JSON, JSON arrays or JSON Lines, also .gz and .zst; - or none is standard input.
    """
    from modassist.commands.results import writer_for
    from modassist.records.stream import analyse_files, load_judge
    from modassist.records.threads import BadRecord

    if not files and sys.stdin.isatty():
        raise click.UsageError("FILES are missing, and standard input is the terminal.")
    settings = run.settings()
    judge = load_judge(settings, run.now(settings.timezone))
    results = analyse_files(files or (Path("-"),), judge, all_scores=all_scores, with_text=with_text)
    bad = 0
    with writer_for(form, settings) as write, progress(run, "judging threads") as tell:
        for done, result in enumerate(results, start=1):
            tell(done, 0)
            if isinstance(result, BadRecord):
                bad += 1
                run.complain(str(result))
            else:
                write(result)
    if bad:
        raise ModassistError(f"{bad} {'record' if bad == 1 else 'records'} could not be read", "the others are done")


@command("digest", "modassist digest --since 24h --format html --output digest.html")
@click.option("--since", type=duration, metavar="DURATION", help="Only threads with news in this time: 24h, 7d.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "html", "json"]),
    default="terminal",
    show_default=True,
    help="Output.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of standard output.")
@click.option("--min-severity", type=click.IntRange(0, 100), help="Only threads as severe as this.")
@click.option("--fail-on", type=click.IntRange(0, 100), help="Exit code 3 when a thread is as severe as this.")
@click.option("--limit", type=click.IntRange(1, 1000), help="How many threads at most.")
@click.option("--stale", is_flag=True, help="Also threads that have been quiet for long.")
@click.pass_context
def digest_command(
    ctx: click.Context,
    run: Run,
    since: timedelta | None,
    form: str,
    output: Path | None,
    min_severity: int | None,
    fail_on: int | None,
    limit: int | None,
    stale: bool,
) -> None:
    """Show what a moderator should see now, worst first."""
    from modassist.pipeline import Desk, Wanted, gather

    settings = run.settings(digest__min_severity=min_severity, digest__limit=limit)
    with open_store(settings) as store:
        desk = Desk(store, settings, run.now(settings.timezone))
        report = analyse_due(run, desk)
        begin = desk.now - since if since else None
        chosen = settings.digest
        digest = gather(desk, Wanted(begin, chosen.min_severity, chosen.limit, stale))
    write_digest(digest, form, settings, output)
    raise_for(None, report)
    if fail_on is not None and digest.worst() >= fail_on:
        ctx.exit(3)


def open_store(settings: Settings) -> Any:
    """The database, which must be there: reading from an empty new one would hide a wrong name."""
    from modassist.store.store import Store

    if not settings.database.exists():
        raise StoreError(f"{settings.database}: no such database", "`modassist poll` makes it, --db names another one")
    return Store.open(settings.database)


def write_digest(digest: Any, form: str, settings: Settings, output: Path | None) -> None:
    """The digest in a format, on standard output or in a file."""
    from modassist.digest.digest import render

    text = render(
        digest,
        form,
        wording_of(settings),
        names=settings.privacy.names,
        width=terminal_width() if output is None else 80,
        colour=output is None and shows_colour(),
    )
    write_output(text, output)


def wording_of(settings: Settings) -> Any:
    """How the digest speaks by these settings."""
    from modassist.digest.wording import Wording

    return Wording(settings.language, settings.timezone, bool(settings.waiting.business_hours))


@command("show", "modassist show 4711")
@click.argument("topic", type=click.IntRange(min=-(2**63), max=2**63 - 1))
def show_command(run: Run, topic: int) -> None:
    """Show one thread with its evidence and the suggested escalation."""
    from modassist.digest.cards import card
    from modassist.digest.terminal import render_thread
    from modassist.judging.analysis import to_record
    from modassist.pipeline import Desk

    settings = run.settings()
    with open_store(settings) as store:
        keys = store.keys(topic)
        if not keys:
            raise StoreError(f"no thread {topic} in {settings.database}", "the number is the last part of its address")
        desk = Desk(store, settings, run.now(settings.timezone))
        records = [(key.source, to_record(desk.analyse(key), with_text=True)) for key in keys]
    for source, record in records:
        if len(records) > 1:
            click.echo(one_line(source))
        wording = wording_of(settings)
        shown = card(record, wording, settings.privacy.names)
        click.echo(render_thread(shown, wording, width=terminal_width(), colour=shows_colour()), nl=False)
