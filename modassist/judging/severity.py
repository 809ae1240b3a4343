"""How urgent a thread is: a sum of 0 to 100 that anybody can add up by hand.

Monotone by construction: every fault, every hour of waiting and every sign of distress only adds; good practice only
takes away. The cut at the ends of the scale is an addend of its own, so the lines always add up to the score.
"""

from __future__ import annotations

from collections.abc import Sequence

from modassist.model import (
    EMPTY,
    FLAGGING,
    GOOD_PRACTICE,
    WAITING,
    Addend,
    JudgedPost,
    Role,
    Severity,
    Signal,
    State,
    ThreadState,
)

FAULT_POINTS = {
    Signal.CONTRADICTION: 25,
    Signal.BLAME: 22,
    Signal.DISMISSAL: 20,
    Signal.CONDESCENSION: 18,
    Signal.DEFLECTION: 16,
    Signal.CANNED: 8,
    Signal.NON_ANSWER: 8,
}
"""Points of a signal in a flagged reply, once a thread: what it does to the customer's trust, the denial worst."""

AGAIN_POINTS, AGAIN_MOST = 4, 12
"""For each further flagged reply, up to a limit: being let down again hurts, but three times is not three threads."""

STATE_POINTS = {
    State.UNANSWERED: 22,
    State.ONLY_PEERS: 16,
    State.DROPPED: 20,
    State.BROKEN_PROMISE: 20,
    State.SILENT_PROGRESS: 14,
    State.PILE_ON: 10,
}

CUSTOMER_POINTS = {Signal.DISTRESS: 14, Signal.CHURN_RISK: 10, Signal.REPEAT_CONTACT: 7}

WAITING_STEPS = ((24, 2), (48, 5), (72, 8), (120, 11), (168, 14), (336, 17), (720, 20))
"""(hours waited, points): the first days count most."""

GOOD_POINTS, GOOD_MOST = -3, -15
RESOLVED_POINTS = -40


def rate(posts: Sequence[JudgedPost], states: Sequence[ThreadState]) -> Severity:
    """The severity of a thread with its addends, the largest first and the deductions last."""
    addends = [*_faults(posts), *_states(states), *_waiting(states), *_customer(posts)]
    addends.sort(key=lambda addend: -addend.points)
    addends += [*_good(posts), *_resolved(states)]
    total = sum(addend.points for addend in addends)
    if total > 100:
        addends.append(Addend("cut at 100", 100 - total))
    elif total < 0:
        addends.append(Addend("cut at 0", -total))
    return Severity(sum(addend.points for addend in addends), tuple(addends))


def _faults(posts: Sequence[JudgedPost]) -> list[Addend]:
    flagged = [post for post in posts if post.flagged]
    shown = {f.signal for post in flagged for f in post.findings if f.signal in FLAGGING | EMPTY}
    addends = [Addend(signal.value, points) for signal, points in FAULT_POINTS.items() if signal in shown]
    if len(flagged) > 1:
        again = len(flagged) - 1
        addends.append(Addend(f"flagged replies: {again} more", min(AGAIN_POINTS * again, AGAIN_MOST)))
    return addends


def _states(states: Sequence[ThreadState]) -> list[Addend]:
    held = {state.state for state in states}
    return [Addend(state.value, points) for state, points in STATE_POINTS.items() if state in held]


def _waiting(states: Sequence[ThreadState]) -> list[Addend]:
    hours = max((state.hours for state in states if state.state in WAITING), default=0.0)
    points = max((points for limit, points in WAITING_STEPS if hours >= limit), default=0)
    return [Addend(f"waiting {hours} h", points)] if points else []


def _customer(posts: Sequence[JudgedPost]) -> list[Addend]:
    """What the customers who complain tell of themselves; others' troubles elsewhere are no part of this one."""
    customers = [post for post in posts if post.post.role is Role.CUSTOMER]
    complaining = {post.post.author for post in customers if post.shows(Signal.COMPLAINT)}
    shown = {s for post in customers if post.post.author in complaining for s in post.signals}
    return [Addend(signal.value, points) for signal, points in CUSTOMER_POINTS.items() if signal in shown]


def _good(posts: Sequence[JudgedPost]) -> list[Addend]:
    """Kinds of good practice that staff showed anywhere in the thread, each once."""
    shown = {s for post in posts if post.post.role is Role.STAFF for s in post.signals & GOOD_PRACTICE}
    points = max(GOOD_POINTS * len(shown), GOOD_MOST)
    return [Addend("good practice: " + ", ".join(s.value for s in Signal if s in shown), points)] if shown else []


def _resolved(states: Sequence[ThreadState]) -> list[Addend]:
    return [Addend("resolved", RESOLVED_POINTS)] if any(s.state is State.RESOLVED for s in states) else []
