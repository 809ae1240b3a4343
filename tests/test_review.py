"""Going through findings: what is asked, what each key does, what can be taken back, and what stands on the screen."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from modassist import sample
from modassist.alerts.rules import Mark
from modassist.cli import group
from modassist.commands import reviewing
from modassist.config.settings import ForumSettings, Settings
from modassist.digest.wording import Wording
from modassist.model import LANGUAGES, Role
from modassist.pipeline import Desk, Wanted, gather
from modassist.review import clipboard
from modassist.review.cases import Case, case_of
from modassist.review.effects import CopyDraft, Effect, OpenPage, PutAside, RemoveVerdict, SaveVerdict, TakeBack
from modassist.review.machine import Action, Mode, Reviewer, Session
from modassist.review.screens import Look, keys, screen
from modassist.review.verdict import Answer, Verdict, text_hash
from modassist.store.store import Store, ThreadKey

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SOURCE = "https://forum.example.com"
STORY = sample.load()
ENGLISH = Look(Wording("en"), width=100)
KEYS = keys(ENGLISH.wording)


def post(number: int, role: str, text: str, *signals: str, **more: Any) -> dict[str, Any]:
    found = [
        {"signal": name, "score": 0.9, "evidence": [{"text": text, "start": 0, "end": len(text)}], "by": []}
        for name in signals
    ]
    basic = {"post_number": number, "role": role, "username": "winni" if role == "customer" else "mod_a", "lang": "en"}
    created = (NOW - timedelta(days=3) + timedelta(hours=number)).isoformat()
    return basic | {"created_at": created, "flagged": False, "signals": found, "text": text, "answers": []} | more


def result(topic: int, *posts: dict[str, Any], **more: Any) -> dict[str, Any]:
    basic: dict[str, Any] = {"topic_id": topic, "title": f"Topic {topic}", "url": f"{SOURCE}/t/{topic}", "lang": "en"}
    states: list[dict[str, Any]] = []
    escalation = {"summary": "…", "note": "…", "actions": [], "channel": "", "due": None, "draft": None}
    escalation["draft"] = {"lang": "en", "register": "", "text": f"Dear customer of {topic}"}
    severity = {"score": 50, "addends": []}
    return basic | {"states": states, "posts": list(posts), "severity": severity, "escalation": escalation} | more


def dismissed(topic: int = 1, **more: Any) -> dict[str, Any]:
    """A customer's complaint, a reply that plays it down, another one that is fine."""
    return result(
        topic,
        post(1, "customer", "The pump died again.", "complaint"),
        post(2, "staff", "A bit of noise is normal.", "dismissal", "next_step", flagged=True, answers=[1]),
        post(3, "staff", "Which pump is it?"),
        **more,
    )


def waiting(topic: int = 2) -> dict[str, Any]:
    """A customer to whom nobody has said a word."""
    states = [{"state": "unanswered", "since": None, "hours": 40.0, "post_number": 1}]
    return result(topic, post(1, "customer", "Third time I ask!", "complaint", "repeat_contact"), states=states)


def case(record: dict[str, Any], verdicts: Mapping[int, Verdict] | None = None, **more: Any) -> Case:
    return case_of(SOURCE, record, verdicts or {}, more.pop("mark", Mark()), **more)


def reviewer(*records: dict[str, Any] | Case) -> Reviewer:
    cases = [one if isinstance(one, Case) else case(one) for one in records]
    return Reviewer(cases, KEYS, NOW, "0.1")


def pressed(who: Reviewer, typed: str, session: Session | None = None) -> tuple[Session, list[Effect]]:
    """Where these keys lead, and everything that was to be done on the way."""
    at, done = session or who.start(), []
    for key in typed:
        at, effects = who.press(at, key)
        done += effects
    return at, done


def said(effect: Effect) -> tuple[int, Answer, tuple[str, ...]]:
    assert isinstance(effect, SaveVerdict)
    return effect.verdict.post_number, effect.verdict.answer, effect.verdict.should_be


