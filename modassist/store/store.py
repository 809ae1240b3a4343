"""The database: one SQLite file with what the forum said, apart from it what was concluded, and nothing else.

    From the forum: sources, threads, posts, post_versions, members, cursors. Never lost by a failure.
    Concluded: analyses, thread_states, findings, queue, post_words. Can be thrown away and computed again.
    From people: thread_marks, verdicts, set_aside.  Sent: outbox, outbox_threads, told (see `store.outbox`).

Every method is complete in itself; `transaction()` joins several into one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from modassist.alerts.rules import Mark
from modassist.alerts.situation import Situation
from modassist.instants import parse_instant, sortable_text
from modassist.records.fields import clean
from modassist.review.verdict import Verdict
from modassist.store import findings as store_findings
from modassist.store import marks as store_marks
from modassist.store import people as store_people
from modassist.store import topics as store_topics
from modassist.store import verdicts as store_verdicts
from modassist.store.database import Database, open_database
from modassist.store.forgotten import Forgotten
from modassist.store.people import ForgetReport, PurgeReport
from modassist.store.topics import SaveReport, ThreadKey, source_key, thread_row

__all__ = ["Cursor", "ForgetReport", "PurgeReport", "SaveReport", "Store", "ThreadKey"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a forum has been read. Instants are in UTC."""

    highest_post_id: int
    last_success: datetime
    last_sweep: datetime | None = None


