"""Kinds of settings: how a value from a TOML file, a variable or a flag becomes the value that the program uses.

A kind is called with what stood there and gives the value, or raises `ValueError` with what was expected. Variables
are text: lists come as `a, b`, tables as `a = b, c = d`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from modassist.model import STRICTNESS

Kind = Callable[[Any], Any]
Pairs = tuple[tuple[str, str], ...]
Week = tuple[tuple[int, int], ...]
Quiet = tuple[tuple[int, int, int], ...]
Times = tuple[tuple[int, int], ...]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_HOURS = re.compile(rf"{_DAY}(?:\s*-\s*{_DAY})?\s+(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.IGNORECASE)

_QUIET = re.compile(rf"(?:{_DAY}(?:\s*-\s*{_DAY})?\s+)?(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.IGNORECASE)
_TIME = re.compile(rf"(?:{_DAY}(?:\s*-\s*{_DAY})?\s+)?(\d\d?):(\d\d)", re.IGNORECASE)


def text(value: Any) -> str:
    """Any text on one line."""
    if not isinstance(value, str):
        raise ValueError("a text in quotes")
    return value.strip()


def secret(value: Any) -> str:
    """A key: a text that is never shown."""
    key = text(value)
    if any(mark.isspace() or not mark.isprintable() for mark in key):
        raise ValueError("a key: one word without blanks")
    return key


def sha256(value: Any) -> str:
    """A SHA-256 in hexadecimal, or nothing."""
    digits = text(value).lower()
    if digits and not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError("a SHA-256: 64 hexadecimal digits, as sha256sum prints them")
    return digits


def url(value: Any) -> str:
    """Address of a forum, without a closing slash, user name or query."""
    address = text(value).rstrip("/")
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError('an address such as "https://community.example.com"')
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address without user name, password, ? or #")
    return address


def path(value: Any) -> Path:
    """A file or folder; `~` is the home folder."""
    name = str(value) if isinstance(value, Path) else text(value)
    if not name or "\0" in name:
        raise ValueError("the name of a file")
    return Path(name).expanduser()


def yes_no(value: Any) -> bool:
    """True or false."""
    words = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("true or false")


def _figure(value: Any) -> float:
    if isinstance(value, str):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("a number")
    return float(value)


def number(low: float, high: float) -> Kind:
    """A number from `low` to `high`, both included."""

    def read(value: Any) -> float:
        expected = f"a number from {low:g} to {high:g}"
        try:
            figure = _figure(value)
        except ValueError:
            raise ValueError(expected) from None
        if not low <= figure <= high:
            raise ValueError(expected)
        return figure

    return read


def whole(low: int, high: int) -> Kind:
    """A whole number from `low` to `high`, both included."""

    def read(value: Any) -> int:
        expected = f"a whole number from {low} to {high}" if high < 2**53 else "a whole number, 0 or more"
        if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,16}\s*", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(expected)
        return value

    return read


def one_of(*allowed: str) -> Kind:
    """One of these words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.strip().lower() not in allowed:
            raise ValueError("one of " + " | ".join(allowed))
        return value.strip().lower()

    return read


def zone(value: Any) -> str:
    """The name of a time zone in the IANA list."""
    from zoneinfo import ZoneInfo  # here, so that the command line starts without it

    name = text(value)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError('a time zone such as "Europe/Berlin", "Europe/Helsinki" or "UTC"') from None
    return name


def _listed(value: Any, expected: str) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise ValueError(expected)
    return list(value)


