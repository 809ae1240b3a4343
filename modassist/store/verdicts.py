"""What people said of findings, in the database: verdicts on posts, and threads put aside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from modassist.alerts.rules import Mark
from modassist.alerts.situation import Situation, is_worse, last_customer_post, situation_of
from modassist.instants import parse_instant, sortable_text
from modassist.records.fields import clean
from modassist.review.verdict import Answer, Verdict
from modassist.store import marks
from modassist.store.database import Database
from modassist.store.topics import ThreadKey

WORSE_BY = 20
"""A rise in severity that brings a snoozed thread back."""

_SAVE = """INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    text_sha = excluded.text_sha, verdict = excluded.verdict, found = excluded.found, should_be = excluded.should_be,
    note = excluded.note, judged_at = excluded.judged_at, program = excluded.program"""
_ASIDE = """SELECT m.thread_id, m.snoozed_until, m.done_at, s.reasons, s.severity, a.result FROM thread_marks m
    JOIN analyses a ON a.thread_id = m.thread_id LEFT JOIN set_aside s ON s.thread_id = m.thread_id
    WHERE a.needs_person = 1 AND a.result IS NOT NULL ORDER BY m.thread_id"""


def save(db: Database, thread_id: int, verdict: Verdict) -> None:
    """Keep the verdict in place of an earlier one on the same post."""
    lists = json.dumps(list(verdict.found)), json.dumps(list(verdict.should_be))
    told = clean(verdict.note), sortable_text(verdict.at), verdict.program
    db.run(_SAVE, (thread_id, verdict.post_number, verdict.text_sha, str(verdict.answer), *lists, *told))


def remove(db: Database, thread_id: int, post_number: int) -> None:
    """Take the verdict on a post back."""
    db.run("DELETE FROM verdicts WHERE thread_id = ? AND post_number = ?", (thread_id, post_number))


def of_thread(db: Database, thread_id: int) -> dict[int, Verdict]:
    """The verdicts on a thread's posts by post number."""
    rows = db.rows("SELECT * FROM verdicts WHERE thread_id = ? ORDER BY post_number", (thread_id,))
    return {row["post_number"]: _verdict(row) for row in rows}


def threads_with_any(db: Database) -> list[ThreadKey]:
    """The threads that have verdicts and are still shown, in a lasting order."""
    rows = db.rows(
        """SELECT DISTINCT s.name, t.topic_id FROM verdicts v JOIN threads t ON t.id = v.thread_id
        JOIN sources s ON s.id = t.source_id WHERE t.gone_at IS NULL ORDER BY s.name, t.topic_id"""
    )
    return [ThreadKey(row["name"], row["topic_id"]) for row in rows]


def _verdict(row: Any) -> Verdict:
    return Verdict(
        post_number=row["post_number"],
        text_sha=row["text_sha"],
        answer=Answer(row["verdict"]),
        found=tuple(json.loads(row["found"])),
        should_be=tuple(json.loads(row["should_be"])),
        at=parse_instant(row["judged_at"]),
        note=row["note"],
        program=row["program"],
    )


# -- threads put aside -----------------------------------------------------------------------------------------------


def put_aside(db: Database, thread_id: int, mark: Mark, situation: Situation, note: str = "") -> None:
    """Set the thread's mark in place of an earlier one, and note how it stands now."""
    with db.transaction():
        take_back(db, thread_id)
        if mark.snoozed_until is not None:
            marks.snooze(db, thread_id, mark.snoozed_until)
        if mark.done_at is not None:
            marks.mark_done(db, thread_id, mark.done_at)
        reasons = json.dumps(sorted(situation.reasons))
        db.run("INSERT INTO set_aside VALUES (?, ?, ?, ?)", (thread_id, reasons, situation.severity, clean(note)))


def take_back(db: Database, thread_id: int) -> None:
    """The thread is as any other again."""
    with db.transaction():
        marks.clear(db, thread_id)
        db.run("DELETE FROM set_aside WHERE thread_id = ?", (thread_id,))


def hidden(db: Database, now: datetime) -> dict[int, str]:
    """Rows of the threads that need a person but were put aside, and why: "snoozed" or "done".

    A snoozed thread is back when its time is over or it got worse, a done one when a customer writes again.
    """
    found = ((row["thread_id"], _why_hidden(row, now)) for row in db.rows(_ASIDE))
    return {thread_id: why for thread_id, why in found if why}


def _why_hidden(row: Any, now: datetime) -> str:
    mark = marks.mark_from(row["snoozed_until"], row["done_at"])
    result: Mapping[str, Any] = json.loads(row["result"])
    if Mark(done_at=mark.done_at).silences(now, last_customer_post(result)):
        return "done"
    if not Mark(snoozed_until=mark.snoozed_until).silences(now, None) or _got_worse(row, result):
        return ""
    return "snoozed"


def _got_worse(row: Any, result: Mapping[str, Any]) -> bool:
    if row["reasons"] is None:
        return False
    before = Situation(frozenset(json.loads(row["reasons"])), row["severity"])
    return is_worse(before, situation_of(result), WORSE_BY)


# -- people ----------------------------------------------------------------------------------------------------------


def forget(db: Database, name: str, posts: Iterable[tuple[int, int]]) -> None:
    """Remove verdicts on a person's posts, as (row of the thread, post number), and notes that name the person."""
    db.many("DELETE FROM verdicts WHERE thread_id = ? AND post_number = ?", posts)
    for table in ("verdicts", "set_aside"):
        named = [row for row in _notes(db, table) if name.casefold() in row["note"].casefold()]
        db.many(
            f"UPDATE {table} SET note = '' WHERE thread_id = ? AND note = ?",  # noqa: S608 -- one of two constants
            [(row["thread_id"], row["note"]) for row in named],
        )


def _notes(db: Database, table: str) -> Sequence[Any]:
    return db.rows(f"SELECT thread_id, note FROM {table} WHERE note <> ''")  # noqa: S608 -- one of two constants
