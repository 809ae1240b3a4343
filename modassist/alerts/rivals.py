"""Messages of our own account that this database did not send: a second database alerts for the same forum."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from modassist.alerts.outbox import CODE_LENGTH
from modassist.instants import instant_text, parse_instant

SPAN = timedelta(days=2)
"""How far back the alert topic is looked at: who alerts for the same threads does so at about the same time."""

MOST_POSTS = 50
"""The newest posts that are looked at: one request, whatever the topic's length."""

REMEMBERED = timedelta(days=7)
"""So long after it was last seen a rival counts as still there: it is said once, and `doctor` goes on saying it."""

_CODE = re.compile(rf"\bMA-[A-Z2-7]{{{CODE_LENGTH}}}\b")


@dataclass(frozen=True, slots=True)
class Rival:
    """A message that somebody else sent in our name: where it stands, and about which thread of ours it is."""

    place: str
    topic_id: int

    def text(self, seen_at: datetime) -> str:
        """The rival as it is stored."""
        return json.dumps([self.place, self.topic_id, instant_text(seen_at)])

    @classmethod
    def parse(cls, text: str | None, now: datetime) -> Rival | None:
        """What `text` stored; None for nothing, for what cannot be read, and for what was seen too long ago."""
        try:
            place, topic_id, seen_at = json.loads(text or "")
            return cls(str(place), int(topic_id)) if now - parse_instant(seen_at) <= REMEMBERED else None
        except (ValueError, TypeError):
            return None

    def __str__(self) -> str:
        return (
            f"{self.place} on the forum tells of thread {self.topic_id} in our name, and this database did not send it: "
            "a second one alerts for the same forum, or this one was put back"
        )


def rival_among(
    posts: Iterable[tuple[str, str]], url: str, *, is_ours: Callable[[str], bool], is_told: Callable[[int], bool]
) -> Rival | None:
    """The first of these posts (place and text, all by our account) with a code that is not ours, about a thread that
    we tell of too. `url` is the forum's address; `is_ours` knows codes, `is_told` numbers of topics."""
    link = re.compile(re.escape(url) + r"/t/([0-9]{1,15})")
    for place, text in posts:
        codes = _CODE.findall(text)
        if not codes or any(is_ours(code) for code in codes):
            continue
        told = (int(found) for found in link.findall(text) if is_told(int(found)))
        topic_id = next(told, None)
        if topic_id is not None:
            return Rival(place, topic_id)
    return None
