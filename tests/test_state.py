"""Where a thread stands: all eight states, whose turn it is, and what moves the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import START, Said, automatic, customer, days, hours, judged, staff
from modassist.judging import due
from modassist.judging.state import Standing, thread_states
from modassist.model import LANGUAGES, Limits, Signal, State, ThreadState
from modassist.resources import load_yaml, rules_root

TIMES = due.load({lang: load_yaml(rules_root() / lang / "times.yaml") for lang in LANGUAGES})
BROKEN = (Signal.COMPLAINT,)


def stand(*said: Said, at: timedelta, limits: Limits = Limits(), **more: object) -> Standing:  # noqa: B008  frozen
    made, posts = judged(*said, **more)
    return thread_states(made, posts, limits, TIMES, now=START + at)


def names(standing: Standing) -> set[str]:
    return {state.state.value for state in standing.states}


def one(standing: Standing, wanted: State) -> ThreadState:
    return next(state for state in standing.states if state.state is wanted)


def test_a_complaint_is_unanswered_only_after_the_limit() -> None:
    complaint = customer("My pump died.", shows=BROKEN)
    assert names(stand(complaint, at=hours(24))) == set()
    late = stand(complaint, at=hours(25))
    assert names(late) == {"unanswered"}
    assert one(late, State.UNANSWERED).hours == 25.0


def test_a_question_without_complaint_never_waits() -> None:
    assert names(stand(customer("Which colours are there?", cues=("question",)), at=days(9))) == set()


def test_the_customers_own_bump_neither_answers_nor_resets_the_clock() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        customer("Anybody there?", shows=BROKEN, cues=("chases",), after=hours(20)),
        at=hours(30),
    )
    assert names(standing) == {"unanswered"}
    assert one(standing, State.UNANSWERED).hours == 30.0
    assert one(standing, State.UNANSWERED).post_number == 1


def test_a_peers_answer_makes_it_only_peers() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        customer("Have you looked at the fuse?", by="kalle", cues=("peer_help",)),
        at=hours(30),
    )
    assert names(standing) == {"only_peers"}


def test_a_peer_who_answers_something_else_is_no_peer() -> None:
    standing = stand(
        customer("Where do I find the size?", by="ulla", cues=("question",)),
        customer("My pump died.", shows=BROKEN),
        customer("In the menu.", by="kalle", reply_to=1),
        at=hours(40),
    )
    assert names(standing) == {"unanswered"}


def test_a_return_after_staffs_last_word_is_dropped() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("Please restart it."),
        customer("I did, it is still dead.", shows=BROKEN, cues=("still_broken",)),
        at=hours(40),
    )
    assert names(standing) == {"dropped"}
    assert one(standing, State.DROPPED).post_number == 3


@pytest.mark.parametrize("word", [("thanks",), ("waits",), ("solved",)])
def test_thanks_patience_and_sorted_are_no_return(word: tuple[str, ...]) -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("A new one goes out today.", shows=(Signal.NEXT_STEP,)),
        customer("Fine, thank you very much for that.", cues=word),
        at=days(6),
    )
    assert "dropped" not in names(standing)


def test_the_serial_number_that_staff_asked_for_is_a_return() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("What is the serial number?", cues=("asks_back",)),
        customer("KR2-0099417"),
        at=days(3),
    )
    assert names(standing) == {"dropped"}


def test_talk_among_friends_long_after_the_complaint_is_no_return() -> None:
    talk = [customer(f"My other build number {n} runs on the new board.", after=hours(2)) for n in range(4)]
    said = [customer("My pump died.", shows=BROKEN), staff("Please restart it.", shows=(Signal.NEXT_STEP,))]
    assert "dropped" in names(stand(*said, *talk[:1], at=days(9)))
    assert "dropped" not in names(stand(*said, *talk[:2], staff("Nice one."), *talk[2:], at=days(9)))


def test_another_customers_complaint_is_dropped_where_staff_spoke_before() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("Here is the fix.", shows=(Signal.NEXT_STEP,)),
        customer("Works, thanks.", cues=("solved",)),
        customer("Mine leaks oil onto the floor.", by="ulla", shows=BROKEN),
        at=days(3),
    )
    assert names(standing) == {"dropped"}


def test_an_answer_to_one_customer_leaves_another_waiting() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        customer("The lamp flickers.", by="ulla", shows=BROKEN),
        staff("Ulla, a new lamp goes out.", reply_to=2),
        at=days(3),
    )
    assert names(standing) == {"unanswered"}
    assert one(standing, State.UNANSWERED).post_number == 1


def test_who_answers_one_that_joined_in_answers_all() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        customer("Same here.", by="ulla", shows=BROKEN, cues=("same_here",)),
        staff("Fixed in 4.2, please update.", reply_to=2, shows=(Signal.NEXT_STEP,)),
        at=days(3),
    )
    assert names(standing) == set()


def test_a_promise_by_friday_is_broken_when_friday_is_over() -> None:
    said = (
        customer("My pump died.", shows=BROKEN),
        staff("I'll tell you by Friday.", cues=("promise",)),
    )
    assert names(stand(*said, at=days(4.6))) == set()
    broken = stand(*said, at=days(5))
    assert names(broken) == {"broken_promise"}
    assert one(broken, State.BROKEN_PROMISE).words == "I'll tell you by Friday."


def test_a_promise_without_a_time_is_broken_after_seven_days() -> None:
    said = (customer("My pump died.", shows=BROKEN), staff("We will get back to you.", cues=("promise",)))
    assert names(stand(*said, at=days(7))) == set()
    assert names(stand(*said, at=days(7.1))) == {"broken_promise"}


def test_the_promised_news_keeps_the_promise() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("I'll tell you by Friday.", cues=("promise",)),
        staff("The workshop has it, a new one is built in on Monday.", after=days(1), cues=("explains",)),
        at=days(20),
    )
    assert "broken_promise" not in names(standing)


def test_a_kind_word_is_not_the_news_that_was_promised() -> None:
    said = [customer("My pump died.", shows=BROKEN), staff("I'll ask the workshop and come back.", cues=("promise",))]
    kind = staff("No worries, speak soon!")
    news = staff("It lies in the cold store and nobody had looked at it until I rang them this morning.")
    assert "broken_promise" in names(stand(*said, kind, at=days(20)))
    assert "broken_promise" not in names(stand(*said, news, at=days(20)))
    assert "broken_promise" not in names(stand(*said, replace(kind, cues=("explains",)), at=days(20)))


def test_a_colleagues_unrelated_post_does_not_keep_it() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("I'll tell you by Friday.", cues=("promise",)),
        staff("Nice pump by the way.", by="mod_b", after=days(1)),
        at=days(20),
    )
    assert "broken_promise" in names(standing)


def test_an_interim_report_leaves_the_promise_open() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("I'll tell you by Friday.", cues=("promise",)),
        staff("Quick update: still looking.", after=days(1), cues=("interim",)),
        at=days(20),
    )
    assert "broken_promise" in names(standing)


@pytest.mark.parametrize(
    ("later", "keeps"),
    [
        pytest.param(
            staff(
                "Please vent it meanwhile at the upper screw, and keep it upright until the oil is down.",
                after=timedelta(minutes=50),
            ),
            False,
            id="soon",
        ),
        pytest.param(
            staff(
                "Please vent it meanwhile at the upper screw, and keep it upright until the oil is down.", after=days(1)
            ),
            True,
            id="a day later",
        ),
        pytest.param(
            staff(
                "Which number does the lid bear, and which one stands under the motor, next to the plug?",
                after=days(1),
                cues=("asks_back",),
            ),
            False,
            id="asks",
        ),
        pytest.param(
            staff("It was the seal. Which number does the lid bear?", after=days(1), cues=("asks_back", "explains")),
            True,
            id="tells and asks",
        ),
        pytest.param(
            staff(
                "Which number does the lid bear, and which one stands under the motor, next to the plug?",
                after=days(9),
                cues=("asks_back",),
            ),
            True,
            id="overdue",
        ),
    ],
)
def test_what_the_promiser_adds_at_once_or_asks_is_not_yet_the_news(later: Said, keeps: bool) -> None:
    said = (customer("My pump died.", shows=BROKEN), staff("I'll tell you by Friday.", cues=("promise",)))
    assert ("broken_promise" not in names(stand(*said, later, at=days(20)))) == keeps


def test_a_solved_thread_owes_nothing() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("I'll tell you by Friday.", cues=("promise",)),
        customer("Works again, sorted!", cues=("solved",)),
        at=days(30),
    )
    assert names(standing) == {"resolved"}


def test_a_question_is_settled_by_who_asked_it_alone() -> None:
    asked, answer = customer("Which oil does it take?", cues=("question",)), staff("The thin one.")
    happy = customer("Perfect, it runs.", cues=("solved",))
    assert names(stand(asked, answer, happy, at=days(3))) == {"resolved"}
    assert names(stand(asked, answer, replace(happy, by="kalle"), at=days(3))) == set()
    assert names(stand(staff("Version 4 is out."), happy, at=days(3))) == set()


@pytest.mark.parametrize("title", ["[SOLVED] Pump", "Pump dead - solved", "GELÖST: Pumpe", "Pumppu ei käy (ratkaistu)"])
def test_a_title_marked_as_solved_settles_its_openers_case(title: str) -> None:
    standing = stand(customer("My pump died.", shows=BROKEN), at=days(30), title=title)
    assert names(standing) == {"resolved"}


@pytest.mark.parametrize(
    "title", ["How is this solved?", "Solved nothing", "Pump still not fixed", "Gelöste Schrauben"]
)
def test_the_mere_word_in_a_title_settles_nothing(title: str) -> None:
    assert names(stand(customer("My pump died.", shows=BROKEN), at=days(30), title=title)) == {"unanswered"}


def test_a_mark_in_the_title_does_not_outlive_the_openers_return_nor_speak_for_others() -> None:
    back = customer("Broken again.", shows=BROKEN, cues=("still_broken",), after=days(2))
    assert "resolved" not in names(stand(customer("My pump died.", shows=BROKEN), back, at=days(9), title="[solved] P"))
    other = customer("Mine died as well.", by="kalle", shows=BROKEN, cues=("same_here",))
    assert "resolved" not in names(
        stand(customer("My pump died.", shows=BROKEN), other, at=days(9), title="[solved] P")
    )


def test_closed_without_any_staff_reply_is_unanswered_and_silent() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        automatic("This topic was closed.", after=days(3), action="autoclosed.enabled"),
        at=days(4),
        closed=True,
    )
    assert names(standing) == {"unanswered", "silent_progress"}


def test_closing_after_an_explanation_is_not_silent() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("It was the fuse, the new one is built in; closing this.", cues=("explains", "closing")),
        automatic("This topic was closed.", action="closed.enabled"),
        at=days(4),
        closed=True,
    )
    assert "silent_progress" not in names(standing)


def test_a_device_that_comes_back_without_a_word_is_silent_progress() -> None:
    standing = stand(customer("It came back without a note.", shows=BROKEN, cues=("silent_return",)), at=hours(30))
    assert names(standing) == {"unanswered", "silent_progress"}


def test_a_slow_first_reply_is_mentioned_while_it_is_recent() -> None:
    said = (customer("My pump died.", shows=BROKEN), staff("Here we are.", after=hours(40)))
    assert names(stand(*said, at=days(3))) == {"slow_first_reply"}
    assert names(stand(*said, at=days(9))) == set()


def test_three_customers_with_the_same_trouble_pile_on() -> None:
    same = {"shows": BROKEN, "cues": ("same_here",)}
    two = (customer("My pump died.", shows=BROKEN), customer("Same here.", by="ulla", **same))
    assert "pile_on" not in names(stand(*two, at=hours(5)))
    three = (*two, customer("Me too.", by="olli", **same))
    assert names(stand(*three, at=hours(5))) == {"pile_on"}


def test_three_customers_with_different_troubles_do_not() -> None:
    lamp = (
        "While we are complaining: the lamp over my kitchen table flickers whenever the tram goes by, an electrician "
        "has looked at the wiring twice and says it must be your dimmer."
    )
    invoice = (
        "And I would like to know why the invoice for the garden hose went to my old address, although the new one is "
        "in the account since last spring and the parcel itself found me without any trouble."
    )
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        customer(lamp, by="ulla", shows=BROKEN),
        customer(invoice, by="olli", shows=BROKEN),
        at=hours(5),
    )
    assert "pile_on" not in names(standing)


def test_a_short_complaint_in_another_customers_thread_joins_in() -> None:
    said = [customer("My pump died.", shows=BROKEN)]
    said += [customer(text, by=text, shows=BROKEN) for text in ("Number 12: dead.", "mine went on tuesday", "Dito")]
    assert names(stand(*said[:2], at=hours(5))) == set()
    assert names(stand(*said, at=hours(5))) == {"pile_on"}


def test_a_thread_that_staff_closed_with_a_word_was_not_closed_in_silence() -> None:
    curt = staff("Works here. Closing.", shows=(Signal.DISMISSAL,), cues=("closing",))
    shut = automatic("This topic was closed.", action="closed.enabled")
    standing = stand(customer("My pump died.", shows=BROKEN), curt, shut, at=hours(9), closed=True)
    assert "silent_progress" not in names(standing)
    back = customer("Mine does not.", shows=BROKEN)
    standing = stand(customer("My pump died.", shows=BROKEN), curt, back, shut, at=hours(9), closed=True)
    assert "silent_progress" in names(standing)


def test_an_answer_accepted_by_the_customer_resolves() -> None:
    said = (customer("My pump died.", shows=BROKEN), staff("Change the fuse.", accepted=True))
    assert names(stand(*said, at=days(5))) == {"resolved"}


def test_an_answer_marked_by_staff_itself_does_not() -> None:
    standing = stand(
        customer("My pump died.", shows=BROKEN),
        staff("Works as designed.", accepted=True, shows=(Signal.DISMISSAL,)),
        customer("It does not work at all.", shows=BROKEN),
        at=days(5),
        accepted_by_staff=True,
    )
    assert names(standing) == {"dropped"}


def test_the_next_change_is_the_instant_the_state_turns() -> None:
    complaint = customer("My pump died.", shows=BROKEN)
    standing = stand(complaint, at=hours(3))
    assert standing.next_change == START + hours(24)
    turn = standing.next_change - START
    assert names(stand(complaint, at=turn)) == set()
    assert names(stand(complaint, at=turn + timedelta(seconds=1))) == {"unanswered"}


def test_a_category_can_have_its_own_limit() -> None:
    limits = replace(Limits(), by_category=((5, hours(48)),))
    complaint = customer("My pump died.", shows=BROKEN)
    assert names(stand(complaint, at=hours(30), limits=limits, category_id=5)) == set()
    assert names(stand(complaint, at=hours(30), limits=limits, category_id=6)) == {"unanswered"}
