"""Who is told what, and when: from open threads and what was told already to the messages that are due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from modassist.alerts.situation import Situation, is_worse

Quiet = tuple[tuple[int, int, int], ...]
"""Spans of (weekday, first minute, last minute) in which nobody is told anything; Monday is 0."""


class Kind(StrEnum):
    """What a message is."""

    ALERT = "alert"
    GATHERED = "gathered"
    RESOLVED = "resolved"
    FIRST_LOOK = "first_look"
    DIGEST = "digest"
    TROUBLE = "trouble"
    """The bot itself is not well."""
    WELL = "well"
    """It is again."""


OF_THE_BOT = frozenset({Kind.TROUBLE, Kind.WELL})


@dataclass(frozen=True, slots=True)
class AlertRules:
    """The settings as the rules take them. Severities are 0 to 100; `by_…` hold (name or id, lowest severity)."""

    min_severity: int = 40
    by_channel: tuple[tuple[str, int], ...] = ()
    by_category: tuple[tuple[int, int], ...] = ()
    by_language: tuple[tuple[str, int], ...] = ()
    worse_by: int = 20
    daily_cap: int = 20
    """Messages a day and channel; 0: no limit."""
    quiet: Quiet = ()
    timezone: str = "UTC"
    resolved: bool = False
    first_look: timedelta = timedelta(0)

    def floor(self, channel: str, category_id: int | None, lang: str) -> int:
        """The lowest severity that is told: the highest of what is set for channel, category and language.

        Where none of them is set, `min_severity`.
        """
        keyed = ((self.by_channel, channel), (self.by_category, category_id), (self.by_language, lang))
        found = [level for table, key in keyed for name, level in table if name == key]
        return max(found, default=self.min_severity)

    def lowest(self) -> int:
        """No thread below this is ever told."""
        tables = (self.by_channel, self.by_category, self.by_language)
        return min([self.min_severity, *(level for table in tables for _, level in table)])

    def is_quiet(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        return any(day == local.weekday() and begin <= minute < end for day, begin, end in self.quiet)

    def day(self, now: datetime) -> datetime:
        """When the day of the cap began: local midnight."""
        local = now.astimezone(ZoneInfo(self.timezone))
        return datetime.combine(local.date(), time.min, tzinfo=local.tzinfo)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person said about a thread: not before then, or done."""

    snoozed_until: datetime | None = None
    done_at: datetime | None = None

    def silences(self, now: datetime, last_customer_post: datetime | None) -> bool:
        """Snoozed threads are silent until the time comes, done ones until the customer writes again."""
        if self.snoozed_until is not None and now < self.snoozed_until:
            return True
        return self.done_at is not None and (last_customer_post is None or last_customer_post <= self.done_at)


@dataclass(frozen=True, slots=True)
class OpenThread:
    """A thread that needs a person. `key` is its row; `first_looks` says when authors of its replies were written to."""

    key: int
    situation: Situation
    category_id: int | None = None
    lang: str = "und"
    mark: Mark = Mark()
    last_customer_post: datetime | None = None
    fresh_flags: tuple[int, ...] = ()
    """Numbers of recent flagged replies."""
    first_looks: Mapping[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """A message that is due: about these threads, for these new reasons."""

    kind: Kind
    threads: tuple[int, ...]
    reasons: tuple[str, ...] = ()
    severity: int = 0
    post_number: int | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """A channel's messages that are due, and what it will have been told by them."""

    wishes: tuple[Wish, ...] = ()
    told: Mapping[int, Situation] = field(default_factory=dict)


def due_alerts(
    threads: Iterable[OpenThread],
    told: Mapping[int, Situation],
    rules: AlertRules,
    *,
    channel: str,
    used_today: int,
    now: datetime,
    limit: int | None = None,
) -> Desired:
    """The alerts due in a channel of this kind, the worst first; what is over the daily cap is gathered into one.

    `used_today` counts this channel's messages since local midnight. After the gathered one the channel is silent until
    the next day; what comes meanwhile is not lost, but due then. `limit` stops after so many, gathering nothing.
    """
    if rules.is_quiet(now):
        return Desired()
    due = sorted((t for t in threads if _is_due(t, told, rules, channel, now)), key=_worst_first)
    if limit is not None:
        return _desired(due[:limit], [], told)
    if not rules.daily_cap:
        return _desired(due, [], told)
    room = max(0, rules.daily_cap - used_today)
    rest = due[room:] if used_today <= rules.daily_cap else []
    return _desired(due[:room], rest, told)


def _worst_first(thread: OpenThread) -> tuple[int, int]:
    return -thread.situation.severity, thread.key


def _is_due(thread: OpenThread, told: Mapping[int, Situation], rules: AlertRules, channel: str, now: datetime) -> bool:
    if thread.situation.severity < rules.floor(channel, thread.category_id, thread.lang):
        return False
    if thread.mark.silences(now, thread.last_customer_post) or _waits_for_author(thread, rules, now):
        return False
    return is_worse(told.get(thread.key), thread.situation, rules.worse_by)


def _waits_for_author(thread: OpenThread, rules: AlertRules, now: datetime) -> bool:
    """The lead hears of a recent flagged reply only when its author has had the time that was set."""
    if not rules.first_look:
        return False
    looks = [thread.first_looks.get(number, now) for number in thread.fresh_flags]
    return bool(looks) and now < max(looks) + rules.first_look


def _desired(single: Sequence[OpenThread], rest: Sequence[OpenThread], told: Mapping[int, Situation]) -> Desired:
    wishes = [_alert(thread, told) for thread in single]
    if len(rest) == 1:
        wishes.append(_alert(rest[0], told))
    elif rest:
        worst = max(thread.situation.severity for thread in rest)
        wishes.append(Wish(Kind.GATHERED, tuple(thread.key for thread in rest), severity=worst))
    now_told = {
        thread.key: thread.situation.joined(told[thread.key]) if thread.key in told else thread.situation
        for thread in (*single, *rest)
    }
    return Desired(tuple(wishes), now_told)


def _alert(thread: OpenThread, told: Mapping[int, Situation]) -> Wish:
    """Of a thread told before only what is new."""
    before = told.get(thread.key)
    new = sorted(thread.situation.reasons - before.reasons) if before else ()
    worse = (*new, "severity") if before and not new else tuple(new)
    return Wish(Kind.ALERT, (thread.key,), worse, thread.situation.severity)


def due_first_looks(threads: Iterable[OpenThread], rules: AlertRules, *, channel: str, now: datetime) -> list[Wish]:
    """Messages to authors of recent flagged replies, one for each reply that had none."""
    if not rules.first_look or rules.is_quiet(now):
        return []
    return [
        Wish(Kind.FIRST_LOOK, (thread.key,), severity=thread.situation.severity, post_number=number)
        for thread in sorted(threads, key=_worst_first)
        if thread.situation.severity >= rules.floor(channel, thread.category_id, thread.lang)
        and not thread.mark.silences(now, thread.last_customer_post)
        for number in thread.fresh_flags
        if number not in thread.first_looks
    ]
