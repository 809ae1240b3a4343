"""Who is told what: minimums, worsening, quiet hours, the cap, marks, first looks; and what becomes of a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.alerts.outbox import (
    BACK_OFF,
    MOST_TRIES,
    SETTLE,
    Entry,
    Status,
    after_failure,
    may_look,
    next_try,
    reference_of,
)
from modassist.alerts.rules import AlertRules, Kind, Mark, OpenThread, due_alerts, due_first_looks
from modassist.alerts.situation import Situation, is_worse, last_customer_post, situation_of
from modassist.config import kinds

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""


def thread(key: int = 1, severity: int = 50, *reasons: str, **more: object) -> OpenThread:
    return OpenThread(key, Situation(frozenset(reasons or ("dropped",)), severity), **more)  # type: ignore[arg-type]


def told(*threads: OpenThread, rules: AlertRules | None = None, before: dict[int, Situation] | None = None, used: int = 0,
         channel: str = "topic", now: datetime = NOON) -> list[tuple[str, tuple[int, ...]]]:  # fmt: skip
    found = due_alerts(threads, before or {}, rules or AlertRules(), channel=channel, used_today=used, now=now)
    return [(wish.kind.value, wish.threads) for wish in found.wishes]


def test_the_worst_comes_first_and_what_is_below_the_minimum_never() -> None:
    assert told(thread(1, 41), thread(2, 90), thread(3, 39)) == [("alert", (2,)), ("alert", (1,))]


@pytest.mark.parametrize(
    ("category", "lang", "channel", "floor"),
    [
        (7, "en", "topic", 40),
        (5, "en", "topic", 20),
        (7, "fi", "topic", 30),
        (5, "fi", "topic", 30),
        (5, "fi", "mailto", 70),
    ],
)
def test_of_the_minimums_that_are_set_the_highest_holds(category: int, lang: str, channel: str, floor: int) -> None:
    rules = AlertRules(by_category=((5, 20),), by_language=(("fi", 30),), by_channel=(("mailto", 70),))
    assert rules.floor(channel, category, lang) == floor
    assert rules.lowest() == 20
    assert told(thread(1, floor, category_id=category, lang=lang), rules=rules, channel=channel)
    assert not told(thread(1, floor - 1, category_id=category, lang=lang), rules=rules, channel=channel)


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        (("dropped",), ("dropped",), False),
        (("dropped",), ("dropped", "blame"), True),
        (("dropped", "blame"), ("blame",), False),
        (("unanswered",), ("dropped",), True),
    ],
)
def test_worse_is_a_state_or_signal_that_is_new(before: tuple[str, ...], now: tuple[str, ...], worse: bool) -> None:
    assert is_worse(Situation(frozenset(before), 50), Situation(frozenset(now), 50), 20) is worse


@pytest.mark.parametrize(("severity", "worse"), [(50, False), (69, False), (70, True), (30, False)])
def test_worse_is_a_severity_that_rose_by_the_step(severity: int, worse: bool) -> None:
    same = frozenset({"dropped"})
    assert is_worse(Situation(same, 50), Situation(same, severity), 20) is worse


def test_what_was_told_once_is_not_told_again_when_it_comes_and_goes() -> None:
    before = Situation(frozenset({"dropped", "blame"}), 60)
    found = due_alerts(
        [thread(1, 65, "churn_risk")], {1: before}, AlertRules(), channel="topic", used_today=0, now=NOON
    )
    assert found.wishes[0].reasons == ("churn_risk",)
    assert found.told[1] == Situation(frozenset({"dropped", "blame", "churn_risk"}), 65)


def test_a_mere_rise_in_severity_says_so() -> None:
    before = {1: Situation(frozenset({"dropped"}), 50)}
    found = due_alerts([thread(1, 80)], before, AlertRules(), channel="topic", used_today=0, now=NOON)
    assert found.wishes[0].reasons == ("severity",)


def test_signals_count_where_they_flag_a_reply_or_come_from_a_customer_in_need() -> None:
    def post(role: str, flagged: bool, *signals: str) -> dict[str, object]:
        return {"role": role, "flagged": flagged, "signals": [{"signal": name} for name in signals]}

    record = {
        "states": [{"state": "dropped"}, {"state": "slow_first_reply"}],
        "severity": {"score": 61},
        "posts": [
            post("staff", True, "blame", "apologizes"),
            post("staff", False, "dismissal"),
            post("customer", False, "complaint", "distress"),
        ],
    }
    assert situation_of(record) == Situation(frozenset({"dropped", "blame", "distress"}), 61)
    assert last_customer_post(record) is None


@given(st.integers(0, 30), st.integers(1, 10), st.integers(0, 12))
def test_a_channel_gets_at_most_one_message_more_than_the_cap_in_a_day(count: int, cap: int, used: int) -> None:
    threads = [thread(key, 50 + key) for key in range(count)]
    found = told(*threads, rules=AlertRules(daily_cap=cap), used=used)
    if used <= cap:
        assert used + len(found) <= cap + 1
        assert sorted(key for _, keys in found for key in keys) == list(range(count))
    else:
        assert found == []


def test_without_a_cap_everything_comes_singly() -> None:
    assert len(told(*(thread(key) for key in range(50)), rules=AlertRules(daily_cap=0), used=500)) == 50


def test_the_day_of_the_cap_is_the_forums_own() -> None:
    rules = AlertRules(timezone="Europe/Helsinki")
    assert rules.day(datetime(2026, 3, 2, 23, 30, tzinfo=UTC)) == datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "moment", "is_quiet"),
    [
        ("22:00-07:00", "2026-03-02T21:59", False),
        ("22:00-07:00", "2026-03-02T22:00", True),
        ("22:00-07:00", "2026-03-03T06:59", True),
        ("22:00-07:00", "2026-03-03T07:00", False),
        ("Sat-Sun 00:00-24:00", "2026-03-07T12:00", True),
        ("Sat-Sun 00:00-24:00", "2026-03-09T00:00", False),
        ("Sun 22:00-07:00", "2026-03-09T06:00", True),
        ("Sun 22:00-07:00", "2026-03-08T06:00", False),
        ("", "2026-03-08T03:00", False),
    ],
)
def test_quiet_hours_are_counted_in_the_forums_zone(hours: str, moment: str, is_quiet: bool) -> None:
    rules = AlertRules(quiet=kinds.quiet(hours))
    assert rules.is_quiet(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is is_quiet
    berlin = AlertRules(quiet=kinds.quiet(hours), timezone="Europe/Berlin")
    assert berlin.is_quiet(datetime.fromisoformat(moment).replace(tzinfo=UTC) - timedelta(hours=1)) is is_quiet


@pytest.mark.parametrize(
    "hours", ["22-7", "22:00-22:00", "Xyz 10:00-11:00", "25:00-07:00", "22:60-07:00", "Sun-Mon 10:00-11:00"]
)
def test_quiet_hours_that_are_none_are_refused(hours: object) -> None:
    with pytest.raises(ValueError, match="quiet hours such as"):
        kinds.quiet(hours)


def test_a_snoozed_thread_sleeps_until_its_time_and_a_done_one_until_the_customer_writes() -> None:
    snoozed = Mark(snoozed_until=NOON)
    assert snoozed.silences(NOON - timedelta(seconds=1), None)
    assert not snoozed.silences(NOON, None)
    done = Mark(done_at=NOON)
    assert done.silences(NOON + timedelta(days=99), NOON)
    assert not done.silences(NOON, NOON + timedelta(seconds=1))
    assert told(thread(1, mark=snoozed)) == [("alert", (1,))]
    assert told(thread(1, mark=done)) == []


def test_others_hear_of_a_fresh_flag_when_its_author_has_had_the_time() -> None:
    rules = AlertRules(first_look=timedelta(hours=4))
    fresh = thread(1, fresh_flags=(2,))
    assert told(fresh, rules=rules) == []
    assert [wish.post_number for wish in due_first_looks([fresh], rules, channel="author", now=NOON)] == [2]
    looked = thread(1, fresh_flags=(2,), first_looks={2: NOON})
    assert due_first_looks([looked], rules, channel="author", now=NOON) == []
    assert told(looked, rules=rules, now=NOON + timedelta(hours=3, minutes=59)) == []
    assert told(looked, rules=rules, now=NOON + timedelta(hours=4)) == [("alert", (1,))]
    assert told(thread(1), rules=rules) == [("alert", (1,))]
    assert due_first_looks([fresh], AlertRules(), channel="author", now=NOON) == []


# -- the outbox ------------------------------------------------------------------------------------------------------


def test_tries_grow_apart_and_end() -> None:
    waits = [next_try(number, NOON) - NOON for number in range(1, MOST_TRIES)]
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=BACK_OFF[0])
    assert timedelta(days=5) < sum(waits, timedelta()) < timedelta(days=9)
    assert next_try(1, NOON, wait=7200.0) == NOON + timedelta(hours=2)
    assert after_failure(MOST_TRIES - 1, is_final=False) is Status.DUE
    assert after_failure(MOST_TRIES, is_final=False) is Status.DEAD
    assert after_failure(1, is_final=True) is Status.DEAD


def test_a_claim_is_left_alone_until_the_forum_must_have_finished() -> None:
    entry = Entry(1, "k", "MA-X", "topic", Kind.ALERT, Status.CLAIMED, (), claimed_at=NOON)
    assert not may_look(entry, NOON + SETTLE - timedelta(seconds=1))
    assert may_look(entry, NOON + SETTLE)


def test_references_differ_by_occasion_and_by_database() -> None:
    codes = {reference_of(key, salt) for key in ("a", "b") for salt in (b"1" * 16, b"2" * 16)}
    assert len(codes) == 4
    assert reference_of("a", b"1" * 16) in codes
