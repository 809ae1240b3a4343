"""What happens when somebody writes to the in-process forum by HTTP: posts, topics, messages, chat hooks.

As Discourse's posts_controller and its validators have it, with the lengths of a fresh installation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from modassist.forum.practice.state import ForumState, Json, Topic

MEMOIZED = timedelta(seconds=120)
"""An identical request within this time is answered with the post that the first one made."""

UNIQUE = timedelta(minutes=5)
_POST, _TITLE, _LONGEST = 20, 15, 32_000
_EXTERNAL_ID = re.compile(r"[\w-]{1,50}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A key that may write: for whom, and, where the server limits it, into which topics."""

    username: str
    topics: frozenset[int] | None = None
    reads: bool = True
    is_staff: bool = False


class Refused(Exception):
    """The forum says no: HTTP status, and Discourse's error type (none for a validation)."""

    def __init__(self, status: int, kind: str, text: str = "") -> None:
        super().__init__(text or kind)
        self.status, self.kind, self.text = status, kind, text or kind


class Desk:
    """Takes what is written. `made` remembers requests, `chat` holds (channel, text)."""

    def __init__(self, state: ForumState, hooks: Mapping[str, str]) -> None:
        self.state, self.hooks = state, dict(hooks)
        self.made: dict[tuple[Any, ...], tuple[datetime, Topic, Json]] = {}
        self.chat: list[tuple[str, str]] = []

    def create(self, key: WriteKey, form: Mapping[str, list[str]]) -> tuple[Topic, Json]:
        """The topic and the row of a new post. Raises Refused."""
        field = {name: values[-1] for name, values in form.items()}
        signature = (key.username, *sorted(field.items()))
        known = self.made.get(signature)
        if known is not None and self.state.now() - known[0] < MEMOIZED:
            return known[1], known[2]
        topic, post = self._made(key, field)
        self.made[signature] = (self.state.now(), topic, post)
        return topic, post

    def _made(self, key: WriteKey, field: Mapping[str, str]) -> tuple[Topic, Json]:
        raw = field.get("raw", "").strip()
        self._check_text(key, raw)
        if "topic_id" in field:
            return self._reply(key, int(field["topic_id"]), raw)
        if key.topics is not None:
            raise Refused(403, "invalid_access")
        title = field.get("title", "").strip()
        if not _TITLE <= len(title) <= 255:
            raise Refused(422, "", "Title has a wrong length")
        if field.get("archetype") == "private_message":
            return self._message(key, title, raw, field.get("target_recipients", ""))
        return self._topic(key, title, raw, field)

    def _check_text(self, key: WriteKey, raw: str) -> None:
        if not _POST <= len(raw) <= _LONGEST:
            raise Refused(422, "", "Body has a wrong length")
        since = self.state.now() - UNIQUE
        recent = (row for at, _, row in self.made.values() if at > since and row["username"] == key.username)
        if any(row["raw"] == raw for row in recent):
            raise Refused(422, "", "Body is too similar to what you recently posted")

    def _reply(self, key: WriteKey, topic_id: int, raw: str) -> tuple[Topic, Json]:
        topic = self.state.topics.get(topic_id)
        if topic is None or topic.fields["deleted_at"]:
            raise Refused(404, "not_found")
        if key.topics is not None and topic_id not in key.topics:
            raise Refused(403, "invalid_access")
        if not self.state.is_open_to(topic, self.state.viewer(key.username, is_staff=key.is_staff)):
            raise Refused(403, "invalid_access")
        if topic.fields["closed"] and not key.is_staff:
            raise Refused(403, "invalid_access")
        return topic, self.state.add_post(topic_id, key.username, raw, staff=key.is_staff)

    def _topic(self, key: WriteKey, title: str, raw: str, field: Mapping[str, str]) -> tuple[Topic, Json]:
        external = field.get("external_id")
        if external is not None and not _EXTERNAL_ID.fullmatch(external):
            raise Refused(422, "", "External id is invalid")
        if external in self.state.external_ids:
            raise Refused(422, "", "External id has already been taken")
        if any(topic.fields["title"] == title for topic in self.state.topics.values()):
            raise Refused(422, "", "Title has already been used")
        topic = self._opened(key, title, raw, category_id=int(field.get("category") or 1))
        if external is not None:
            self.state.external_ids[external] = topic.id
        return topic, topic.posts[0]

    def _message(self, key: WriteKey, title: str, raw: str, recipients: str) -> tuple[Topic, Json]:
        names = [name.strip() for name in recipients.split(",") if name.strip()]
        if not names:
            raise Refused(422, "", "You must select a valid user")
        groups = [name for name in names if name in self.state.groups and self.state.takes_messages(name)]
        people = [name for name in names if name not in groups]
        if any("@" not in name and not self.state.knows(name) for name in people):
            raise Refused(422, "", "Unknown user")
        fields = {
            "archetype": "private_message",
            "category_id": None,
            "allowed_users": [key.username, *people],
            "allowed_groups": groups,
        }
        topic = self._opened(key, title, raw, **fields)
        return topic, topic.posts[0]

    def _opened(self, key: WriteKey, title: str, raw: str, **fields: Any) -> Topic:
        number = max(self.state.topics, default=0) + 1
        post = {"username": key.username, "raw": raw, "staff": key.is_staff}
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "topic"
        return self.state.add_topic({"id": number, "title": title, "slug": slug, "posts": [post], **fields})

    def talk(self, hook: str, form: Mapping[str, list[str]]) -> None:
        """A message to a chat channel by its hook. Raises Refused."""
        if hook not in self.hooks:
            raise Refused(404, "not_found")
        text = (form.get("text") or [""])[-1]
        if not text:
            raise Refused(400, "invalid_parameters")
        self.chat.append((self.hooks[hook], text))

    def sent_by(self, username: str) -> list[Topic]:
        """Private messages that this user began, the newest first."""
        topics: Iterable[Topic] = self.state.topics.values()
        own = [t for t in topics if t.fields["archetype"] == "private_message" and t.posts[0]["username"] == username]
        return sorted(own, key=lambda topic: topic.id, reverse=True)
