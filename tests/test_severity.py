"""Severity is a sum anybody can add up, and it moves in one direction only."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from builders import START, customer, judged, staff
from modassist.judging.severity import rate
from modassist.model import FLAGGING, GOOD_PRACTICE, WAITING, Finding, JudgedPost, Signal, State, ThreadState

BAD, GOOD = sorted(FLAGGING), sorted(GOOD_PRACTICE)
STATES = st.lists(
    st.builds(
        ThreadState, st.sampled_from(State), st.just(START), st.floats(0, 5000, allow_nan=False), st.integers(1, 9)
    ),
    max_size=5,
)


def posts(bad: list[Signal], good: list[Signal], told: list[Signal]) -> tuple[JudgedPost, ...]:
    _, made = judged(
        customer("My pump died.", shows=tuple(told)),
        staff("No.", shows=tuple(bad)),
        staff("Here.", shows=tuple(good)),
    )
    return made


SIGNALS = st.tuples(
    st.lists(st.sampled_from(BAD), unique=True),
    st.lists(st.sampled_from(GOOD), unique=True),
    st.lists(st.sampled_from([Signal.DISTRESS, Signal.CHURN_RISK, Signal.REPEAT_CONTACT]), unique=True),
)


@given(SIGNALS, STATES)
def test_the_score_is_the_sum_of_its_addends_within_the_scale(
    signals: tuple[list[Signal], list[Signal], list[Signal]], states: list[ThreadState]
) -> None:
    severity = rate(posts(*signals), states)
    assert 0 <= severity.score <= 100
    assert severity.score == sum(addend.points for addend in severity.addends)


@given(SIGNALS, STATES, st.sampled_from(GOOD))
def test_good_practice_never_raises_it(
    signals: tuple[list[Signal], list[Signal], list[Signal]], states: list[ThreadState], more: Signal
) -> None:
    made = posts(*signals)
    better = (*made[:-1], replace(made[-1], findings=(*made[-1].findings, Finding(more, 0.9))))
    assert rate(better, states).score <= rate(made, states).score


@given(SIGNALS, st.sampled_from(sorted(WAITING)), st.floats(0, 2000), st.floats(0, 2000))
def test_more_waiting_never_lowers_it(
    signals: tuple[list[Signal], list[Signal], list[Signal]], state: State, one: float, other: float
) -> None:
    made = posts(*signals)
    short, long = sorted((one, other))
    scores = [rate(made, [ThreadState(state, START, waited, 1)]).score for waited in (short, long)]
    assert scores[0] <= scores[1]


def test_nothing_wrong_is_zero() -> None:
    assert rate(posts([], [], []), []).score == 0


def test_a_denied_customer_who_waits_is_urgent_and_shows_why() -> None:
    made = posts([Signal.CONTRADICTION], [], [Signal.COMPLAINT])
    severity = rate(made, [ThreadState(State.DROPPED, START, 46.8, 3)])
    assert {a.what: a.points for a in severity.addends} == {"contradiction": 25, "dropped": 20, "waiting 46.8 h": 2}
    assert severity.score == 47