def names(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    expected = 'a list of texts such as ["a", "b"]'
    listed = _listed(value, expected)
    if not all(isinstance(part, str) and part.strip() for part in listed):
        raise ValueError(expected)
    return tuple(part.strip().removeprefix("@") for part in listed)


def secret_names(value: Any) -> tuple[str, ...]:
    """A list of texts that are never shown. Addresses may hold commas: one ends where the next one's scheme begins."""
    if isinstance(value, str):
        value = [part for part in re.split(r"\s+|,(?=\s*[A-Za-z][\w+.-]*://)", value) if part.strip(", ")]
    return names(value)


def ids(value: Any) -> tuple[int, ...]:
    """A list of ids."""
    expected = "a list of ids such as [5, 9]"
    try:
        return tuple(whole(1, 2**53)(part) for part in _listed(value, expected))
    except ValueError:
        raise ValueError(expected) from None


def paths(value: Any) -> tuple[Path, ...]:
    """A list of files or folders."""
    listed = [value] if isinstance(value, Path) else _listed(value, 'a list of folders such as ["rules"]')
    return tuple(path(part) for part in listed)


def _table(value: Any, expected: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()]
    parts = [part.partition("=") for part in _listed(value, expected)] if isinstance(value, str) else [("", "", "")]
    if not all(sign for _, sign, _ in parts):
        raise ValueError(expected)
    return [(key.strip(), part.strip()) for key, _, part in parts]


def pairs(value: Any) -> Pairs:
    """A table of texts."""
    expected = 'a table such as { other_account = "main_account" }'
    table = _table(value, expected)
    if not all(key and isinstance(part, str) and part for key, part in table):
        raise ValueError(expected)
    return tuple((key, part) for key, part in table)


def hours_by_id(value: Any) -> tuple[tuple[int, float], ...]:
    """A table of hours by category id."""
    expected = "a table of hours by category id such as { 5 = 48 }"
    try:
        return tuple((whole(1, 2**53)(key), number(0.1, 8760)(part)) for key, part in _table(value, expected))
    except ValueError:
        raise ValueError(expected) from None


def chances(value: Any) -> tuple[tuple[str, float], ...]:
    """A table of probabilities by name."""
    expected = "a table of probabilities from 0 to 1 such as { contradiction = 0.6 }"
    try:
        return tuple((text(key), number(0, 1)(part)) for key, part in _table(value, expected))
    except ValueError:
        raise ValueError(expected) from None


def strictness_by_id(value: Any) -> tuple[tuple[int, str], ...]:
    """A table of strictness by category id."""
    expected = f'a table of {", ".join(STRICTNESS)} by category id such as {{ 5 = "strict" }}'
    try:
        return tuple((whole(1, 2**53)(key), one_of(*STRICTNESS)(part)) for key, part in _table(value, expected))
    except ValueError:
        raise ValueError(expected) from None


def _severities(value: Any, key: Callable[[Any], Any], expected: str) -> tuple[tuple[Any, int], ...]:
    try:
        return tuple((key(name), whole(0, 100)(part)) for name, part in _table(value, expected))
    except ValueError:
        raise ValueError(expected) from None


def severities_by_id(value: Any) -> tuple[tuple[int, int], ...]:
    """A table of severities by category id."""
    return _severities(value, whole(1, 2**53), "a table of severities (0 to 100) by category id such as { 5 = 60 }")


def severities_by_name(value: Any) -> tuple[tuple[str, int], ...]:
    """A table of severities by name."""
    return _severities(value, _name, "a table of severities (0 to 100) by name such as { mailto = 70 }")


def _name(value: Any) -> str:
    name = text(value).lower()
    if not name:
        raise ValueError
    return name


def quiet(value: Any) -> Quiet:
    """Quiet hours, as (weekday, first minute, last minute); spans over midnight are two."""
    expected = 'quiet hours such as "22:00-07:00" or "Mon-Fri 18:00-08:00, Sat-Sun 00:00-24:00"'
    spans: list[tuple[int, int, int]] = []
    for part in [part.strip() for part in text(value).split(",") if part.strip()]:
        found = _QUIET.fullmatch(part)
        if found is None:
            raise ValueError(expected)
        first, last, *clock = found.groups()
        begin, end = int(clock[0]) * 60 + int(clock[1]), int(clock[2]) * 60 + int(clock[3])
        if begin >= 1440 or end > 1440 or begin == end or int(clock[1]) > 59 or int(clock[3]) > 59:
            raise ValueError(expected)
        try:
            days = _day_range(first, last) if first else range(7)
        except ValueError:
            raise ValueError(expected) from None
        for day in days:
            spans += _night(day, begin, end)
    return tuple(sorted(spans))


def _night(day: int, begin: int, end: int) -> list[tuple[int, int, int]]:
    if begin < end:
        return [(day, begin, end)]
    return [(day, begin, 1440), *([((day + 1) % 7, 0, end)] if end else [])]


def _day_range(first: str, last: str | None) -> range:
    begin = DAYS.index(first.lower())
    end = DAYS.index(last.lower()) if last else begin
    if end < begin:
        raise ValueError
    return range(begin, end + 1)


def times(value: Any) -> Times:
    """Times of the week, as (weekday, minute of the day); empty: never."""
    expected = 'times such as "07:30", "Mon-Fri 07:30" or "Mon 07:00, Thu 16:00"'
    found: set[tuple[int, int]] = set()
    for part in [part.strip() for part in text(value).split(",") if part.strip()]:
        match = _TIME.fullmatch(part)
        hour, minute = (int(match[3]), int(match[4])) if match else (24, 0)
        if match is None or hour > 23 or minute > 59:
            raise ValueError(expected)
        try:
            days = _day_range(match[1], match[2]) if match[1] else range(7)
        except ValueError:
            raise ValueError(expected) from None
        found |= {(day, hour * 60 + minute) for day in days}
    return tuple(sorted(found))


def week(value: Any) -> Week:
    """Business hours, as (first minute, last minute) of Monday..Sunday; empty where every hour counts."""
    expected = 'business hours such as "Mon-Fri 09:00-17:00" or "Mon-Thu 08:00-17:00, Fri 08:00-14:00"'
    hours = [(0, 0)] * 7
    try:
        parts = [part for part in text(value).split(",") if part.strip()]
        for part in parts:
            found = _HOURS.fullmatch(part.strip())
            if found is None:
                raise ValueError
            first, last, *clock = found.groups()
            begin, end = int(clock[0]) * 60 + int(clock[1]), int(clock[2]) * 60 + int(clock[3])
            if not 0 <= begin < end <= 1440 or int(clock[1]) > 59 or int(clock[3]) > 59:
                raise ValueError
            for day in _day_range(first, last):
                hours[day] = (begin, end)
    except ValueError:
        raise ValueError(expected) from None
    return tuple(hours) if parts else ()


def holidays(value: Any) -> str:
    """A country, or a country and a part of it, that the holiday calendar knows."""
    place = text(value).upper()
    if not place:
        return ""
    from holidays import country_holidays  # a third of a second: only where the setting is used

    country, _, part = place.partition("-")
    try:
        country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError('a country or part of one such as "DE", "DE-BY", "FI" or "GB-SCT"') from None
    return place
