"""What we knew of a topic when we read it last, in one line of text: enough to tell from a list row whether it changed.

The store keeps the line without understanding it. Topic lists, topic views and /posts.json each show a part; fields that
one of them lacks (by its nature, or because the server is old) decide nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modassist.forum.discourse import instant_of
from modassist.instants import sortable_text

_INSTANTS = ("bumped_at", "last_posted_at")
_PLAIN = ("posts_count", "highest_post_number", "closed", "archived", "visible", "has_accepted_answer", "category_id")


@dataclass(frozen=True, slots=True)
class ChangeKey:
    """`facts` of the topic, the highest post id and the latest change of a post that we have seen.

    `behind`: the view was older than the list that made us ask for it (a forum's cache), so once more is worth it.
    """

    facts: Mapping[str, Any]
    last_id: int = 0
    updated: str = ""
    behind: bool = False

    @classmethod
    def parse(cls, text: str | None) -> ChangeKey | None:
        """The key that `text()` made; None for anything else: then the topic is simply read again."""
        try:
            facts, last_id, updated, behind = json.loads(text or "")
            return cls(dict(facts), int(last_id), str(updated), bool(behind))
        except (ValueError, TypeError):
            return None

    def text(self) -> str:
        value = [dict(self.facts), self.last_id, self.updated, self.behind]
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    def differs_from(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of a topic list shows another topic than the one we read."""
        now = facts_of(row)
        return self.behind or any(self.facts[name] != now[name] for name in now.keys() & self.facts.keys())

    def lacks(self, post: Mapping[str, Any]) -> bool:
        """Whether a row of /posts.json is a post we have not seen, or one changed since."""
        return int(post["id"]) > self.last_id or _updated(post) > self.updated


def key_of(
    record: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    seen: Iterable[Mapping[str, Any]] = (),
    before: ChangeKey | None = None,
) -> ChangeKey:
    """The key of a thread just read: from its record, the list row and the rows of /posts.json that made us read it.

    The row's own values are kept where there is one: the next row is compared with them, and views count differently.
    The rows seen count even if the view does not show them, or they would make us ask again with every poll.
    """
    posts = [*record["post_stream"]["posts"], *seen]
    facts = facts_of(row) if row else facts_of(record) | _solved(record)
    last_id = max((int(post["id"]) for post in posts), default=0)
    updated = max((_updated(post) for post in posts), default="")
    if before:
        last_id, updated = max(last_id, before.last_id), max(updated, before.updated)
    is_second = before is not None and before.behind and before.facts == facts
    return ChangeKey(facts, last_id, updated, behind=_is_behind(record, row) and not is_second)


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a list row or topic view says about the topic, comparable between servers' ways to write it."""
    found = {name: row[name] for name in _PLAIN if isinstance(row.get(name), int)}
    moments = ((name, instant_of(row, name)) for name in _INSTANTS)
    return found | {name: sortable_text(moment) for name, moment in moments if moment}


def _solved(record: Mapping[str, Any]) -> dict[str, bool]:
    """Servers before 2026 name one accepted answer, later ones a list of them."""
    if record.get("accepted_answer") or record.get("accepted_answers"):
        return {"has_accepted_answer": True}
    return {"has_accepted_answer": False} if "accepted_answers" in record else {}


def _is_behind(record: Mapping[str, Any], row: Mapping[str, Any] | None) -> bool:
    shown, listed = instant_of(record, "last_posted_at"), instant_of(row or {}, "last_posted_at")
    return shown is not None and listed is not None and shown < listed


def _updated(post: Mapping[str, Any]) -> str:
    moment = instant_of(post, "updated_at")
    return sortable_text(moment) if moment else ""
