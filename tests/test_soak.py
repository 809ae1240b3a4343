"""A lively forum for a long simulated time: nothing lost, nothing twice, memory flat, requests within the budget."""

from __future__ import annotations

import gc
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerted import COMPLAINT, DISMISSAL, PUBLIC
from botbench import World, complain, world
from forum import fault, slow_down_json, web_page
from modassist.config.kinds import times
from modassist.forum.practice.exchange import DROPPED, Request
from modassist.forum.practice.server import ForumServer
from story import written

RATE = 40
"""Requests a minute that the forum gets at most."""

CUSTOMER = (
    COMPLAINT,
    "How do I pair the app with the new model?",
    "The battery of my R3 died after two weeks. I want my money back.",
    "Lovely device, thank you!",
    "Still the same, nobody has answered me.",
    "It is solved now, thank you very much.",
)
STAFF = (
    DISMISSAL,
    "I am sorry for the trouble. A new unit goes out today, and I will write here on Friday.",
    "User error. You must have used it wrongly.",
    "Please hold the button for five seconds, then the app finds it.",
)


@dataclass
class Life:
    """What happens on the forum, by chance: new topics, replies, edits, deletions, closings; and passing faults."""

    server: ForumServer
    chance: random.Random
    topics: int = 1000
    posts: int = 0
    happened: Counter[str] = field(default_factory=Counter)

    def minute(self) -> None:
        roll = self.chance.random()
        if roll < 0.05:
            self.topics += 1
            complain(self.server, self.topics, self.chance.choice(CUSTOMER), f"customer{self.chance.randrange(300)}")
            self.posts += 1
        if roll < 0.3:
            self.reply()
        if roll > 0.99:
            self.change()
        if self.chance.random() < 0.002:
            answer = self.chance.choice((DROPPED, web_page(502), slow_down_json(30), web_page(500)))
            self.server.faults[:] = [fault(answer, times=self.chance.randrange(1, 8))]
            self.happened["fault"] += 1

    def recent(self) -> Any:
        topics = list(self.server.state.topics.values())[-60:]
        return self.chance.choice([topic for topic in topics if topic.fields["category_id"] == PUBLIC] or [None])

    def reply(self) -> None:
        topic = self.recent()
        if topic is None or topic.fields["deleted_at"]:
            return
        is_staff = self.chance.random() < 0.4
        words = self.chance.choice(STAFF if is_staff else CUSTOMER)
        name = f"mod_{self.chance.choice('abc')}" if is_staff else topic.posts[0]["username"]
        self.server.state.add_post(topic.id, name, f"{words} ({self.posts})", staff=is_staff)
        self.posts += 1

    def change(self) -> None:
        topic = self.recent()
        if topic is None:
            return
        what = self.chance.choice(("edit", "delete", "close", "solve"))
        self.happened[what] += 1
        state = self.server.state
        if what == "edit":
            state.edit_post(topic.posts[-1]["id"], self.chance.choice(CUSTOMER))
        elif what == "delete":
            state.delete_topic(topic.id)
        elif what == "close":
            state.close_topic(topic.id)
        else:
            topic.posts[-1]["accepted_answer"] = True


class Gauge:
    """How many requests the forum got in any minute."""

    def __init__(self, server: ForumServer, place: World) -> None:
        self.moments: deque[datetime] = deque()
        self.most = 0
        self.all = 0
        answer = server.answer

        def counted(request: Request) -> Any:
            now = place.wall.now
            self.all += 1
            self.moments.append(now)
            while now - self.moments[0] >= timedelta(minutes=1):
                self.moments.popleft()
            self.most = max(self.most, len(self.moments))
            del server.log[:-10]
            return answer(request)

        server.answer = counted  # type: ignore[method-assign]


def resident() -> int:
    """Megabytes of memory in use, as the system counts them."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


def live(place: World, life: Life, minutes: int) -> list[int]:
    """So many minutes of the bot's own loop, with the forum's life in between. Memory after each tenth of it."""
    end = place.wall.now + timedelta(minutes=minutes)
    tenth, memory = timedelta(minutes=minutes / 10), []
    lived, measured = place.wall.now, place.wall.now
    wait = place.wait

    def lively(seconds: float) -> None:
        nonlocal lived, measured
        wait(seconds)
        while lived + timedelta(minutes=1) <= place.wall.now:
            lived += timedelta(minutes=1)
            life.minute()
        if place.wall.now - measured >= tenth:
            measured += tenth
            memory.append(resident())
        if place.wall.now >= end:
            place.stop.requested = "the end"

    place.stop._wait = lively
    place.bot.run()
    place.stop._wait, place.stop.requested = wait, ""
    return memory


@pytest.mark.parametrize(
    ("minutes", "posts", "ticks"),
    [pytest.param(600, 100, 50, id="short"), pytest.param(10_000, 2500, 800, id="long", marks=pytest.mark.soak)],
)
def test_a_lively_forum_for_a_long_time(tmp_path: Path, minutes: int, posts: int, ticks: int) -> None:
    settings = {
        "forum": {"requests_per_minute": RATE},
        "run": {"daily_digest": times("07:30"), "weekly_digest": times("Mon 07:00")},
        "alerts": {"resolved": True, "min_severity": 30, "daily_cap": 0},
    }
    with world(tmp_path, **settings) as place:
        gauge = Gauge(place.server, place)
        life = Life(place.server, random.Random(7))
        memory = live(place, life, minutes)
        place.server.faults.clear()
        for hours in (0.2, 0.2, 0.2, 1, 6, 13, 0.2):
            place.tick(after=timedelta(hours=hours))

        counts = place.store.counts()
        print(
            f"{life.posts} posts, {counts}, {dict(life.happened)}, requests {gauge.all}, at most {gauge.most} a minute"
        )
        print(f"messages {sum(written(place.server).values())}, memory in MB after each tenth {memory}")
        assert life.posts >= posts
        assert counts["posts"] > 0.8 * life.posts
        assert int(place.bot.board.metrics().partition('result="ok"} ')[2].split()[0]) >= ticks
        assert gauge.most <= RATE
        assert gauge.all > ticks
        assert_every_alert_once(place)
        assert_memory_is_flat(memory, life.posts)


def assert_every_alert_once(place: World) -> None:
    db = place.store.db
    rows = db.rows("SELECT reference, status, kind FROM outbox")
    sent = {row["reference"] for row in rows if row["status"] == "sent"}
    assert {row["status"] for row in rows} <= {"sent", "cancelled"}
    found = written(place.server)
    assert not [reference for reference, count in found.items() if count > 1]
    assert set(found) == sent
    assert len(sent) > 3
    waiting = db.rows(
        """SELECT t.topic_id FROM analyses a JOIN threads t ON t.id = a.thread_id
        WHERE a.needs_person = 1 AND a.severity >= 30 AND t.gone_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM outbox_threads l JOIN outbox o ON o.id = l.outbox_id
            WHERE l.thread_id = t.id AND o.status = 'sent')"""
    )
    assert not [row["topic_id"] for row in waiting], "nobody was told of these"


def assert_memory_is_flat(memory: list[int], posts: int) -> None:
    """The forum lives in the same process and grows: a few kilobytes for each post. The bot must not."""
    if memory and memory[0]:
        grown = memory[-1] - memory[len(memory) // 3]
        assert grown <= 15 + posts * 0.006, memory
