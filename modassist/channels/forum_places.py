"""Channels in the forum itself: a reply in one topic, a topic of its own, a private message, the author's own inbox.

Each looks before every write, and looks again at what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from modassist.alerts.layouts import Layout, Message
from modassist.channels.staff_only import StaffOnly
from modassist.errors import AlertMisplaced, AlertRefused, AlertUnclear, ForumError

CLOCKS_DIFFER = timedelta(days=1)
"""So far the forum's clock may be from ours when a message is searched for."""

TITLE = 200
"""Discourse takes 255 characters; the code stands behind."""


@dataclass(frozen=True, slots=True)
class TopicReply:
    """A reply in the one staff-only topic."""

    look: StaffOnly
    topic_id: int
    category_id: int
    username: str
    name: str = "topic"
    kind: str = "topic"
    layout: Layout = Layout.FORUM
    can_be_asked: bool = True

    @property
    def target(self) -> str:
        return str(self.topic_id)

    def check(self) -> str:
        return self.look.topic(self.topic_id, self.category_id)

    def deliver(self, message: Message) -> str:
        self.check()
        row = self.look.keyed.reply(self.topic_id, message.body)
        post_id = _post_id(row)
        if row.get("topic_id") != self.topic_id:
            raise AlertMisplaced(
                f"post {post_id} landed in topic {row.get('topic_id')}, not in {self.topic_id}", "look at it now"
            )
        _look_again(lambda: self.look.post(post_id))
        return f"/t/{self.topic_id}/{row.get('post_number', '')}".rstrip("/")

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        for row in self.look.keyed.latest_in(int(target), since - CLOCKS_DIFFER):
            if _is_own(row, self.username) and reference in _text(row):
                return f"/t/{target}/{row.get('post_number', '')}".rstrip("/")
        return None

    def own_posts(self, since: datetime, limit: int) -> Iterator[tuple[str, str]]:
        """Place and text of what this account wrote in the topic since then, among its newest posts. Raises ForumError."""
        for row in islice(self.look.keyed.latest_in(self.topic_id, since), limit):
            if _is_own(row, self.username):
                yield f"/t/{self.topic_id}/{row.get('post_number', '')}".rstrip("/"), _text(row)


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic of its own for each alert, in the staff-only category."""

    look: StaffOnly
    category_id: int
    username: str
    name: str = "category"
    kind: str = "category"
    layout: Layout = Layout.FORUM
    can_be_asked: bool = True

    @property
    def target(self) -> str:
        return str(self.category_id)

    def check(self) -> str:
        return self.look.category(self.category_id)

    def deliver(self, message: Message) -> str:
        self.check()
        title = f"{message.title[:TITLE]} · {message.reference}"
        row = self.look.keyed.open_topic(
            self.category_id, title, message.body, external_id=external_id(message.reference)
        )
        _post_id(row)
        topic_id = _topic_id(row)
        _look_again(lambda: self.look.topic(topic_id, self.category_id))
        return f"/t/{topic_id}"

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        found = self.look.keyed.topic_of(external_id(reference))
        return f"/t/{found.get('id')}" if found else None


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """A private message to one group of staff."""

    look: StaffOnly
    group: str
    username: str
    name: str = "group"
    kind: str = "group"
    layout: Layout = Layout.FORUM
    can_be_asked: bool = True

    @property
    def target(self) -> str:
        return self.group

    def check(self) -> str:
        return self.look.group(self.group)

    def deliver(self, message: Message) -> str:
        self.check()
        return _write_message(self.look, self.group, self.username, message)

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        return _sent_before(self.look, self.username, reference)


@dataclass(frozen=True, slots=True)
class AuthorMessage:
    """A private message to the author of one reply. Who that is, is known only when a message is sent."""

    look: StaffOnly
    username: str
    author: str = ""
    name: str = "author"
    kind: str = "author"
    layout: Layout = Layout.FORUM
    can_be_asked: bool = True

    @property
    def target(self) -> str:
        return ""

    def check(self) -> str:
        if self.author:
            self.look.colleague(self.author)
        return "authors of flagged replies, each alone and only if the forum knows them as staff"

    def deliver(self, message: Message) -> str:
        self.look.colleague(self.author)
        return _write_message(self.look, self.author, self.username, message)

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        return _sent_before(self.look, self.username, reference)


def external_id(reference: str) -> str:
    """The topic's id on our side, which the forum keeps unique."""
    return f"modassist-{reference.lower()}"


def _write_message(look: StaffOnly, recipient: str, username: str, message: Message) -> str:
    title = f"{message.title[:TITLE]} · {message.reference}"
    row = look.keyed.open_message(recipient, title, message.body)
    _post_id(row)
    topic_id = _topic_id(row)
    _look_again(lambda: look.message(topic_id, frozenset({recipient.casefold(), username.casefold()})))
    return f"/t/{topic_id}"


def _sent_before(look: StaffOnly, username: str, reference: str) -> str | None:
    """A message by the code in its title. The title alone is compared: forums rewrite the rest of it."""
    for row in look.keyed.sent_messages(username):
        if reference.casefold() in str(row.get("title") or "").casefold():
            return f"/t/{row.get('id')}"
    return None


def _post_id(row: Mapping[str, Any]) -> int:
    key = row.get("id")
    if isinstance(key, int):
        return key
    if row.get("action") == "enqueued":
        hint = "let that account's posts pass unapproved"
        raise AlertMisplaced("the forum put the alert into its approval queue", hint)
    raise AlertUnclear("the forum does not say which post it made", "look into the channel")


def _topic_id(row: Mapping[str, Any]) -> int:
    key = row.get("topic_id")
    if isinstance(key, int):
        return key
    raise AlertUnclear("the forum does not say in which topic the post is", "look into the channel")


def _look_again(look: Callable[[], object]) -> None:
    """At what was just written. That it cannot be seen now does not unwrite it: then the outbox looks again later."""
    try:
        look()
    except AlertRefused as fault:
        if isinstance(fault.__cause__, ForumError):
            raise AlertUnclear(f"written, but it could not be looked at: {fault.message}") from fault
        hint = "delete what was written, and close the place to all but staff"
        raise AlertMisplaced(f"written, but {fault.message}", hint) from fault
    except ForumError as fault:
        raise AlertUnclear(f"written, but it could not be looked at: {fault.message}") from fault


def _is_own(row: Mapping[str, Any], username: str) -> bool:
    return str(row.get("username") or "").casefold() == username.casefold()


def _text(row: Mapping[str, Any]) -> str:
    return str(row.get("raw") or row.get("cooked") or "")
