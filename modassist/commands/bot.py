"""Commands of the scheduled bot: `run`, `status`."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from modassist.commands.run import Run, command, duration
from modassist.digest.printable import visible
from modassist.errors import ModassistError

if TYPE_CHECKING:
    from modassist.bot.loop import Bot
    from modassist.bot.stopping import Stop

INTERRUPTED = 130


@command("run", "modassist run --every 10m")
@click.option("--every", type=duration, metavar="DURATION", help="Time between two polls [run.every_minutes].")
@click.option("--once", is_flag=True, help="One poll of each forum, then end: for cron.")
@click.option(
    "--log-format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Log lines."
)
@click.pass_context
def run_command(ctx: click.Context, run: Run, every: timedelta | None, once: bool, form: str) -> None:
    """Poll, judge, alert and send digests, until told to end.

    One line a poll on standard error. SIGHUP reads the settings anew, SIGTERM ends it within seconds with everything
    stored. A second one on the same database is refused. Never writes where customers read.
    """
    from modassist.bot.stopping import signals

    if run.now_text is not None and not once:
        raise click.UsageError("--now needs --once: a bot that goes on lives by the clock.")
    _log_lines(run, form)
    with signals() as stop:
        bot = _bot(run, every, stop)
        bot.open()
        try:
            ended = _once(bot) if once else _run(bot)
        finally:
            bot.close()
    if ended == "SIGINT":
        ctx.exit(INTERRUPTED)


def _bot(run: Run, every: timedelta | None, stop: Stop) -> Bot:
    import random
    import time

    from modassist.bot.forumbot import Tools
    from modassist.bot.loop import Bot
    from modassist.bot.metrics import Board

    minutes = every.total_seconds() / 60 if every is not None else None
    tools = Tools(stop, run.now, time.monotonic, random.random)
    return Bot(lambda: run.every_forum(run__every_minutes=minutes), tools, Board(run.now()))


def _once(bot: Bot) -> str:
    from modassist.bot.stopping import Stopping

    try:
        reports = bot.once()
    except Stopping:
        return bot.tools.stop.requested
    faults = [report for report in reports if report.faults]
    if faults:
        why = "; ".join(f"{report.forum}: {_first(report.faults)}" for report in faults)
        raise ModassistError(f"{len(faults)} of {len(reports)} forums could not be done wholly: {why}")
    return ""


def _first(faults: list[str]) -> str:
    return faults[0] + (f", and {len(faults) - 1} more (the log has all)" if len(faults) > 1 else "")


def _run(bot: Bot) -> str:
    from contextlib import ExitStack

    from modassist.bot.watch import watched

    log = logging.getLogger("modassist.bot")
    with ExitStack() as open_while_running:
        port = bot.watched[0].bot.settings.metrics.port
        if port:
            open_while_running.enter_context(watched(port, bot.board, bot.tools.clock))
        log.info("running: %s", ", ".join(one.bot.name for one in bot.watched))
        ended = bot.run()
    log.info("ended by %s", ended)
    return ended


def _log_lines(run: Run, form: str) -> None:
    """The bot's own lines also without -v; all lines with their time."""
    from modassist.bot.loglines import LogLines

    logging.getLogger("modassist").handlers = [LogLines(form, lambda line: click.echo(line, err=True))]
    logging.getLogger("modassist.bot").setLevel(logging.INFO if run.verbosity == 0 else logging.NOTSET)


@command("status", "modassist status --format json")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Output."
)
def status_command(run: Run, form: str) -> None:
    """Show how the bot is doing: last poll, queue, errors, next run.

    For each forum of the settings. Only reads; works while the bot runs and while it does not.
    """
    from modassist.bot.status import status_of

    found = [status_of(settings, run.now(settings.timezone)) for settings in run.every_forum()]
    if form == "json":
        click.echo(json.dumps([status.record() for status in found], indent=1))
        return
    for status in found:
        for line in status.lines():
            click.echo(" ".join(visible(line).splitlines()))  # columns stay
