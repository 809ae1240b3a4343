"""The forum as a reader sees it: what is new, the topics, whole threads, who is staff. Discourse's own words and dicts.

Everything is asked for as the public website asks for it; nothing here can write. Rows come from servers of many
years: fields may be missing, numbers may be texts, and a row that is no row is left out rather than believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from modassist.errors import PageRefused
from modassist.forum.transport import PoliteClient
from modassist.instants import parse_instant

Json = dict[str, Any]

CHUNK = 50
"""Post ids in one request: the server has no limit, addresses do."""

TAIL = 20
"""Posts at the end of a thread that are read again with every change: there edits are made."""

MEMBERS = 1000
"""Members of a group in one page: the most that Discourse gives."""

LONG_PAGE = 100
"""Topics in one page of a long listing; older servers give 30 all the same."""

MOST_PAGES = 1000
"""Pages after which a listing ends in any case: a server may repeat itself for ever."""

WHISPER = 4


@dataclass(frozen=True, slots=True)
class TopicPage:
    """One page of a topic list; `more` says whether the server has another."""

    rows: tuple[Json, ...]
    more: bool


class Forum(PoliteClient):
    """A Discourse forum, read-only. See `PoliteClient` for address, key, budget and clocks.

    Every method may raise ForumUnavailable (and RateLimited) or ForumRefused; PageRefused where only that address is
    concerned.
    """

    def basic_info(self) -> Json:
        """Title, language and whether the forum is for members only; open even on a forum for members."""
        return _object(self._get("/site/basic-info.json"), "/site/basic-info.json")

    def site(self) -> Json:
        """Categories (with `read_restricted`), groups and post types, as this reader may see them."""
        return _object(self.get_site_info(), "/site.json")

    def about(self) -> Json:
        """The forum's public page about itself: `admins` and `moderators` are lists of users."""
        about = _object(super().about(), "/about.json").get("about")
        return about if isinstance(about, dict) else {}

    def latest_posts(self, before: int | None = None) -> list[Json]:
        """Newest public posts of type 1 over all topics, up to 50, ids descending; or those below the id `before`.

        Servers differ: newer ones give the 50 posts with ids under `before`; old ones the posts among the 50 ids up
        to and including it, which may be few or none.
        """
        answer = _object(super().latest_posts(before=before), "/posts.json")
        return _rows(answer.get("latest_posts"), "/posts.json")

    def latest_topics(self, page: int = 0, *, per_page: int | None = None) -> TopicPage:
        """Topics by last activity. Pinned ones come first on page 0, whatever their age."""
        options = {"order": "activity", "no_definitions": "true"}
        if page:
            options["page"] = str(page)
        if per_page:
            options["per_page"] = str(per_page)
        return _topic_page(super().latest_topics(**options), "/latest.json")

    def all_topics(self, since: datetime | None = None) -> Iterator[Json]:
        """Every topic row once, by last activity, asked for page by page; until the first unpinned before `since`."""
        seen: set[int] = set()
        for page in range(MOST_PAGES):
            found = self.latest_topics(page, per_page=LONG_PAGE)
            fresh = [row for row in found.rows if row["id"] not in seen]
            seen.update(row["id"] for row in fresh)
            yield from (row for row in fresh if _is_since(row, since))
            is_past = any(not is_pinned(row) and not _is_since(row, since) for row in fresh)
            if is_past or not fresh or not found.more:
                return

    def open_topics(self, since: datetime) -> Iterator[Json]:
        """Rows of open topics active since that day; by the list of latest topics where the server has no filter."""
        try:
            yield from self._filtered(f"status:open activity-after:{since:%Y-%m-%d}")
        except PageRefused:
            yield from (row for row in self.all_topics(since) if not row.get("closed") and not row.get("archived"))

    def _filtered(self, query: str) -> Iterator[Json]:
        seen: set[int] = set()
        for page in range(MOST_PAGES):
            options = {"q": query, **({"page": str(page)} if page else {})}
            found = _topic_page(self._get("/filter.json", **options), "/filter.json")
            fresh = [row for row in found.rows if row["id"] not in seen]
            seen.update(row["id"] for row in fresh)
            yield from fresh
            if not fresh or not found.more:
                return

    def topic(self, topic_id: int, *, held: Collection[int] = (), wanted: Collection[int] = ()) -> Json:
        """A thread as one `/t/{id}.json` record, posts in order, and as `stream` the ids of all posts there are.

        Posts that are in neither `held` nor the first page are fetched by id, 50 at a time, and with them the `wanted`
        and the last 20. So with nothing held the record is whole, and with most of it held it has what can have
        changed. Deleted posts and whispers are in neither list, nor is what the server names but does not give.
        """
        path = f"/t/{int(topic_id)}.json"
        record = _object(self._get(path), path)
        if _number(record.get("id")) not in (topic_id, None):
            raise PageRefused(f"{path}: answered with another topic", "merged or moved", status=410)
        stream = _object(record.get("post_stream"), path)
        first = _rows(stream.get("posts"), path)
        ids = _ids(stream.get("stream")) or [row["id"] for row in first]
        asked = _to_fetch(ids, {row["id"] for row in first}, held, wanted)
        given = {row["id"]: row for row in (*first, *self._posts(topic_id, asked)) if is_public(row)}
        gone = {row["id"] for row in first} | set(asked)
        living = [key for key in ids if key in given or key not in gone]
        posts = [given[key] for key in dict.fromkeys((*living, *given)) if key in given]
        return record | {"id": int(topic_id), "post_stream": stream | {"posts": posts, "stream": living}}

    def _posts(self, topic_id: int, post_ids: Sequence[int]) -> Iterator[Json]:
        path = f"/t/{int(topic_id)}/posts.json"
        for start in range(0, len(post_ids), CHUNK):
            answer = super().posts(int(topic_id), post_ids[start : start + CHUNK])
            stream = _object(answer, path).get("post_stream")
            yield from _rows(stream.get("posts") if isinstance(stream, dict) else None, path)

    def group_members(self, name: str) -> tuple[str, ...]:
        """User names of all members and owners of a group. PageRefused where the group hides them."""
        path = f"/groups/{quote(name, safe='')}/members.json"
        found: dict[str, None] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            answer = _object(self._get(path, limit=MEMBERS, offset=offset), path)
            members, owners = (answer.get(key) for key in ("members", "owners"))
            known = len(found)
            found.update(dict.fromkeys(_usernames(members) + _usernames(owners)))
            offset += len(members) if isinstance(members, list) else 0
            if len(found) == known or offset >= _total(answer):
                break
        return tuple(found)


