"""How the bot of one forum is doing, from what it wrote down: for `modassist status`. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modassist.bot.notes import Notes
from modassist.config.settings import Settings
from modassist.errors import StoreError
from modassist.instants import instant_text, parse_instant
from modassist.learned.toxicity import LANGUAGES_OF
from modassist.store.lock import holder
from modassist.store.outbox import Outbox
from modassist.store.store import Store


@dataclass(frozen=True, slots=True)
class Status:
    """`process`: who runs the bot now, empty where nobody does. `lag_seconds`: since the forum was last read to its end."""

    forum: str
    database: str
    process: str = ""
    last_poll: datetime | None = None
    lag_seconds: float | None = None
    last_tick: dict[str, str] = field(default_factory=dict)
    next_tick: datetime | None = None
    queue: int = 0
    threads: int = 0
    escalated: int = 0
    outbox: dict[str, int] = field(default_factory=dict)
    troubles: tuple[dict[str, Any], ...] = ()
    abuse_by_detoxify: tuple[str, ...] = ()
    """Languages in which detoxify looks for insults; elsewhere rules do."""
    fault: str = ""
    """Why the database could not be read."""

    def record(self) -> dict[str, Any]:
        """The status as JSON has it."""
        return {
            "forum": self.forum,
            "database": self.database,
            "process": self.process or None,
            "last_poll": instant_text(self.last_poll) if self.last_poll else None,
            "lag_seconds": self.lag_seconds,
            "last_tick": self.last_tick,
            "next_tick": instant_text(self.next_tick) if self.next_tick else None,
            "queue": self.queue,
            "threads": self.threads,
            "escalated": self.escalated,
            "outbox": self.outbox,
            "troubles": list(self.troubles),
            "abuse_by_detoxify": list(self.abuse_by_detoxify),
            "fault": self.fault or None,
        }

    def lines(self) -> Iterator[str]:
        """The status for a person."""
        yield f"{self.forum} ({self.database})"
        yield f"  bot        {self.process or 'not running'}"
        if self.fault:
            yield f"  database   {self.fault}"
            return
        yield f"  last poll  {_ago(self.last_poll, self.lag_seconds)}"
        yield f"  next run   {instant_text(self.next_tick) if self.next_tick and self.process else 'none planned'}"
        yield f"  queue      {self.queue} to judge; {self.threads} threads, {self.escalated} need somebody"
        yield f"  alerts     {', '.join(f'{n} {name}' for name, n in sorted(self.outbox.items())) or 'none'}"
        also = ", ".join(self.abuse_by_detoxify)
        yield f"  abuse      by rules{f', in {also} also by detoxify' if also else ''}"
        if self.last_tick.get("last_error"):
            yield f"  last error {self.last_tick.get('last_error_at', '')} {self.last_tick['last_error']}"
        for row in self.troubles:
            yield f"  TROUBLE    {row['kind']} since {row['since']}, {row['ticks']} ticks: {row['detail']}"


def status_of(settings: Settings, now: datetime) -> Status:
    """The status of one forum. Raises nothing: a database that cannot be read is part of it."""
    forum = settings.name or settings.forum.url or "no forum"
    process = holder(settings.database, "run")
    try:
        with Store.open(settings.database, read_only=True) as store:
            return _read(settings, store, forum, process, now)
    except StoreError as fault:
        return Status(forum, str(settings.database), process, fault=str(fault))


def _read(settings: Settings, store: Store, forum: str, process: str, now: datetime) -> Status:
    notes, counts = Notes.read(store), store.counts()
    cursor = store.cursor(settings.forum.url)
    last = cursor.last_success if cursor else None
    shown = dict(notes.shown)
    planned = shown.pop("next_tick", "")
    return Status(
        forum=forum,
        database=str(settings.database),
        process=process,
        last_poll=last,
        lag_seconds=round((now - last).total_seconds(), 1) if last else None,
        last_tick=shown,
        next_tick=parse_instant(planned) if planned else None,
        queue=store.count_due(now),
        threads=counts["threads"],
        escalated=counts["escalated"],
        outbox=Outbox(store).counts(),
        abuse_by_detoxify=tuple(sorted(LANGUAGES_OF.get(settings.detection.toxicity, ()))),
        troubles=tuple(
            {"kind": kind.value, "since": instant_text(one.since), "ticks": one.ticks, "detail": one.detail}
            for kind, one in notes.health.episodes.items()
        ),
    )


def _ago(moment: datetime | None, lag: float | None) -> str:
    if moment is None or lag is None:
        return "never to the end"
    minutes = round(lag / 60)
    span = (
        f"{minutes} min" if minutes < 120 else f"{round(lag / 3600)} h" if lag < 172800 else f"{round(lag / 86400)} d"
    )
    return f"{instant_text(moment)} ({span} ago)"