# -- what is asked ---------------------------------------------------------------------------------------------------


def test_flagged_replies_and_customers_at_whom_a_clock_runs_are_asked_about() -> None:
    assert [question.post_number for question in case(dismissed()).questions] == [2]
    assert [(q.post_number, q.role) for q in case(waiting()).questions] == [(1, Role.CUSTOMER)]


def test_a_reply_is_read_beside_the_post_that_it_answers() -> None:
    record = dismissed()
    record["posts"].insert(1, post(9, "customer", "Same here."))
    assert case(record).questions[0].beside == (0, 2)


def test_what_was_judged_is_not_asked_again_unless_its_text_changed() -> None:
    record = dismissed()
    verdict = Verdict(2, text_hash("A bit of noise is normal."), Answer.AGREE, ("dismissal",), ("dismissal",), NOW)
    assert not case(record, {2: verdict}).is_open
    assert case(record, {2: verdict}, again=True).is_open
    record["posts"][1]["text"] = "A bit of noise is perfectly normal."
    assert case(record, {2: verdict}).questions[0].post_number == 2


def test_threads_in_which_all_is_judged_are_passed_over() -> None:
    verdict = Verdict(2, text_hash("A bit of noise is normal."), Answer.AGREE, ("dismissal",), ("dismissal",), NOW)
    who = reviewer(case(dismissed(1), {2: verdict}), dismissed(2))
    assert who.case(who.start()).key == (SOURCE, 2)


def test_nothing_open_is_the_end_at_once() -> None:
    assert reviewer().start().mode is Mode.END
    assert "Nothing is open" in screen(reviewer(), reviewer().start(), ENGLISH)


# -- verdicts --------------------------------------------------------------------------------------------------------


def test_agreeing_keeps_what_was_found_with_the_hash_of_the_words_and_never_the_words() -> None:
    session, (kept,) = pressed(reviewer(dismissed()), "a")
    assert said(kept) == (2, Answer.AGREE, ("dismissal", "next_step"))
    assert isinstance(kept, SaveVerdict)
    assert kept.verdict.text_sha == text_hash("A bit of noise is normal.")
    assert (kept.verdict.at, kept.verdict.program) == (NOW, "0.1")
    assert session.mode is Mode.THREAD


def test_wrong_asks_what_it_should_have_been_and_keys_toggle() -> None:
    _, effects = pressed(reviewer(dismissed(states=waiting()["states"])), " w1241\r")
    (kept,) = effects
    assert said(kept) == (2, Answer.WRONG, ("dismissal", "blame"))


def test_nothing_is_one_key_and_leaves_the_good_practice_that_was_found() -> None:
    _, (kept, _) = pressed(reviewer(dismissed()), "w0")
    assert said(kept) == (2, Answer.WRONG, ())
    assert isinstance(kept, SaveVerdict)
    assert kept.verdict.labels(Role.STAFF) == {"next_step"}


def test_choosing_what_was_found_is_agreeing() -> None:
    _, (kept,) = pressed(reviewer(dismissed()), "w2\r")
    assert said(kept) == (2, Answer.AGREE, ("dismissal", "next_step"))


def test_a_thread_in_which_nothing_was_right_is_done_at_once_and_one_key_takes_both_back() -> None:
    who = reviewer(dismissed(1), dismissed(2))
    session, effects = pressed(who, "w0")
    assert [type(effect) for effect in effects] == [SaveVerdict, PutAside]
    assert who.case(session).key == (SOURCE, 2)
    back, undone = who.press(session, "b")
    assert undone == (RemoveVerdict((SOURCE, 1), 2), TakeBack((SOURCE, 1)))
    assert who.case(back).key == (SOURCE, 1)


def test_a_thread_with_a_clock_running_elsewhere_is_not_done_by_a_wrong_finding() -> None:
    record = dismissed(states=[{"state": "broken_promise", "since": None, "hours": 9.0, "post_number": 3}])
    session, effects = pressed(reviewer(record), "w0")
    assert [type(effect) for effect in effects] == [SaveVerdict]
    assert session.mode is Mode.THREAD


