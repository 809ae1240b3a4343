"""When a promise falls due: „bis Freitag“, "by tomorrow noon", ”ensi viikolla”, „in 2-3 Werktagen“.

The vocabulary of each language stands in `rules/<lang>/times.yaml`; the arithmetic is the same for all of them.
A day is due at its end in the forum's time zone (signals.md, decision 8); a range is due at its later end.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

END_OF_DAY = time(23, 59, 59)
MAX_AHEAD = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Due:
    """The end of what was promised (UTC) and the words that say so, as a range of the text looked at."""

    at: datetime
    start: int
    end: int


def _piece(word: str) -> str:
    escaped = re.escape(word.lower()).replace(r"\ ", r"\s+")
    return escaped.replace(r"\*", r"\w*")


def _any_of(words: Iterable[str]) -> str:
    ordered = sorted(set(words), key=len, reverse=True)
    return "(?:" + "|".join(_piece(word) for word in ordered) + ")" if ordered else r"(?!)"


def _named(table: Mapping[Any, list[str]]) -> dict[str, Any]:
    return {word.lower(): key for key, words in table.items() for word in words}


def _lookup(table: Mapping[str, Any], found: str) -> Any:
    """The key of the entry that `found` is an instance of; entries may end in `*`."""
    found = re.sub(r"\s+", " ", found.lower())
    if found in table:
        return table[found]
    fits = [word for word in table if word.endswith("*") and found.startswith(word[:-1])]
    return table[max(fits, key=len)] if fits else None


@dataclass(frozen=True)
class TimeWords:
    """One language's words for time, with the expressions compiled from them."""

    lang: str
    table: Mapping[str, Any]

    @cached_property
    def days_ahead(self) -> dict[str, int]:
        return _named(self.table["days_ahead"])

    @cached_property
    def weekdays(self) -> dict[str, int]:
        return _named(self.table["weekdays"])

    @cached_property
    def months(self) -> dict[str, int]:
        return _named(self.table["months"])

    @cached_property
    def units(self) -> dict[str, str]:
        return _named(self.table["units"])

    @cached_property
    def numbers(self) -> dict[str, int]:
        return _named(self.table["numbers"])

    @cached_property
    def ends(self) -> dict[str, str]:
        return _named(self.table["ends"])

    @cached_property
    def not_a_day(self) -> re.Pattern[str]:
        return re.compile(rf"\b{_any_of(self.table['not_a_day'])}\b")

    @cached_property
    def day(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?P<day>{_any_of(self.days_ahead)})\b")

    @cached_property
    def weekday(self) -> re.Pattern[str]:
        """Full names anywhere; abbreviations ("so", "do", "ma") only behind a word of deadline."""
        long = [word for word in self.weekdays if len(word.rstrip("*")) > 4]
        short = [word for word in self.weekdays if len(word.rstrip("*")) <= 4]
        return re.compile(
            rf"\b(?:(?P<next>{_any_of(self.table['next'])})\s+)?(?P<weekday>{_any_of(long)})\b"
            rf"(?:,?\s+{_any_of(self.table['of_month'])}\s+(?P<number>\d{{1,2}})(?:st|nd|rd|th|\.)(?!\d))?"
            rf"|\b{_any_of(self.table['deadline'])}\s+(?P<short>{_any_of(short)})\b"
        )

    @cached_property
    def span(self) -> re.Pattern[str]:
        number = rf"(?:\d{{1,3}}|{_any_of(self.numbers)})"
        before = _any_of(self.table["within"]) if self.table["within"] else r"(?:)"
        after = rf"(?:\s+{_any_of(self.table['after_unit'])})" if self.table.get("after_unit") else ""
        return re.compile(
            rf"(?<!\w){before}\s*(?:(?P<low>{number})\s*(?:{_any_of(self.table['range'])}\s*)?)?"
            rf"(?P<high>{number})?\s*\b(?P<unit>{_any_of(self.units)})\b{after}"
        )

    @cached_property
    def end(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?P<end>{_any_of(self.ends)})\b")

    @cached_property
    def date(self) -> re.Pattern[str]:
        month = _any_of(self.months)
        return re.compile(
            rf"\b(?P<d1>\d{{1,2}})(?:\.|st|nd|rd|th)?\s*(?:of\s+)?(?P<m1>{month})\b(?:\s+(?P<y1>\d{{4}}))?"
            rf"|\b(?P<m2>{month})\s+(?:the\s+)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}}))?"
            r"|\b(?P<d3>\d{1,2})\.\s?(?P<m3>\d{1,2})\.(?:\s?(?P<y3>\d{4}))?"
            r"|\b(?P<y4>20\d{2})-(?P<m4>\d{2})-(?P<d4>\d{2})\b"
        )

    @cached_property
    def numbered(self) -> re.Pattern[str]:
        """A day of the month by its number alone: "by the 14th", „bis zum 14.“, ”14. päivään mennessä“."""
        number = r"\d{1,2}(?:st|nd|rd|th|\.)"
        before, after = (_any_of(self.table.get(f"numbered_{side}", ())) for side in ("before", "after"))
        not_ahead = rf"(?!\s*(?:\d|{_any_of(self.table.get('not_numbered', ()))}))"
        return re.compile(rf"\b{before}\s+(?P<n1>{number}){not_ahead}|\b(?P<n2>\d{{1,2}}\.)\s?(?:{after})(?!\w)")

    @cached_property
    def clock(self) -> re.Pattern[str]:
        half = rf"\s?(?P<half>{_any_of([*self.table['pm'], *self.table['am']])})"
        return re.compile(
            rf"\b(?:{_any_of(self.table['clock_before'])})\s+(?P<h1>\d{{1,2}})(?:[:.](?P<n1>\d{{2}}))"
            rf"|\b(?P<h2>\d{{1,2}})(?:[:.](?P<n2>\d{{2}}))?(?:{half}|\s?{_any_of(self.table['clock_after'])})(?!\w)"
            rf"|\b{_any_of(self.table['bare_clock'])}\.?\s+(?P<h3>\d{{1,2}})(?![\d.]*\d)"
        )

    @cached_property
    def part_of_day(self) -> tuple[re.Pattern[str], dict[str, int]]:
        table = _named(self.table["hours_of_day"])
        return re.compile(rf"\b{_any_of(table)}\b"), table


