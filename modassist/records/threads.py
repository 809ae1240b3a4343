"""Thread records (Discourse's `/t/{id}.json`, whole or reduced) -> `Thread`, and back.

A record is read tolerantly: what other server versions leave out, rename or write otherwise is made up for where that
is harmless; what is essential and missing, or of the wrong type, is a RecordError that names place and field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from modassist.errors import RecordError
from modassist.instants import instant_text
from modassist.model import Post, PostKind, Role, Staff, Thread
from modassist.records.authors import Roster, role_of, roster, staff_of_topic
from modassist.records.fields import Fields, clean, is_number, is_public, lead, post_rows, posts_by_number, topic_id
from modassist.records.files import BadRecord, Record, read_records

__all__ = ["BadRecord", "Record", "from_thread", "read_records", "to_thread", "topic_url"]

DELETED_ACCOUNT = "deleted"
"""The author of posts whose account is gone: the forum writes null."""

_KINDS = {1: PostKind.REGULAR, 2: PostKind.STAFF_COLOUR, 3: PostKind.SMALL_ACTION, 4: PostKind.WHISPER}
_TYPES = {kind: number for number, kind in _KINDS.items()}


def to_thread(
    data: Mapping[str, Any],
    *,
    staff: Staff,
    fallback_now: datetime | None = None,
    forum_url: str = "",
    place: str = "",
) -> Thread:
    """A thread out of its record: posts by number, without deleted ones and whispers, each author with a role.

    `fallback_now` stands in where no post and no topic says when it was written; `forum_url` makes the thread's
    address; `place` begins the messages. Raises RecordError for what is essential and missing or of the wrong type.
    """
    source = Fields(place, data)
    rows = post_rows(data, place=place)
    known = roster(staff)
    here = staff_of_topic(data, known)
    solutions = _solutions(data)
    posts = _posts(source, rows, known, here, solutions, fallback_now)
    key, slug = topic_id(data, place=place), clean(source.text("slug"))
    return Thread(
        id=key,
        title=clean(source.text("title")),
        posts=posts,
        slug=slug,
        url=topic_url(forum_url, slug, key) or _given_url(data.get("url")),
        category_id=source.number("category_id"),
        tags=tag_names(source),
        closed=data.get("closed") is True,
        archived=data.get("archived") is True,
        accepted_by_staff=_is_accepted_by_staff(data, known, here | _staff_among(posts)),
        now=source.instant("now"),
    )


# -- posts -----------------------------------------------------------------------------------------------------------


def _posts(
    source: Fields,
    rows: Iterable[Mapping[str, Any]],
    known: Roster,
    here: frozenset[str],
    solutions: frozenset[int],
    fallback_now: datetime | None,
) -> tuple[Post, ...]:
    by_number = posts_by_number(source, rows)
    if known.main_accounts:
        here |= _flagged_here(by_number.values(), known)
    kept = [(number, row) for number, row in sorted(by_number.items()) if is_public(row)]
    moments = _moments(source, [row for _, row in kept], fallback_now)
    return tuple(
        _post(number, row, moment, known, here, solutions) for (number, row), moment in zip(kept, moments, strict=True)
    )


def _moments(source: Fields, rows: list[Fields], fallback: datetime | None) -> list[datetime]:
    """When each post was written; where one does not say, when the one before it was, else the next one that says."""
    said = [row.instant("created_at") for row in rows]
    if None not in said:
        return said  # type: ignore[return-value]  # no None is left
    last = next((moment for moment in said if moment), None) or source.instant("created_at") or fallback
    if last is None:
        hint = "at least one post, or the topic, has to say when it was written"
        raise RecordError(f"{lead(str(source.path))}posts[0].created_at is missing", hint)
    moments = []
    for moment in said:
        last = moment or last
        moments.append(last)
    return moments


def _post(
    number: int, row: Fields, moment: datetime, known: Roster, here: frozenset[str], solutions: frozenset[int]
) -> Post:
    data = row.data
    is_hidden = data.get("hidden") is True
    author = _author(row, known)
    kind = _KINDS.get(row.number("post_type") or 1, PostKind.REGULAR)
    return Post(
        number=number,
        author=author,
        role=role_of(data, author, kind, known, here),
        created_at=moment,
        html="" if is_hidden else row.optional_text("cooked"),
        raw=None if is_hidden else row.optional_text("raw"),
        id=row.number("id"),
        kind=kind,
        action=row.optional_text("action_code"),
        reply_to=row.number("reply_to_post_number"),
        accepted=data.get("accepted_answer") is True or number in solutions,
        edited_at=_edited_at(row, moment),
    )


def _author(row: Fields, known: Roster) -> str:
    name = clean(row.text("username")) or DELETED_ACCOUNT
    return known.main_accounts.get(name.casefold(), name) if known.main_accounts else name


def _edited_at(row: Fields, created_at: datetime) -> datetime | None:
    """When the author last changed the text: `updated_at` moves for other reasons too, then `version` stays 1."""
    updated_at = row.data.get("updated_at")
    if not updated_at or updated_at == row.data.get("created_at") or row.data.get("version") == 1:
        return None
    moment = row.instant("updated_at")
    return moment if moment and moment > created_at else None


def _flagged_here(rows: Iterable[Fields], known: Roster) -> frozenset[str]:
    """Main accounts whose own posts in this topic the forum marks as staff: their other accounts are staff too."""
    public = (row for row in rows if isinstance(row.data.get("username"), str))
    return frozenset(
        name
        for row in public
        if role_of(row.data, name := _author(row, known).casefold(), PostKind.REGULAR, known, frozenset()) is Role.STAFF
    )


# -- topic -----------------------------------------------------------------------------------------------------------


def tag_names(source: Fields) -> tuple[str, ...]:
    """Names of the tags: texts, or objects with a name since 2026."""
    tags = source.data.get("tags")
    if not isinstance(tags, list):
        return ()
    names = (tag.get("name") if isinstance(tag, dict) else tag for tag in tags)
    return tuple(clean(name) for name in names if isinstance(name, str))


def topic_url(forum_url: str, slug: str, key: int) -> str:
    """The address of a topic on its forum, "" where the forum has none."""
    if not forum_url.startswith(("https://", "http://")):
        return ""
    # The slug is the forum's text: it must not lead out of /t/, and forums with other scripts percent-encode it.
    middle = f"{quote(slug, safe='%')}/" if slug.strip(".") else ""
    return f"{forum_url.rstrip('/')}/t/{middle}{key}"


def _given_url(given: object) -> str:
    """The address that the record itself names, if it is one for a browser."""
    is_web = isinstance(given, str) and given.startswith(("https://", "http://"))
    return clean(str(given)) if is_web else ""


def accepted_answers(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Accepted answers as the topic names them: a list since 2026, a single object before."""
    old, new = data.get("accepted_answer"), data.get("accepted_answers")
    answers = new if isinstance(new, list) and new else [old]
    return [answer for answer in answers if isinstance(answer, dict)]


