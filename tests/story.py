"""One story for the bot, told again and again with something going wrong: a prelude, a busy tick, and time to recover.

The prelude is played once; each telling begins from a copy of its database and of the forum as it was then.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerted import BOT, DISMISSAL, TOPIC, complaint
from botbench import MINUTE, World, complain, forum_of, settings_for
from forum import START, Wall
from modassist.bot.report import TickReport
from modassist.forum.practice.exchange import Fault, Request
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.state import Json

BUSY_AT = START + 40 * MINUTE
RECOVERY = (*[10 * MINUTE] * 5, *[timedelta(hours=1)] * 3, *[timedelta(hours=6)] * 3, timedelta(days=1), 20 * MINUTE)
"""Pauses before the ticks after the busy one: long enough for retries, a sweep, and a complaint to become overdue."""

ALERTS = {"group": "team", "worse_by": 100, "resolved": True}
SERIAL = "Which dock is it? Please send the serial number, then a new one goes out today."


def happen(server: ForumServer) -> None:
    """What is new in the busy tick: replies that dismiss and blame, a new complaint, an edit, a closed topic."""
    state = server.state
    state.add_post(201, "mod_anna", DISMISSAL, staff=True)
    state.add_post(203, "mod_lead", "User error. You must have used it wrongly, as I already explained.", staff=True)
    state.edit_post(20201, "The dock of my R3 leaks oil on the floor every day. I want this to be repaired now.")
    state.close_topic(200, "mod_lead")
    complain(server, 300)


def records() -> list[Json]:
    asked = ("mod_anna", SERIAL)
    return [
        complaint(200),
        complaint(201, asked, hours=5),
        complaint(202, ("mod_anna", SERIAL), hours=6, text="How do I clean the dock of my R3?"),
        complaint(203, asked, hours=7),
    ]


@dataclass
class Outcome:
    """What is left in the end: what the forum said, what was concluded, which alerts went out."""

    stored: dict[str, list[Any]]
    alerts: list[Any]
    written: Counter[str]
    """How often each message was written on the forum, by its reference."""


class Stage:
    """The forum and the prelude; `telling` gives a world that stands just before the busy tick."""

    def __init__(self, folder: Path, server: ForumServer, wall: Wall) -> None:
        self.folder, self.server, self.wall = folder, server, wall
        self.count = 0
        prelude = World(server, wall, settings_for(server, folder / "prelude.sqlite", alerts=ALERTS))
        prelude.bot.open()
        prelude.tick(after=10 * MINUTE)
        prelude.tick(after=10 * MINUTE)
        prelude.bot.close()
        _checkpoint(folder / "prelude.sqlite")
        self._state = deepcopy((server.state.topics, server.state.external_ids, server.desk.made))
        self.undisturbed = self.tell(lambda place: None)

    @contextmanager
    def telling(self) -> Iterator[World]:
        self.count += 1
        database = self.folder / f"{self.count}.sqlite"
        shutil.copy(self.folder / "prelude.sqlite", database)
        state = self.server.state
        state.topics, state.external_ids, self.server.desk.made = deepcopy(self._state)
        state.now = self.wall
        self.server.faults.clear()
        self.server.log.clear()
        self.wall.now = BUSY_AT - 10 * MINUTE
        happen(self.server)
        place = World(self.server, self.wall, settings_for(self.server, database, alerts=ALERTS))
        place.bot.tools.client["timeout"] = (5, 1.0)
        place.bot.open()
        try:
            yield place
        finally:
            place.bot.close()
            for path in self.folder.glob(f"{self.count}.sqlite*"):
                path.unlink()

    def tell(
        self,
        disturb: Callable[[World], Any],
        calm: Callable[[World, Any], None] = lambda place, given: place.server.faults.clear(),
        *,
        ticks: int = 1,
    ) -> Outcome:
        """The story: `disturb` before the busy tick, `calm` (with what disturb gave) after it or some more ticks."""
        with self.telling() as place:
            given = disturb(place)
            for _ in range(ticks):
                place.tick()
            calm(place, given)
            recover(place)
            return outcome(place)


def recover(place: World) -> list[TickReport]:
    """Ticks in peace until all is done."""
    return [place.tick(after=pause) for pause in RECOVERY]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    wall = Wall()
    with forum_of(wall, *records()) as server:
        yield Stage(folder, server, wall)


def _checkpoint(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


# -- what is compared ------------------------------------------------------------------------------------------------

STORED = {
    "threads": """SELECT topic_id, title, slug, category_id, tags, closed, archived, visible, created_at, last_posted_at,
        gone_at IS NULL FROM threads ORDER BY topic_id""",
    "posts": """SELECT t.topic_id, post_number, forum_id, username, post_type, staff, hidden, p.created_at, html, raw,
        text_sha, p.updated_at, version, deleted_at IS NULL FROM posts p JOIN threads t ON t.id = p.thread_id ORDER BY 1, 2""",
    "versions": """SELECT t.topic_id, p.post_number, v.html, v.raw FROM post_versions v JOIN posts p ON p.id = v.post_id
        JOIN threads t ON t.id = p.thread_id ORDER BY 1, 2, v.id""",
    "states": "SELECT topic_id, state, since FROM thread_states s JOIN threads t ON t.id = s.thread_id ORDER BY 1, 2",
    "findings": """SELECT t.topic_id, post_number, signal, words, start, "end", flagged, score FROM findings f
        JOIN threads t ON t.id = f.thread_id ORDER BY 1, 2, 3, 5""",
    "analyses": """SELECT topic_id, lang, severity, needs_person FROM analyses a JOIN threads t ON t.id = a.thread_id
        ORDER BY 1""",
    "members": "SELECT username FROM members ORDER BY 1",
    "queue": "SELECT topic_id FROM queue q JOIN threads t ON t.id = q.thread_id WHERE due_at = '' ORDER BY 1",
    "unsent": "SELECT key, status FROM outbox WHERE status != 'sent' AND kind NOT IN ('trouble', 'well') ORDER BY 1",
}
SENT = """SELECT o.key, o.channel, o.kind, o.reasons, o.reference FROM outbox o WHERE status = 'sent'
    AND kind NOT IN ('trouble', 'well') ORDER BY 1"""


def outcome(place: World) -> Outcome:
    """Everything is judged once more at the same instant: severity grows with the hours, and was rated at others."""
    from modassist.pipeline import Desk

    place.store.analyse_all_again()
    Desk(place.store, place.settings, place.wall.now).analyse_due()
    db = place.store.db
    stored = {name: [tuple(row) for row in db.rows(sql)] for name, sql in STORED.items()}
    alerts = [tuple(row) for row in db.rows(SENT)]
    return Outcome(stored, alerts, written(place.server))


def written(server: ForumServer) -> Counter[str]:
    """The references of all messages that the bot wrote."""
    import re

    texts = [
        post["raw"]
        for topic in server.state.topics.values()
        for post in topic.living()
        if post["username"] == BOT and (topic.id == TOPIC or post["post_number"] == 1)
    ]
    return Counter(re.search(r"MA-[A-Z2-7]{10}", text)[0] for text in texts)  # type: ignore[index]


def assert_same(found: Outcome, wanted: Outcome) -> None:
    """The same database, the same alerts, each written once."""
    for name, rows in wanted.stored.items():
        assert found.stored[name] == rows, name
    assert found.alerts == wanted.alerts
    assert_once(found)


def assert_once(found: Outcome) -> None:
    """Every message is there, and none twice."""
    assert not {reference: n for reference, n in found.written.items() if n > 1}
    assert {json.loads(json.dumps(row))[4] for row in found.alerts} <= set(found.written)


class Happening(Fault):
    """Something that happens on the forum just before it answers the nth request; the answer is the right one."""

    def __init__(self, action: Callable[[], object], nth: int) -> None:
        super().__init__(reply=None, nth=nth)  # type: ignore[arg-type]
        self.action = action

    def takes(self, request: Request) -> bool:
        self.met += 1
        if self.met == self.nth:
            self.action()
        return False


def moment(hours: float) -> datetime:
    return START + timedelta(hours=hours)
