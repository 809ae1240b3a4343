"""What happens, as Prometheus reads it, and whether the bot is well. Pure, but for the lock between two threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from modassist.alerts.outbox import Status
from modassist.bot.health import Trouble
from modassist.bot.report import TickReport
from modassist.config.settings import Settings
from modassist.errors import StoreError
from modassist.instants import instant_text
from modassist.store.outbox import Outbox
from modassist.store.store import Store

if TYPE_CHECKING:
    from modassist.bot.forumbot import ForumBot

SILENT_AFTER = 3
"""Intervals (and the longest back-off) without a tick after which the bot counts as stuck."""

_GRACE = timedelta(minutes=70)

_COUNTERS = {
    "ticks": "Ticks by result.",
    "requests": "Requests sent to the forum.",
    "threads_read": "Threads read.",
    "posts_new": "New posts stored.",
    "posts_changed": "Changed posts stored.",
    "threads_judged": "Threads judged.",
    "threads_failed": "Threads that could not be read or judged.",
    "alerts": "Messages to staff by result.",
    "threads_purged": "Old threads removed.",
}
_GAUGES = {
    "up": "1 while nothing troubles the bot.",
    "trouble": "Ticks in a row in which this trouble was met; 0 where it is not there.",
    "last_tick_timestamp_seconds": "When the last tick began.",
    "last_poll_timestamp_seconds": "When the forum was last read to the end.",
    "next_tick_timestamp_seconds": "When the next tick is due.",
    "tick_seconds": "How long the last tick took.",
    "queue": "Threads that wait to be judged.",
    "escalated": "Threads that need a person.",
    "outbox": "Messages to staff by status.",
}

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Sheet:
    """One forum's figures. A forum's name is no part of the labels here."""

    every: timedelta
    health: dict[str, str] = field(default_factory=dict)
    counters: dict[tuple[str, Labels], float] = field(default_factory=dict)
    gauges: dict[tuple[str, Labels], float] = field(default_factory=dict)
    since: datetime | None = None
    last_tick: datetime | None = None

    def count(self, name: str, amount: float, **labels: str) -> None:
        key = (name, tuple(sorted(labels.items())))
        self.counters[key] = self.counters.get(key, 0.0) + amount

    def is_silent(self, now: datetime) -> bool:
        """No tick for so long that the bot hangs; before the first one it has time too."""
        last = self.last_tick or self.since
        return last is not None and now - last > max(SILENT_AFTER * self.every, self.every + _GRACE)


class Board:
    """Figures of all forums. The bot writes, the server of metrics reads in a thread of its own."""

    def __init__(self, now: datetime | None = None) -> None:
        self._sheets: dict[str, _Sheet] = {}
        self._lock = threading.Lock()
        self._began = now

    def add(self, name: str, settings: Settings) -> None:
        """A forum that is watched from now on."""
        with self._lock:
            every = timedelta(minutes=settings.run.every_minutes)
            self._sheets.setdefault(name, _Sheet(every, since=self._began)).every = every

    def keep(self, forums: Mapping[str, Settings]) -> None:
        """These forums and no others."""
        for name, settings in forums.items():
            self.add(name, settings)
        with self._lock:
            self._sheets = {name: sheet for name, sheet in self._sheets.items() if name in forums}

    def show(self, report: TickReport, bot: ForumBot) -> None:
        """What a tick did."""
        gauges = _gauges(report, bot)
        with self._lock:
            sheet = self._sheets.setdefault(report.forum, _Sheet(timedelta(minutes=bot.settings.run.every_minutes)))
            _count(sheet, report)
            sheet.gauges |= gauges
            sheet.last_tick = report.at
            sheet.health = {trouble.value: one.detail for trouble, one in bot.health.episodes.items()}

    def metrics(self) -> str:
        """All figures in Prometheus' text format."""
        with self._lock:
            sheets = {name: (dict(sheet.counters), dict(sheet.gauges)) for name, sheet in self._sheets.items()}
        lines: list[str] = []
        for names, kind, index in ((_COUNTERS, "counter", 0), (_GAUGES, "gauge", 1)):
            for name, about in names.items():
                full = f"modassist_{name}{'_total' if kind == 'counter' else ''}"
                lines += [f"# HELP {full} {about}", f"# TYPE {full} {kind}"]
                for forum, figures in sheets.items():
                    lines += _samples(full, forum, figures[index], name)
        return "\n".join(lines) + "\n"

    def healthz(self, now: datetime) -> tuple[bool, str]:
        """Whether every forum's bot is at work and well, and why not, as JSON."""
        with self._lock:
            rows = {
                name: {
                    "last_tick": instant_text(sheet.last_tick) if sheet.last_tick else None,
                    "is_silent": sheet.is_silent(now),
                    "troubles": dict(sheet.health),
                }
                for name, sheet in self._sheets.items()
            }
        is_well = not any(row["is_silent"] or row["troubles"] for row in rows.values())
        return is_well, json.dumps({"ok": is_well, "forums": rows})


def _count(sheet: _Sheet, report: TickReport) -> None:
    fields = report.fields()
    sheet.count("ticks", 1, result=str(fields["result"]))
    for name, field_name in (
        ("requests", "requests"),
        ("threads_read", "threads"),
        ("posts_new", "new"),
        ("posts_changed", "changed"),
        ("threads_judged", "judged"),
        ("threads_failed", "failed"),
        ("threads_purged", "purged"),
    ):
        sheet.count(name, float(fields.get(field_name, 0)))
    sheet.count("alerts", float(fields["sent"]), result="sent")
    sheet.count("alerts", float(fields.get("unsent", 0)), result="unsent")


def _gauges(report: TickReport, bot: ForumBot) -> dict[tuple[str, Labels], float]:
    episodes = bot.health.episodes
    found: dict[tuple[str, Labels], float] = {
        ("up", ()): float(not episodes),
        ("last_tick_timestamp_seconds", ()): report.at.timestamp(),
        ("tick_seconds", ()): report.seconds,
    }
    for trouble in Trouble:
        found["trouble", (("kind", trouble.value),)] = float(episodes[trouble].ticks if trouble in episodes else 0)
    if report.next_at:
        found["next_tick_timestamp_seconds", ()] = report.next_at.timestamp()
    return found | _stored(bot.store, bot.settings.forum.url, report.at)


def _stored(store: Store, url: str, now: datetime) -> dict[tuple[str, Labels], float]:
    """What the database has to say; nothing where it cannot be read."""
    try:
        counts, cursor, outbox = store.counts(), store.cursor(url), Outbox(store).counts()
        queue = store.count_due(now)
    except StoreError:
        return {}
    found: dict[tuple[str, Labels], float] = {
        ("outbox", (("status", status.value),)): float(outbox.get(status.value, 0)) for status in Status
    }
    found["queue", ()], found["escalated", ()] = float(queue), float(counts["escalated"])
    if cursor:
        found["last_poll_timestamp_seconds", ()] = cursor.last_success.timestamp()
    return found


def _samples(full: str, forum: str, figures: Mapping[tuple[str, Labels], Any], name: str) -> Iterable[str]:
    for (own, labels), value in sorted(figures.items()):
        if own == name:
            pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in (("forum", forum), *labels))
            yield f"{full}{{{pairs}}} {value:g}" if abs(value) < 1e6 else f"{full}{{{pairs}}} {value:.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
