"""Builders around the in-process forum: threads in a few words, a clock that never waits, and everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from modassist.forum.discourse import Forum
from modassist.forum.practice.exchange import Fault, Reply
from modassist.forum.practice.server import ForumServer

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Ticks:
    """A clock that moves only when somebody sleeps, and remembers for how long."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Wall:
    """The forum's wall clock, moved by hand."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def at(hours: float = 0) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(topic_id: int, *texts: str, hours: float | None = None, **fields: Any) -> dict[str, Any]:
    """A thread of posts an hour apart: the customer and staff in turn, the customer first."""
    first = -100 + topic_id if hours is None else hours
    posts = [
        {
            "username": "staffer" if number % 2 else f"customer{topic_id}",
            "staff": bool(number % 2),
            "created_at": at(first + number / 60),
            "raw": text,
        }
        for number, text in enumerate(texts or ("The kettle drips.", "Which kettle is it?"))
    ]
    return {"id": topic_id, "title": f"Thread {topic_id}", "slug": f"thread-{topic_id}", "posts": posts} | fields


def long_record(topic_id: int, length: int, **fields: Any) -> dict[str, Any]:
    return record(topic_id, *(f"Post {number}" for number in range(1, length + 1)), **fields)


def client(server: ForumServer, ticks: Ticks | None = None, **options: Any) -> Forum:
    """A forum client that never really waits, and has requests to spare."""
    ticks = ticks or Ticks()
    usual: dict[str, Any] = {"requests_per_minute": 10_000, "jitter": lambda: 0.0, "timeout": (5, 5)}
    return Forum(server.url, clock=ticks.clock, sleep=ticks.sleep, **(usual | options))


@contextmanager
def serving(*records: Mapping[str, Any], **options: Any) -> Iterator[tuple[ForumServer, Forum, Ticks]]:
    """A forum with these threads, a client of it and the client's clock. `client` holds options of the client."""
    ticks, asked = Ticks(), options.pop("client", {})
    with ForumServer(records, **options) as server, client(server, ticks, **asked) as forum:
        yield server, forum, ticks


# -- replies that go wrong -------------------------------------------------------------------------------------------

_HTML = {"Content-Type": "text/html; charset=utf-8"}


def reply(status: int, body: str, **headers: str) -> Reply:
    return Reply(status, body.encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return reply(status, json.dumps(value), Content_Type="application/json", **headers)


def slow_down_text(seconds: int) -> Reply:
    text = f"Slow down, you're making too many requests.\nPlease retry again in {seconds} seconds.\n"
    headers = {"Discourse_Rate_Limit_Error_Code": "ip_10_secs_limit", "Content_Type": "text/plain"}
    return reply(429, text, Retry_After=str(seconds), **headers)


def slow_down_json(seconds: float) -> Reply:
    extras = {"wait_seconds": seconds, "time_left": "a while"}
    return json_reply({"errors": ["Too often."], "error_type": "rate_limit", "extras": extras}, 429)


def slow_down_search() -> Reply:
    return json_reply({"failed": "FAILED", "message": "Please slow down."}, 429)


def slow_down_page(**headers: str) -> Reply:
    """A proxy's 429: a page, and no Content-Type."""
    return reply(429, "<html><head><title>429 Too Many Requests</title></head></html>", **headers)


def bot_wall(status: int = 403) -> Reply:
    return Reply(status, b"<!DOCTYPE html><html><body>checking</body></html>", {**_HTML, "cf-mitigated": "challenge"})


def web_page(status: int) -> Reply:
    return Reply(status, b"<!DOCTYPE html><html><body>SECRET PAGE</body></html>", _HTML)


def redirect(location: str, status: int = 301) -> Reply:
    return Reply(status, b"", {"Location": location})


def fault(
    answer: Reply, path: str = "*", *, times: int | None = 1, nth: int = 1, method: str = "*", after: bool = False
) -> Fault:
    return Fault(answer, path, times, nth, method, after)
