"""`modassist alert`: what staff is to be told goes to the configured internal channels, each message once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modassist.commands.reading import analyse_due, open_store, raise_for
from modassist.commands.run import Run, command
from modassist.digest.printable import one_line, visible
from modassist.errors import AlertError, ConfigError, ForumError, ModassistError

if TYPE_CHECKING:
    from modassist.alerting import AlertReport
    from modassist.channels.opening import Channels
    from modassist.pipeline import Desk


@command("alert", "modassist alert --dry-run")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and whether each channel is staff's alone.")
@click.option("--retry", type=click.IntRange(1, 2**53), metavar="ID", help="Send a held or undelivered alert again.")
def alert_command(run: Run, dry_run: bool, retry: int | None) -> None:
    """Deliver alerts that are due to the configured internal channels.

    Each once, also when this or an earlier run was interrupted. Writes only where the forum has shown that customers
    cannot read. `modassist doctor` lists alerts that were not delivered, with their IDs.
    """
    from modassist.alerting import send_alerts
    from modassist.channels.opening import is_configured, opened
    from modassist.pipeline import Desk

    if dry_run and retry is not None:
        raise click.UsageError("--dry-run and --retry do not go together.")
    settings = run.settings()
    if not is_configured(settings):
        raise ConfigError(
            "no channel for alerts is configured", "set alerts.topic_id and alerts.category_id, or others"
        )
    with open_store(settings) as store, opened(settings) as channels:
        desk = Desk(store, settings, run.now(settings.timezone))
        judged = analyse_due(run, desk)
        if dry_run:
            _preview(run, desk, channels)
        else:
            tell_alerts(run, send_alerts(desk, channels, retry=retry))
    raise_for(None, judged)


def tell_alerts(run: Run, report: AlertReport) -> None:
    """What came of a run of alerts: results on standard output, faults on standard error. Raises for exit code 1."""
    for channel, what, place in report.sent:
        click.echo(one_line(f"sent: {channel}: {what}: {place}"))
    for channel, what, why in report.failed:
        run.complain(f"{channel}: {what}: {why}")
    for channel, what, why in report.held:
        run.complain(f"{channel}: {what} needs a person: {why}")
    quiet = "; quiet hours: nothing is sent now" if report.is_quiet else ""
    cancelled = f", {report.cancelled} no longer needed" if report.cancelled else ""
    run.tell(f"{len(report.sent)} {'alert' if len(report.sent) == 1 else 'alerts'} sent{cancelled}{quiet}")
    missing = len(report.failed) + len(report.held)
    if missing:
        what = "alert was" if missing == 1 else "alerts were"
        raise ModassistError(
            f"{missing} {what} not delivered", "run this again; `modassist doctor` checks the channels"
        )


def _preview(run: Run, desk: Desk, channels: Channels) -> None:
    from modassist.alerting import Alerting

    faults = 0
    for channel in channels.all:
        try:
            run.tell(f"{channel.name}: {channel.check()}")
        except (AlertError, ForumError) as fault:
            faults += 1
            run.complain(f"{channel.name}: nothing would be sent: {fault}")
    for shown, message in Alerting(desk, channels).preview():
        click.echo(one_line(f"== {shown.name}: {message.title}"))
        click.echo(visible(message.body))
    if faults:
        raise ModassistError(f"{faults} of the channels cannot be used", "each says above why")
