"""The forum for alerts: read with the alerts' own key, and the only two addresses to which the program ever writes.

`Forum` cannot write at all. What is written here goes to targets that `channels.staff_only` has just looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests
import urllib3

from modassist.errors import AlertRefused, AlertUnclear, ForumRefused, ForumUnavailable, PageRefused, RateLimited
from modassist.forum.answers import GATEWAY, Answer, Passing, understand
from modassist.forum.discourse import CHUNK, Forum, Json, instant_of
from modassist.forum.transport import FAULTS, LONGEST_WAIT, TRIES, log

_REFUSED = {
    403: "the key of the alerts must be allowed to write there: scope topics:write",
    404: "the target is gone, or its address is wrong",
    413: "the message is too long for the forum",
    422: "the forum takes no such text: too long, too similar to another, its title in use, or the topic is closed",
}


class AlertForum(Forum):
    """A Discourse forum with the alerts' key. Writing raises AlertRefused (surely not written), RateLimited or
    ForumUnavailable (surely not written, may work later), or AlertUnclear (nobody knows)."""

    def reply(self, topic_id: int, raw: str) -> Json:
        """A new post in a topic; its row."""
        return self._write("/posts.json", {"topic_id": str(int(topic_id)), "raw": raw})

    def open_topic(self, category_id: int, title: str, raw: str, *, external_id: str) -> Json:
        """A new topic; the row of its first post. `external_id`: at most 50 of [a-zA-Z0-9_-], unique on the forum."""
        form = {"category": str(int(category_id)), "title": title, "raw": raw, "external_id": external_id}
        return self._write("/posts.json", form)

    def open_message(self, recipient: str, title: str, raw: str) -> Json:
        """A new private message to one user or group; the row of its first post."""
        if not recipient or any(mark in recipient for mark in "@, \t\r\n"):
            raise AlertRefused(f"{recipient!r} is no name of a group or user of the forum", is_final=True)
        form = {"archetype": "private_message", "target_recipients": recipient, "title": title, "raw": raw}
        return self._write("/posts.json", form)

    def chat(self, hook: str, text: str) -> None:
        """A message through an incoming hook of Discourse's chat. The hook's key is a secret: no message shows it."""
        self._write("/chat/hooks/…", {"text": text}, address=f"/chat/hooks/{quote(hook, safe='')}.json")

    # -- looking ------------------------------------------------------------------------------------------------------

    def raw_topic(self, topic_id: int) -> Json:
        """A topic's own fields and its first posts, as `/t/{id}.json` has them."""
        return self._object(f"/t/{int(topic_id)}.json")

    def category(self, category_id: int) -> Json:
        """A category with `read_restricted` and, as far as the key may see them, `group_permissions`."""
        found = self._object(f"/c/{int(category_id)}/show.json").get("category")
        return found if isinstance(found, dict) else {}

    def group(self, name: str) -> Json:
        """A group by its name."""
        found = self._object(f"/groups/{quote(name, safe='')}.json").get("group")
        return found if isinstance(found, dict) else {}

    def topic_of(self, external_id: str) -> Json | None:
        """The topic with this external id; None where there is none."""
        try:
            return self._object(f"/t/external_id/{quote(external_id, safe='')}.json")
        except PageRefused as fault:
            if fault.status == 404:
                return None
            raise

    def latest_in(self, topic_id: int, since: datetime) -> Iterator[Json]:
        """The posts of a topic, the newest first, back to those written before `since`."""
        stream = self.raw_topic(topic_id).get("post_stream")
        ids = stream.get("stream") if isinstance(stream, dict) else None
        numbers = [key for key in ids or () if isinstance(key, int)]
        for end in range(len(numbers), 0, -CHUNK):
            rows = list(self._posts(topic_id, numbers[max(0, end - CHUNK) : end]))
            yield from reversed(rows)
            moments = [moment for row in rows if (moment := instant_of(row, "created_at"))]
            if moments and min(moments) < since:
                return

    def sent_messages(self, username: str) -> list[Json]:
        """The newest private messages that this user began, as rows of a topic list."""
        listed = self._object(f"/topics/private-messages-sent/{quote(username, safe='')}.json").get("topic_list")
        topics = listed.get("topics") if isinstance(listed, dict) else None
        return [row for row in topics or () if isinstance(row, dict)]

    def _object(self, path: str) -> Json:
        answer = self._get(path)
        if isinstance(answer, dict):
            return answer
        raise PageRefused(f"{path}: the answer is not what Discourse sends", "is this a Discourse forum?", 200)

    # -- writing ------------------------------------------------------------------------------------------------------

    def _write(self, path: str, form: Mapping[str, str], *, address: str = "") -> Json:
        """Send a form once; again only where the forum said that it had not taken it."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._taken(self._post(path, address or path, form))
            except RateLimited as fault:
                if attempt == TRIES or fault.wait_seconds > LONGEST_WAIT / 2:
                    raise
                log.info("%s; waiting %.0f s", fault.message, fault.wait_seconds)
                self._sleep(max(fault.wait_seconds, 1.0) + self._jitter())
        raise AssertionError("the loop ends by returning or raising")

    def _post(self, path: str, address: str, form: Mapping[str, str]) -> Answer:
        self._budget.take()
        started = self._clock()
        try:
            with self._session.post(self.host + address, data=dict(form), **self._options()) as response:
                answer = self._whole(response, path, self.host + path, started)
        except Passing as fault:
            raise AlertUnclear(f"POST {path}: {fault.error.message}") from fault
        except FAULTS as error:
            raise _lost(error, path) from None  # its text may hold the address, and that the hook's key
        log.debug("POST %s: %s, %d bytes, %.2f s", path, answer.status, len(answer.body), self._clock() - started)
        return answer

    def _taken(self, answer: Answer) -> Json:
        """The row of what was written. Whatever is no clear yes or no is unclear."""
        what = f"POST {answer.path}"
        if 300 <= answer.status < 400:
            raise AlertRefused(f"{what}: redirected (HTTP {answer.status}); not followed", "is forum.url right?")
        try:
            value = understand(answer)
        except Passing as fault:
            raise _not_now(answer, fault) from fault
        except ForumRefused as fault:
            hint = _REFUSED.get(answer.status, fault.hint)
            if answer.status < 400:
                raise AlertUnclear(f"{what}: {fault.message}", "look into the channel") from fault
            raise AlertRefused(f"{what}: {fault.message}", hint) from fault
        except ForumUnavailable as fault:
            raise AlertUnclear(f"{what}: {fault.message}") from fault
        if not isinstance(value, dict):
            raise AlertUnclear(f"{what}: the answer is not what Discourse sends")
        return value


def _not_now(answer: Answer, fault: Passing) -> ForumUnavailable | AlertUnclear:
    """429 and read-only mode are Discourse's own words that nothing was written; a gateway's word says nothing."""
    read_only = answer.status in GATEWAY and b'"read_only"' in answer.body[:4000]
    if isinstance(fault.error, RateLimited) or read_only:
        return fault.error
    return AlertUnclear(f"POST {answer.path}: {fault.error.message}")


def _lost(error: Exception, path: str) -> ForumUnavailable | AlertUnclear:
    """Without a connection nothing was sent. After that, an answer that does not come says nothing."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError) or _never_connected(error):
        return ForumUnavailable(f"POST {path}: no connection to the forum ({type(error).__name__})")
    return AlertUnclear(f"POST {path}: the connection ended without an answer ({type(error).__name__})")


def _never_connected(error: BaseException) -> bool:
    kinds = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    inner: Any = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(inner, kinds) or isinstance(reason, kinds)