def test_a_customers_post_is_corrected_by_the_customers_signals() -> None:
    _, effects = pressed(reviewer(waiting()), "w5\r")
    assert said(effects[0]) == (1, Answer.WRONG, ("praise",))


def test_a_missed_reply_is_chosen_and_labelled_and_one_stays_where_one_was() -> None:
    session, (kept,) = pressed(reviewer(dismissed()), "m15\r")
    assert said(kept) == (3, Answer.WRONG, ("deflection",))
    assert (session.mode, session.missed) == (Mode.FINDING, None)
    assert said(pressed(reviewer(dismissed()), "a", session)[1][0])[0] == 2


def test_a_missed_reply_without_a_signal_is_nothing() -> None:
    session, effects = pressed(reviewer(dismissed()), "m1\r")
    assert (effects, session.told, session.mode) == ([], "nothing_changed", Mode.FINDING)


def test_a_note_goes_with_the_next_verdict_and_no_other() -> None:
    who = reviewer(dismissed(1), dismissed(2))
    _, effects = pressed(who, "nseef\x7fn\ra a")
    assert [effect.verdict.note for effect in effects if isinstance(effect, SaveVerdict)] == ["seen", ""]


def test_a_note_can_be_written_while_correcting_and_discarded() -> None:
    _, (kept,) = pressed(reviewer(dismissed()), "w1nno\x1bnirony\r\r")
    assert isinstance(kept, SaveVerdict)
    assert (kept.verdict.note, kept.verdict.should_be) == ("irony", ("contradiction",))


# -- putting aside ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "days"), [("1", 1), ("2", 3), ("3", 7)])
def test_a_thread_is_snoozed_for_one_of_three_lengths_and_the_next_one_comes(key: str, days: int) -> None:
    who = reviewer(dismissed(1), dismissed(2))
    session, (aside,) = pressed(who, f"s{key}")
    assert isinstance(aside, PutAside)
    assert aside.mark == Mark(snoozed_until=NOW + timedelta(days=days))
    assert (aside.situation.severity, aside.situation.reasons) == (50, {"dismissal"})
    assert who.case(session).key == (SOURCE, 2)


def test_a_snoozed_thread_can_be_woken() -> None:
    put = case(dismissed(), mark=Mark(snoozed_until=NOW + timedelta(days=1)), again=True)
    assert pressed(reviewer(put), "s0")[1] == [TakeBack((SOURCE, 1))]


def test_done_marks_the_thread_and_the_next_one_comes() -> None:
    session, (aside,) = pressed(reviewer(dismissed()), "d")
    assert isinstance(aside, PutAside)
    assert (aside.mark, session.mode) == (Mark(done_at=NOW), Mode.END)


# -- the other keys --------------------------------------------------------------------------------------------------


def test_back_undoes_one_step_after_the_other_to_the_beginning() -> None:
    who = reviewer(dismissed(1), waiting(2), dismissed(3))
    session, effects = pressed(who, "a as1d")
    assert [type(effect) for effect in effects] == [SaveVerdict, SaveVerdict, PutAside, PutAside]
    back, undone = pressed(who, "bbbbb", session)
    taken = [TakeBack((SOURCE, 3)), TakeBack((SOURCE, 2))]
    assert undone == [*taken, RemoveVerdict((SOURCE, 2), 1), RemoveVerdict((SOURCE, 1), 2)]
    assert replace(back, told="") == who.start()


def test_undoing_brings_an_earlier_verdict_back() -> None:
    before = Verdict(2, text_hash("A bit of noise is normal."), Answer.AGREE, ("dismissal",), ("dismissal",), NOW)
    who = reviewer(case(dismissed(), {2: before}, again=True))
    _, effects = pressed(who, "w1\rb")
    assert effects[-1] == SaveVerdict((SOURCE, 1), before)


