"""Taking out of the database what a person wrote and what was said to that person, and what is old."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modassist.instants import sortable_text
from modassist.records.fields import clean
from modassist.store import verdicts
from modassist.store.database import Database
from modassist.store.forgotten import Forgotten
from modassist.store.scrub import scrub
from modassist.store.topics import enqueue, text_sha

PAGE = 500


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What was taken out: the person's posts, and other people's texts that quoted or mentioned the person."""

    posts: int
    quoting: int
    threads: int
    """Threads whose analysis was thrown away and is due again."""


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """Threads removed, with all their posts."""

    threads: int
    posts: int


def forget(db: Database, username: str, *, now: datetime) -> ForgetReport:
    """Take a person out; see `Store.forget`."""
    name = clean(username).strip()
    key = name.casefold()
    with db.transaction():
        db.run(
            "INSERT INTO forgotten VALUES (?, ?) ON CONFLICT DO NOTHING",
            (Forgotten(db).hash_of(name), sortable_text(now)),
        )
        # Titles before posts: afterwards nobody could say whose thread it was.
        db.run(
            """UPDATE threads SET title = '', slug = '' WHERE id IN
                (SELECT thread_id FROM posts WHERE name_key = ? AND post_number = 1)""",
            (key,),
        )
        written = db.rows("SELECT thread_id, post_number FROM posts WHERE name_key = ?", (key,))
        verdicts.forget(db, name, [(row["thread_id"], row["post_number"]) for row in written])
        posts, threads = _empty_posts(db, key)
        quoting = _scrub_texts(db, name) | _scrub_versions(db, name)
        threads |= quoting | _scrub_fields(db, name) | _results_with(db, name)
        members = db.rows("SELECT source_id, username FROM members")
        db.many("DELETE FROM members WHERE source_id = ? AND username = ?",
                [tuple(row) for row in members if row["username"].casefold() == key])  # fmt: skip
        for thread_id in sorted(threads):
            _throw_away_conclusions(db, thread_id)
    db.shrink()
    return ForgetReport(posts=posts, quoting=len(quoting), threads=len(threads))


def _empty_posts(db: Database, key: str) -> tuple[int, set[int]]:
    rows = db.rows("SELECT id, thread_id FROM posts WHERE name_key = ?", (key,))
    ids = [(row["id"],) for row in rows]
    db.many("DELETE FROM post_versions WHERE post_id = ?", ids)
    db.many("DELETE FROM post_words WHERE rowid = ?", ids)
    db.many(
        "UPDATE posts SET username = NULL, name_key = NULL, html = '', raw = NULL, text_sha = ?, "
        "user_id = CASE WHEN user_id < 0 THEN -1 END WHERE id = ?",
        [(text_sha(None, None), *key) for key in ids],
    )
    return len(ids), {row["thread_id"] for row in rows}


def _like(name: str) -> str:
    """A pattern that finds the name anywhere; LIKE ignores case in ASCII only, so that other letters may be any."""
    return "%" + re.sub(r"[^A-Za-z0-9.\-]", "_", name) + "%"


def _is(name: str) -> Any:
    key = name.casefold()
    return lambda other: other.casefold() == key


def _pages(db: Database, sql: str, name: str) -> Iterator[Any]:
    """Rows of a query that ends in `id > ? … LIMIT ?`, page by page, so that a large table is not held in memory."""
    last = 0
    while page := db.rows(sql, (last, _like(name), _like(name), PAGE)):
        yield from page
        last = page[-1]["id"]


def _scrub_texts(db: Database, name: str) -> set[int]:
    """Other people's posts without quotes and mentions of this person; the threads in which there were any.

    `text_sha` stays that of the forum's text: else the next poll would take the difference for an edit.
    """
    sql = "SELECT id, thread_id, html, raw FROM posts WHERE id > ? AND (html LIKE ? OR raw LIKE ?) ORDER BY id LIMIT ?"
    touched = set()
    for row in _pages(db, sql, name):
        html, raw = (scrub(text, _is(name)) if text else text for text in (row["html"], row["raw"]))
        if (html, raw) != (row["html"], row["raw"]):
            db.run("UPDATE posts SET html = ?, raw = ? WHERE id = ?", (html, raw, row["id"]))
            touched.add(row["thread_id"])
    return touched


