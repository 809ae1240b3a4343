"""What becomes of a message: claimed before it is sent, completed after, tried again, put aside.

    due --claim--> claimed --arrived--> sent
     ^               |---- not taken --> due again later, or dead after MOST_TRIES
     |               |---- unclear ----> stays claimed, until somebody has looked
     +-- not there --+                   (found: sent; cannot be looked at: held, or sent again by the setting)

A message that nobody needs any more is cancelled. Held and dead ones wait for a person.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from modassist.alerts.rules import Kind

BACK_OFF = (1, 5, 15, 60, 180, 360, 720)
"""Minutes until the next try after the first, second, … failure; then the last one again."""

MOST_TRIES = 20
"""About a week of trying."""

SETTLE = timedelta(minutes=2)
"""A request that was cut off may still be at work on the forum. So long after the claim nobody looks whether it
arrived, and Discourse, too, takes the same request within two minutes for the same post."""

CODE_LENGTH = 10


class Status(StrEnum):
    """Where a message stands."""

    DUE = "due"
    CLAIMED = "claimed"
    SENT = "sent"
    HELD = "held"
    DEAD = "dead"
    CANCELLED = "cancelled"


WAITING_FOR_A_PERSON = (Status.HELD, Status.DEAD)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in the outbox. `threads` are (source, topic id); `reference` stands in the message itself."""

    id: int
    key: str
    reference: str
    channel: str
    kind: Kind
    status: Status
    threads: tuple[tuple[str, int], ...]
    reasons: tuple[str, ...] = ()
    severity: int = 0
    post_number: int | None = None
    attempts: int = 0
    created_at: datetime | None = None
    next_try_at: datetime | None = None
    claimed_at: datetime | None = None
    target: str = ""
    sent_at: datetime | None = None
    place: str = ""
    error: str = ""


def as_record(entry: Entry) -> dict[str, Any]:
    """A message that waits for a person, as the digest shows it."""
    threads = [topic_id for _, topic_id in entry.threads]
    return {"id": entry.id, "channel": entry.channel, "threads": threads, "status": entry.status, "error": entry.error}


def reference_of(key: str, salt: bytes) -> str:
    """The code that stands in a message and finds it again. Nobody without the database's salt can write one first."""
    code = base64.b32encode(blake2b(key.encode(), key=salt, digest_size=10).digest()).decode()
    return f"MA-{code[:CODE_LENGTH]}"


def next_try(attempts: int, now: datetime, wait: float = 0.0) -> datetime:
    """When to try again after so many failures; `wait` are seconds that the channel asked for."""
    minutes = BACK_OFF[min(max(attempts, 1), len(BACK_OFF)) - 1]
    return now + max(timedelta(minutes=minutes), timedelta(seconds=wait))


def after_failure(attempts: int, *, is_final: bool) -> Status:
    """Where a message stands that surely did not arrive."""
    return Status.DEAD if is_final or attempts >= MOST_TRIES else Status.DUE


def may_look(entry: Entry, now: datetime) -> bool:
    """Whether a claim is so old that the channel can be asked what became of it."""
    return entry.claimed_at is None or now >= entry.claimed_at + SETTLE
