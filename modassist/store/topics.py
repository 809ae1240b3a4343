"""What the forum said, in the database: saving a topic's record, and building it again."""

# ruff: noqa: S608 -- what is put together here are names of columns, constants below; every value is bound

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from modassist.errors import StoreError
from modassist.instants import sortable_text
from modassist.records.fields import Fields, clean, is_public, post_rows, posts_by_number, topic_id
from modassist.records.threads import accepted_answers, tag_names
from modassist.store.database import Database
from modassist.store.forgotten import Forgotten


class ThreadKey(NamedTuple):
    """A thread in the database: the name of its source (the forum's address) and the number of its topic there."""

    source: str
    topic_id: int


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What a saved record brought: posts not seen before, posts whose text or facts changed, posts that are gone."""

    new: int = 0
    changed: int = 0
    deleted: int = 0


_TOPIC = ("title", "slug", "category_id", "tags", "closed", "archived", "visible", "created_at", "fields")
_FACTS = (
    "forum_id", "username", "name_key", "user_id", "post_type", "staff", "admin", "moderator", "group_moderator",
    "primary_group", "is_automatic", "hidden", "created_at", "reply_to", "accepted", "action",
)  # fmt: skip
_QUIET = ("updated_at", "version")
"""Columns that move without anything said differently: kept, but no reason to analyse the thread again."""

_COLUMNS = (*_FACTS, *_QUIET, "html", "raw", "text_sha")
_SELECT_POSTS = f"SELECT id, post_number, deleted_at, text_sha, {', '.join((*_FACTS, *_QUIET))} FROM posts"
_INSERT_POST = (
    f"INSERT INTO posts (thread_id, post_number, seen_at, {', '.join(_COLUMNS)}) "
    f"VALUES (?, ?, ?, {', '.join('?' for _ in _COLUMNS)})"
)
_UPDATE_FACTS = (
    f"UPDATE posts SET deleted_at = NULL, {', '.join(f'{name} = ?' for name in (*_FACTS, *_QUIET))} WHERE id = ?"
)
_KEEP_VERSION = """INSERT INTO post_versions (post_id, html, raw, text_sha, updated_at, seen_at, replaced_at)
    SELECT id, html, raw, text_sha, updated_at, seen_at, ? FROM posts WHERE id = ?"""
_UPDATE_TEXT = "UPDATE posts SET html = ?, raw = ?, text_sha = ?, seen_at = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class _PostRow:
    """A post as its columns."""

    facts: tuple[Any, ...]
    quiet: tuple[Any, ...]
    html: str | None
    raw: str | None
    sha: bytes


# -- saving ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where and when a record was seen; `change_key` is the poll's, `place` begins messages about the record."""

    source: str
    seen_at: datetime
    change_key: str = ""
    place: str = ""


def save_topic(db: Database, record: Mapping[str, Any], sighting: Sighting, *, forgotten: Forgotten) -> SaveReport:
    """Store a whole or reduced record; see `Store.save_topic`."""
    place, seen = sighting.place, sortable_text(sighting.seen_at)
    fields = Fields(place, record)
    key = ThreadKey(sighting.source, topic_id(record, place=place))
    rows = posts_by_number(fields, post_rows(record, place=place))
    posts = {number: _post_row(row, forgotten) for number, row in rows.items() if is_public(row)}
    topic = _topic_row(fields, forgotten, is_title_kept=_opener(record, rows) not in forgotten)
    with db.transaction():
        thread_id, is_changed = _save_thread(db, key, topic, seen, sighting.change_key)
        report = _save_posts(db, thread_id, posts, seen)
        report = _mark_deleted(db, _gone(db, thread_id, record, rows, posts), seen, report)
        _note(db, thread_id, is_changed=is_changed or report != SaveReport())
    return report


def _opener(record: Mapping[str, Any], rows: Mapping[int, Fields]) -> str:
    """Who wrote the title: the author of the first post, which a window of later posts does not show."""
    if 1 in rows:
        return clean(rows[1].text("username"))
    details = record.get("details")
    creator = details.get("created_by") if isinstance(details, dict) else None
    name = creator.get("username") if isinstance(creator, dict) else None
    return clean(name) if isinstance(name, str) else ""


