"""What the bot writes down after each tick: what a restart needs, and what `modassist status` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from modassist.bot.health import Health
from modassist.bot.report import TickReport
from modassist.instants import instant_text, parse_instant
from modassist.store.store import Store


@dataclass(frozen=True, slots=True)
class Notes:
    """`last_tick`: when the last one began by a clock that could be trusted; `digests`: up to when each kind was made;
    `purged`: the day on which old threads were last removed; `shown`: what status prints, as text by name."""

    health: Health = field(default_factory=Health)
    last_tick: datetime | None = None
    purged: str = ""
    digests: Mapping[str, datetime] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store) -> Self:
        """What was written last. Whatever cannot be read counts as not written."""
        rows = store.notes()
        digests = {name: moment for name, text in _table(rows.get("digests")) if (moment := _instant(text))}
        last = _instant(rows.get("last_tick", ""))
        shown = {name: str(value) for name, value in _table(rows.get("shown"))}
        return cls(Health.parse(rows.get("health", "")), last, rows.get("purged", ""), digests, shown)

    def write(self, store: Store) -> None:
        """Raises StoreError."""
        store.note(
            health=self.health.text(),
            last_tick=instant_text(self.last_tick) if self.last_tick else "",
            purged=self.purged,
            digests=json.dumps({name: instant_text(moment) for name, moment in self.digests.items()}),
            shown=json.dumps(dict(self.shown)),
        )


def shown_after(report: TickReport, before: Mapping[str, str]) -> dict[str, str]:
    """What status shows after a tick; the last fault stays until there is another one."""
    shown = dict(before) | {
        "last_tick": instant_text(report.at),
        "result": str(report.fields()["result"]),
        "seconds": f"{report.seconds:.1f}",
        "requests": str(report.requests),
        "next_tick": instant_text(report.next_at) if report.next_at else "",
    }
    for topic_id, fault in report.failed_threads[:1]:
        shown |= {"last_error": f"thread {topic_id}: {fault}", "last_error_at": instant_text(report.at)}
    for trouble, detail in report.met.items():
        shown |= {"last_error": f"{trouble}: {detail}", "last_error_at": instant_text(report.at)}
    return shown


def _table(text: str | None) -> list[tuple[str, Any]]:
    try:
        table = json.loads(text or "{}")
    except ValueError:
        return []
    return list(table.items()) if isinstance(table, dict) else []


def _instant(text: Any) -> datetime | None:
    try:
        return parse_instant(text)
    except (ValueError, TypeError):
        return None
