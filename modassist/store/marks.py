"""What people decided about threads: not now, or done. Alerts are silent about such threads; `review` sets the marks."""

from __future__ import annotations

from datetime import datetime

from modassist.alerts.rules import Mark
from modassist.instants import parse_instant, sortable_text
from modassist.store.database import Database


def snooze(db: Database, thread_id: int, until: datetime) -> None:
    """No alert about the thread until then."""
    _set(db, thread_id, "snoozed_until", until)


def mark_done(db: Database, thread_id: int, at: datetime) -> None:
    """No alert about the thread until a customer writes in it after `at`."""
    _set(db, thread_id, "done_at", at)


def clear(db: Database, thread_id: int) -> None:
    """The thread is as any other again."""
    db.run("DELETE FROM thread_marks WHERE thread_id = ?", (thread_id,))


def mark_of(db: Database, thread_id: int) -> Mark:
    """What was decided about the thread."""
    row = db.row("SELECT snoozed_until, done_at FROM thread_marks WHERE thread_id = ?", (thread_id,))
    return mark_from(row["snoozed_until"], row["done_at"]) if row else Mark()


def mark_from(snoozed_until: str | None, done_at: str | None) -> Mark:
    """The mark as its two columns hold it."""
    return Mark(parse_instant(snoozed_until) if snoozed_until else None, parse_instant(done_at) if done_at else None)


def _set(db: Database, thread_id: int, column: str, moment: datetime) -> None:
    db.run(
        f"INSERT INTO thread_marks (thread_id, {column}) VALUES (?, ?) "  # noqa: S608 -- one of two constants
        f"ON CONFLICT DO UPDATE SET {column} = excluded.{column}",
        (thread_id, sortable_text(moment)),
    )