def _topic_row(fields: Fields, forgotten: Forgotten, *, is_title_kept: bool) -> tuple[Any, ...]:
    data = fields.data
    created_at = fields.instant("created_at")
    return (
        clean(fields.text("title")) if is_title_kept else "",
        clean(fields.text("slug")) if is_title_kept else "",
        fields.number("category_id"),
        json.dumps(tag_names(fields)),
        int(data.get("closed") is True),
        int(data.get("archived") is True),
        int(data.get("visible") is not False),
        sortable_text(created_at) if created_at else None,
        json.dumps(_other_fields(data, forgotten), sort_keys=True),
    )


def _other_fields(data: Mapping[str, Any], forgotten: Forgotten) -> dict[str, Any]:
    """What `records.to_thread` reads of a topic and no column holds: its address, who accepted what, who is staff."""
    details = data.get("details")
    people = details.get("participants") if isinstance(details, dict) else None
    marks = ("admin", "moderator", "staff", "group_moderator", "primary_group_name")
    known = [
        _chosen(person, ("username", *marks), forgotten)
        for person in (people if isinstance(people, list) else [])
        if isinstance(person, dict) and any(person.get(mark) for mark in marks)
    ]
    answers = [
        _chosen(answer, ("post_number", "username", "accepter_username"), forgotten)
        for answer in accepted_answers(data)
    ]
    found = {
        "url": data.get("url") if isinstance(data.get("url"), str) else None,
        "accepted_by_staff": data.get("accepted_by_staff") is True,
        "accepted_answers": answers,
        "details": {"participants": known} if known else None,
    }
    return {name: value for name, value in found.items() if value}


def _chosen(data: Mapping[str, Any], names: Iterable[str], forgotten: Forgotten) -> dict[str, Any]:
    """These fields, where they hold a plain value; names of forgotten people are left out."""
    plain = {name: data[name] for name in names if isinstance(data.get(name), str | int)}
    kept = {name: clean(value) if isinstance(value, str) else value for name, value in plain.items()}
    is_name = ("username", "accepter_username")
    return {name: value for name, value in kept.items() if not (name in is_name and str(value) in forgotten)}


def _post_row(row: Fields, forgotten: Forgotten) -> _PostRow:
    data = row.data
    name = clean(row.text("username")) or None
    is_nobody = name is not None and name in forgotten
    html, raw = _text(row, "cooked"), _text(row, "raw")
    written, edited = row.instant("created_at"), row.instant("updated_at")
    if is_nobody:
        name, html, raw = None, "", None
    return _PostRow(
        facts=(
            row.number("id"),
            name,
            name.casefold() if name else None,
            _user_id(row, is_nobody=is_nobody),
            row.number("post_type") or 1,
            int(data.get("staff") is True),
            int(data.get("admin") is True),
            int(data.get("moderator") is True),
            int(data.get("group_moderator") is True),
            clean(group) if isinstance(group := data.get("primary_group_name"), str) else None,
            int(data.get("is_auto_generated") is True),
            int(data.get("hidden") is True),
            sortable_text(written) if written else None,
            row.number("reply_to_post_number"),
            int(data.get("accepted_answer") is True),
            _text(row, "action_code"),
        ),
        quiet=(sortable_text(edited) if edited else None, row.number("version")),
        html=forgotten.without_traces(html),
        raw=forgotten.without_traces(raw),
        sha=text_sha(html, raw),
    )


def _text(row: Fields, field: str) -> str | None:
    text = row.optional_text(field)
    return None if text is None else clean(text)


def _user_id(row: Fields, *, is_nobody: bool) -> int | None:
    """The number of the account; of a forgotten person only whether it was a system user's."""
    number = row.number("user_id") if isinstance(row.data.get("user_id"), int) else None
    return (-1 if number is not None and number < 0 else None) if is_nobody else number


def text_sha(html: str | None, raw: str | None) -> bytes:
    """What tells a text from an earlier one. Forums move `updated_at` and `version` for other reasons, or not at all."""
    text = raw if html is None else html
    return blake2b((text or "").encode(), digest_size=16).digest()