def load(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, TimeWords]:
    """Vocabularies by language from the parsed `times.yaml` files."""
    return {lang: TimeWords(lang, table) for lang, table in tables.items()}


def due(text: str, said_at: datetime, words: TimeWords, timezone: str = "UTC") -> Due | None:
    """The instant (UTC) until which a promise made at `said_at` in these words runs; None where no time is named.

    Where several times stand in `text`, the latest of those that lie after `said_at` holds. A clock time
    sharpens the day it stands with.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    zone = ZoneInfo(timezone)
    local = said_at.astimezone(zone)
    found = [*_days(lowered, local, words), *_spans(lowered, local, words)]
    found += _ends(lowered, local, words)
    clock = _clock(lowered, words)
    if clock is not None and not any(exact for *_, exact in found):
        found = _sharpen(found, clock, local, lowered)
    ahead = [(at, start, end) for at, start, end, _ in found if local < at <= local + MAX_AHEAD]
    if not ahead:
        return None
    at, start, end = max(ahead, key=lambda item: item[0])
    return Due(at.astimezone(UTC), start, end)


_Found = tuple[datetime, int, int, bool]
"""Instant, start, end of the words, and whether it is already exact to the hour."""


def _at_end(day: date, local: datetime) -> datetime:
    return datetime.combine(day, END_OF_DAY, tzinfo=local.tzinfo)


def _days(text: str, local: datetime, words: TimeWords) -> list[_Found]:
    found: list[_Found] = []
    excluded = [match.span() for match in words.not_a_day.finditer(text)]
    for match in words.day.finditer(text):
        if any(start <= match.start() < end for start, end in excluded):
            continue
        ahead = _lookup(words.days_ahead, match["day"])
        found.append((_at_end(local.date() + timedelta(days=ahead), local), *match.span(), False))
    for match in words.date.finditer(text):
        day = _calendar_day(match, local, words)
        if day is not None:
            found.append((_at_end(day, local), *match.span(), False))
    written = [(start, end) for _, start, end, _ in found]
    for match in words.numbered.finditer(text):
        day = _next_numbered(int(re.sub(r"\D", "", match["n1"] or match["n2"])), local.date())
        if day is not None and not any(start < match.end() and match.start() < end for start, end in written):
            found.append((_at_end(day, local), *match.span(), False))
    named = [(start, at.date()) for at, start, _, _ in found if at > local]
    for match in words.weekday.finditer(text):
        wanted = _lookup(words.weekdays, match["weekday"] or match["short"])
        day = _next_weekday(wanted, local.date(), [day for start, day in named if start < match.start()])
        if match["number"]:
            day = _next_numbered(int(match["number"]), local.date()) or day
            named.append((match.start(), day))
        found.append((_at_end(day, local), *match.span(), False))
    return found


def _next_weekday(weekday: int, today: date, before: Sequence[date]) -> date:
    """The weekday after today; where a day was named before it in the sentence, that one or the next one after it."""
    if before:
        return max(before) + timedelta(days=(weekday - max(before).weekday()) % 7)
    return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)


def _next_numbered(number: int, today: date) -> date | None:
    """The day of that number from today on, as in "Thursday the 19th"; None where there is none within 60 days."""
    days = (today + timedelta(days=ahead) for ahead in range(60))
    return next((day for day in days if day.day == number), None)


def _calendar_day(match: re.Match[str], local: datetime, words: TimeWords) -> date | None:
    groups = match.groupdict()
    which = next(index for index in "1234" if groups[f"d{index}"])
    month = groups[f"m{which}"]
    number = int(month) if month.isdigit() else _lookup(words.months, month)
    year = int(groups[f"y{which}"] or local.year)
    try:
        day = date(year, number, int(groups[f"d{which}"]))
    except ValueError:
        return None
    if groups[f"y{which}"] is None and day < local.date() - timedelta(days=180):
        return day.replace(year=year + 1) if (number, day.day) != (2, 29) else None
    return day


def _spans(text: str, local: datetime, words: TimeWords) -> list[_Found]:
    found: list[_Found] = []
    for match in words.span.finditer(text):
        number = match["high"] or match["low"]
        before = text[max(0, match.start() - 12) : match.start()].split()
        if number is None or (before and before[-1] in words.table["ago"]):
            continue
        after = text[match.end() : match.end() + 8].split()
        if after and after[0] in (*words.table["ago"], "ago"):
            continue
        amount = int(number) if number.isdigit() else _lookup(words.numbers, number)
        at, exact = _after(local, amount, _lookup(words.units, match["unit"]))
        if at is not None:
            found.append((at, *match.span(), exact))
    return found


def _after(local: datetime, amount: int, unit: str) -> tuple[datetime | None, bool]:
    if unit == "hour":
        return local + timedelta(hours=amount), True
    if unit == "month" and amount <= 12:
        return _at_end(local.date() + timedelta(days=30 * amount), local), False
    if unit == "workday" and amount <= 100:
        return _at_end(_add_workdays(local.date(), amount), local), False
    days = {"day": 1, "week": 7}.get(unit, 0) * amount
    return (_at_end(local.date() + timedelta(days=days), local), False) if 0 < days <= 400 else (None, False)


def _add_workdays(day: date, amount: int) -> date:
    while amount > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            amount -= 1
    return day


def _ends(text: str, local: datetime, words: TimeWords) -> list[_Found]:
    found: list[_Found] = []
    for match in words.end.finditer(text):
        day = _end_of(_lookup(words.ends, match["end"]), local.date())
        found.append((_at_end(day, local), *match.span(), False))
    return found


def _end_of(period: str, today: date) -> date:
    sunday = today + timedelta(days=6 - today.weekday())
    if period == "today":
        return today
    if period == "week":
        return sunday
    if period in ("next_week", "week_after"):
        return sunday + timedelta(days=7 if period == "next_week" else 14)
    first = today.replace(day=1)
    if period == "next_month":
        first = (first + timedelta(days=32)).replace(day=1)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _clock(text: str, words: TimeWords) -> tuple[time, int, int] | None:
    best = None
    for match in words.clock.finditer(text):
        hour = int(match["h1"] or match["h2"] or match["h3"])
        minute = int(match["n1"] or match["n2"] or 0)
        half = match["half"]
        if half and half in words.table["pm"] and hour < 12:
            hour += 12
        if hour < 24 and minute < 60:
            best = (time(hour, minute), *match.span())
    if best is None:
        pattern, table = words.part_of_day
        for match in pattern.finditer(text):
            best = (time(_lookup(table, match[0])), *match.span())
    return best


def _sharpen(found: list[_Found], clock: tuple[time, int, int], local: datetime, text: str) -> list[_Found]:
    """The day's end becomes the clock time named with it; a clock time alone means its next occurrence."""
    at, start, end = clock
    if not found:
        instant = datetime.combine(local.date(), at, tzinfo=local.tzinfo)
        return [(instant if instant > local else instant + timedelta(days=1), start, end, True)]
    sharpened = []
    for instant, first, last, _ in found:
        exact = datetime.combine(instant.date(), at, tzinfo=local.tzinfo)
        keep = exact if exact > local else instant
        sharpened.append((keep, min(first, start), max(last, end), True))
    return sharpened
