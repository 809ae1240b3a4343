"""What the model's certainty is enough for: a flag on words alone, what stands beside a complaint, what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from math import exp, log
from pathlib import Path

import pytest

from builders import Said, customer, staff, thread
from modassist.judging import analysis, detectors
from modassist.judging.findings import Found
from modassist.learned import weigher
from modassist.learned.features import STAFF_FEATURES, View
from modassist.learned.loading import BUILT_IN
from modassist.learned.model_file import FLAG, TrainedModel, read
from modassist.learned.weigher import Thresholds, Weigher
from modassist.model import FLAGGING, LANGUAGES, JudgedPost, Limits, Signal, Thread

TROUBLE = "Seit dem Update ist das Gerät kaputt, es geht nicht mehr an."


@cache
def shipped() -> TrainedModel:
    return read(Path(BUILT_IN))


@cache
def rules() -> detectors.Detectors:
    return detectors.load()


def judged(talk: Thread, lines: Mapping[str, float]) -> JudgedPost:
    """The last post of the talk, with these lines instead of the model's."""
    by_lang = {lang: {**shipped().thresholds[lang]["normal"], **lines} for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(shipped(), Thresholds(by_lang)))
    now = talk.posts[-1].created_at + timedelta(days=1)
    return analysis.judge(talk, loaded, Limits(), now=now).posts[-1]


def shifted(chance: float, log_odds: float) -> float:
    """The probability that is so much less likely."""
    return 1.0 / (1.0 + exp(-(log(chance / (1.0 - chance)) - log_odds)))


# -- flags on words alone ---------------------------------------------------------------------------------------------


def flagged_with(talk: Thread, below: float) -> bool:
    """Whether the last post is flagged where the line lies so much of log-odds below its chance."""
    chance = judged(talk, {FLAG: 1.0}).flag_score
    assert chance is not None
    return judged(talk, {FLAG: shifted(chance, below)}).flagged


def answer(reply: str) -> Thread:
    return thread(customer(TROUBLE), staff(reply))


NO_RULE = "Der Schalter sitzt neben der Klappe."


@pytest.mark.parametrize(
    ("maybe", "short", "is_enough"),
    [
        pytest.param(0.0, 35, True, id="perhaps a complaint, very short"),
        pytest.param(1.1, 35, False, id="hardly a complaint"),
        pytest.param(0.0, 2, False, id="not very short"),
    ],
)
def test_in_a_very_short_reply_to_what_may_be_a_complaint_words_need_little_more(
    monkeypatch: pytest.MonkeyPatch, maybe: float, short: int, is_enough: bool
) -> None:
    monkeypatch.setattr(weigher, "NAMELESS", 0.0)
    monkeypatch.setattr(weigher, "COMPLAINED", 1.1)
    monkeypatch.setattr(weigher, "MAYBE_COMPLAINED", maybe)
    monkeypatch.setattr(weigher, "SHORT", short)
    assert flagged_with(answer(NO_RULE), weigher.LITTLE_GROUND + 0.1) == is_enough
    assert not flagged_with(answer(NO_RULE), weigher.LITTLE_GROUND - 0.1)
    assert flagged_with(answer(NO_RULE), weigher.NO_GROUND + 0.1)


def test_a_faint_hit_of_a_rule_is_ground_enough_where_the_answered_post_may_complain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weigher, "NAMELESS", 0.0)
    monkeypatch.setattr(weigher, "COMPLAINED", 1.1)
    monkeypatch.setattr(weigher, "MAYBE_COMPLAINED", 0.0)
    monkeypatch.setattr(weigher, "PRESENT", 1.1)
    hit = "Das ist ein Einzelfall."
    assert flagged_with(answer(hit), 0.1)
    monkeypatch.setattr(weigher, "HINTED", 5.0)
    assert not flagged_with(answer(hit), 0.1)