def _scrub_versions(db: Database, name: str) -> set[int]:
    sql = """SELECT v.id, p.thread_id, v.html, v.raw FROM post_versions v JOIN posts p ON p.id = v.post_id
        WHERE v.id > ? AND (v.html LIKE ? OR v.raw LIKE ?) ORDER BY v.id LIMIT ?"""
    touched = set()
    for row in _pages(db, sql, name):
        html, raw = (scrub(text, _is(name)) if text else text for text in (row["html"], row["raw"]))
        if (html, raw) != (row["html"], row["raw"]):
            db.run("UPDATE post_versions SET html = ?, raw = ? WHERE id = ?", (html, raw, row["id"]))
            touched.add(row["thread_id"])
    return touched


def _scrub_fields(db: Database, name: str) -> set[int]:
    """Topics without this person among those who accepted an answer or took part."""
    # The fields are ASCII: what is not is written as \\uXXXX there, which the pattern of the name would not find.
    sql = "SELECT id, fields FROM threads WHERE id > ? AND (fields LIKE ? OR fields LIKE ?) ORDER BY id LIMIT ?"
    touched = set()
    pattern = name if name.isascii() else "username"
    for row in _pages(db, sql, pattern):
        fields = _without_name(json.loads(row["fields"]), name)
        text = json.dumps(fields, sort_keys=True)
        if text != row["fields"]:
            db.run("UPDATE threads SET fields = ? WHERE id = ?", (text, row["id"]))
            touched.add(row["id"])
    return touched


def _without_name(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [_without_name(item, name) for item in value]
    if isinstance(value, dict):
        key = name.casefold()
        return {
            field: _without_name(item, name)
            for field, item in value.items()
            if not (isinstance(item, str) and item.casefold() == key)
        }
    return value


def _results_with(db: Database, name: str) -> set[int]:
    """Threads whose result or search words still name the person, mentioned in words that no mark gave away."""
    escaped = json.dumps(name)[1:-1]
    results = db.rows(
        "SELECT thread_id FROM analyses WHERE result LIKE ? OR result LIKE ?", (_like(name), f"%{escaped}%")
    )
    return {row["thread_id"] for row in results}


def _throw_away_conclusions(db: Database, thread_id: int) -> None:
    """Empty the analysis and have it made again. Its row stays, for the day on which the thread was first flagged."""
    db.run("UPDATE analyses SET result = NULL WHERE thread_id = ?", (thread_id,))
    db.run("DELETE FROM findings WHERE thread_id = ?", (thread_id,))
    db.run("DELETE FROM post_words WHERE rowid IN (SELECT id FROM posts WHERE thread_id = ?)", (thread_id,))
    if db.value("SELECT gone_at FROM threads WHERE id = ?", (thread_id,)) is None:
        enqueue(db, thread_id)


def purge(db: Database, older_than: datetime) -> PurgeReport:
    """Remove threads in which nobody wrote since; see `Store.purge`."""
    limit = sortable_text(older_than)
    with db.transaction():
        old = db.rows("SELECT id FROM threads WHERE coalesce(last_posted_at, created_at, fetched_at) < ?", (limit,))
        ids = [(row["id"],) for row in old]
        posts = sum(db.value("SELECT count(*) FROM posts WHERE thread_id = ?", key) for key in ids)
        db.many("DELETE FROM threads WHERE id = ?", ids)
        db.run(
            """DELETE FROM outbox WHERE id NOT IN (SELECT outbox_id FROM outbox_threads)
            AND (kind NOT IN ('trouble', 'well') OR created_at < ?)""",
            (limit,),
        )
    db.shrink()
    return PurgeReport(threads=len(ids), posts=posts)