def _solutions(data: Mapping[str, Any]) -> frozenset[int]:
    numbers: list[Any] = [answer.get("post_number") for answer in accepted_answers(data)]
    return frozenset(number for number in numbers if is_number(number))


def _is_accepted_by_staff(data: Mapping[str, Any], known: Roster, here: frozenset[str]) -> bool:
    if data.get("accepted_by_staff") is True:
        return True
    names = (answer.get("accepter_username") for answer in accepted_answers(data))
    accepters = {known.main_accounts.get(name.casefold(), name).casefold() for name in names if isinstance(name, str)}
    return bool(accepters) and accepters <= (known.names | here)


def _staff_among(posts: Iterable[Post]) -> frozenset[str]:
    return frozenset(post.author.casefold() for post in posts if post.role is Role.STAFF)


# -- back ------------------------------------------------------------------------------------------------------------


def from_thread(thread: Thread) -> dict[str, Any]:
    """The reduced record of a thread. Reading it with no `Staff` at all gives the same thread again."""
    record: dict[str, Any] = {
        "id": thread.id,
        "title": thread.title,
        "slug": thread.slug,
        "url": thread.url,
        "category_id": thread.category_id,
        "tags": list(thread.tags),
        "closed": thread.closed,
        "archived": thread.archived,
        "accepted_by_staff": thread.accepted_by_staff,
        "posts": [_from_post(post) for post in thread.posts],
    }
    return record | ({"now": instant_text(thread.now)} if thread.now else {})


def _from_post(post: Post) -> dict[str, Any]:
    is_silent = post.role is Role.AUTOMATIC and post.kind is not PostKind.SMALL_ACTION
    optional = {
        "cooked": post.html,
        "raw": post.raw,
        "updated_at": instant_text(post.edited_at) if post.edited_at else None,
        "action_code": post.action,
        "is_auto_generated": is_silent or None,
    }
    return {
        "id": post.id,
        "post_number": post.number,
        "post_type": _TYPES[post.kind],
        "username": post.author,
        "staff": post.role is Role.STAFF,
        "created_at": instant_text(post.created_at),
        "reply_to_post_number": post.reply_to,
        "accepted_answer": post.accepted,
    } | {name: value for name, value in optional.items() if value is not None}