class Store:
    """An open database. Not for use from several threads at once; several programs may hold the same file."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._revisions: dict[ThreadKey, int] = {}

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the database, or make it. Raises StoreError for what cannot be opened, is not ours, or is newer."""
        return cls(open_database(path, read_only=read_only))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing of what is written inside; may be nested."""
        return self.db.transaction()

    # -- from the forum ----------------------------------------------------------------------------------------------

    def save_topic(
        self, record: Mapping[str, Any], *, source: str, seen_at: datetime, change_key: str = "", place: str = ""
    ) -> SaveReport:
        """Store a thread record as it is now, whole or reduced, and note the thread for analysis if anything changed.

        Of a post whose text changed the earlier text is kept. Posts that the record no longer shows are marked as
        deleted: those missing in `post_stream.stream`, or in a reduced record's `posts`. Whispers are never stored,
        nor are people who asked to be forgotten. Raises RecordError (beginning with `place`) for a record that cannot
        be read, and StoreError.
        """
        seen = store_topics.Sighting(source, seen_at, change_key, place)
        # Read anew each time: another program may have been asked to forget somebody meanwhile.
        return store_topics.save_topic(self.db, record, seen, forgotten=Forgotten(self.db))

    def mark_gone(self, topic_id: int, source: str, seen_at: datetime) -> None:
        """The forum does not show this topic, seen at this instant: it is kept, but nowhere shown, until it comes back."""
        store_topics.mark_gone(self.db, ThreadKey(source, topic_id), seen_at)

    def is_gone(self, key: ThreadKey) -> bool:
        """Whether this topic is stored, but was not shown by the forum when it was last asked for."""
        asked = "SELECT 1 FROM threads t JOIN sources s ON s.id = t.source_id WHERE s.name = ? AND t.topic_id = ? AND t.gone_at IS NOT NULL"
        return self.db.value(asked, key) is not None

    def gone_topics(self, source: str, limit: int) -> list[int]:
        """Topics of this source that the forum did not show, those first that were not asked for longest."""
        rows = self.db.rows(
            "SELECT t.topic_id FROM threads t JOIN sources s ON s.id = t.source_id "
            "WHERE s.name = ? AND t.gone_at IS NOT NULL ORDER BY t.gone_at, t.topic_id LIMIT ?",
            (source, limit),
        )
        return [row[0] for row in rows]

    def change_keys(self, topic_ids: Iterable[int], source: str | None = None) -> dict[int, str]:
        """What `save_topic` was given as change key, for those of these topics that are stored and not gone."""
        wanted = set(topic_ids)
        rows = self._topics("t.change_key", source) if len(wanted) > 1000 else self._some_keys(wanted, source)
        return {topic_id: key for topic_id, key in rows if topic_id in wanted}

    def _some_keys(self, topic_ids: set[int], source: str | None) -> Iterator[tuple[int, str]]:
        for topic_id in sorted(topic_ids):
            rows = self.db.rows(
                "SELECT t.change_key, s.name FROM threads t JOIN sources s ON s.id = t.source_id "
                "WHERE t.topic_id = ? AND t.gone_at IS NULL",
                (topic_id,),
            )
            yield from ((topic_id, row[0]) for row in rows if source in (None, row[1]))

    def _topics(self, column: str, source: str | None, condition: str = "1") -> Iterator[tuple[int, Any]]:
        """Topics of a source, or of all, that are not gone, with a column of theirs."""
        rows = self.db.rows(
            f"SELECT t.topic_id, {column} FROM threads t JOIN sources s ON s.id = t.source_id "  # noqa: S608 -- constants
            f"WHERE (?1 IS NULL OR s.name = ?1) AND t.gone_at IS NULL AND {condition} ORDER BY t.topic_id",
            (source,),
        )
        return ((row[0], row[1]) for row in rows)

    def topic_ids(self, source: str | None = None) -> list[int]:
        """Topics that are stored and not gone."""
        return [topic_id for topic_id, _ in self._topics("1", source)]

    def post_ids(self, topic_id: int, source: str | None = None) -> list[int]:
        """The forum's ids of the posts that are stored of this topic and not deleted."""
        rows = self.db.rows(
            """SELECT p.forum_id FROM posts p JOIN threads t ON t.id = p.thread_id JOIN sources s ON s.id = t.source_id
            WHERE t.topic_id = ?1 AND (?2 IS NULL OR s.name = ?2) AND p.deleted_at IS NULL AND p.forum_id IS NOT NULL
            ORDER BY p.post_number""",
            (topic_id, source),
        )
        return [row[0] for row in rows]

    def waiting_topics(self, source: str | None = None) -> list[int]:
        """Topics held to need a person: what a sweep reads again, as they may have been settled without a post."""
        needs_person = "t.id IN (SELECT thread_id FROM analyses WHERE needs_person = 1)"
        return [topic_id for topic_id, _ in self._topics("1", source, needs_person)]

    def cursor(self, source: str) -> Cursor | None:
        """How far this forum has been read; None before the first poll has ended."""
        row = self.db.row(
            "SELECT c.* FROM cursors c JOIN sources s ON s.id = c.source_id WHERE s.name = ?", (clean(source),)
        )
        if row is None:
            return None
        last_sweep = parse_instant(row["last_sweep"]) if row["last_sweep"] else None
        return Cursor(row["highest_post_id"], parse_instant(row["last_success"]), last_sweep)

    def save_cursor(self, source: str, cursor: Cursor) -> None:
        """Note how far this forum has been read."""
        last_sweep = sortable_text(cursor.last_sweep) if cursor.last_sweep else None
        values = (cursor.highest_post_id, sortable_text(cursor.last_success), last_sweep)
        with self.transaction():
            self.db.run(
                """INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET highest_post_id =
                excluded.highest_post_id, last_success = excluded.last_success, last_sweep = excluded.last_sweep""",
                (source_key(self.db, source), *values),
            )

    def members(self, source: str) -> tuple[frozenset[str], datetime | None]:
        """User names found in the staff groups, and when the forum was asked; without forgotten people."""
        row = self.db.row("SELECT id, members_seen_at FROM sources WHERE name = ?", (clean(source),))
        if row is None or row["members_seen_at"] is None:
            return frozenset(), None
        names = self.db.rows("SELECT username FROM members WHERE source_id = ?", (row["id"],))
        return frozenset(name[0] for name in names), parse_instant(row["members_seen_at"])

    def save_members(self, source: str, members: Collection[str], seen_at: datetime) -> None:
        """Replace the user names found in the staff groups."""
        forgotten = Forgotten(self.db)
        kept = sorted({clean(name) for name in members if name not in forgotten})
        with self.transaction():
            key = source_key(self.db, source)
            self.db.run("UPDATE sources SET members_seen_at = ? WHERE id = ?", (sortable_text(seen_at), key))
            self.db.run("DELETE FROM members WHERE source_id = ?", (key,))
            self.db.many("INSERT INTO members VALUES (?, ?)", [(key, name) for name in kept])

    # -- analysis ----------------------------------------------------------------------------------------------------

    def topics_to_analyse(self, now: datetime, analysis_version: str) -> Iterator[ThreadKey]:
        """Threads that changed, whose state may have changed by the passing of time, or that another version judged.

        Each comes once, also where its analysis fails and nothing is saved. Saving in between is allowed.
        """
        return (key for _, key in store_findings.due_threads(self.db, now, analysis_version))

    def count_due(self, now: datetime) -> int:
        """How many threads changed, or may have changed by the passing of time, and wait to be analysed."""
        return store_findings.count_due(self.db, now)

    def keys(self, topic_id: int, source: str | None = None) -> list[ThreadKey]:
        """The stored threads with this number: one for each source that has it."""
        rows = self.db.rows(
            "SELECT s.name FROM threads t JOIN sources s ON s.id = t.source_id WHERE t.topic_id = ? ORDER BY s.id",
            (topic_id,),
        )
        return [ThreadKey(row[0], topic_id) for row in rows if source in (None, row[0])]

    def record(self, key: ThreadKey) -> dict[str, Any]:
        """The reduced record of a stored thread, as `records.to_thread` reads it. Raises StoreError for no such thread."""
        thread_id = thread_row(self.db, key)
        self._revisions[key] = self.db.value("SELECT revision FROM threads WHERE id = ?", (thread_id,))
        return store_topics.load_record(self.db, thread_id)

    def save_analysis(
        self,
        key: ThreadKey,
        result: Mapping[str, Any],
        *,
        analysis_version: str,
        next_change: datetime | None = None,
        settle_until: datetime | None = None,
        texts: Mapping[int, str] | None = None,
    ) -> None:
        """Replace the thread's analysis by this result record.

        The thread is due again at `next_change` (a state changes by the passing of time) or `settle_until` (its
        newest post may still be edited), and at once if it changed since `record` read it. `texts` are the visible
        words of its posts by number, for the search. A thread that stays escalated keeps its `first_flagged_at`.
        """
        store_findings.save_analysis(
            self.db,
            thread_row(self.db, key),
            result,
            next_change=next_change,
            settle_until=settle_until,
            analysis_version=analysis_version,
            texts=texts or {},
            revision=self._revisions.pop(key, None),
        )

    def analyse_all_again(self) -> None:
        """Have every thread analysed again, after a change of settings or rules that no version number shows."""
        store_findings.requeue_all(self.db)

    def analysis(self, key: ThreadKey) -> dict[str, Any] | None:
        """The stored result record of a thread, escalated or not."""
        return store_findings.result_of(self.db, thread_row(self.db, key))

    def escalated(
        self,
        min_severity: int = 0,
        limit: int | None = None,
        active_since: datetime | None = None,
        *,
        without: Collection[int] = (),
    ) -> list[dict[str, Any]]:
        """Result records of the threads that need a person, worst first, each with `source` and `first_flagged_at`.

        `active_since` leaves out those in which nobody has written and whose states have not changed since then;
        `without` are rows of threads to leave out, as `hidden` gives them.
        """
        return store_findings.escalated(self.db, min_severity, limit, active_since, without)

    def count_escalated(
        self, min_severity: int = 0, active_since: datetime | None = None, *, without: Collection[int] = ()
    ) -> int:
        """How many threads `escalated` would give without a limit, without reading them."""
        return store_findings.count_escalated(self.db, min_severity, active_since, without)

    def kudos(self, since: datetime | None = None, limit: int = 10) -> list[dict[str, Any]]:
        """Staff replies that show good practice, the best first: source, topic_id, post_number, username, signals."""
        return store_findings.kudos(self.db, since, limit)

    def stats(self, since: datetime | None, now: datetime) -> dict[str, Any]:
        """posts, threads, flagged, waiting; counts by signals, states, languages. No figures about single people."""
        return store_findings.stats(self.db, since, now)

    def search(self, text: str, limit: int = 20) -> list[dict[str, Any]]:
        """Posts whose visible words hold all words of `text` (`word*`: any ending), the best match first."""
        return store_findings.search(self.db, text, limit)

    def staff_words(self, limit: int = 5000) -> list[tuple[int, str]]:
        """The newest staff replies as (topic id, visible words), oldest of them first: what boilerplate is learnt from."""
        return store_findings.staff_words(self.db, limit)

    def findings_after(self, last_id: int, limit: int) -> list[dict[str, Any]]:
        """Findings with their post and thread, in the order of their `id`, behind this one: a page of an export."""
        return store_findings.findings_after(self.db, last_id, limit)

    def counts(self) -> dict[str, int]:
        """How much there is: threads, posts, versions, analyses, findings, escalated, queued (now or for later)."""
        return store_findings.counts(self.db)

    # -- the bot -----------------------------------------------------------------------------------------------------

    def notes(self) -> dict[str, str]:
        """What the bot noted, by name."""
        return {row[0]: row[1] for row in self.db.rows("SELECT name, value FROM bot")}

    def note(self, **values: str) -> None:
        """Note these values under their names, all or none."""
        with self.transaction():
            self.db.many("INSERT OR REPLACE INTO bot VALUES (?, ?)", list(values.items()))

    # -- people ------------------------------------------------------------------------------------------------------

    def undelivered(self) -> int:
        """How many alerts wait for a person: given up, or held as nobody knows whether they arrived."""
        return int(self.db.value("SELECT count(*) FROM outbox WHERE status IN ('held', 'dead')"))

    def snooze(self, key: ThreadKey, until: datetime) -> None:
        """No alert about the thread until then. Raises StoreError for no such thread."""
        store_marks.snooze(self.db, thread_row(self.db, key), until)

    def mark_done(self, key: ThreadKey, at: datetime) -> None:
        """No alert about the thread until a customer writes in it again. Raises StoreError for no such thread."""
        store_marks.mark_done(self.db, thread_row(self.db, key), at)

    def unmark(self, key: ThreadKey) -> None:
        """Take both marks back. Raises StoreError for no such thread."""
        store_marks.clear(self.db, thread_row(self.db, key))

    def mark(self, key: ThreadKey) -> Mark:
        """What people decided about the thread. Raises StoreError for no such thread."""
        return store_marks.mark_of(self.db, thread_row(self.db, key))

    def put_aside(self, key: ThreadKey, mark: Mark, situation: Situation, note: str = "") -> None:
        """Snooze the thread or call it done; `situation` is how it stands now. Raises StoreError for no such thread."""
        store_verdicts.put_aside(self.db, thread_row(self.db, key), mark, situation, note)

    def take_back(self, key: ThreadKey) -> None:
        """The thread is neither snoozed nor done any more. Raises StoreError for no such thread."""
        store_verdicts.take_back(self.db, thread_row(self.db, key))

    def hidden(self, now: datetime) -> dict[int, str]:
        """Rows of threads that need a person and were put aside, with "snoozed" or "done"; see `store.verdicts`."""
        return store_verdicts.hidden(self.db, now)

    def save_verdict(self, key: ThreadKey, verdict: Verdict) -> None:
        """Keep a person's word on a post, in place of an earlier one. Raises StoreError for no such thread."""
        store_verdicts.save(self.db, thread_row(self.db, key), verdict)

    def remove_verdict(self, key: ThreadKey, post_number: int) -> None:
        """Take the verdict on a post back. Raises StoreError for no such thread."""
        store_verdicts.remove(self.db, thread_row(self.db, key), post_number)

    def verdicts(self, key: ThreadKey) -> dict[int, Verdict]:
        """The verdicts on a thread's posts by number. Raises StoreError for no such thread."""
        return store_verdicts.of_thread(self.db, thread_row(self.db, key))

    def judged_threads(self) -> list[ThreadKey]:
        """The threads with verdicts that are still there."""
        return store_verdicts.threads_with_any(self.db)

    def forget(self, username: str, *, now: datetime) -> ForgetReport:
        """Take a person out of the file: texts, name, thread titles, quotes and mentions in other people's posts.

        Affected threads are due for analysis again. A salted hash of the name stays, so that the next poll does not
        bring anything back. Raises StoreError where another program reads the file: then run it again.
        """
        return store_people.forget(self.db, username, now=now)

    def purge(self, older_than: datetime) -> PurgeReport:
        """Remove threads in which nobody has written since this instant, and shrink the file. Raises StoreError."""
        return store_people.purge(self.db, older_than)
