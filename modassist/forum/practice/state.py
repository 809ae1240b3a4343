"""What the in-process forum holds: topics and posts from thread records, what happens to them, who may see what.

`forumserver.py` puts it on the wire. Rows are dicts in Discourse's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from modassist.forum.practice.cooked import cook
from modassist.instants import instant_text, parse_instant

Json = dict[str, Any]

REGULAR, STAFF_COLOUR, SMALL_ACTION, WHISPER = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a visitor, a member (by key), or staff, who also see whispers and deleted posts."""

    username: str | None = None
    is_staff: bool = False


@dataclass(slots=True)
class Topic:
    """A topic: its own fields as Discourse names them, its posts by number, and when something last moved it up."""

    fields: Json
    posts: list[Json]
    bumped_at: str = ""

    @property
    def id(self) -> int:
        return int(self.fields["id"])

    def living(self) -> list[Json]:
        return [post for post in self.posts if post["deleted_at"] is None]

    def seen_by(self, viewer: Viewer) -> list[Json]:
        return [post for post in self.living() if viewer.is_staff or post["post_type"] != WHISPER]

    def spoken(self) -> list[Json]:
        """Posts that move a topic up: regular ones (staff colour too) that are there to be read."""
        return [post for post in self.living() if post["post_type"] in (REGULAR, STAFF_COLOUR) and not post["hidden"]]


