"""Messages to staff in the database: planned once, claimed before sending, completed after; and what staff was told.

Every method is one transaction. Nothing a customer or colleague wrote is stored here.
"""

# ruff: noqa: S608 -- what is put together here are constants; every value is bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modassist.alerts.outbox import WAITING_FOR_A_PERSON, Entry, Status, reference_of
from modassist.alerts.rivals import Rival
from modassist.alerts.rules import Desired, Kind, OpenThread, Wish
from modassist.alerts.situation import Situation, flagged_since, last_customer_post, situation_of
from modassist.instants import parse_instant, sortable_text
from modassist.store.database import Database
from modassist.store.marks import mark_from
from modassist.store.store import Store
from modassist.store.topics import ThreadKey, thread_row

FIRST_LOOKS = "author"
"""Channel of the messages to authors of flagged replies."""

_OPEN = """SELECT t.id, s.name, t.topic_id, t.category_id, a.lang, a.result, m.snoozed_until, m.done_at
    FROM analyses a JOIN threads t ON t.id = a.thread_id JOIN sources s ON s.id = t.source_id
    LEFT JOIN thread_marks m ON m.thread_id = t.id
    WHERE a.needs_person = 1 AND a.severity >= ? AND a.news_at >= ? AND a.result IS NOT NULL AND t.gone_at IS NULL
    AND t.topic_id != ? AND NOT EXISTS (SELECT 1 FROM posts p WHERE p.thread_id = t.id AND p.post_number = 1 AND p.name_key = ?)
    ORDER BY a.severity DESC, t.id"""
_SETTLED = """SELECT o.thread_id FROM told o JOIN analyses a ON a.thread_id = o.thread_id
    WHERE o.channel = ? AND a.needs_person = 0 AND a.result IS NOT NULL"""
"""A thread that is gone has no analysis, so it is not settled: one answer of 403 makes it gone until the next poll."""
_INSERT = """INSERT INTO outbox (key, reference, channel, kind, post_number, reasons, severity, status, attempts,
    created_at, next_try_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, 'due', 0, ?, ?, '') ON CONFLICT (key) DO NOTHING"""


@dataclass(frozen=True, slots=True)
class Window:
    """Which open threads are looked at: from which severity, with news since, replies flagged since.

    The topic of the alerts and topics that `own_name` opened are left out: they quote what alerts are about.
    """

    min_severity: int
    active_since: datetime
    flagged_since: datetime
    own_topic: int = 0
    own_name: str = ""


