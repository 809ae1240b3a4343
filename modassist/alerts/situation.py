"""How bad a thread is, as far as alerts are concerned, and whether it has got worse since somebody was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modassist.instants import parse_instant
from modassist.model import EMPTY, FLAGGING, WAITING, Signal, State

_STATES = WAITING | {State.PILE_ON}
_STAFF = FLAGGING | EMPTY
_CUSTOMER = frozenset({Signal.CHURN_RISK, Signal.DISTRESS})


@dataclass(frozen=True, slots=True)
class Situation:
    """Why a thread needs a person: names of states and signals, and its severity (0 to 100)."""

    reasons: frozenset[str]
    severity: int

    def joined(self, later: Situation) -> Situation:
        """Everything that was told by now, when `later` is told too."""
        return Situation(self.reasons | later.reasons, max(self.severity, later.severity))


def situation_of(record: Mapping[str, Any]) -> Situation:
    """The situation that a result record shows: states that wait, what flags its replies, a customer in distress or
    about to leave. Signals of replies that are not flagged do not count."""
    states = {str(state["state"]) for state in record["states"]} & _STATES
    return Situation(frozenset(states | set(_signals(record))), int(record["severity"]["score"]))


def _signals(record: Mapping[str, Any]) -> Iterable[str]:
    for post in record["posts"]:
        counted = _STAFF if post.get("flagged") else _CUSTOMER if post["role"] == "customer" else frozenset()
        yield from (finding["signal"] for finding in post["signals"] if finding["signal"] in counted)


def is_worse(told: Situation | None, now: Situation, step: int) -> bool:
    """Whether there is something to tell: nothing was told, a state or signal is new, or the severity rose by `step`."""
    if told is None:
        return True
    return bool(now.reasons - told.reasons) or now.severity >= told.severity + step


def flagged_since(record: Mapping[str, Any], since: datetime) -> tuple[int, ...]:
    """Numbers of the flagged replies written since then."""
    posts = [post for post in record["posts"] if post.get("flagged") and post.get("created_at")]
    return tuple(post["post_number"] for post in posts if parse_instant(post["created_at"]) >= since)


def last_customer_post(record: Mapping[str, Any]) -> datetime | None:
    """When a customer last wrote in the thread."""
    moments = [
        parse_instant(post["created_at"])
        for post in record["posts"]
        if post["role"] == "customer" and post.get("created_at")
    ]
    return max(moments, default=None)
