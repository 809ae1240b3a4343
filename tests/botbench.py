"""A bot in a simulated world: a forum, a clock that moves only when somebody waits, and what became of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerted import BOT, COMPLAINT, PUBLIC, STAFF_CATEGORY, TOPIC, WRITE_KEY, alert_topic
from forum import START, Wall
from modassist.bot.forumbot import Tools
from modassist.bot.loop import Bot
from modassist.bot.metrics import Board
from modassist.bot.report import TickReport
from modassist.bot.stopping import Stop
from modassist.config.settings import AlertSettings, ForumSettings, PrivacySettings, RunSettings, Settings
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.state import Json
from modassist.forum.practice.writing import WriteKey
from modassist.store.store import Store

READ_KEY = "r" * 32
READER = "reader"
MINUTE = timedelta(minutes=1)


@dataclass
class World:
    """The forum, the wall clock, a clock that never jumps, and one bot by these settings."""

    server: ForumServer
    wall: Wall
    settings: Settings
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    stop: Stop = field(init=False)
    bot: Bot = field(init=False)

    def __post_init__(self) -> None:
        self.stop = Stop(self.wait)
        tools = Tools(
            self.stop, self.wall, lambda: self.seconds, lambda: 0.5, {"timeout": (5, 5), "jitter": lambda: 0.0}
        )
        self.bot = Bot(lambda: (self.settings,), tools, Board(self.wall()))

    def wait(self, seconds: float) -> None:
        """Time passes on both clocks."""
        self.waits.append(seconds)
        self.seconds += seconds
        self.wall.now += timedelta(seconds=seconds)

    def tick(self, *, after: timedelta = 10 * MINUTE) -> TickReport:
        """Time passes, then one tick."""
        self.wait(after.total_seconds())
        (report,) = self.bot.once()
        return report

    def ticks(self, count: int, *, after: timedelta = 10 * MINUTE) -> list[TickReport]:
        return [self.tick(after=after) for _ in range(count)]

    def run_for(self, span: timedelta) -> list[datetime]:
        """The loop itself, until so much time has passed; when each tick began."""
        end, began = self.wall.now + span, len(self.server.log)
        moments: list[datetime] = []
        show = self.bot.board.show

        def shown(report: TickReport, bot: Any) -> None:
            moments.append(report.at)
            show(report, bot)

        self.bot.board.show = shown  # type: ignore[method-assign]
        wait = self.wait

        def until_the_end(seconds: float) -> None:
            wait(seconds)
            if self.wall.now >= end:
                self.stop.requested = "the end"

        self.stop._wait = until_the_end
        try:
            self.bot.run()
        finally:
            self.bot.board.show = show  # type: ignore[method-assign]
            self.stop._wait, self.stop.requested = wait, ""
        assert began <= len(self.server.log)
        return moments

    def use(self, **sections: dict[str, Any]) -> None:
        """Other settings, taken over as by SIGHUP."""
        changed = {name: replace(getattr(self.settings, name), **values) for name, values in sections.items()}
        self.settings = replace(self.settings, **changed)
        assert self.bot.reload()

    @property
    def store(self) -> Store:
        return self.bot.watched[0].bot.store

    def posted(self, topic_id: int = TOPIC) -> list[str]:
        """What the bot wrote into a topic of the forum."""
        return [post["raw"] for post in self.server.state.topics[topic_id].living() if post["username"] == BOT]


def complain(server: ForumServer, topic_id: int, text: str = COMPLAINT, name: str = "lightsleeper") -> None:
    """A new topic with a complaint, now."""
    server.state.add_topic(
        {
            "id": topic_id,
            "title": f"Dock grinds at night, part {topic_id}",
            "category_id": PUBLIC,
            "posts": [{"username": name, "raw": text}],
        }
    )


@contextmanager
def forum_of(wall: Wall, *records: Json, **options: Any) -> Iterator[ForumServer]:
    """A forum with a staff-only topic for alerts."""
    usual: dict[str, Any] = {
        "now": wall,
        "permissions": {STAFF_CATEGORY: ["staff", "team"]},
        "groups": {"team": ["mod_lead", "mod_anna"]},
        "write_keys": {WRITE_KEY: WriteKey(BOT, is_staff=True)},
        "keys": {READ_KEY: READER},
    }
    with ForumServer([alert_topic(), *records], **(usual | options)) as server:
        yield server


def settings_for(server: ForumServer, database: Path, **sections: Any) -> Settings:
    """A bot that reads with a key and alerts into the topic."""
    alerts = {"min_severity": 10, "topic_id": TOPIC, "category_id": STAFF_CATEGORY, "daily_cap": 0}
    alerts |= {"api_key": WRITE_KEY, "api_username": BOT} | sections.get("alerts", {})
    forum = {"url": server.url, "staff_groups": ("team",), "api_key": READ_KEY, "api_username": READER}
    forum |= {"requests_per_minute": 60} | sections.get("forum", {})
    return Settings(
        database=database,
        timezone=sections.get("timezone", "UTC"),
        forum=ForumSettings(**forum),
        alerts=AlertSettings(**alerts),
        run=RunSettings(**sections.get("run", {})),
        privacy=PrivacySettings(**sections.get("privacy", {})),
    )


@contextmanager
def world(folder: Path, *records: Json, server: dict[str, Any] | None = None, **sections: Any) -> Iterator[World]:
    """A world whose bot is open. `server` are options of the forum, `sections` settings."""
    wall = Wall(START)
    with forum_of(wall, *records, **(server or {})) as forum:
        made = World(forum, wall, settings_for(forum, folder / "bot.sqlite", **sections))
        made.bot.open()
        try:
            yield made
        finally:
            made.bot.close()
