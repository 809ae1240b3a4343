"""Alerts from end to end: what is due goes into the outbox, and what is in the outbox goes out, each message once.

`run` and `modassist alert` both call `send_alerts`. It may be killed at any instant and called again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from modassist.alerts.layouts import Layout, Message, laid_out
from modassist.alerts.notice import Notice, Writer
from modassist.alerts.outbox import Entry, Status, after_failure, may_look, next_try
from modassist.alerts.rules import AlertRules, Desired, Kind, OpenThread, due_alerts, due_first_looks
from modassist.alerts.situation import last_customer_post
from modassist.channels.channel import Channel
from modassist.channels.forum_places import AuthorMessage
from modassist.channels.opening import Channels
from modassist.config.settings import Settings
from modassist.digest.wording import Wording
from modassist.errors import (
    AlertError,
    AlertMisplaced,
    AlertRefused,
    AlertUnclear,
    ForumError,
    ModassistError,
    RateLimited,
)
from modassist.judging.analysis import to_record
from modassist.pipeline import Desk
from modassist.store.lock import locked
from modassist.store.outbox import Outbox, Window
from modassist.store.store import ThreadKey

log = logging.getLogger("modassist.alerts")

NO_LONGER = "nobody needs it any more"


@dataclass(slots=True)
class AlertReport:
    """What a run of alerts did. Each list holds (channel, what, detail)."""

    planned: int = 0
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    failed: list[tuple[str, str, str]] = field(default_factory=list)
    """Not arrived, or nobody knows: they are tried or looked for again."""
    held: list[tuple[str, str, str]] = field(default_factory=list)
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
        authors = self.channels.authors
        if authors is not None:
            wishes = due_first_looks(self._open(), self.rules, channel=authors.kind, now=self.now)
            self._keep(authors.name, Desired(tuple(wishes)))
        threads = self._open()
        for channel in self.channels.team:
            self.report.planned += self.outbox.settle(channel.name, tell=self.rules.resolved, now=self.now)
            day = self.rules.day(self.now)
            desired = due_alerts(
                threads,
                self.outbox.told(channel.name),
                self.rules,
                channel=channel.kind,
                used_today=self.outbox.used_since(channel.name, day),
                now=self.now,
                limit=limit,
            )
            self._keep(channel.name, desired)

    def _keep(self, channel: str, desired: Desired) -> None:
        if desired.wishes:
            self.report.planned += self.outbox.plan(channel, desired, self.now)

    def _open(self) -> list[OpenThread]:
        settings = self.desk.settings
        stale = self.now - timedelta(days=settings.digest.stale_days)
        return self.outbox.open_threads(Window(self.rules.lowest(), stale, self.now - settings.limits.recent))

    # -- sending -------------------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """First look what became of messages left half sent, then send what is due."""
        by_name = {channel.name: channel for channel in self.channels.all}
        for entry in self.outbox.claimed():
            if entry.channel in by_name and may_look(entry, self.now):
                self._look(entry, by_name[entry.channel])
        if self.report.is_quiet:
            return
        shut: set[str] = set()
        for entry in self.outbox.due(self.now):
            channel = by_name.get(entry.channel)
            if channel is None:
                self._cancel(entry, "the channel is configured no more")
            elif channel.name not in shut and not self._send(entry, channel):
                shut.add(channel.name)

    def retry(self, entry_id: int) -> None:
        """Send one held or dead message again. Raises AlertRefused where there is no such one."""
        entry = self.outbox.retry(entry_id, self.now)
        if entry is None:
            raise AlertRefused(f"no held or undelivered alert {entry_id}", "`modassist doctor` lists them")
        channel = next((channel for channel in self.channels.all if channel.name == entry.channel), None)
        if channel is None:
            raise AlertRefused(f"the channel of alert {entry_id} is configured no more: {entry.channel}")
        self._send(entry, channel)

    def _look(self, entry: Entry, channel: Channel) -> None:
        """A message that was about to be sent, or sent without an answer, when something ended."""
        if not channel.can_be_asked:
            self._unknown(entry, channel)
            return
        try:
            place = channel.find(entry.reference, entry.target or channel.target, entry.claimed_at or self.now)
        except (ForumError, AlertError) as fault:
            self.outbox.remark(entry, str(fault))
            self._failed(entry, f"may have arrived; it could not be looked for: {fault}")
            return
        if place is not None:
            self.outbox.complete(entry, place, self.now)
            self.report.sent.append((entry.channel, entry.key, place))
            return
        self.outbox.postpone(entry, Status.DUE, "it had not arrived", self.now)

    def _unknown(self, entry: Entry, channel: Channel) -> None:
        """A channel that cannot be asked: the setting chooses between missing an alert and getting it twice."""
        what = entry.error or "the program ended while it was being sent"
        if self.desk.settings.alerts.after_crash == "resend":
            self.outbox.postpone(entry, after_failure(entry.attempts, is_final=False), what, self.now)
            return
        message = f"may have arrived, and {channel.name} cannot be asked: {what}"
        self.outbox.hold(entry, message)
        self.report.held.append((entry.channel, entry.key, message))

    def _send(self, entry: Entry, channel: Channel) -> bool:
        """Send one message; False where the channel itself is at fault and the others need not be tried now."""
        found = self._composed(entry, channel)
        if found is None:
            self._cancel(entry, NO_LONGER)
            return True
        message, ready = found
        if not self.outbox.claim(entry, ready.target, self.now):
            return True
        return self._deliver(replace(entry, attempts=entry.attempts + 1), ready, message)

    def _deliver(self, entry: Entry, channel: Channel, message: Message) -> bool:
        try:
            place = channel.deliver(message)
        except AlertUnclear as fault:
            self.outbox.remark(entry, str(fault))
            self._failed(entry, f"may have arrived: {fault}")
            return False
        except AlertMisplaced as fault:
            log.error("alert %s: %s", entry.id, fault)
            self.outbox.hold(entry, str(fault))
            self.report.held.append((entry.channel, entry.key, str(fault)))
            return False
        except (AlertRefused, ForumError) as fault:
            self._not_sent(entry, fault)
            return False
        self.outbox.complete(entry, place, self.now)
        self.report.sent.append((entry.channel, entry.key, place))
        return True

    def _not_sent(self, entry: Entry, fault: ModassistError) -> None:
        is_final = isinstance(fault, AlertRefused) and fault.is_final
        wait = fault.wait_seconds if isinstance(fault, RateLimited) else 0.0
        status = after_failure(entry.attempts, is_final=is_final)
        self.outbox.postpone(entry, status, str(fault), next_try(entry.attempts, self.now, wait))
        if status is Status.DEAD:
            self.report.held.append((entry.channel, entry.key, str(fault)))
        else:
            self._failed(entry, str(fault))

    def _failed(self, entry: Entry, why: str) -> None:
        self.report.failed.append((entry.channel, entry.key, why))

    def _cancel(self, entry: Entry, why: str) -> None:
        self.outbox.cancel(entry, why)
        self.report.cancelled += 1

    def _composed(self, entry: Entry, channel: Channel) -> tuple[Message, Channel] | None:
        """The message and the channel that takes it; None where nobody needs it any more."""
        found = self._composer.compose(entry, channel.layout)
        if found is None:
            return None
        message, author = found
        if isinstance(channel, AuthorMessage):
            return (message, replace(channel, author=author)) if author else None
        return message, channel


class Composer:
    """Messages from threads as they stand now: nothing of a message is stored before it is sent."""

    def __init__(self, desk: Desk, rules: AlertRules) -> None:
        settings = desk.settings
        wording = Wording(settings.language, settings.timezone, bool(settings.waiting.business_hours))
        self.desk, self.rules = desk, rules
        self._writer = Writer(wording, settings.privacy.names)

    def compose(self, entry: Entry, layout: Layout) -> tuple[Message, str] | None:
        """The message and, for a first look, the reply's author; None where the thread does not need it any more."""
        records = [record for key in entry.threads if (record := self._record(ThreadKey(*key))) is not None]
        wanted = [record for record in records if self._is_wanted(entry, record)]
        if not wanted:
            return None
        notice = self._notice(entry, wanted)
        author = _author_of(wanted[0], entry.post_number)
        return laid_out(notice, layout, entry.reference), author

    def _notice(self, entry: Entry, records: list[dict[str, Any]]) -> Notice:
        if entry.kind is Kind.GATHERED:
            return self._writer.gathered(records, reference=entry.reference)
        return self._writer.notice(
            entry.kind,
            records[0],
            reference=entry.reference,
            reasons=entry.reasons,
            post_number=entry.post_number,
            first_look=self.rules.first_look,
        )

    def _record(self, key: ThreadKey) -> dict[str, Any] | None:
        """The thread judged now, with its texts; None where it is gone or cannot be judged."""
        try:
            found = self.desk.analyse(key)
        except ModassistError as fault:
            log.info("thread %s: %s", key.topic_id, fault)
            return None
        more = {"source": key.source, "category_id": found.judgement.thread.category_id}
        return to_record(found, with_text=True) | more

    def _is_wanted(self, entry: Entry, record: Mapping[str, Any]) -> bool:
        if entry.kind is Kind.RESOLVED:
            return record["escalation"] is None
        if record["escalation"] is None:
            return False
        mark = self.desk.store.mark(ThreadKey(record["source"], record["topic_id"]))
        if mark.silences(self.desk.now, last_customer_post(record)):
            return False
        return entry.kind is not Kind.FIRST_LOOK or bool(_author_of(record, entry.post_number))


def _author_of(record: Mapping[str, Any], number: int | None) -> str:
    """Who wrote this flagged reply; nobody where it is flagged no more."""
    posts = (post for post in record["posts"] if post["post_number"] == number and post.get("flagged"))
    return next((str(post.get("username") or "") for post in posts), "")