def test_undoing_without_anything_done_says_so() -> None:
    session, effects = pressed(reviewer(dismissed()), "b")
    assert (session.told, effects) == ("nothing_to_undo", [])


@pytest.mark.parametrize("typed", ["wb", "w\x1b", "mb", "m\x1b", "sb", "s\x1b", "m1\x1b", "w13\x1b"])
def test_a_choice_that_was_begun_can_be_left(typed: str) -> None:
    session, effects = pressed(reviewer(dismissed()), typed)
    assert (session.mode, session.chosen, session.missed, effects) == (Mode.FINDING, frozenset(), None, [])


@pytest.mark.parametrize("typed", ["x", "\x1b[A", "wx", "w9", "mz", "s7", "ä"])
def test_a_key_without_a_meaning_says_so_and_does_nothing(typed: str) -> None:
    who = reviewer(dismissed())
    session = who.start()
    for key in (typed,) if typed.startswith("\x1b") else tuple(typed):
        session, effects = who.press(session, key)
    assert (session.told, effects) == ("no_such_key", ())


def test_the_page_is_opened_and_the_draft_copied_where_there_are_any() -> None:
    who = reviewer(dismissed())
    assert pressed(who, "oc")[1] == [OpenPage(f"{SOURCE}/t/1"), CopyDraft(1, "Dear customer of 1")]
    bare = reviewer(dismissed(url="", escalation=None))
    told = [pressed(bare, key)[0].told for key in "oc"]
    assert told == ["no_address", "no_draft"]


def test_skipping_leads_through_all_findings_to_the_end_and_quitting_ends() -> None:
    session, effects = pressed(reviewer(dismissed(1), waiting(2)), " \r")
    assert (session.mode, effects) == (Mode.END, [])
    assert pressed(reviewer(dismissed()), "q")[0].quits


TOLD = ("noted", "missed_noted", "undone", "nothing_to_undo", "nothing_to_judge", "nothing_changed", "no_such_key",
        "no_replies", "no_address", "no_draft", "snoozed", "woken", "done", "settled", "opened", "copied", "sent",
        "printed")  # fmt: skip


# -- the screen ------------------------------------------------------------------------------------------------------


def test_the_finding_is_shown_with_marked_evidence_the_question_and_the_keys_in_one_line() -> None:
    who = reviewer(dismissed(1), waiting(2))
    shown = screen(who, who.start(), ENGLISH)
    assert "*A bit of noise is normal.*" in shown
    assert "The pump died again." in shown
    assert "Which pump is it?" not in shown
    assert "Thread 1 of 2 · Finding 1 of 1 in it" in shown
    assert "reply #2" in shown
    assert "plays it down" in shown
    assert shown.splitlines()[-1].startswith("[a]gree [w]rong [m]issed")
    assert shown.splitlines()[-1].endswith("[q]uit")


def test_each_mode_shows_what_can_be_pressed() -> None:
    who = reviewer(dismissed())
    assert "● [2] plays it down" in screen(who, pressed(who, "w2")[0], ENGLISH)
    assert "[1] reply #3: Which pump is it?" in screen(who, pressed(who, "m")[0], ENGLISH)
    assert "[2] 3 days" in screen(who, pressed(who, "s")[0], ENGLISH)
    assert "Note: hm▏" in screen(who, pressed(who, "nhm")[0], ENGLISH)
    assert "Which pump is it?" in screen(who, pressed(who, "t")[0], ENGLISH)
    assert "Nothing more to judge here" in screen(who, pressed(who, "a")[0], ENGLISH)
    assert "1 verdict kept" in screen(who, pressed(who, "a ")[0], ENGLISH)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_a_key_of_its_own_for_each_action_and_a_line_for_all_that_is_told(lang: str) -> None:
    wording = Wording(lang)
    meant = keys(wording)
    assert set(meant.values()) == set(Action)
    assert all(len(key) == 1 and key == key.lower() for key in meant)
    who = Reviewer([case(dismissed())], meant, NOW)
    shown = screen(who, who.start(), Look(wording, width=100))
    assert shown.splitlines()[-1].count("[") == len(Action)
    assert not [name for name in TOLD if wording.say(f"review.told.{name}", url="", topic=1) == name.replace("_", " ")]