# -- rows, tolerantly ------------------------------------------------------------------------------------------------


def is_public(row: Mapping[str, Any]) -> bool:
    """Whether a post is there for everybody: a deleted post or a whisper reaches a staff key only."""
    return row.get("deleted_at") is None and row.get("post_type") != WHISPER


def is_pinned(row: Mapping[str, Any]) -> bool:
    return bool(row.get("pinned") or row.get("pinned_globally"))


def instant_of(row: Mapping[str, Any], field: str) -> datetime | None:
    """An instant of a row in UTC; None where it is missing or unreadable."""
    value = row.get(field)
    if not isinstance(value, str):
        return None
    try:
        return parse_instant(value)
    except ValueError:
        return None


def _is_since(row: Mapping[str, Any], since: datetime | None) -> bool:
    active = instant_of(row, "bumped_at") or instant_of(row, "last_posted_at")
    return since is None or active is None or active >= since


def _object(value: Any, path: str) -> Json:
    if isinstance(value, dict):
        return value
    raise PageRefused(f"{path}: the answer is not what Discourse sends", "is this a Discourse forum?", 200)


def _rows(value: Any, path: str) -> list[Json]:
    """The rows of a list that have an id. A missing list is no Discourse answer; a broken row is one row less."""
    if not isinstance(value, list):
        raise PageRefused(f"{path}: the answer is not what Discourse sends", "is this a Discourse forum?", 200)
    rows = ((row, _number(row.get("id"))) for row in value if isinstance(row, dict))
    return [row if row["id"] == key else row | {"id": key} for row, key in rows if key is not None]


def _topic_page(answer: Any, path: str) -> TopicPage:
    listed = _object(answer, path).get("topic_list")
    if not isinstance(listed, dict):
        raise PageRefused(f"{path}: the answer is not what Discourse sends", "is this a Discourse forum?", 200)
    return TopicPage(tuple(_rows(listed.get("topics"), path)), bool(listed.get("more_topics_url")))


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else None


def _ids(value: Any) -> list[int]:
    numbers = (_number(item) for item in value) if isinstance(value, list) else ()
    return list(dict.fromkeys(number for number in numbers if number is not None))


def _to_fetch(ids: list[int], given: set[int], held: Collection[int], wanted: Collection[int]) -> list[int]:
    tail = set(ids[-TAIL:])
    return [key for key in ids if key not in given and (key not in held or key in wanted or key in tail)]


def _usernames(value: Any) -> list[str]:
    rows = value if isinstance(value, list) else []
    return [row["username"] for row in rows if isinstance(row, dict) and isinstance(row.get("username"), str)]


def _total(answer: Mapping[str, Any]) -> float:
    """How many members the server says there are; without a word of it, pages are read until one brings nothing."""
    meta = answer.get("meta")
    total = _number(meta.get("total")) if isinstance(meta, dict) else None
    return float("inf") if total is None else total
