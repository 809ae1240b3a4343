"""Builders for alerts: a forum with a staff-only category, a desk with threads that need somebody, channels on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from forum import START, Ticks, Wall
from modassist.alerting import AlertReport, send_alerts
from modassist.channels.opening import Channels, opened
from modassist.config.settings import AlertSettings, ForumSettings, Settings
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.state import Json
from modassist.forum.practice.writing import WriteKey
from modassist.pipeline import Desk
from modassist.store.store import Store, ThreadKey

TOPIC, STAFF_CATEGORY, PUBLIC = 777, 9, 1
WRITE_KEY = "w" * 32
BOT = "modbot"
DISMISSAL = "Nobody else has reported this. A bit of noise is perfectly normal for a device of this class."
HOSTILE = (
    "@here", "@all", "@mod_anna", "a@b.de", "@team please", "#hilfe", "#123", "https://evil.example.com/x?y=1", "www.evil.de",
    "//evil.org", "evil.com", "ftp://x.y", "mailto:a@b.de", "http://[::1]/", "[quote=\"anna, post:1, topic:2\"]\nx\n[/quote]",
    "[poll]\n* a\n[/poll]", "[event start=\"2026-01-01\"]", "[date=2026-01-01]", "![x](https://evil.de/p.png)", "[x](javascript:alert(1))",
    "[x]: https://evil.de", "<img src=https://evil.de/p.png>", "<script>alert(1)</script>", "<!here>", "<@U123>", "&lt;b&gt;", "&#64;here",
    "```\ncode\n```", "`x`", "**b**", "__b__", "~~s~~", "||spoiler||", "# head", "- item", "1. item", "> quote", "---", "===", "    indented",
    ":smile:", ":+1:", ":)", "\\@here", "$$x$$", "|a|b|", "\x1b[31mred\x1b[0m", "\x00", "\x07", "\u202egnihton", "\u2066x\u2069", "a\u200bb",
    "\u2028", "\ud800", "\r\n", "\t", "{{x}}", "{% x %}", "%s", "{0}", "x" * 300, "\U0001f468\u200d\U0001f469",
)  # fmt: skip
COMPLAINT = "The dock of my R3 makes a grinding noise every night. I had three hours of sleep. Please help."


def complaint(
    topic_id: int, *more: tuple[str, str], hours: float = 30, text: str = COMPLAINT, **fields: Any
) -> dict[str, Any]:
    """A thread begun so many hours before START, in which `more` is (author, text) an hour apart; `mod_…` is staff."""
    posts = [("lightsleeper", text), *more]
    rows = [
        {
            "id": topic_id * 100 + number,
            "post_number": number,
            "username": name,
            "staff": name.startswith("mod_"),
            "created_at": (START - timedelta(hours=hours - number)).isoformat(),
            "raw": words,
        }
        for number, (name, words) in enumerate(posts, start=1)
    ]
    return {
        "id": topic_id,
        "title": f"Dock grinds at night, part {topic_id}",
        "category_id": PUBLIC,
        "posts": rows,
    } | fields


def nasty(topic_id: int) -> dict[str, Any]:
    """A thread whose customer comes back with everything that could act, in 50,000 characters."""
    words = "Still broken. " + " ".join(piece for piece in HOSTILE if "`" not in piece)
    return complaint(
        topic_id, ("mod_anna", DISMISSAL), ("lightsleeper", words + "@here " * 8000), title=f"@all {HOSTILE[14]}"
    )


def alert_topic(**fields: Any) -> dict[str, Any]:
    posts = [{"username": "mod_lead", "staff": True, "created_at": START.isoformat(), "raw": "Alerts go here."}]
    return {"id": TOPIC, "title": "Alerts of modassist", "category_id": STAFF_CATEGORY, "posts": posts} | fields


@dataclass
class Bench:
    """A forum, a store, a clock and settings: what a run of alerts needs."""

    server: ForumServer
    store: Store
    wall: Wall
    settings: Settings
    ticks: Ticks

    def save(self, *records: Json) -> None:
        """Threads come into the database as if they were polled."""
        for record in records:
            self.store.save_topic(record, source=self.server.url, seen_at=self.wall.now)

    def say(self, topic_id: int, username: str, text: str, record: Json) -> Json:
        """One more post in a thread, now; the thread is stored anew."""
        number = len(record["posts"]) + 1
        row = {"id": topic_id * 100 + number, "post_number": number, "username": username, "raw": text}
        row |= {"staff": username.startswith("mod_"), "created_at": self.wall.now.isoformat()}
        grown = record | {"posts": [*record["posts"], row]}
        self.save(grown)
        return grown

    def desk(self, store: Store | None = None) -> Desk:
        desk = Desk(store or self.store, self.settings, self.wall.now)
        desk.analyse_due()
        return desk

    def alert(self, **options: Any) -> AlertReport:
        """One run of alerts at the wall's time."""
        with self.channels() as channels:
            return send_alerts(self.desk(), channels, **options)

    @contextmanager
    def channels(self) -> Iterator[Channels]:
        client = {"clock": self.ticks.clock, "sleep": self.ticks.sleep, "jitter": lambda: 0.0, "timeout": (5, 5)}
        with opened(self.settings, **client, requests_per_minute=10_000) as channels:
            yield channels

    def with_alerts(self, **changes: Any) -> Bench:
        return replace(self, settings=replace(self.settings, alerts=replace(self.settings.alerts, **changes)))

    def posted(self, topic_id: int = TOPIC) -> list[str]:
        """The bot's posts in a topic."""
        return [post["raw"] for post in self.server.state.topics[topic_id].living() if post["username"] == BOT]

    def later(self, **span: float) -> datetime:
        return self.wall.pass_(**span)

    def key(self, topic_id: int) -> ThreadKey:
        return ThreadKey(self.server.url, topic_id)


@contextmanager
def bench(folder: Path, *records: Json, server: dict[str, Any] | None = None, **alerts: Any) -> Iterator[Bench]:
    """A bench whose alerts go to the topic unless `alerts` (settings) say otherwise; `server` are options of the forum."""
    wall = Wall()
    usual: dict[str, Any] = {
        "now": wall,
        "permissions": {STAFF_CATEGORY: ["staff", "team"]},
        "groups": {"team": ["mod_lead", "mod_anna"], "fans": ["lightsleeper"]},
        "write_keys": {WRITE_KEY: WriteKey(BOT, is_staff=True)},
        "hooks": {"hook-key": "Team chat"},
    }
    chosen = {
        "min_severity": 10,
        "topic_id": TOPIC,
        "category_id": STAFF_CATEGORY,
        "api_key": WRITE_KEY,
        "api_username": BOT,
    } | alerts
    with (
        ForumServer([alert_topic(), *records], **(usual | (server or {}))) as forum,
        Store.open(folder / "alerts.sqlite") as store,
    ):
        settings = Settings(forum=ForumSettings(url=forum.url, staff_groups=("team",)), alerts=AlertSettings(**chosen))
        made = Bench(forum, store, wall, settings, Ticks())
        made.save(*records)
        yield made