def source_key(db: Database, source: str) -> int:
    """The number of a source, made when it is new."""
    db.run("INSERT INTO sources (name) VALUES (?) ON CONFLICT DO NOTHING", (clean(source),))
    return int(db.value("SELECT id FROM sources WHERE name = ?", (clean(source),)))


def _save_thread(db: Database, key: ThreadKey, topic: tuple[Any, ...], seen: str, change_key: str) -> tuple[int, bool]:
    source_id = source_key(db, key.source)
    columns = ", ".join(_TOPIC)
    found = db.row(
        f"SELECT id, gone_at, {columns} FROM threads WHERE source_id = ? AND topic_id = ?", (source_id, key.topic_id)
    )
    if found is None:
        marks = ", ".join("?" for _ in _TOPIC)
        cursor = db.run(
            f"INSERT INTO threads (source_id, topic_id, revision, fetched_at, change_key, {columns}) "
            f"VALUES (?, ?, 0, ?, ?, {marks})",
            (source_id, key.topic_id, seen, change_key, *topic),
        )
        return int(cursor.lastrowid or 0), True
    db.run(
        "UPDATE threads SET fetched_at = ?, change_key = ?, gone_at = NULL WHERE id = ?",
        (seen, change_key, found["id"]),
    )
    is_changed = tuple(found)[2:] != topic or found["gone_at"] is not None
    if is_changed:
        db.run(f"UPDATE threads SET {', '.join(f'{name} = ?' for name in _TOPIC)} WHERE id = ?", (*topic, found["id"]))
    return int(found["id"]), is_changed


def _save_posts(db: Database, thread_id: int, posts: Mapping[int, _PostRow], seen: str) -> SaveReport:
    stored = {row["post_number"]: row for row in db.rows(f"{_SELECT_POSTS} WHERE thread_id = ?", (thread_id,))}
    new = [(thread_id, number, seen, *post.facts, *post.quiet, post.html, post.raw, post.sha)
           for number, post in posts.items() if number not in stored]  # fmt: skip
    db.many(_INSERT_POST, new)
    changed = [_update(db, stored[number], post, seen) for number, post in posts.items() if number in stored]
    return SaveReport(new=len(new), changed=sum(changed))


def _update(db: Database, stored: Any, post: _PostRow, seen: str) -> bool:
    """Bring a stored post up to date; whether anything was said differently."""
    values = tuple(stored)
    facts, quiet = values[4 : 4 + len(_FACTS)], values[4 + len(_FACTS) :]
    # A record without the text (a stub of a hidden post, a list row) is no news that the text became empty.
    is_new_text = post.sha != stored["text_sha"] and (post.html is not None or post.raw is not None)
    if is_new_text:
        db.run(_KEEP_VERSION, (seen, stored["id"]))
        db.run(_UPDATE_TEXT, (post.html, post.raw, post.sha, seen, stored["id"]))
    is_changed = is_new_text or facts != post.facts or stored["deleted_at"] is not None
    if is_changed or quiet != post.quiet:
        db.run(_UPDATE_FACTS, (*post.facts, *post.quiet, stored["id"]))
    return is_changed


def _gone(
    db: Database, thread_id: int, record: Mapping[str, Any], rows: Mapping[int, Fields], posts: Mapping[int, _PostRow]
) -> list[int]:
    """Ids of stored posts that the forum does not show any more.

    A reduced record is the whole thread; of a whole one `posts` is a window, and `stream` says what there is.
    """
    stored = db.rows(
        "SELECT id, post_number, forum_id FROM posts WHERE thread_id = ? AND deleted_at IS NULL", (thread_id,)
    )
    missing = [row for row in stored if row["post_number"] not in posts]
    stream = record.get("post_stream")
    if not isinstance(stream, dict):
        return [row["id"] for row in missing]
    ids = stream.get("stream")
    shown = set(ids) if isinstance(ids, list) and all(isinstance(key, int) for key in ids) else set()
    return [
        row["id"]
        for row in missing
        if row["post_number"] in rows or (shown and row["forum_id"] is not None and row["forum_id"] not in shown)
    ]


def _mark_deleted(db: Database, gone: list[int], seen: str, report: SaveReport) -> SaveReport:
    db.many("UPDATE posts SET deleted_at = ? WHERE id = ?", [(seen, key) for key in gone])
    db.many("DELETE FROM post_words WHERE rowid = ?", [(key,) for key in gone])
    return SaveReport(report.new, report.changed, len(gone))