class Outbox:
    """The messages of an open database."""

    def __init__(self, store: Store) -> None:
        self.db: Database = store.db
        # A claim that a power failure takes back would be sent twice.
        self.db.run("PRAGMA synchronous = FULL")
        self._salt = bytes(self.db.value("SELECT value FROM settings WHERE key = 'name_salt'"))

    # -- planning ------------------------------------------------------------------------------------------------------

    def open_threads(self, window: Window) -> list[OpenThread]:
        """The threads that need a person, the worst first, with everything the rules ask."""
        rows = self.db.rows(
            _OPEN,
            (window.min_severity, sortable_text(window.active_since), window.own_topic, window.own_name.casefold()),
        )
        return [self._open_thread(row, window) for row in rows]

    def _open_thread(self, row: Any, window: Window) -> OpenThread:
        result = json.loads(row["result"])
        return OpenThread(
            key=row["id"],
            situation=situation_of(result),
            category_id=row["category_id"],
            lang=row["lang"],
            mark=mark_from(row["snoozed_until"], row["done_at"]),
            last_customer_post=last_customer_post(result),
            fresh_flags=flagged_since(result, window.flagged_since),
            first_looks=self._first_looks(row["id"]),
        )

    def _first_looks(self, thread_id: int) -> dict[int, datetime]:
        rows = self.db.rows(
            """SELECT o.post_number, o.created_at FROM outbox o JOIN outbox_threads l ON l.outbox_id = o.id
            WHERE l.thread_id = ? AND o.kind = 'first_look'""",
            (thread_id,),
        )
        return {row["post_number"]: parse_instant(row["created_at"]) for row in rows}

    def told(self, channel: str) -> dict[int, Situation]:
        """What this channel was told, or is about to be, of threads that were not settled since."""
        rows = self.db.rows("SELECT thread_id, reasons, severity FROM told WHERE channel = ?", (channel,))
        return {row["thread_id"]: Situation(frozenset(json.loads(row["reasons"])), row["severity"]) for row in rows}

    def used_since(self, channel: str, since: datetime) -> int:
        """How many alerts this channel got, or is to get, of those planned since then."""
        counted = "SELECT count(*) FROM outbox WHERE channel = ? AND created_at >= ? AND kind IN ('alert', 'gathered') AND status != 'cancelled'"
        return int(self.db.value(counted, (channel, sortable_text(since))))

    def plan(self, channel: str, desired: Desired, now: datetime) -> int:
        """Take these messages into the outbox, and note what the channel will have been told. Returns how many."""
        with self.db.transaction():
            planned = sum(self._insert(channel, wish, now) for wish in desired.wishes)
            for thread_id, situation in desired.told.items():
                values = (json.dumps(sorted(situation.reasons)), situation.severity, sortable_text(now))
                self.db.run("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)", (thread_id, channel, *values))
        return planned

    def preview(self, channel: str, wish: Wish) -> Entry:
        """The message that `plan` would take in, without taking it in."""
        key = self._key(channel, wish)
        names = tuple(self._name_of(thread) for thread in wish.threads)
        reference = reference_of(key, self._salt)
        more = {"reasons": wish.reasons, "severity": wish.severity, "post_number": wish.post_number}
        return Entry(0, key, reference, channel, wish.kind, Status.DUE, names, **more)  # type: ignore[arg-type]

    def _insert(self, channel: str, wish: Wish, now: datetime) -> int:
        key = self._key(channel, wish)
        moment = sortable_text(now)
        lead = (key, reference_of(key, self._salt), channel, wish.kind.value, wish.post_number)
        values = (*lead, json.dumps(wish.reasons), wish.severity, moment, moment)
        made = self.db.run(_INSERT, values)
        if made.rowcount != 1:
            return 0
        self.db.many("INSERT INTO outbox_threads VALUES (?, ?)", [(made.lastrowid, thread) for thread in wish.threads])
        return 1

    def announce(
        self,
        channel: str,
        kind: Kind,
        occasion: str,
        now: datetime,
        reasons: Sequence[str],
        threads: Sequence[tuple[str, int]] = (),
    ) -> bool:
        """Take in a message that is about no single thread; False where this occasion was taken in before."""
        key, moment = f"{channel}/{kind}/{occasion}", sortable_text(now)
        lead = (key, reference_of(key, self._salt), channel, kind.value, None)
        with self.db.transaction():
            made = self.db.run(_INSERT, (*lead, json.dumps(reasons), 0, moment, moment))
            if made.rowcount != 1:
                return False
            rows = [(made.lastrowid, thread_row(self.db, ThreadKey(source, topic_id))) for source, topic_id in threads]
            self.db.many("INSERT INTO outbox_threads VALUES (?, ?)", rows)
        return True

    def stuck(self, tries: int) -> int:
        """How many messages were tried so often and did not arrive, though they will be tried again."""
        counted = "SELECT count(*) FROM outbox WHERE status IN ('due', 'claimed') AND attempts >= ?"
        return int(self.db.value(counted, (tries,)))

    def may_have_arrived(self, channel: str, kind: Kind, occasion: str) -> bool:
        """Whether this message was sent, or nobody knows."""
        asked = "SELECT 1 FROM outbox WHERE key = ? AND status IN ('sent', 'claimed', 'held')"
        return self.db.value(asked, (f"{channel}/{kind}/{occasion}",)) is not None

    def _key(self, channel: str, wish: Wish) -> str:
        """Names the occasion: the thread and the how-manieth message about it, or the reply."""
        source, topic_id = self._name_of(wish.threads[0])
        if wish.kind is Kind.FIRST_LOOK:
            return f"{channel}/{wish.kind}/{source}/{topic_id}/{wish.post_number}"
        prefix = f"{channel}/{wish.kind}/{source}/{topic_id}/"
        earlier = self.db.value("SELECT count(*) FROM outbox WHERE key >= ? AND key < ?", (prefix, prefix[:-1] + "0"))
        return f"{prefix}{earlier + 1}"

    def _name_of(self, thread_id: int) -> tuple[str, int]:
        row = self.db.row(
            "SELECT s.name, t.topic_id FROM threads t JOIN sources s ON s.id = t.source_id WHERE t.id = ?", (thread_id,)
        )
        return (row[0], row[1]) if row else ("", thread_id)

    def settle(self, channel: str, *, tell: bool, now: datetime) -> int:
        """Forget what the channel was told of threads that need nobody any more; with `tell`, plan to say so where an
        alert had arrived. Returns how many messages were planned. What was told of a thread that is gone stays told."""
        planned = 0
        with self.db.transaction():
            for row in self.db.rows(_SETTLED, (channel,)):
                key = (row["thread_id"], channel)
                self.db.run("DELETE FROM told WHERE thread_id = ? AND channel = ?", key)
                if tell and self._arrived(*key):
                    planned += self._insert(channel, Wish(Kind.RESOLVED, (row["thread_id"],)), now)
        return planned

    def _arrived(self, thread_id: int, channel: str) -> bool:
        return bool(
            self.db.value(
                """SELECT count(*) FROM outbox o JOIN outbox_threads l ON l.outbox_id = o.id
                WHERE l.thread_id = ? AND o.channel = ? AND o.status = 'sent' AND o.kind IN ('alert', 'gathered')""",
                (thread_id, channel),
            )
        )

    # -- sending -------------------------------------------------------------------------------------------------------

    def due(self, now: datetime) -> list[Entry]:
        """Messages to be sent now, in the order in which they were planned."""
        return self._entries("status = 'due' AND next_try_at <= ?", (sortable_text(now),))

    def claimed(self) -> list[Entry]:
        """Messages of which nobody knows whether they arrived: a crash, or an answer that did not come."""
        return self._entries("status = 'claimed'")

    def claim(self, entry: Entry, target: str, now: datetime) -> bool:
        """Note that the message is about to be sent; False where somebody else has it, or it is due no more."""
        values = (sortable_text(now), target, entry.id)
        with self.db.transaction():
            claimed = self.db.run(
                "UPDATE outbox SET status = 'claimed', claimed_at = ?, target = ?, attempts = attempts + 1 "
                "WHERE id = ? AND status = 'due'",
                values,
            )
        return claimed.rowcount == 1

    def complete(self, entry: Entry, place: str, now: datetime) -> None:
        """The message arrived there."""
        self._change(entry, Status.SENT, sent_at=sortable_text(now), place=place, error="")

    def postpone(self, entry: Entry, status: Status, error: str, next_try: datetime) -> None:
        """The message surely did not arrive: due again then, or dead."""
        self._change(entry, status, error=error, next_try_at=sortable_text(next_try), attempts=entry.attempts)

    def hold(self, entry: Entry, error: str) -> None:
        """Nobody can say whether the message arrived: a person decides."""
        self._change(entry, Status.HELD, error=error)

    def remark(self, entry: Entry, error: str) -> None:
        """Note why a claimed message is still unclear."""
        self.db.run("UPDATE outbox SET error = ? WHERE id = ?", (error, entry.id))

    def cancel(self, entry: Entry, why: str) -> None:
        """Nobody needs the message any more. The threads count as not told by it."""
        with self.db.transaction():
            self._change(entry, Status.CANCELLED, error=why)
            if entry.kind in (Kind.ALERT, Kind.GATHERED):
                self.db.run(
                    """DELETE FROM told WHERE channel = ? AND thread_id IN
                    (SELECT thread_id FROM outbox_threads WHERE outbox_id = ?)""",
                    (entry.channel, entry.id),
                )

    def leave_out(self, entry: Entry, threads: Sequence[ThreadKey]) -> None:
        """The message will not speak of these threads: they count as not told by it."""
        with self.db.transaction():
            for thread in threads:
                thread_id = thread_row(self.db, thread)
                self.db.run("DELETE FROM outbox_threads WHERE outbox_id = ? AND thread_id = ?", (entry.id, thread_id))
                self.db.run("DELETE FROM told WHERE thread_id = ? AND channel = ?", (thread_id, entry.channel))

    def retry(self, entry_id: int, now: datetime) -> Entry | None:
        """A held or dead message becomes due again; None where there is no such one."""
        moment = sortable_text(now)
        with self.db.transaction():
            changed = self.db.run(
                "UPDATE outbox SET status = 'due', next_try_at = ?, attempts = 0, error = '' "
                "WHERE id = ? AND status IN ('held', 'dead')",
                (moment, entry_id),
            )
        return next(iter(self._entries("id = ?", (entry_id,))), None) if changed.rowcount else None

    def waiting_for_a_person(self) -> list[Entry]:
        """Held and dead messages, the oldest first."""
        names = ", ".join(f"'{status}'" for status in WAITING_FOR_A_PERSON)
        return self._entries(f"status IN ({names})")

    def counts(self) -> dict[str, int]:
        """How many messages stand where."""
        return {row[0]: row[1] for row in self.db.rows("SELECT status, count(*) FROM outbox GROUP BY status")}

    # -- others --------------------------------------------------------------------------------------------------------

    def knows(self, reference: str) -> bool:
        """Whether a message with this code is one of this database."""
        return self.db.value("SELECT 1 FROM outbox WHERE reference = ?", (reference,)) is not None

    def is_about(self, source: str, topic_id: int) -> bool:
        """Whether any message is about this thread."""
        asked = """SELECT 1 FROM outbox_threads l JOIN threads t ON t.id = l.thread_id JOIN sources s ON s.id = t.source_id
            WHERE s.name = ? AND t.topic_id = ?"""
        return self.db.value(asked, (source, topic_id)) is not None

    def rival(self, now: datetime) -> Rival | None:
        """The other database that was noticed lately, by a message of it."""
        return Rival.parse(self.db.value("SELECT value FROM bot WHERE name = 'rival'"), now)

    def note_rival(self, rival: Rival, now: datetime) -> None:
        """Another database was noticed now."""
        self.db.run("INSERT OR REPLACE INTO bot VALUES ('rival', ?)", (rival.text(now),))

    def _change(self, entry: Entry, status: Status, **columns: Any) -> None:
        names = "".join(f", {name} = ?" for name in columns)
        self.db.run(f"UPDATE outbox SET status = ?{names} WHERE id = ?", (status.value, *columns.values(), entry.id))

    def _entries(self, condition: str, values: Sequence[Any] = ()) -> list[Entry]:
        rows = self.db.rows(f"SELECT * FROM outbox WHERE {condition} ORDER BY id", values)
        return [_entry(row, self._threads(row["id"])) for row in rows]

    def _threads(self, entry_id: int) -> Iterable[tuple[str, int]]:
        rows = self.db.rows(
            """SELECT s.name, t.topic_id FROM outbox_threads l JOIN threads t ON t.id = l.thread_id
            JOIN sources s ON s.id = t.source_id WHERE l.outbox_id = ? ORDER BY t.id""",
            (entry_id,),
        )
        return ((row[0], row[1]) for row in rows)


def _entry(row: sqlite3.Row, threads: Iterable[tuple[str, int]]) -> Entry:
    moments: Iterator[datetime | None] = (
        parse_instant(row[name]) if row[name] else None
        for name in ("created_at", "next_try_at", "claimed_at", "sent_at")
    )
    created_at, next_try_at, claimed_at, sent_at = moments
    return Entry(
        id=row["id"],
        key=row["key"],
        reference=row["reference"],
        channel=row["channel"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        threads=tuple(threads),
        reasons=tuple(json.loads(row["reasons"])),
        severity=row["severity"],
        post_number=row["post_number"],
        attempts=row["attempts"],
        created_at=created_at,
        next_try_at=next_try_at,
        claimed_at=claimed_at,
        target=row["target"] or "",
        sent_at=sent_at,
        place=row["place"] or "",
        error=row["error"],
    )
