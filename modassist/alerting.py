"""Alerts from end to end: what is due goes into the outbox, and what is in the outbox goes out, each message once.

`run` and `modassist alert` both call `send_alerts`. It may be killed at any instant and called again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple

from modassist.alert_messages import Composed, Composer
from modassist.alerts.layouts import Message
from modassist.alerts.outbox import Entry, Status, after_failure, may_look, next_try
from modassist.alerts.rivals import MOST_POSTS, SPAN, rival_among
from modassist.alerts.rules import AlertRules, Desired, Kind, OpenThread, due_alerts, due_first_looks
from modassist.channels.channel import Channel
from modassist.channels.forum_places import AuthorMessage, TopicReply
from modassist.channels.opening import Channels
from modassist.config.settings import Settings
from modassist.errors import (
    AlertError,
    AlertMisplaced,
    AlertRefused,
    AlertUnclear,
    ForumError,
    ModassistError,
    RateLimited,
)
from modassist.pipeline import Desk
from modassist.store.lock import locked
from modassist.store.outbox import Outbox, Window

log = logging.getLogger("modassist.alerts")

LOOKED_FOR = timedelta(days=1)
"""How long a message that may have arrived is looked for where the forum does not show the place."""

NO_LONGER = "nobody needs it any more"


class Outcome(NamedTuple):
    """What became of one message: `what` names it ("alert 12, thread 208"), `detail` the place or the reason."""

    channel: str
    what: str
    detail: str


@dataclass(slots=True)
class AlertReport:
    """What a run of alerts did."""

    planned: int = 0
    sent: list[Outcome] = field(default_factory=list)
    failed: list[Outcome] = field(default_factory=list)
    """Not arrived, or nobody knows: they are tried or looked for again."""
    held: list[Outcome] = field(default_factory=list)
    """A person has to decide: `alert --retry ID`."""
    cancelled: int = 0
    is_quiet: bool = False


def alert_rules(settings: Settings) -> AlertRules:
    """The settings as the rules take them."""
    alerts = settings.alerts
    return AlertRules(
        min_severity=alerts.min_severity,
        by_channel=alerts.channels,
        by_category=alerts.categories,
        by_language=alerts.languages,
        worse_by=alerts.worse_by,
        daily_cap=alerts.daily_cap,
        quiet=alerts.quiet_hours,
        timezone=settings.timezone,
        resolved=alerts.resolved,
        first_look=timedelta(hours=alerts.first_look_hours),
    )


def send_alerts(desk: Desk, channels: Channels, *, retry: int | None = None, limit: int | None = None) -> AlertReport:
    """Plan what is due, then deliver what is planned; the desk's threads should have been judged before.

    With `retry` only that held or dead message is sent again. `limit` plans at most so many messages for each channel.
    What fails in a channel is in the report. Raises StoreError where the database fails or another program is sending.
    """
    with locked(desk.store.db.path, "alerts"):
        alerting = Alerting(desk, channels)
        if retry is not None:
            alerting.retry(retry)
        else:
            alerting.plan(limit)
            alerting.deliver()
        return alerting.report


class Alerting:
    """One run of alerts at the desk's instant."""

    def __init__(self, desk: Desk, channels: Channels, outbox: Outbox | None = None) -> None:
        self.desk, self.channels, self.now = desk, channels, desk.now
        self.outbox = outbox or Outbox(desk.store)
        self.rules = alert_rules(desk.settings)
        self.report = AlertReport(is_quiet=self.rules.is_quiet(desk.now))
        self._composer = Composer(desk, self.rules)

    # -- planning ------------------------------------------------------------------------------------------------------

    def plan(self, limit: int | None = None) -> None:
        """Everything that is due now, into the outbox."""
        if self.channels.authors is not None:
            self._keep(self.channels.authors.name, self._first_looks(self._open()))
        threads = self._open()
        for channel in self.channels.team:
            self.report.planned += self.outbox.settle(channel.name, tell=self.rules.resolved, now=self.now)
            self._keep(channel.name, self._desired(channel, threads, limit))

    def preview(self) -> Iterator[tuple[Channel, Message]]:
        """The messages that a run would send now, without planning or sending any."""
        threads = self._open()
        for channel in self.channels.all:
            is_authors = isinstance(channel, AuthorMessage)
            desired = self._first_looks(threads) if is_authors else self._desired(channel, threads, None)
            entries = [self.outbox.preview(channel.name, wish) for wish in desired.wishes]
            waiting = [entry for entry in self.outbox.due(self.now) if entry.channel == channel.name]
            for entry in (*waiting, *entries):
                found = self._composed(entry, channel)
                if found is not None:
                    yield found[1], found[0].message

    def _first_looks(self, threads: list[OpenThread]) -> Desired:
        authors = self.channels.authors
        kind = authors.kind if authors else ""
        return Desired(tuple(due_first_looks(threads, self.rules, channel=kind, now=self.now)))

    def _desired(self, channel: Channel, threads: list[OpenThread], limit: int | None) -> Desired:
        return due_alerts(
            threads,
            self.outbox.told(channel.name),
            self.rules,
            channel=channel.kind,
            used_today=self.outbox.used_since(channel.name, self.rules.day(self.now)),
            now=self.now,
            limit=limit,
        )

    def _keep(self, channel: str, desired: Desired) -> None:
        if desired.wishes:
            self.report.planned += self.outbox.plan(channel, desired, self.now)

    def _open(self) -> list[OpenThread]:
        settings = self.desk.settings
        stale = self.now - timedelta(days=settings.digest.stale_days)
        recent = self.now - settings.limits.recent
        own_name = settings.alerts.api_username or settings.forum.api_username
        window = Window(self.rules.lowest(), stale, recent, settings.alerts.topic_id, own_name)
        return self.outbox.open_threads(window)

    # -- sending -------------------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """First look what became of messages left half sent, then send what is due."""
        by_name = {channel.name: channel for channel in self.channels.all}
        for entry in self.outbox.claimed():
            if may_look(entry, self.now):
                self._look(entry, by_name.get(entry.channel))
        if self.report.is_quiet:
            return
        shut: set[str] = set()
        for entry in self.outbox.due(self.now):
            channel = by_name.get(entry.channel)
            if channel is None:
                self._cancel(entry, "the channel is configured no more")
            elif channel.name not in shut and not self._send(entry, channel):
                shut.add(channel.name)
        self._look_for_rivals()

    def _look_for_rivals(self) -> None:
        """Whether a second database alerts in the same topic. Looked at where something was just sent: who alerts for
        the same threads does so then, and a run that sends nothing asks for nothing."""
        sent = {outcome.channel for outcome in self.report.sent}
        for channel in self.channels.team:
            if isinstance(channel, TopicReply) and channel.name in sent:
                try:
                    self._note_rival(channel)
                except (ForumError, AlertError) as fault:
                    log.debug("%s: own posts: %s", channel.name, fault)

    def _note_rival(self, channel: TopicReply) -> None:
        url = self.desk.settings.forum.url
        posts = channel.own_posts(self.now - SPAN, MOST_POSTS)
        rival = rival_among(
            posts, url, is_ours=self.outbox.knows, is_told=lambda topic_id: self.outbox.is_about(url, topic_id)
        )
        if rival is None:
            return
        if self.outbox.rival(self.now) is None:
            log.warning("%s", rival)
        self.outbox.note_rival(rival, self.now)

    def retry(self, entry_id: int) -> None:
        """Send one held or dead message again. Raises AlertRefused where there is no such one."""
        entry = self.outbox.retry(entry_id, self.now)
        if entry is None:
            raise AlertRefused(f"no held or undelivered alert {entry_id}", "`modassist doctor` lists them")
        channel = next((channel for channel in self.channels.all if channel.name == entry.channel), None)
        if channel is None:
            raise AlertRefused(f"the channel of alert {entry_id} is configured no more: {entry.channel}")
        self._send(entry, channel)

    def _look(self, entry: Entry, channel: Channel | None) -> None:
        """A message that was about to be sent, or sent without an answer, when something ended."""
        if channel is None or not channel.can_be_asked:
            self._unknown(entry, "the channel is configured no more" if channel is None else "it cannot be asked")
            return
        try:
            place = channel.find(entry.reference, entry.target or channel.target, entry.claimed_at or self.now)
        except (ForumError, AlertError) as fault:
            self._unseen(entry, f"may have arrived; it could not be looked for: {fault}")
            return
        if place is not None:
            self.outbox.complete(entry, place, self.now)
            self.report.sent.append(_outcome(entry, place))
            return
        self._again(entry, "it had not arrived")

    def _again(self, entry: Entry, why: str) -> None:
        """Due again: at once after the first time, then less and less often."""
        later = next_try(entry.attempts - 1, self.now) if entry.attempts > 1 else self.now
        status = after_failure(entry.attempts, is_final=False)
        self.outbox.postpone(entry, status, why, later)
        if status is Status.DEAD:
            self.report.held.append(_outcome(entry, why))

    def _unseen(self, entry: Entry, why: str) -> None:
        """Looked for in vain, as the forum does not show the place now. After a day a person is told."""
        if entry.claimed_at is not None and self.now - entry.claimed_at > LOOKED_FOR:
            self._hold(entry, why)
            return
        self.outbox.remark(entry, why)
        self._failed(entry, why)

    def _unknown(self, entry: Entry, why: str) -> None:
        """Nobody can be asked: the setting chooses between missing an alert and getting it twice."""
        what = entry.error or "the program ended while it was being sent"
        if self.desk.settings.alerts.after_crash == "resend":
            self._again(entry, what)
            return
        self._hold(entry, f"may have arrived, and {why}: {what}")

    def _hold(self, entry: Entry, why: str) -> None:
        self.outbox.hold(entry, why)
        self.report.held.append(_outcome(entry, why))

    def _send(self, entry: Entry, channel: Channel) -> bool:
        """Send one message; False where the channel itself is at fault and the others need not be tried now."""
        found = self._composed(entry, channel)
        if found is None:
            self._cancel(entry, NO_LONGER)
            return True
        composed, ready = found
        if composed.left_out and entry.kind is Kind.GATHERED:
            self.outbox.leave_out(entry, composed.left_out)
        if not self.outbox.claim(entry, ready.target, self.now):
            return True
        return self._deliver(replace(entry, attempts=entry.attempts + 1), ready, composed.message)

    def _deliver(self, entry: Entry, channel: Channel, message: Message) -> bool:
        try:
            place = channel.deliver(message)
        except AlertUnclear as fault:
            self.outbox.remark(entry, str(fault))
            self._failed(entry, f"may have arrived: {fault}")
            return False
        except AlertMisplaced as fault:
            log.error("alert %s: %s", entry.id, fault)
            self._hold(entry, str(fault))
            return False
        except (AlertRefused, ForumError) as fault:
            self._not_sent(entry, fault)
            return False
        self.outbox.complete(entry, place, self.now)
        self.report.sent.append(_outcome(entry, place))
        return True

    def _not_sent(self, entry: Entry, fault: ModassistError) -> None:
        is_final = isinstance(fault, AlertRefused) and fault.is_final
        wait = fault.wait_seconds if isinstance(fault, RateLimited) else 0.0
        status = after_failure(entry.attempts, is_final=is_final)
        self.outbox.postpone(entry, status, str(fault), next_try(entry.attempts, self.now, wait))
        if status is Status.DEAD:
            self.report.held.append(_outcome(entry, str(fault)))
        else:
            self._failed(entry, str(fault))

    def _failed(self, entry: Entry, why: str) -> None:
        self.report.failed.append(_outcome(entry, why))

    def _cancel(self, entry: Entry, why: str) -> None:
        self.outbox.cancel(entry, why)
        self.report.cancelled += 1

    def _composed(self, entry: Entry, channel: Channel) -> tuple[Composed, Channel] | None:
        """The message and the channel that takes it; None where nobody needs it any more."""
        found = self._composer.compose(entry, channel.layout)
        if found is None:
            return None
        if isinstance(channel, AuthorMessage):
            return (found, replace(channel, author=found.author)) if found.author else None
        return found, channel


def _outcome(entry: Entry, detail: str) -> Outcome:
    return Outcome(entry.channel, described(entry), detail)


def described(entry: Entry) -> str:
    """A message by its number and its threads."""
    topics = ", ".join(str(topic_id) for _, topic_id in entry.threads[:3])
    more = ", …" if len(entry.threads) > 3 else ""
    return f"alert {entry.id}, thread {topics}{more}" if topics else f"alert {entry.id}"
