"""Waiting time: every hour, or only the hours in which the forum's staff is at work.

Settings (`Limits`): working minutes per weekday, public holidays by country (the `holidays` library), and the forum's
own time zone. Without business hours and holidays the clock simply runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from modassist.model import Limits

WHOLE_DAY = (0, 24 * 60)
HORIZON_DAYS = 3 * 366
"""How far `reached` looks ahead, and how many days `elapsed` counts one by one before it calls it enough."""


@lru_cache(maxsize=16)
def _holidays(country: str, year: int) -> frozenset[date]:
    import holidays  # 60 ms: only where the setting asks for it

    code, _, subdivision = country.partition("-")
    return frozenset(holidays.country_holidays(code, subdiv=subdivision or None, years=year))


def is_counting_everything(limits: Limits) -> bool:
    return not limits.business_hours and not limits.holidays


def _working_span(day: date, limits: Limits, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Begin and end of the working day in UTC, None for a day off."""
    first, last = limits.business_hours[day.weekday()] if limits.business_hours else WHOLE_DAY
    if first >= last or (limits.holidays and day in _holidays(limits.holidays, day.year)):
        return None
    midnight = datetime.combine(day, time(), tzinfo=zone)
    next_midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    begin = midnight.replace(hour=first // 60, minute=first % 60).astimezone(UTC)
    if last >= 24 * 60:
        return begin, next_midnight.astimezone(UTC)
    return begin, midnight.replace(hour=last // 60, minute=last % 60).astimezone(UTC)


def _spans(start: datetime, limits: Limits) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(limits.timezone)
    day = start.astimezone(zone).date()
    for offset in range(HORIZON_DAYS):
        span = _working_span(day + timedelta(days=offset), limits, zone)
        if span is not None and span[1] > start:
            yield max(span[0], start), span[1]


def elapsed(start: datetime, end: datetime, limits: Limits) -> timedelta:
    """The counted time from `start` to `end`; never negative. Beyond three years the plain difference is given."""
    if end <= start:
        return timedelta()
    if is_counting_everything(limits) or end - start > timedelta(days=HORIZON_DAYS - 1):
        return end - start
    total = timedelta()
    for first, last in _spans(start, limits):
        if first >= end:
            break
        total += min(last, end) - first
    return total


def reached(start: datetime, amount: timedelta, limits: Limits) -> datetime:
    """The instant at which `elapsed(start, instant)` reaches `amount`."""
    if is_counting_everything(limits):
        return start + amount
    left = amount
    for first, last in _spans(start, limits):
        if last - first >= left:
            return first + left
        left -= last - first
    return start + timedelta(days=HORIZON_DAYS)


def hours(amount: timedelta) -> float:
    """Hours to one decimal, as shown to people."""
    return round(amount.total_seconds() / 3600, 1)
