"""Complaints and chases that only the thread shows."""

from __future__ import annotations

import pytest

from builders import Said, customer, hours, judged, staff, thread
from modassist.judging import complaints, detectors
from modassist.judging.signals import judge_posts
from modassist.model import Finding, Limits, Signal

BROKEN = customer("My pump died.", shows=(Signal.COMPLAINT,))
QUESTION = customer("Which pump is the quietest?", cues=("question",))
CURT = staff("That is normal.", shows=(Signal.DISMISSAL,))
SETTLED = customer("Works again, it was the fuse", cues=("solved",))
KIND = staff("That must not be. I am sending a new one.", shows=(Signal.OWNS, Signal.NEXT_STEP))


def is_bump(*said: Said) -> bool:
    *seen, last = judged(*said)[1]
    return complaints.bumps(last, {}, {post.post.number: post for post in seen})


def reason(*said: Said, found: tuple[Signal, ...] = ()) -> str:
    *seen, last = judged(*said)[1]
    its = {signal: Finding(signal, 0.8) for signal in found}
    return complaints.in_context(last, its, {post.post.number: post for post in seen}, frozenset())


@pytest.mark.parametrize("word", ["push", "pump?", "Hello, is anybody there?", "Monday is over."])
def test_a_word_into_the_silence_after_a_complaint_is_a_chase(word: str) -> None:
    assert is_bump(BROKEN, customer(word, after=hours(20)))
    assert is_bump(BROKEN, customer("Check the fuse!", by="kalle"), customer(word, after=hours(20)))
    assert is_bump(BROKEN, KIND, customer("The fuse is fine."), customer(word, after=hours(20)))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((BROKEN, customer("Photo is attached", after=hours(1))), id="at once"),
        pytest.param((BROKEN, customer("Model 40-B by the way", after=hours(20))), id="a figure"),
        pytest.param((BROKEN, customer("Works again", after=hours(20), cues=("solved",))), id="solved"),
        pytest.param((BROKEN, SETTLED, customer("Spring is here", after=hours(20))), id="solved before"),
        pytest.param((BROKEN, customer("No hurry", after=hours(20), cues=("waits",))), id="waits"),
        pytest.param((BROKEN, customer(" ".join(["word"] * 13), after=hours(20))), id="tells more"),
        pytest.param((BROKEN, customer("", after=hours(20))), id="a picture alone"),
        pytest.param((BROKEN, KIND, customer("Which one?", after=hours(20))), id="staff was there"),
        pytest.param((QUESTION, customer("Nobody?", after=hours(20))), id="no complaint"),
        pytest.param((BROKEN, customer("Hello?", by="kalle", after=hours(20))), id="somebody else"),
        pytest.param(
            (BROKEN, customer("Fuse?", by="kalle"), customer("Is fine", after=hours(20), reply_to=2)), id="to a peer"
        ),
    ],
)
def test_what_adds_something_or_waits_for_nobody_is_none(said: tuple[Said, ...]) -> None:
    assert not is_bump(*said)


def test_who_thanks_and_leaves_presses() -> None:
    leaving = customer("Thanks, I have cancelled. The rest is for my lawyer.", cues=("thanks",))
    assert reason(BROKEN, CURT, leaving, found=(Signal.CHURN_RISK,)) == "presses"
    assert reason(BROKEN, CURT, customer("Thanks, all good.", cues=("thanks",))) == ""


def test_who_had_left_but_is_content_now_does_not() -> None:
    settled = customer("I had cancelled already, but now it works.", cues=("solved",))
    assert reason(BROKEN, KIND, settled, found=(Signal.CHURN_RISK,)) == ""


def test_a_chase_presses_whatever_staff_said_before() -> None:
    assert reason(BROKEN, KIND, customer("And?"), found=(Signal.REPEAT_CONTACT,)) == "presses"


def last_reply_is_flagged(*said: Said) -> bool:
    made = thread(*said)
    now = made.posts[-1].created_at + hours(1)
    return judge_posts(made, detectors.load(), Limits(), now=now)[1][-1].flagged


def test_a_complaint_that_is_settled_is_no_longer_what_the_talk_is_about() -> None:
    broken = customer("My pump has been broken for a week and nobody answers. I want it repaired.")
    helped = staff("Sorry about that. I have put a new seal in the post to you today.")
    closing = staff("Right, closing this then.")
    assert last_reply_is_flagged(broken, helped, customer("It still leaks."), closing)
    assert not last_reply_is_flagged(broken, helped, customer("It works now, solved."), closing)


def test_who_called_the_complaint_settled_presses_for_nothing_until_the_trouble_is_back() -> None:
    assert reason(BROKEN, SETTLED, CURT, customer("If you say so.")) == ""
    assert reason(BROKEN, SETTLED, BROKEN, CURT, customer("If you say so.")) == "presses"


def test_a_first_post_in_a_fourth_language_is_no_complaint_by_hindsight() -> None:
    opening = customer("La pompe fait un bruit bizarre depuis hier, et je ne sais plus quoi faire avec elle.")
    again = customer("Sorry, in English: my pump is broken, nobody answers and I want it repaired now.")
    made = thread(opening, again, title="La pompe fait un bruit bizarre")
    first, second = judge_posts(made, detectors.load(), Limits(), now=made.posts[-1].created_at + hours(1))[1]
    assert first.has_cue("unread")
    assert not first.shows(Signal.COMPLAINT)
    assert second.shows(Signal.COMPLAINT)