def test_hostile_posts_steer_no_terminal() -> None:
    evil = "\x1b]52;c;ZXZpbA==\x07\x1b[2J[a]gree\u202e"
    record = dismissed()
    record["posts"][2]["text"] = evil
    record["title"] = evil
    who = reviewer(record)
    for typed in ("", "m", "t"):
        shown = screen(who, pressed(who, typed)[0], ENGLISH)
        assert not set("\x1b\x07\u202e") & set(shown)


# -- the clipboard ---------------------------------------------------------------------------------------------------


def tool(folder: Path, name: str, status: int) -> None:
    file = folder / name
    file.write_text(f'#!/bin/sh\ncat > "{folder}/{name}.got"\nexit {status}\n', encoding="utf-8")
    file.chmod(0o755)


def test_the_tool_of_the_desktop_gets_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "wl-copy", 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    written: list[str] = []
    assert clipboard.copy("Grüße; $(rm)", {"WAYLAND_DISPLAY": "w"}, written.append) == "copied"
    assert (tmp_path / "wl-copy.got").read_text(encoding="utf-8") == "Grüße; $(rm)"
    assert written == []


def test_without_a_tool_that_works_the_terminal_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, "xclip", 1)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    written: list[str] = []
    assert clipboard.copy("Grüße", {"DISPLAY": ":0", "TERM": "xterm"}, written.append) == "sent"
    (sequence,) = written
    assert base64.b64decode(sequence.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode() == "Grüße"


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}, {"TERM": "linux"}])
def test_where_nothing_takes_it_that_is_said(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert clipboard.copy("x", env, lambda sequence: pytest.fail("written")) == "printed"


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "some.sqlite") as opened:
        for record in STORY.records:
            if 200 <= record["id"] < 300:
                opened.save_topic(record, source=SOURCE, seen_at=STORY.now)
        yield opened


@pytest.fixture
def desk(store: Store) -> Desk:
    desk = Desk(store, Settings(forum=ForumSettings(url=SOURCE)), STORY.now)
    desk.analyse_due()
    return desk


def go(desk: Desk, typed: str, topics: tuple[int, ...] = ()) -> Session:
    """A whole review with these keys; running out of them is closing the terminal."""
    wanted = reviewing._asked_for(desk.store, topics) if topics else reviewing._open_threads(desk, stale=True)
    left = iter(typed)

    def read_key() -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    who = reviewing._reviewer(desk, wanted, ENGLISH, again=bool(topics))
    return reviewing.review(who, desk.store, ENGLISH, read_key)


def asked(desk: Desk) -> tuple[ThreadKey, int]:
    """What a review would ask first."""
    who = reviewing._reviewer(desk, reviewing._open_threads(desk, stale=True), ENGLISH, again=False)
    at = who.start()
    question = who.question(at)
    return ThreadKey(*who.case(at).key), question.post_number if question else 0


def test_a_review_begins_with_the_worst_and_goes_on_where_one_stopped(desk: Desk) -> None:
    worst = desk.store.escalated()[0]["topic_id"]
    (source, topic), number = asked(desk)
    assert topic == worst
    go(desk, "a")
    assert desk.store.verdicts(ThreadKey(source, topic))[number].answer is Answer.AGREE
    assert asked(desk) != (ThreadKey(source, topic), number)


def test_what_was_taken_back_is_asked_again(desk: Desk) -> None:
    first = asked(desk)
    go(desk, "ab")
    assert asked(desk) == first
    assert desk.store.judged_threads() == []