def _note(db: Database, thread_id: int, *, is_changed: bool) -> None:
    """Note a changed thread for analysis."""
    if not is_changed:
        return
    db.run(
        """UPDATE threads SET revision = revision + 1, last_posted_at = coalesce(
            (SELECT max(created_at) FROM posts WHERE thread_id = threads.id AND deleted_at IS NULL), created_at)
            WHERE id = ?""",
        (thread_id,),
    )
    enqueue(db, thread_id)


def enqueue(db: Database, thread_id: int) -> None:
    """Have the thread analysed the next time."""
    db.run("INSERT INTO queue VALUES (?, '') ON CONFLICT DO UPDATE SET due_at = ''", (thread_id,))


def mark_gone(db: Database, key: ThreadKey, seen_at: datetime) -> None:
    """The forum does not show this topic, seen at this instant: keep what it said, drop what was concluded from it."""
    with db.transaction():
        thread_id = find_thread(db, key)
        if thread_id is None:
            return
        db.run("UPDATE threads SET gone_at = ? WHERE id = ?", (sortable_text(seen_at), thread_id))
        db.run("DELETE FROM post_words WHERE rowid IN (SELECT id FROM posts WHERE thread_id = ?)", (thread_id,))
        for table in ("queue", "analyses", "thread_states", "findings"):
            db.run(f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,))


# -- reading ---------------------------------------------------------------------------------------------------------


def find_thread(db: Database, key: ThreadKey) -> int | None:
    """The number of the thread's row."""
    found = db.value(
        "SELECT t.id FROM threads t JOIN sources s ON s.id = t.source_id WHERE s.name = ? AND t.topic_id = ?", key
    )
    return None if found is None else int(found)


def thread_row(db: Database, key: ThreadKey) -> int:
    """The number of the thread's row. Raises StoreError where there is no such thread."""
    found = find_thread(db, key)
    if found is None:
        raise StoreError(f"topic {key.topic_id} of {key.source} is not in the database", "poll or import it first")
    return found


def load_record(db: Database, thread_id: int) -> dict[str, Any]:
    """The reduced record of a stored thread, without deleted posts; `records.to_thread` reads it like the forum's."""
    thread = db.row(f"SELECT topic_id, {', '.join(_TOPIC)} FROM threads WHERE id = ?", (thread_id,))
    if thread is None:
        raise StoreError("the thread is no longer in the database", "it was purged meanwhile")
    posts = db.rows(
        f"SELECT post_number, html, raw, {', '.join((*_FACTS, *_QUIET))} FROM posts "
        "WHERE thread_id = ? AND deleted_at IS NULL ORDER BY post_number",
        (thread_id,),
    )
    return {
        "id": thread["topic_id"],
        "title": thread["title"],
        "slug": thread["slug"],
        "category_id": thread["category_id"],
        "tags": json.loads(thread["tags"]),
        "closed": bool(thread["closed"]),
        "archived": bool(thread["archived"]),
        "visible": bool(thread["visible"]),
        "created_at": thread["created_at"],
        **json.loads(thread["fields"]),
        "posts": [_post_record(post) for post in posts],
    }


def _post_record(post: Any) -> dict[str, Any]:
    optional = {
        "cooked": post["html"],
        "raw": post["raw"],
        "user_id": post["user_id"],
        "primary_group_name": post["primary_group"],
        "reply_to_post_number": post["reply_to"],
        "action_code": post["action"],
        "updated_at": post["updated_at"],
        "version": post["version"],
    }
    flags = {
        "admin": post["admin"],
        "moderator": post["moderator"],
        "group_moderator": post["group_moderator"],
        "is_auto_generated": post["is_automatic"],
        "hidden": post["hidden"],
        "accepted_answer": post["accepted"],
    }
    return {
        "id": post["forum_id"],
        "post_number": post["post_number"],
        "post_type": post["post_type"],
        "username": post["username"],
        "staff": bool(post["staff"]),
        "created_at": post["created_at"],
        **{name: True for name, value in flags.items() if value},
        **{name: value for name, value in optional.items() if value is not None},
    }
