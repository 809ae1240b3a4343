"""When something is due: the next tick with jitter and back-off, the digests at set times of the forum's zone.

Pure. The triggers of APScheduler know the calendar (weekdays, zones, the hours that summer time skips or repeats); its
scheduler is not used, as it reads the clock itself and works in threads, which a database connection must not leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from modassist.config.kinds import DAYS, Times

JITTER = 0.1
"""Share of the interval by which a tick may come earlier or later."""

LONGEST_BACK_OFF = timedelta(hours=1)

TOO_LATE = timedelta(hours=6)
"""A digest that could not be made so long after its time is left out."""


def next_tick(now: datetime, every: timedelta, *, failures: int, chance: float, wait: float = 0.0) -> datetime:
    """When the next tick begins. `failures` ticks in a row doubled the interval each, up to an hour (or the interval);
    `chance` (0 to 1) spreads it, `wait` are seconds that the forum asked for."""
    longest = max(every, LONGEST_BACK_OFF)
    pause: timedelta = min(every * (1 << min(failures, 10)), longest)
    spread = pause * (JITTER * (2 * chance - 1))
    return now + max(pause + spread, timedelta(seconds=wait))


@dataclass(frozen=True, slots=True)
class Timetable:
    """Set times of the week in a time zone."""

    times: Times
    timezone: str

    def next_after(self, moment: datetime) -> datetime | None:
        """The first set time after this instant; None where no time is set."""
        found = [due for due in self._next(moment + timedelta(microseconds=1)) if due]
        return min(found, default=None)

    def latest(self, since: datetime, now: datetime) -> datetime | None:
        """The latest set time after `since`, up to now and not older than `TOO_LATE`; None where there is none."""
        due, latest = self.next_after(max(since, now - TOO_LATE)), None
        while due is not None and due <= now:
            due, latest = self.next_after(due), due
        return latest

    def _next(self, moment: datetime) -> Iterator[datetime | None]:
        local = moment.astimezone(ZoneInfo(self.timezone))
        for trigger in _triggers(self.times, self.timezone):
            yield trigger.get_next_fire_time(None, local)

    def day(self, due: datetime) -> str:
        """The local day of a set time: what is named after it exists once a day, whatever clocks do."""
        return due.astimezone(ZoneInfo(self.timezone)).date().isoformat()


@cache
def _triggers(times: Times, timezone: str) -> tuple[Any, ...]:
    """A trigger for each time of the day, with the days on which it holds."""
    from apscheduler.triggers.cron import CronTrigger

    zone, days = ZoneInfo(timezone), dict[int, list[str]]()
    for day, minute in times:
        days.setdefault(minute, []).append(DAYS[day])
    return tuple(
        CronTrigger(day_of_week=",".join(names), hour=minute // 60, minute=minute % 60, timezone=zone)
        for minute, names in days.items()
    )
