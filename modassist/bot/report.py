"""What one tick did, and the one line that the log has about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modassist.bot.health import Trouble, trouble_of
from modassist.errors import BudgetSpent, ForumError, ModassistError, RateLimited
from modassist.instants import instant_text

if TYPE_CHECKING:
    from modassist.alerting import AlertReport
    from modassist.forum.poll import PollReport
    from modassist.pipeline import Report
    from modassist.store.people import PurgeReport


WHY = 200
"""Characters of a reason in the line about a tick."""


@dataclass(slots=True)
class TickReport:
    """One tick as it goes on: filled in step by step, so that it is true wherever the tick ends."""

    forum: str
    at: datetime
    seconds: float = 0.0
    requests: int = 0
    polled: PollReport | None = None
    judged: Report | None = None
    alerts: AlertReport | None = None
    purged: PurgeReport | None = None
    digests: list[str] = field(default_factory=list)
    met: dict[Trouble, str] = field(default_factory=dict)
    """What is wrong with the bot, by kind."""
    proved: set[Trouble] = field(default_factory=set)
    """What this tick has shown not to be wrong."""
    wait: float = 0.0
    """Seconds that the forum asked to be left alone."""
    next_at: datetime | None = None

    def meet(self, fault: BaseException) -> None:
        """Note a fault by its kind."""
        trouble = trouble_of(fault)
        if trouble is not None:
            self.met.setdefault(trouble, _told(fault))
            self.proved.discard(trouble)
        if isinstance(fault, RateLimited) and not isinstance(fault, BudgetSpent):
            self.wait = max(self.wait, fault.wait_seconds)

    @property
    def is_fresh(self) -> bool:
        """Whether the database holds what the forum says now, as far as this tick was allowed to read it."""
        return self.polled is not None and _is_enough(self.polled.stopped)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read, and nothing is wrong."""
        return self.polled is not None and self.polled.stopped is None and not self.met

    @property
    def failed_threads(self) -> list[tuple[int, str]]:
        """Threads that could not be read or judged, and why."""
        return [*(self.polled.failed if self.polled else ()), *(self.judged.failed if self.judged else ())]

    @property
    def faults(self) -> list[str]:
        """Everything that went wrong, one line each."""
        alerts = self.alerts
        unsent = (*alerts.failed, *alerts.held) if alerts else ()
        return [
            *self.met.values(),
            *(f"thread {topic_id}: {fault}" for topic_id, fault in self.failed_threads),
            *(f"{channel}: {what}: {why}" for channel, what, why in unsent),
        ]

    def fields(self) -> dict[str, Any]:
        """The line as names and values; what did not happen is left out."""
        polled, judged, alerts = self.polled, self.judged, self.alerts
        found = {
            "forum": self.forum,
            "result": "ok" if self.is_complete else "trouble" if self.met else "partial",
            "threads": polled.topics_read if polled else 0,
            "new": polled.posts_new if polled else 0,
            "changed": polled.posts_changed if polled else 0,
            "left": polled.topics_left if polled else 0,
            "judged": judged.analysed if judged else 0,
            "failed": len(self.failed_threads),
            "sent": len(alerts.sent) if alerts else 0,
            "unsent": len(alerts.failed) + len(alerts.held) if alerts else 0,
            "digests": " ".join(self.digests),
            "purged": self.purged.threads if self.purged else 0,
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "next": instant_text(self.next_at.replace(microsecond=0)) if self.next_at else "",
            "trouble": " ".join(sorted(self.met)),
            "why": next(iter(self.met.values()), "")[:WHY],
        }
        always = ("forum", "result", "threads", "new", "judged", "sent", "requests", "seconds")
        return {name: value for name, value in found.items() if value or name in always}


def _is_enough(stopped: ForumError | None) -> bool:
    return stopped is None or isinstance(stopped, BudgetSpent)


def _told(fault: BaseException) -> str:
    if isinstance(fault, ModassistError):
        return str(fault)
    return f"a fault in modassist itself: {type(fault).__name__}"


def as_text(fields: Mapping[str, Any]) -> str:
    """`name=value …` on one line; values with blanks in quotes."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in fields.items() if value != "")


def _quoted(value: Any) -> str:
    text = str(value)
    return '"' + text.replace('"', "'") + '"' if " " in text or not text else text
