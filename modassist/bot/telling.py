"""What a tick says to staff: alerts, digests that are due, and words about the bot itself; through the outbox where the
database works, and past it where it does not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modassist.alerting import Alerting
from modassist.alerts.bot_notice import DIRECT, health_notice
from modassist.alerts.layouts import laid_out
from modassist.alerts.outbox import reference_of
from modassist.alerts.rules import Kind
from modassist.bot.health import Health, Trouble, Word
from modassist.bot.notes import Notes
from modassist.bot.report import TickReport
from modassist.bot.schedule import Timetable
from modassist.channels.channel import Channel
from modassist.channels.opening import Channels, is_configured, opened
from modassist.config.settings import Settings
from modassist.digest.wording import Wording
from modassist.errors import AlertUnclear, ModassistError, StoreError
from modassist.instants import instant_text
from modassist.pipeline import Desk
from modassist.store.lock import locked
from modassist.store.outbox import Outbox
from modassist.store.store import Store

log = logging.getLogger("modassist.bot")

STUCK_AFTER = 3
"""Tries after which a message counts as not getting out."""

FIRST_SPAN = timedelta(days=1)
"""How far back the first daily digest looks; each later one to the one before."""


class Teller:
    """Says things to staff by these settings. `client` gives the options of the forum's clients."""

    def __init__(self, settings: Settings, client: Callable[[], dict[str, Any]]) -> None:
        self.settings, self._client = settings, client
        run = settings.run
        self.timetables = {
            "daily": Timetable(run.daily_digest, settings.timezone),
            "weekly": Timetable(run.weekly_digest, settings.timezone),
        }

    def opened(self) -> AbstractContextManager[Channels]:
        """The channels; raises ConfigError where the settings of the alerts contradict each other."""
        return opened(self.settings, **self._client())

    def stuck(self, store: Store) -> str:
        """What is the matter with messages that do not get out; empty where they do."""
        waiting, tried = store.undelivered(), Outbox(store).stuck(STUCK_AFTER)
        parts = [f"{waiting} wait for a person (modassist doctor lists them)"] if waiting else []
        parts += [f"{tried} could not be delivered in {STUCK_AFTER} tries or more"] if tried else []
        return "alerts: " + ", ".join(parts) if parts else ""

    def tell(
        self, desk: Desk, report: TickReport, health: Health, words: Sequence[Word], notes: Notes
    ) -> tuple[Health, Notes]:
        """Plan and send what is due. Returns the health with what staff was told of it, and the notes as they are then.

        Where the forum could not be read no alert is planned: somebody may have answered meanwhile. While the clock is
        wrong nothing goes through the outbox, which goes by it.
        """
        if not is_configured(self.settings):
            return health, self._up_to_date(notes, desk.now)
        with self.opened() as channels:
            if Trouble.CLOCK in report.met:
                return self._tell_directly(channels, health, words), notes
            health = self._announce(desk.store, channels, health, words, report.at)
            with locked(desk.store.db.path, "alerts"):
                alerting = Alerting(desk, channels)
                report.alerts = alerting.report
                if report.is_fresh:
                    alerting.plan()
                    notes = self._digests(alerting, notes, report)
                alerting.deliver()
        return health, notes

    # -- digests -------------------------------------------------------------------------------------------------------

    def _digests(self, alerting: Alerting, notes: Notes, report: TickReport) -> Notes:
        for which, timetable in self.timetables.items():
            since = notes.digests.get(which, alerting.now)
            due = timetable.latest(min(since, alerting.now), alerting.now)
            if due is not None:
                begin = since if which in notes.digests and since < due else due - FIRST_SPAN
                self._plan_digest(alerting, which, begin, f"{timetable.day(due)}/{due:%H%M}", report)
            if due is not None or which not in notes.digests or since > alerting.now:
                notes = replace(notes, digests={**notes.digests, which: due or alerting.now})
        return notes

    def _up_to_date(self, notes: Notes, now: datetime) -> Notes:
        """Digests that nobody gets do not pile up until somebody does."""
        return replace(notes, digests=dict.fromkeys(self.timetables, now))

    def _plan_digest(self, alerting: Alerting, which: str, since: datetime, day: str, report: TickReport) -> None:
        """The worst open threads into the outbox of each channel, in the daily digest those with news since the last;
        nothing where there are none."""
        store, chosen = alerting.desk.store, self.settings.digest
        stale = alerting.now - timedelta(days=chosen.stale_days)
        begin = since if which == "daily" else stale
        listed = store.escalated(chosen.min_severity, chosen.limit, begin)
        fresh, every = (store.count_escalated(chosen.min_severity, moment) for moment in (begin, stale))
        threads = [(record["source"], record["topic_id"]) for record in listed]
        log.info("%s digest: %d threads", which, len(threads))
        if not threads:
            return
        for channel in alerting.channels.team:
            about = (which, str(max(0, fresh - len(listed))), str(max(0, every - fresh)))
            if alerting.outbox.announce(channel.name, Kind.DIGEST, f"{which}/{day}", alerting.now, about, threads):
                report.digests.append(f"{which}:{channel.name}")

    # -- the bot itself ------------------------------------------------------------------------------------------------

    def _announce(
        self, store: Store, channels: Channels, health: Health, words: Sequence[Word], now: datetime
    ) -> Health:
        """Words into the outbox of each channel; straight to the channels where the database takes none.

        The health is noted in the same transaction: the outbox drops words about what does not last.
        """
        try:
            outbox = Outbox(store)
            with store.transaction():
                store.note(health=health.text())
                for word in words:
                    for channel in channels.team:
                        outbox.announce(channel.name, _kind(word), occasion(word), now, reasons(word))
        except StoreError:
            return self._tell_directly(channels, health, words)
        return health

    def _tell_directly(self, channels: Channels, health: Health, words: Sequence[Word]) -> Health:
        """Words to every channel at once; what none of them takes is due again at the next tick."""
        for word in words:
            taken = [channel.name for channel in channels.team if self._deliver(channel, word)]
            health = health.handed(word, is_direct=True, is_taken=bool(taken))
        return health

    def _deliver(self, channel: Channel, word: Word) -> bool:
        reference = reference_of(f"{channel.name}/{_kind(word)}/{occasion(word)}", b"direct")
        notice = health_notice(wording_of(self.settings), reasons(word), reference, is_over=word.is_over)
        try:
            channel.deliver(laid_out(notice, channel.layout, reference))
        except AlertUnclear as fault:
            log.warning("%s: %s", channel.name, fault)
        except ModassistError as fault:
            log.error("%s: %s", channel.name, fault)
            return False
        return True


def occasion(word: Word) -> str:
    """Names what is told, so that it is told once."""
    return f"{word.trouble}/{instant_text(word.since)}"


def reasons(word: Word) -> tuple[str, ...]:
    """What the message is made of."""
    return word.trouble.value, instant_text(word.since), word.detail, *((DIRECT,) if word.is_direct else ())


def wording_of(settings: Settings) -> Wording:
    """How messages speak by these settings."""
    return Wording(settings.language, settings.timezone, bool(settings.waiting.business_hours))


def _kind(word: Word) -> Kind:
    return Kind.WELL if word.is_over else Kind.TROUBLE