def test_a_flag_that_nobody_could_name_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = dict(judged(answer(NO_RULE), {}).scores)
    likeliest = max(scores[signal] for signal in FLAGGING)
    monkeypatch.setattr(weigher, "NAMELESS", likeliest + 0.01)
    assert not judged(answer(NO_RULE), {FLAG: 0.0}).flagged
    monkeypatch.setattr(weigher, "PRESENT", 0.0)  # as if a rule had named one
    assert judged(answer(NO_RULE), {FLAG: 0.0}).flagged
    monkeypatch.undo()
    monkeypatch.setattr(weigher, "NAMELESS", likeliest - 0.01)
    assert judged(answer(NO_RULE), {FLAG: 0.0}).flagged


# -- beside a complaint -----------------------------------------------------------------------------------------------

HARM = "Das Gerät ist kaputt, und seitdem sind alle Fotos meiner verstorbenen Mutter weg."


@pytest.mark.parametrize("signal", [Signal.DISTRESS, Signal.REPEAT_CONTACT])
def test_beside_a_complaint_a_part_of_the_usual_probability_is_enough(signal: Signal) -> None:
    talk = thread(customer(TROUBLE))
    chance = dict(judged(talk, {}).scores)[signal]
    line = chance / weigher.BESIDE_COMPLAINT[signal]
    assert judged(talk, {Signal.COMPLAINT: 0.0, signal: line * 0.9}).shows(signal)
    assert not judged(talk, {Signal.COMPLAINT: 0.0, signal: line * 1.1}).shows(signal)


def test_without_a_complaint_harm_must_be_as_good_as_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = thread(customer(HARM))
    chance = dict(judged(talk, {}).scores)[Signal.DISTRESS]
    calm = {Signal.COMPLAINT: 100.0, Signal.DISTRESS: 0.0}
    monkeypatch.setattr(weigher, "ALONE", chance + 0.01)
    assert not judged(talk, calm).shows(Signal.DISTRESS)
    monkeypatch.setattr(weigher, "ALONE", chance - 0.01)
    assert judged(talk, calm).shows(Signal.DISTRESS)


# -- what is shown ----------------------------------------------------------------------------------------------------

FIRST, SECOND = "Das ist ein Einzelfall.", "Der Schalter sitzt neben der Klappe."


@pytest.mark.parametrize(("telling", "count"), [(FIRST, 1), (SECOND, 2)])
def test_a_bad_signal_shows_the_rules_words_and_the_most_telling_sentence_where_it_is_another(
    monkeypatch: pytest.MonkeyPatch, telling: str, count: int
) -> None:
    def most_telling(post: JudgedPost, *_: object) -> tuple[weigher.Evidence, ...]:
        start = post.words.text.index(telling)
        return (weigher.evidence(post.words, start, start + len(telling)),)

    monkeypatch.setattr(weigher, "_most_telling", most_telling)
    reply = judged(answer(f"{FIRST} {SECOND}"), {FLAG: 0.0, Signal.DISMISSAL: 0.0})
    (dismissal,) = (finding for finding in reply.findings if finding.signal is Signal.DISMISSAL)
    assert dismissal.evidence[0].text in FIRST
    assert [shown.text for shown in dismissal.evidence[1:]] == [SECOND] * (count - 1)


# -- whose trouble a reply is about -----------------------------------------------------------------------------------


def test_the_answer_to_data_given_on_request_is_still_about_the_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[View] = []
    judge = Weigher.judge

    def noted(self: Weigher, view: View, post: JudgedPost, found: Found) -> JudgedPost:
        seen.append(view)
        return judge(self, view, post, found)

    monkeypatch.setattr(Weigher, "judge", noted)
    places = [STAFF_FEATURES.index(name) for name in (f"answered:{Signal.COMPLAINT}", "case:complaint")]

    def complains(*before: Said) -> tuple[float, ...]:
        seen.clear()
        judged(thread(*before, staff(NO_RULE)), {})
        return tuple(seen[-1].dense[place] for place in places)

    asked = (staff("Welche Seriennummer hat es?"), customer("Es ist die 4711-20."))
    answered, meant = complains(customer(TROUBLE), *asked)
    assert meant > 0.5 > answered
    answered, meant = complains(customer("Welche Farben gibt es?"), *asked)
    assert max(answered, meant) < 0.5
