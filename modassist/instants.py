"""Instants as text: reading what forums, files and flags write, and writing one form that sorts.

Everything inside the program is an aware datetime in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant ("2026-03-02T08:00:00Z", any offset, or none: then UTC); the result is in UTC.

    Raises ValueError where the text is no instant, or one outside the years that Python can hold.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # Rails writes "2013-02-05 12:14:17 UTC" where a time was not made for JSON.
        moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is out of range") from None


def instant_text(moment: datetime) -> str:
    """The instant as records show it: "2026-03-02T08:00:00Z", with a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat()[:-6] + "Z"


def sortable_text(moment: datetime) -> str:
    """The instant in one fixed width, so that text sorts as time does: "2026-03-02T08:00:00.000000Z"."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
