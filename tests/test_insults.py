"""Insults by detoxify: joined to the rules for customers' posts alone, and no condition of anything else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import customer, judged, staff, thread
from modassist.config.layers import load
from modassist.digest.digest import Digest, render
from modassist.digest.wording import Wording
from modassist.doctor import examine
from modassist.errors import ConfigError, ModelError
from modassist.judging import analysis, detectors
from modassist.judging.insults import with_abuse
from modassist.learned import toxicity
from modassist.learned.checkpoints import PUBLISHED, WHOLE, Pinned, check, fetch, pinned
from modassist.model import LANGUAGES, Analysis, Finding, JudgedPost, Limits, Signal, Thread

NASTY = "You lot are stupid"
CALM = "The pump drips"
SHA = "ab" * 32


@dataclass(frozen=True)
class Scores:
    """Scores by the words that a text holds; stands where detoxify stands."""

    by_words: Mapping[str, float]
    languages: frozenset[str] = frozenset({"en"})
    present: float = 0.5

    def score(self, text: str) -> float:
        return max((score for words, score in self.by_words.items() if words in text), default=0.0)


def assessed(post: JudgedPost, scores: Mapping[str, float]) -> JudgedPost:
    return with_abuse([post], Scores(scores))[0]


def said(text: str, *, lang: str = "en", before: float = 0.0) -> JudgedPost:
    _, (post,) = judged(customer(text))
    findings = (Finding(Signal.ABUSE, before, (), ("rule:en/abuse/x",)),) if before >= 0.5 else ()
    return replace(post, lang=lang, findings=findings, scores=((Signal.PRAISE, 0.0), (Signal.ABUSE, before)))


def test_a_high_score_is_abuse_and_names_detoxify() -> None:
    post = assessed(said(NASTY), {NASTY: 0.9})
    (finding,) = post.findings
    assert (finding.signal, finding.score, finding.by) == (Signal.ABUSE, 0.9, ("detoxify",))
    assert dict(post.scores) == {Signal.PRAISE: 0.0, Signal.ABUSE: 0.9}


def test_the_evidence_is_the_sentence_that_insults_most() -> None:
    post = assessed(said(f"{CALM}. {NASTY}. Fix it."), {NASTY: 0.9})
    (shown,) = post.findings[0].evidence
    assert shown.text == f"{NASTY}."
    assert post.words.text[shown.start : shown.end] == shown.text


def test_rules_and_detoxify_are_joined_as_two_hints() -> None:
    post = assessed(said(NASTY, before=0.7), {NASTY: 0.5})
    assert post.findings[0].score == pytest.approx(0.85)
    assert post.findings[0].by == ("rule:en/abuse/x", "detoxify")


def test_two_weak_hints_are_one_strong_one() -> None:
    assert assessed(said(NASTY, before=0.4), {NASTY: 0.4}).shows(Signal.ABUSE)
    assert not assessed(said(NASTY), {NASTY: 0.4}).shows(Signal.ABUSE)


def test_a_low_score_changes_nothing() -> None:
    post = said(NASTY, before=0.7)
    assert assessed(post, {NASTY: 0.2}) == post


def test_a_forum_that_wants_more_certainty_gets_it() -> None:
    post = said(NASTY)
    assert with_abuse([post], Scores({NASTY: 0.8}, present=0.9))[0].findings == ()


@pytest.mark.parametrize("lang", ["de", "fi", "und"])
def test_a_language_it_does_not_know_is_left_to_the_rules(lang: str) -> None:
    post = said(NASTY, lang=lang)
    assert assessed(post, {NASTY: 0.9}) == post


def test_staff_are_not_assessed() -> None:
    _, (_, reply) = judged(customer(CALM), staff(NASTY))
    assert assessed(reply, {NASTY: 0.9}) == reply


def by_all(talk: Thread, scores: Mapping[str, float] | None) -> Analysis:
    loaded = detectors.load()
    if scores is not None:
        loaded = replace(loaded, toxicity=Scores(scores))
    now = talk.posts[-1].created_at.replace(month=4)
    return analysis.analyse(talk, loaded, Limits(), now=now)


def test_detoxify_changes_no_other_signal_no_state_no_flag_and_no_severity() -> None:
    words = "It broke again and nobody here helps."
    talk = thread(
        customer("My pump leaks again, this is the third one. Please help."),
        staff("That is normal, nobody else has reported it."),
        customer(f"{words} The floor is wet."),
    )
    without, with_it = by_all(talk, None).judgement, by_all(talk, {words: 0.95}).judgement
    raised = with_it.posts[2]
    assert raised.shows(Signal.ABUSE)
    rest = [finding for finding in raised.findings if finding.signal is not Signal.ABUSE]
    assert rest == list(without.posts[2].findings)
    assert (with_it.states, with_it.severity) == (without.states, without.severity)
    assert [p.flagged for p in with_it.posts] == [p.flagged for p in without.posts]


# -- which checkpoint ------------------------------------------------------------------------------------------------


def test_without_a_file_the_release_is_meant_in_the_folder_of_torch_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = pinned("original", None, "")
    assert found.file == tmp_path / "hub" / "checkpoints" / "toxic_original-c1212f89.ckpt"
    assert found.is_whole


@pytest.mark.parametrize("kind", PUBLISHED)
def test_what_is_pinned_of_a_release_begins_as_its_name_says(kind: str) -> None:
    published = PUBLISHED[kind]
    assert published.pin[:8] == published.name.removesuffix(".ckpt").rpartition("-")[2]
    assert len(published.pin) in (8, WHOLE)


def test_a_file_with_the_release_s_name_must_have_its_hash(tmp_path: Path) -> None:
    file = tmp_path / PUBLISHED["unbiased"].name
    file.write_bytes(b"something else")
    with file.open("rb") as handle, pytest.raises(ModelError, match=r"sha256 begins .* not c7548aa0"):
        check(handle, pinned("unbiased", file, ""))


def test_a_file_of_one_s_own_needs_its_hash_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="toxicity_sha256"):
        pinned("original", tmp_path / "mine.ckpt", "")
    assert pinned("original", tmp_path / "mine.ckpt", SHA).pin == SHA


def test_a_release_s_name_of_another_model_is_no_pin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        pinned("original", tmp_path / PUBLISHED["unbiased"].name, "")


def test_a_checked_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    file.write_bytes(b"abc")
    with file.open("rb") as handle:
        check(handle, Pinned(file, "ba7816bf"))
        assert handle.read() == b"abc"


def test_a_fetched_file_stands_in_its_place_only_if_its_hash_is_right(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    place = tmp_path / "hub" / "a.ckpt"
    with pytest.raises(ModelError, match="sha256 begins"):
        fetch(Pinned(place, "00000000", source.as_uri()))
    assert list(place.parent.iterdir()) == []
    fetch(Pinned(place, "ba7816bf", source.as_uri()))
    assert place.read_bytes() == b"abc"


def test_what_cannot_be_fetched_says_how_else(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="toxicity_checkpoint"):
        fetch(Pinned(tmp_path / "a.ckpt", "00000000", (tmp_path / "nowhere").as_uri()))


# -- settings --------------------------------------------------------------------------------------------------------


def test_switched_off_nothing_is_loaded() -> None:
    assert toxicity.load("off") is None


def test_without_the_extra_it_is_refused_and_the_extra_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toxicity, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"modassist\[toxicity\]"):
        toxicity.load("original")


@pytest.mark.parametrize("bad", ["abc", "g" * 64, "ab" * 31])
def test_a_hash_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        load(None, {"MODASSIST_DETECTION_TOXICITY_SHA256": bad}, {})


def test_the_checkpoint_is_looked_for_beside_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "modassist.toml"
    file.write_text(f'[detection]\ntoxicity = "original"\ntoxicity_checkpoint = "a.ckpt"\ntoxicity_sha256 = "{SHA}"\n')
    assert load(file, {}, {}).detection.toxicity_checkpoint == tmp_path / "a.ckpt"


@pytest.mark.parametrize(
    "text", ["The pump drips. " * 400, "drip " * 3000, "x" * 1500, "x" * 1501, "Short. " + "x" * 4000]
)
def test_a_long_text_is_scored_in_passages_and_nothing_is_left_out(text: str) -> None:
    pieces = toxicity._pieces(text)
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= toxicity.LONGEST


def test_an_empty_text_is_no_passage() -> None:
    assert toxicity._pieces(" \n") == []


# -- what is told ----------------------------------------------------------------------------------------------------


def told(**flags: object) -> list[str]:
    """What doctor says of insults."""
    named = {f"detection.{name}": value for name, value in flags.items()}
    found = examine(lambda: load(None, {}, named), now=datetime(2026, 4, 1, tzinfo=UTC))
    return [f"{one.mark.strip()} {one.found}" for one in found if one.what == "abuse"]


def test_doctor_says_that_rules_find_insults() -> None:
    assert told() == ["ok by rules"]


def test_doctor_checks_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toxicity, "find_spec", lambda name: True)
    file = tmp_path / "a.ckpt"
    file.write_bytes(b"abc")
    right = hashlib.sha256(b"abc").hexdigest()
    (sound,) = told(toxicity="original", toxicity_checkpoint=str(file), toxicity_sha256=right)
    assert sound == "ok by rules; in en also by detoxify original, checkpoint as pinned (64 of 64 digits)"
    (wrong,) = told(toxicity="original", toxicity_checkpoint=str(file), toxicity_sha256=SHA)
    assert wrong.startswith("FAULT")
    assert "sha256 begins" in wrong


def test_doctor_says_that_the_checkpoint_will_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toxicity, "find_spec", lambda name: True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (note,) = told(toxicity="multilingual")
    assert note == "note by rules; in en, es, fr, it, pt, ru, tr also by detoxify multilingual, which is not there yet"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_every_digest_says_what_found_insults(form: str, language: str) -> None:
    now = datetime(2026, 4, 1, tzinfo=UTC)
    plain, more = Digest(now, None, "f", [], stats={}), Digest(now, None, "f", [], stats={"abuse_by_detoxify": ["en"]})
    said = [render(digest, form, Wording(language)) for digest in (plain, more)]
    assert ["detoxify" in text for text in said] == [False, True]
    assert all("abuse" in text for text in said)