def test_the_digest_leaves_snoozed_and_done_threads_out_and_counts_them(desk: Desk) -> None:
    whole = gather(desk, Wanted(stale=True, limit=1000))
    go(desk, "s2d")
    some = gather(desk, Wanted(stale=True, limit=1000))
    assert len(some.items) == len(whole.items) - 2
    hidden = some.stats["hidden"]
    assert (hidden["snoozed"], hidden["done"]) == (1, 1)
    assert some.stats["waiting"] == whole.stats["waiting"] - 2


def test_a_snoozed_thread_comes_back_when_its_time_is_over(desk: Desk) -> None:
    (_, topic), _ = asked(desk)
    go(desk, "s1")
    for hours, expected in ((23, False), (25, True)):
        later = Desk(desk.store, desk.settings, STORY.now + timedelta(hours=hours))
        assert (topic in {item["topic_id"] for item in gather(later, Wanted(stale=True)).items}) is expected


def test_a_snoozed_thread_comes_back_when_its_state_worsens(desk: Desk) -> None:
    key, _ = asked(desk)
    go(desk, "s3")
    assert len(desk.store.hidden(desk.now)) == 1
    record = desk.store.analysis(key)
    assert record is not None
    states = [*record["states"], {"state": "pile_on", "since": None, "hours": 1.0, "post_number": 1}]
    desk.store.save_analysis(key, record | {"states": states}, analysis_version=desk.version)
    assert desk.store.hidden(desk.now) == {}


def test_a_done_thread_comes_back_when_the_customer_writes_again(desk: Desk) -> None:
    key, _ = asked(desk)
    go(desk, "d")
    stored = desk.store.record(key)
    customer = next(one["username"] for one in stored["posts"] if not one["staff"])
    later = STORY.now + timedelta(hours=2)
    new = {"post_number": len(stored["posts"]) + 1, "username": customer, "raw": "Still broken, nothing has changed!"}
    stored["posts"].append(new | {"created_at": later.isoformat(), "staff": False})
    desk.store.save_topic(stored, source=key.source, seen_at=later)
    after = Desk(desk.store, desk.settings, later + timedelta(days=2))
    after.analyse_due()
    assert key.topic_id in {item["topic_id"] for item in gather(after, Wanted(stale=True)).items}


def test_a_thread_is_reviewed_again_by_its_number(desk: Desk) -> None:
    key, number = asked(desk)
    go(desk, "a")
    go(desk, "w0", topics=(key.topic_id,))
    assert desk.store.verdicts(key)[number].answer is Answer.WRONG


def test_opening_uses_addresses_of_the_web_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    assert "Opened" in reviewing._done(OpenPage(f"{SOURCE}/t/1"), desk.store, ENGLISH)
    assert "not known" in reviewing._done(OpenPage("file:///etc/passwd"), desk.store, ENGLISH)
    assert opened == [f"{SOURCE}/t/1"]


def test_without_a_clipboard_the_draft_is_printed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("PATH", "")
    assert "Dear\x1b" not in reviewing._done(CopyDraft(1, "Dear\x1b winni"), desk.store, ENGLISH)
    assert "Dear winni" in reviewing._done(CopyDraft(1, "Dear winni"), desk.store, ENGLISH)


def test_a_review_without_a_terminal_says_that_it_needs_one() -> None:
    done = CliRunner().invoke(group, ["review"])
    assert done.exit_code == 2
    assert "needs a terminal" in done.stderr


def test_an_unknown_thread_is_named(desk: Desk) -> None:
    with pytest.raises(Exception, match="no thread 999999"):
        go(desk, "q", topics=(999999,))


def test_a_verdict_that_replaces_another_keeps_one_row(desk: Desk) -> None:
    key, number = asked(desk)
    verdict = Verdict(number, b"x", Answer.WRONG, ("blame",), (), NOW, "why", "0.1")
    desk.store.save_verdict(key, verdict)
    desk.store.save_verdict(key, replace(verdict, answer=Answer.AGREE))
    assert desk.store.verdicts(key) == {number: replace(verdict, answer=Answer.AGREE)}
