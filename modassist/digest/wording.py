"""How a digest speaks: labels, counts, numbers, waiting times and dates in the moderators' language.

The words stand in `texts/<lang>.toml`. They surround findings; none of them is looked for in a post.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

DAYS_FROM_HOURS = 72
"""From here on a waiting time reads better in days."""


@cache
def _texts(language: str) -> Mapping[str, Any]:
    file = resources.files("modassist") / "texts" / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Wording:
    """Words in one language, instants in one zone. `business`: waiting times count business hours only."""

    language: str = "en"
    timezone: str = "UTC"
    business: bool = False

    def say(self, name: str, **values: object) -> str:
        """The text `name` with its gaps filled; an unknown dotted name gives its last part in words."""
        found: Any = _texts(self.language)
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if found is None:
            return name.rpartition(".")[2].replace("_", " ")
        return str(found).format(**values)

    def count(self, name: str, n: int, **values: object) -> str:
        """The text `name` in the number that `n` asks for."""
        form = "one" if n == 1 else "other"
        return self.say(f"{name}.{form}", n=n, **values)

    def lost_alert(self, alert: Mapping[str, Any]) -> str:
        """An alert that waits for a person, as `alerts.outbox.as_record` gives it: which it is, and what sends it."""
        threads = [f"#{topic_id}" for topic_id in alert["threads"][:3]]
        more = ["…"] if len(alert["threads"]) > 3 else []
        return self.say("lost_alert", id=alert["id"], about=", ".join((alert["channel"], *threads, *more)))

    def number(self, value: float) -> str:
        """At most one decimal, with the language's own sign."""
        return f"{value:.1f}".removesuffix(".0").replace(".", self.say("decimal"))

    def span(self, hours: float) -> str:
        """A waiting time: "46,8 h", "12 Tagen"."""
        if self.business:
            return self.say("spans.business", n=self.number(hours))
        if hours >= DAYS_FROM_HOURS:
            return self.say("spans.days", n=round(hours / 24))
        return self.say("spans.hours", n=self.number(hours))

    def quoted(self, text: str) -> str:
        """The text in the language's own quotation marks."""
        return self.say("quote_open") + text + self.say("quote_close")

    def when(self, moment: datetime, form: str = "short") -> str:
        """The instant in the forum's zone; `form` is "long" or "short" (without the year)."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        dates = _texts(self.language)["dates"]
        pattern: str = dates[form]
        return pattern.format(
            weekday=dates["weekdays"][local.weekday()],
            day=local.day,
            month=dates["months"][local.month - 1],
            year=local.year,
            hour=local.hour,
            minute=local.minute,
        )
