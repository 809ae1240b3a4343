"""What was concluded, in the database: one analysis per thread, its findings, and what the digest asks for.

All of it can be thrown away and computed again.
"""

# ruff: noqa: S608 -- what is put together here are conditions, constants below; every value is bound

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from modassist.errors import StoreError
from modassist.instants import instant_text, parse_instant, sortable_text
from modassist.model import GOOD_PRACTICE
from modassist.records.fields import clean
from modassist.store.database import Database
from modassist.store.topics import ThreadKey, enqueue

RECENT = timedelta(days=30)
"""A verdict on a thread read for the first time is news only where somebody wrote in it so recently: else the first
digest after the import of an old forum would be ten years of news."""

PAGE = 500

_GOOD = tuple(sorted(signal.value for signal in GOOD_PRACTICE))
_FINDING = """INSERT INTO findings (thread_id, post_number, posted_at, role, lang, signal, score, rules, start, "end", words, flagged)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_ANALYSIS = """INSERT INTO analyses (thread_id, judged_at, analysis_version, lang, severity, needs_person, news_at,
    next_change_at, first_flagged_at, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


# -- the queue -------------------------------------------------------------------------------------------------------


def due_threads(db: Database, now: datetime, analysis_version: str) -> Iterator[tuple[int, ThreadKey]]:
    """Threads to be analysed at `now`, each once, in pages, so that one that fails is not met again in this run."""
    last = 0
    while True:
        page = db.rows(
            """SELECT t.id, s.name, t.topic_id FROM (
                SELECT thread_id FROM queue WHERE due_at <= ?1
                UNION SELECT thread_id FROM analyses WHERE analysis_version < ?2
                UNION SELECT thread_id FROM analyses WHERE analysis_version > ?2) due
            JOIN threads t ON t.id = due.thread_id JOIN sources s ON s.id = t.source_id
            WHERE t.id > ?3 ORDER BY t.id LIMIT ?4""",
            (sortable_text(now), analysis_version, last, PAGE),
        )
        yield from ((row[0], ThreadKey(row[1], row[2])) for row in page)
        if len(page) < PAGE:
            return
        last = page[-1][0]


# -- saving ----------------------------------------------------------------------------------------------------------


def save_analysis(
    db: Database,
    thread_id: int,
    result: Mapping[str, Any],
    *,
    next_change: datetime | None,
    settle_until: datetime | None,
    analysis_version: str,
    texts: Mapping[int, str],
    revision: int | None,
) -> None:
    """Replace the thread's analysis; see `Store.save_analysis`. `revision` is that of the record which was analysed."""
    with db.transaction():
        thread = db.row("SELECT revision, last_posted_at FROM threads WHERE id = ?", (thread_id,))
        if thread is None:
            raise StoreError("the analysed thread is no longer in the database", "it was purged meanwhile")
        _replace_analysis(db, thread_id, result, thread["last_posted_at"] or "", next_change, analysis_version)
        db.run("DELETE FROM findings WHERE thread_id = ?", (thread_id,))
        db.many(_FINDING, _findings(thread_id, result))
        _save_words(db, thread_id, result, texts)
        is_stale = revision is not None and revision != thread["revision"]
        _requeue(db, thread_id, "" if is_stale else _first(next_change, settle_until))


def _replace_analysis(
    db: Database,
    thread_id: int,
    result: Mapping[str, Any],
    posted: str,
    next_change: datetime | None,
    analysis_version: str,
) -> None:
    before = db.row("SELECT needs_person, news_at, first_flagged_at FROM analyses WHERE thread_id = ?", (thread_id,))
    earlier = {row[0] for row in db.rows("SELECT state FROM thread_states WHERE thread_id = ?", (thread_id,))}
    states = {str(state["state"]): _instant(state.get("since")) for state in result["states"]}
    judged = sortable_text(parse_instant(result["judged_at"]))
    needs_person = int(result["escalation"] is not None)
    is_same = before is not None and before["needs_person"] == needs_person and earlier == states.keys()
    is_old = before is None and posted < sortable_text(parse_instant(result["judged_at"]) - RECENT)
    news = max(posted, before["news_at"]) if before is not None and is_same else posted if is_old else judged
    flagged = (before["first_flagged_at"] if before else None) or judged
    db.run("DELETE FROM analyses WHERE thread_id = ?", (thread_id,))
    db.run("DELETE FROM thread_states WHERE thread_id = ?", (thread_id,))
    db.many(
        "INSERT INTO thread_states VALUES (?, ?, ?)", [(thread_id, state, since) for state, since in states.items()]
    )
    values = (
        thread_id,
        judged,
        analysis_version,
        clean(result["lang"]),
        result["severity"]["score"],
        needs_person,
        news,
    )
    change = sortable_text(next_change) if next_change else None
    db.run(_ANALYSIS, (*values, change, flagged if needs_person else None, json.dumps(result, separators=(",", ":"))))


def _instant(text: str | None) -> str | None:
    return sortable_text(parse_instant(text)) if text else None


def _findings(thread_id: int, result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A row for each piece of evidence, and one for a signal without any."""
    for post in result["posts"]:
        flagged = int(bool(post.get("flagged")))
        lead = (thread_id, post["post_number"], _instant(post.get("created_at")), post["role"], post["lang"])
        for finding in post["signals"]:
            rules = json.dumps(finding.get("by", []))
            for piece in finding.get("evidence") or [{}]:
                words = clean(piece["text"]) if "text" in piece else None
                yield (
                    *lead,
                    finding["signal"],
                    finding["score"],
                    rules,
                    piece.get("start"),
                    piece.get("end"),
                    words,
                    flagged,
                )


def _save_words(db: Database, thread_id: int, result: Mapping[str, Any], texts: Mapping[int, str]) -> None:
    """The visible words for the search. What is there already is not written again: the index is the slowest part."""
    posts = db.rows("SELECT id, post_number FROM posts WHERE thread_id = ? AND deleted_at IS NULL", (thread_id,))
    roles = {post["post_number"]: post["role"] for post in result["posts"]}
    for row in posts:
        words, role = clean(texts.get(row["post_number"], "")), roles.get(row["post_number"], "")
        held = db.row("SELECT words, role FROM post_words WHERE rowid = ?", (row["id"],))
        if held is not None and (held[0], held[1]) == (words, role):
            continue
        if held is not None:
            db.run("DELETE FROM post_words WHERE rowid = ?", (row["id"],))
        if words:
            db.run("INSERT INTO post_words (rowid, words, role) VALUES (?, ?, ?)", (row["id"], words, role))


def _first(*instants: datetime | None) -> str | None:
    return min((sortable_text(instant) for instant in instants if instant is not None), default=None)


def _requeue(db: Database, thread_id: int, due_at: str | None) -> None:
    db.run("DELETE FROM queue WHERE thread_id = ?", (thread_id,))
    if due_at is not None:
        db.run("INSERT INTO queue VALUES (?, ?)", (thread_id, due_at))


def count_due(db: Database, now: datetime) -> int:
    """How many threads are to be analysed now; others stand in the queue until time alone may change their state."""
    return int(db.value("SELECT count(*) FROM queue WHERE due_at <= ?", (sortable_text(now),)))


def requeue_all(db: Database) -> None:
    """Have every thread analysed again."""
    with db.transaction():
        for row in db.rows("SELECT id FROM threads WHERE gone_at IS NULL"):
            enqueue(db, row["id"])


# -- the digest ------------------------------------------------------------------------------------------------------

ESCALATED = """SELECT a.result, a.first_flagged_at, s.name FROM analyses a
    JOIN threads t ON t.id = a.thread_id JOIN sources s ON s.id = t.source_id
    WHERE a.needs_person = 1 AND a.severity >= ? AND a.news_at >= ? AND a.result IS NOT NULL
    AND a.thread_id NOT IN (SELECT value FROM json_each(?))
    ORDER BY a.severity DESC, a.news_at DESC, a.thread_id LIMIT ?"""
"""The worst threads by an index over the escalated ones alone: a large database answers as fast as a small one."""

KUDOS = f"""SELECT t.topic_id, f.post_number, p.username, s.name, max(f.posted_at) AS posted_at,
    group_concat(DISTINCT f.signal) AS signals FROM findings f
    JOIN threads t ON t.id = f.thread_id JOIN sources s ON s.id = t.source_id
    JOIN posts p ON p.thread_id = f.thread_id AND p.post_number = f.post_number
    WHERE f.signal IN ({", ".join("?" for _ in _GOOD)}) AND f.posted_at >= ? AND f.flagged = 0 AND f.role = 'staff'
    GROUP BY f.thread_id, f.post_number
    ORDER BY count(DISTINCT f.signal) DESC, posted_at DESC, t.topic_id, f.post_number LIMIT ?"""


def escalated(
    db: Database, min_severity: int, limit: int | None, active_since: datetime | None, without: Collection[int] = ()
) -> list[dict[str, Any]]:
    """Result records of the threads that need a person, the worst first; see `Store.escalated`."""
    since = sortable_text(active_since) if active_since else ""
    left_out = json.dumps(sorted(without))
    rows = db.rows(ESCALATED, (min_severity, since, left_out, -1 if limit is None else limit))
    return [
        json.loads(row["result"]) | {"source": row["name"], "first_flagged_at": _shown(row["first_flagged_at"])}
        for row in rows
    ]


def _shown(sortable: str | None) -> str | None:
    return instant_text(parse_instant(sortable)) if sortable else None


def result_of(db: Database, thread_id: int) -> dict[str, Any] | None:
    """The result record of a thread, with `first_flagged_at`."""
    row = db.row("SELECT result, first_flagged_at FROM analyses WHERE thread_id = ?", (thread_id,))
    if row is None or row["result"] is None:
        return None
    result: dict[str, Any] = json.loads(row["result"])
    return result | {"first_flagged_at": _shown(row["first_flagged_at"])}


def counts(db: Database) -> dict[str, int]:
    """How many rows there are of each kind."""
    tables = {
        "threads": "threads WHERE gone_at IS NULL",
        "posts": "posts",
        "versions": "post_versions",
        "analyses": "analyses",
        "findings": "findings",
        "escalated": "analyses WHERE needs_person = 1",
        "queued": "queue",
    }
    return {name: int(db.value(f"SELECT count(*) FROM {table}")) for name, table in tables.items()}


def count_escalated(
    db: Database, min_severity: int, active_since: datetime | None, without: Collection[int] = ()
) -> int:
    """How many threads `escalated` would give without a limit; by the same index."""
    since = sortable_text(active_since) if active_since else ""
    counted = """SELECT count(*) FROM analyses WHERE needs_person = 1 AND severity >= ? AND news_at >= ?
        AND thread_id NOT IN (SELECT value FROM json_each(?))"""
    return int(db.value(counted, (min_severity, since, json.dumps(sorted(without)))))


def kudos(db: Database, since: datetime | None, limit: int) -> list[dict[str, Any]]:
    """Staff replies with good practice that are not flagged, those that show most of it first."""
    rows = db.rows(KUDOS, (*_GOOD, sortable_text(since) if since else "", limit))
    return [
        {
            "source": row["name"],
            "topic_id": row["topic_id"],
            "post_number": row["post_number"],
            "username": row["username"],
            "posted_at": _shown(row["posted_at"]),
            "signals": sorted(row["signals"].split(",")),
        }
        for row in rows
    ]


def stats(db: Database, since: datetime | None, now: datetime) -> dict[str, Any]:
    """Numbers of the time from `since` to `now`, of the forum as a whole: never of a person."""
    span = (sortable_text(since) if since else "", sortable_text(now))
    posts = "FROM posts WHERE created_at BETWEEN ? AND ? AND deleted_at IS NULL"
    findings = "FROM findings WHERE posted_at BETWEEN ? AND ?"
    active = "FROM analyses a WHERE a.news_at BETWEEN ? AND ?"
    return {
        "posts": db.value(f"SELECT count(*) {posts}", span),
        "threads": db.value(f"SELECT count(DISTINCT thread_id) {posts}", span),
        "flagged": db.value(f"SELECT count(DISTINCT thread_id || '/' || post_number) {findings} AND flagged = 1", span),
        "signals": _counts(
            db, f"SELECT signal, count(DISTINCT thread_id || '/' || post_number) {findings} GROUP BY signal", span
        ),
        "states": _counts(
            db,
            f"SELECT ts.state, count(*) {active.replace('WHERE', 'JOIN thread_states ts USING (thread_id) WHERE')} "
            "GROUP BY ts.state",
            span,
        ),
        "languages": _counts(db, f"SELECT a.lang, count(*) {active} GROUP BY a.lang", span),
        "waiting": db.value("SELECT count(*) FROM analyses WHERE needs_person = 1"),
    }


def _counts(db: Database, sql: str, values: tuple[str, str]) -> dict[str, int]:
    return {str(name): int(count) for name, count in sorted(tuple(row) for row in db.rows(sql, values))}


# -- words -----------------------------------------------------------------------------------------------------------


def search(db: Database, text: str, limit: int) -> list[dict[str, Any]]:
    """Posts in which all these words stand; see `Store.search`."""
    query = _quoted(text)
    if not query:
        return []
    rows = db.rows(
        """SELECT s.name, t.topic_id, t.title, p.post_number, p.username, p.created_at,
            snippet(post_words, 0, '', '', '…', 24) AS excerpt
        FROM post_words JOIN posts p ON p.id = post_words.rowid JOIN threads t ON t.id = p.thread_id
        JOIN sources s ON s.id = t.source_id
        WHERE post_words MATCH ? ORDER BY post_words.rank, p.id DESC LIMIT ?""",
        (query, limit),
    )
    return [
        {
            "source": row["name"],
            "topic_id": row["topic_id"],
            "title": row["title"],
            "post_number": row["post_number"],
            "username": row["username"],
            "posted_at": _shown(row["created_at"]),
            "excerpt": row["excerpt"],
        }
        for row in rows
    ]


def _quoted(text: str) -> str:
    """The words as FTS5 strings, so that no character of them is its query language; a last `*` means any ending."""
    words = [word for word in clean(text).replace("\0", " ").split() if any(char.isalnum() for char in word)]
    return " ".join(
        'words:"' + word.rstrip("*").replace('"', '""') + '"' + "*" * word.endswith("*") for word in words[:50]
    )


def staff_words(db: Database, limit: int) -> list[tuple[int, str]]:
    """The newest staff replies as (topic id, visible words), the oldest of them first."""
    rows = db.rows(
        """SELECT t.topic_id, w.words FROM post_words w JOIN posts p ON p.id = w.rowid
        JOIN threads t ON t.id = p.thread_id WHERE w.role = 'staff' ORDER BY w.rowid DESC LIMIT ?""",
        (limit,),
    )
    return [(row["topic_id"], row["words"]) for row in reversed(rows)]


# -- export ----------------------------------------------------------------------------------------------------------


def findings_after(db: Database, last_id: int, limit: int) -> list[dict[str, Any]]:
    """A page of findings with their post and thread, for an export."""
    rows = db.rows(
        """SELECT f.id, s.name AS source, t.topic_id, t.title, t.slug, a.lang, a.severity, a.needs_person, a.judged_at,
            f.post_number, p.username, f.role, f.posted_at, f.lang AS post_lang, f.signal, f.score, f.flagged, f.words,
            f.start, f."end", f.rules
        FROM findings f JOIN threads t ON t.id = f.thread_id JOIN sources s ON s.id = t.source_id
        JOIN analyses a ON a.thread_id = f.thread_id
        LEFT JOIN posts p ON p.thread_id = f.thread_id AND p.post_number = f.post_number
        WHERE f.id > ? ORDER BY f.id LIMIT ?""",
        (last_id, limit),
    )
    return [dict(row) | {name: _shown(row[name]) for name in ("judged_at", "posted_at")} for row in rows]