@dataclass
class ForumState:
    """The forum's content. `now` says when something happens; `private` are categories that only key holders see.

    `permissions` are groups by category: such a category is private too, and seen by their members and by staff.
    """

    now: Callable[[], datetime]
    private: frozenset[int] = frozenset()
    groups: Mapping[str, Iterable[str]] = field(default_factory=dict)
    permissions: dict[int, tuple[str, ...]] = field(default_factory=dict)
    group_settings: dict[str, Json] = field(default_factory=dict)
    external_ids: dict[str, int] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)

    def load(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take over thread records, reduced or whole. Posts without an id get one; ids rise with time."""
        loaded = [(dict(record), _post_rows(record)) for record in records]
        rows = list(chain.from_iterable(posts for _, posts in loaded))
        last = max((row["id"] for row in rows if row.get("id")), default=1000)
        for row in sorted((row for row in rows if not row.get("id")), key=_written):
            last += 1
            row["id"] = last
        for record, posts in loaded:
            self._add_topic(record, posts)

    def _add_topic(self, record: Json, rows: list[Json]) -> None:
        fields = {key: value for key, value in record.items() if key not in ("posts", "post_stream", "now")}
        for name, empty in (("title", ""), ("category_id", 1), ("tags", []), ("archetype", "regular")):
            fields.setdefault(name, empty)
        for name, usual in (("closed", False), ("archived", False), ("visible", True), ("pinned", False)):
            fields.setdefault(name, usual)
        fields.setdefault("slug", f"topic-{fields['id']}")
        fields.setdefault("deleted_at", None)
        topic = Topic(fields, [])
        for number, row in enumerate(rows, 1):
            topic.posts.append(_post(topic, {"post_number": number, **row}))
        topic.posts.sort(key=lambda post: int(post["post_number"]))
        topic.bumped_at = fields.pop("bumped_at", "") or last_posted_at(topic)
        self.topics[topic.id] = topic

    # -- what happens --------------------------------------------------------------------------------------------

    def add_topic(self, record: Mapping[str, Any]) -> Topic:
        """A new topic from a thread record."""
        rows = _post_rows(record)
        for row in rows:
            row.setdefault("id", self._next_id())
            row.setdefault("created_at", self._stamp())
        self._add_topic(dict(record), rows)
        return self.topics[int(record["id"])]

    def add_post(self, topic_id: int, username: str, raw: str, **fields: Any) -> Json:
        """A new post at the end of a topic; `fields` as Discourse names them (staff, post_type, hidden, …)."""
        topic = self.topics[topic_id]
        number = max((int(post["post_number"]) for post in topic.posts), default=0) + 1
        row = {"id": self._next_id(), "post_number": number, "username": username, "raw": raw}
        post = _post(topic, row | {"created_at": self._stamp()} | fields)
        topic.posts.append(post)
        if post in topic.spoken():
            topic.bumped_at = post["created_at"]
        return post

    def edit_post(self, post_id: int, raw: str) -> None:
        post = self.post(post_id)
        post.update(raw=raw, cooked=cook(raw), updated_at=self._stamp(), version=post["version"] + 1)

    def delete_post(self, post_id: int) -> None:
        """The post goes; the topic falls back to where its last living post put it."""
        post = self.post(post_id)
        post["deleted_at"] = self._stamp()
        topic = self.topics[post["topic_id"]]
        topic.bumped_at = last_posted_at(topic)

    def close_topic(self, topic_id: int, username: str = "system", raw: str = "") -> None:
        """Closed by a small action, which moves no topic up."""
        self.topics[topic_id].fields["closed"] = True
        self.add_post(topic_id, username, raw, post_type=SMALL_ACTION, action_code="closed.enabled", staff=True)

    def delete_topic(self, topic_id: int) -> None:
        self.topics[topic_id].fields["deleted_at"] = self._stamp()

    def post(self, post_id: int) -> Json:
        return next(post for topic in self.topics.values() for post in topic.posts if post["id"] == post_id)

    def _next_id(self) -> int:
        return max((post["id"] for topic in self.topics.values() for post in topic.posts), default=1000) + 1

    def _stamp(self) -> str:
        return instant_text(self.now())

    # -- who sees what -------------------------------------------------------------------------------------------

    def viewer(self, username: str | None, *, is_staff: bool = False) -> Viewer:
        return Viewer(username, is_staff)

    def is_open_to(self, topic: Topic, viewer: Viewer) -> bool:
        """Whether the viewer may open the topic by its address."""
        if topic.fields["archetype"] != "regular":
            return self._is_in_message(topic, viewer)
        return self.is_category_open_to(topic.fields["category_id"], viewer)

    def is_category_open_to(self, category_id: int | None, viewer: Viewer) -> bool:
        """Categories with permissions are for members of these groups and for staff, private ones for any key."""
        groups = self.permissions.get(category_id or 0)
        if groups is None:
            return category_id not in self.private or viewer.username is not None
        return "everyone" in groups or viewer.is_staff or any(self._is_in(group, viewer) for group in groups)

    def is_restricted(self, category_id: int) -> bool:
        groups = self.permissions.get(category_id)
        return category_id in self.private if groups is None else "everyone" not in groups

    def _is_in(self, group: str, viewer: Viewer) -> bool:
        everybody = group.startswith("trust_level_") and viewer.username is not None
        return everybody or viewer.username in set(self.groups.get(group, ()))

    def _is_in_message(self, topic: Topic, viewer: Viewer) -> bool:
        if viewer.username is None:
            return False
        users, groups = topic.fields.get("allowed_users"), topic.fields.get("allowed_groups", ())
        return users is None or viewer.username in users or any(self._is_in(group, viewer) for group in groups)

    def takes_messages(self, group: str) -> bool:
        return bool(self.group_settings.get(group, {}).get("messageable", True))

    def knows(self, username: str) -> bool:
        """Whether there is such an account: somebody who wrote, or is in a group."""
        wrote = (post.get("username") for topic in self.topics.values() for post in topic.posts)
        return username in {*wrote, *(name for names in self.groups.values() for name in names)}

    def listed(self, viewer: Viewer) -> list[Topic]:
        """Topics of the lists, the one with the latest activity first."""
        topics = [topic for topic in self.topics.values() if self._is_listed(topic, viewer)]
        return sorted(topics, key=lambda topic: (parse_instant(topic.bumped_at), topic.id), reverse=True)

    def _is_listed(self, topic: Topic, viewer: Viewer) -> bool:
        fields = topic.fields
        is_plain = fields["archetype"] == "regular" and fields["visible"] and fields["deleted_at"] is None
        return is_plain and self.is_open_to(topic, viewer)

    def latest_posts(self, viewer: Viewer) -> list[tuple[Topic, Json]]:
        """All public regular posts with their topics, ids descending. No staff colour, small actions or whispers."""
        pairs = [(topic, post) for topic in self.listed(viewer) for post in topic.living()]
        regular = [(topic, post) for topic, post in pairs if post["post_type"] == REGULAR]
        return sorted(regular, key=lambda pair: int(pair[1]["id"]), reverse=True)

    def staff(self) -> tuple[list[Json], list[Json]]:
        """Admins and moderators by the flags of their posts."""
        posts = [post for topic in self.topics.values() for post in topic.posts if post["staff"]]
        users = {post["username"]: post for post in posts}
        admins = [post for post in users.values() if post["admin"]]
        return admins, [post for post in users.values() if not post["admin"]]


def last_posted_at(topic: Topic) -> str:
    """When the last post to be read was written; where there is none, when the topic was opened."""
    posts = topic.spoken() or topic.posts
    return str(posts[-1]["created_at"]) if posts else str(topic.fields.get("created_at", "1970-01-01T00:00:00Z"))


def _post_rows(record: Mapping[str, Any]) -> list[Json]:
    whole = record.get("post_stream")
    return [dict(row) for row in (whole["posts"] if isinstance(whole, Mapping) else record.get("posts", ()))]


def _written(row: Mapping[str, Any]) -> datetime:
    return parse_instant(row["created_at"])


def _post(topic: Topic, row: Mapping[str, Any]) -> Json:
    """A post with every field that the state relies on; what the record says wins."""
    raw = row.get("raw") or ""
    is_staff = bool(row.get("staff") or row.get("admin") or row.get("moderator"))
    usual = {
        "post_type": REGULAR,
        "raw": raw,
        "updated_at": row["created_at"],
        "reply_to_post_number": None,
        "staff": is_staff,
        "admin": False,
        "moderator": is_staff and not row.get("admin"),
        "hidden": False,
        "deleted_at": None,
        "user_deleted": False,
        "version": 1,
    }
    post = usual | dict(row) | {"topic_id": topic.id}
    return post if post.get("cooked") else post | {"cooked": cook(raw)}
