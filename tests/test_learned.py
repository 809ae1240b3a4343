"""The trained model: words to scores, the file and its refusals, decisions."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from builders import Said, customer, staff, thread
from modassist.errors import ConfigError, ModelError
from modassist.judging import analysis, detectors
from modassist.judging.findings import Found
from modassist.learned import weigher
from modassist.learned import words as word_scores
from modassist.learned.features import View
from modassist.learned.loading import BUILT_IN, Weighers, model_path, own_model
from modassist.learned.model_file import FEATURES, FLAG, LABELS, TrainedModel, read, to_bytes
from modassist.learned.weigher import Thresholds, Weigher
from modassist.learned.words import BUCKETS, WordScores, buckets, words
from modassist.model import EMPTY, FLAGGING, LANGUAGES, JudgedPost, Limits, Role, Signal, Span, Thread
from modassist.text.own_words import sentences
from modassist.training import word_layer
from modassist.training.examples import LabelledThread, read_threads
from modassist.training.fit import Fitted, fit, fold_of

CORPORA = Path(__file__).resolve().parents[1] / "corpora"


@cache
def rules() -> detectors.Detectors:
    return detectors.load()


@cache
def some_threads() -> tuple[LabelledThread, ...]:
    """A few threads of each language: enough to train on, quick to read."""
    chosen = [thread for lang in LANGUAGES for thread in read_threads([CORPORA / lang])[:9]]
    return tuple(chosen)


@cache
def small() -> Fitted:
    return fit(some_threads(), rules(), about={"trained": "in a test"})


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.model"
    path.write_bytes(to_bytes(small().model))
    return path


# -- words ------------------------------------------------------------------------------------------------------------


def test_a_words_pieces_are_the_same_everywhere() -> None:
    assert buckets("fi") == sorted(set(buckets("fi")))
    assert buckets("Überraschung".lower())[:2] == [614, 1160]


def test_inflected_forms_share_most_of_their_pieces() -> None:
    pairs = [("laitteessa", "laitteesta"), ("zuständig", "zuständige"), ("complaint", "complaints")]
    for one, other in pairs:
        shared = set(buckets(one)) & set(buckets(other))
        assert len(shared) >= 0.5 * len(buckets(one)), (one, other)
    assert not set(buckets("gerät")) & set(buckets("hotline"))


def test_numbers_are_one_word_and_case_does_not_count() -> None:
    assert words("Am 12. ODER am 2345.") == ["am", "0", "oder", "am", "0"]


def test_the_scorer_says_what_the_training_matrix_says() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(BUCKETS, 3)).astype(np.float32)
    scorer = WordScores(weights, np.array([0.5, 0.0, -0.5], dtype=np.float32))
    texts = ["Das ist uns nicht bekannt. Bitte wenden Sie sich an den Händler!", "Yes.", "Kiitos, 5 kpl lähti eilen."]
    expected = word_layer.matrix(texts) @ weights + np.array([0.5, 0.0, -0.5])
    for text, row in zip(texts, expected, strict=True):
        whole, pieces = scorer.score(text, sentences(text))
        assert np.allclose(whole, row, atol=1e-4)
        assert pieces.shape == (len(sentences(text)), 3)


def test_a_text_without_words_scores_the_intercepts() -> None:
    scorer = WordScores(np.ones((BUCKETS, 2), dtype=np.float32), np.array([1.0, -1.0], dtype=np.float32))
    whole, pieces = scorer.score("… !", [Span(0, 3)])
    assert whole.tolist() == [1.0, -1.0]
    assert pieces.tolist() == [[1.0, -1.0]]


def test_forgetting_words_changes_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(1).normal(size=(BUCKETS, 1)).astype(np.float32)
    text = "one two three four five six"
    free = WordScores(weights, np.zeros(1, dtype=np.float32)).score(text, [Span(0, len(text))])
    monkeypatch.setattr(word_scores, "MOST_WORDS", 2)
    tight = WordScores(weights, np.zeros(1, dtype=np.float32))
    for _ in range(3):
        assert np.array_equal(tight.score(text, [Span(0, len(text))])[0], free[0])


# -- training ---------------------------------------------------------------------------------------------------------


def test_the_same_corpus_gives_the_same_bytes() -> None:
    again = fit(some_threads(), rules(), about={"trained": "in a test"})
    assert to_bytes(again.model) == to_bytes(small().model)


def test_no_post_is_scored_by_a_model_that_saw_its_thread() -> None:
    held = small().held_out[Role.STAFF]
    assert len(held.examples) == len(held.chances)
    assert {fold_of(example.place[0]) for example in held.examples} == set(range(5))


def test_held_out_flags_rank_better_than_chance() -> None:
    held = small().held_out[Role.STAFF]
    truth = np.array([FLAG in example.labels for example in held.examples])
    chances = held.chances[:, LABELS[Role.STAFF].index(FLAG)]
    better = (chances[truth][:, None] > chances[~truth][None, :]).mean()
    assert better > 0.65


# -- the file ---------------------------------------------------------------------------------------------------------


def test_a_model_survives_its_file(model_file: Path) -> None:
    model, kept = small().model, read(model_file)
    assert kept.about == {"trained": "in a test"}
    assert kept.thresholds == model.thresholds
    for role in LABELS:
        assert np.array_equal(kept.heads[role].weights, model.heads[role].weights)
        for lang in LANGUAGES:
            weights, coarse = model.heads[role].words[lang][0], kept.heads[role].words[lang][0]
            assert np.abs(weights - coarse).max() <= np.abs(weights).max() / 127 + 1e-6
    assert to_bytes(kept) == to_bytes(read(model_file))


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.model: no such model file"):
        read(tmp_path / "none.model")


@pytest.mark.parametrize("place", [10, 5_000, -2_000])
def test_a_damaged_model_is_refused_in_one_line(model_file: Path, place: int) -> None:
    content = bytearray(model_file.read_bytes())
    content[place : place + 40] = bytes(byte ^ 0xFF for byte in content[place : place + 40])
    model_file.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"small\.model") as caught:
        read(model_file)
    assert "\n" not in str(caught.value)


def test_a_cut_model_is_refused(model_file: Path) -> None:
    content = model_file.read_bytes()
    model_file.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="damaged, or no model file"):
        read(model_file)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("version", 99, "model of format 99, this program reads 1"),
        ("format", "other", "no model file of modassist"),
        ("labels", {}, "trained for other labels"),
        ("features", {}, "trained for other features"),
        ("buckets", 7, "trained for other buckets"),
    ],
)
def test_a_model_of_another_make_is_refused(model_file: Path, name: str, value: object, message: str) -> None:
    _rewrite(model_file, name, value)
    with pytest.raises(ModelError, match=message):
        read(model_file)


def test_a_head_without_thresholds_is_damaged(model_file: Path) -> None:
    _rewrite(model_file, "thresholds", {})
    with pytest.raises(ModelError, match="damaged"):
        read(model_file)


def _rewrite(path: Path, name: str, value: object) -> None:
    with zipfile.ZipFile(path) as file:
        content = {member: file.read(member) for member in file.namelist()}
    content["head.json"] = json.dumps(json.loads(content["head.json"]) | {name: value}).encode()
    with zipfile.ZipFile(path, "w") as file:
        for member, data in content.items():
            file.writestr(member, data)


# -- decisions --------------------------------------------------------------------------------------------------------

REPLY = "Das ist ein Einzelfall, da haben Sie wohl etwas falsch gemacht. Lesen Sie bitte die Anleitung."


def talk() -> Thread:
    return thread(customer("Seit Montag geht das Gerät nicht mehr, ich bin echt verärgert."), staff(REPLY))


def judged_with(model: TrainedModel, **lines: float) -> tuple[bool, frozenset[Signal]]:
    by_lang = {lang: {**model.thresholds[lang]["normal"], **lines} for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(model, Thresholds(by_lang)))
    now = talk().posts[-1].created_at + timedelta(days=1)
    reply = analysis.judge(talk(), loaded, Limits(), now=now).posts[1]
    return reply.flagged, reply.signals


def test_nothing_is_flagged_from_a_certainty_nobody_reaches() -> None:
    flagged, signals = judged_with(small().model, **{FLAG: 1.0})
    assert not flagged
    assert not signals & FLAGGING


def test_a_flag_names_at_least_the_likeliest_signal() -> None:
    flagged, signals = judged_with(small().model, **{FLAG: 0.0}, **{str(signal): 1.0 for signal in FLAGGING})
    assert flagged
    assert len(signals & FLAGGING) == 1


def test_words_alone_do_not_flag_what_answers_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weigher, "NAMELESS", 0.0)
    model = small().model

    def judged(threshold: float) -> JudgedPost:
        by_lang = {lang: {**model.thresholds[lang]["normal"], FLAG: threshold} for lang in LANGUAGES}
        loaded = replace(rules(), learned=Weigher(model, Thresholds(by_lang)))
        ordinary = thread(customer("Welche Farben hat das Gerät?"), staff("Es gibt das Gerät in Grau und in Blau."))
        now = ordinary.posts[-1].created_at + timedelta(days=1)
        return analysis.judge(ordinary, loaded, Limits(), now=now).posts[1]

    chance = judged(1.0).flag_score
    assert chance is not None
    assert not judged(chance / 2).flagged
    assert judged(chance / 1_000).flagged


@pytest.mark.parametrize(
    ("reply", "margin", "is_empty"),
    [
        pytest.param("Grau ist auch schön.", 0.01, False, id="no complaint"),
        pytest.param("Grau ist auch schön.", -0.01, True, id="a complaint"),
        pytest.param("Dazu kann ich nichts sagen.", 0.01, True, id="no complaint, but a rule"),
    ],
)
def test_words_alone_call_a_reply_empty_only_where_it_answers_a_complaint(
    monkeypatch: pytest.MonkeyPatch, reply: str, margin: float, is_empty: bool
) -> None:
    by_lang = {lang: dict.fromkeys(map(str, Signal), 0.0) | {FLAG: 1.0} for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(small().model, Thresholds(by_lang)))
    talk = thread(customer("Seit Montag geht das Gerät nicht mehr."), staff(reply))
    now = talk.posts[-1].created_at + timedelta(days=1)
    sure = dict(analysis.judge(talk, loaded, Limits(), now=now).posts[0].scores)[Signal.COMPLAINT]
    monkeypatch.setattr(weigher, "COMPLAINED", sure + margin)
    assert analysis.judge(talk, loaded, Limits(), now=now).posts[1].shows(*EMPTY) == is_empty


@pytest.mark.parametrize(
    ("before", "is_enough"),
    [
        pytest.param((), True, id="opens"),
        pytest.param((customer("Mein Gerät ist seit Montag kaputt und niemand meldet sich."),), True, id="complained"),
        pytest.param((customer("Welche Farben gibt es?", by="ulla"),), False, id="another customer's thread"),
    ],
)
def test_what_rules_are_sure_of_needs_less_where_it_is_the_writers_own_trouble(
    before: tuple[Said, ...], is_enough: bool
) -> None:
    talk = thread(*before, customer("Seit dem Update ist das Gerät kaputt, es geht nicht mehr an."))
    now = talk.posts[-1].created_at + timedelta(days=1)

    def judged(least: float) -> JudgedPost:
        usual = {lang: {**small().model.thresholds[lang]["normal"], Signal.COMPLAINT: least} for lang in LANGUAGES}
        loaded = replace(rules(), learned=Weigher(small().model, Thresholds(usual)))
        return analysis.judge(talk, loaded, Limits(), now=now).posts[-1]

    chance = dict(judged(0.5).scores)[Signal.COMPLAINT]
    assert judged(chance * 1.05).shows(Signal.COMPLAINT) == is_enough
    assert judged(chance * 0.95).shows(Signal.COMPLAINT)


def test_trouble_in_the_title_speaks_for_the_first_post_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    views: list[View] = []
    judge = Weigher.judge

    def seen(self: Weigher, view: View, judged: JudgedPost, found: Found) -> JudgedPost:
        views.append(view)
        return judge(self, view, judged, found)

    monkeypatch.setattr(Weigher, "judge", seen)
    by_lang = {lang: small().model.thresholds[lang]["normal"] for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(small().model, Thresholds(by_lang)))
    place = FEATURES[Role.CUSTOMER].index("title:complaint")

    def told(title: str) -> list[float]:
        views.clear()
        talk = thread(customer("Anbei ein Foto."), customer("Und noch eines."), title=title)
        analysis.judge(talk, loaded, Limits(), now=talk.posts[-1].created_at + timedelta(days=1))
        return [view.dense[place] for view in views]

    first, second = told("Gerät geht seit Montag nicht mehr")
    assert first > 0.0
    assert second == 0.0
    assert told("Fotos vom Aufbau") == [0.0, 0.0]


def test_a_greeting_is_no_evidence_where_more_is_said() -> None:
    model = small().model
    by_lang = {lang: dict.fromkeys(model.thresholds[lang]["normal"], 0.0) for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(model, Thresholds(by_lang)))
    talk = thread(customer("Das Gerät ist kaputt."), staff("Hallo! Der Schalter sitzt links neben der Klappe."))
    now = talk.posts[-1].created_at + timedelta(days=1)
    reply = analysis.judge(talk, loaded, Limits(), now=now).posts[1]
    by_words = [finding for finding in reply.findings if finding.by == ("model",)]
    assert by_words
    assert {shown.text for finding in by_words for shown in finding.evidence} == {
        "Der Schalter sitzt links neben der Klappe."
    }


def test_every_finding_shows_words_of_the_post() -> None:
    model = small().model
    by_lang = {lang: dict.fromkeys(model.thresholds[lang]["normal"], 0.0) for lang in LANGUAGES}
    loaded = replace(rules(), learned=Weigher(model, Thresholds(by_lang)))
    now = talk().posts[-1].created_at + timedelta(days=1)
    for post in analysis.judge(talk(), loaded, Limits(), now=now).posts:
        assert post.findings
        for finding in post.findings:
            assert finding.by[-1] == "model"
            assert finding.evidence
            for shown in finding.evidence:
                assert post.words.text[shown.start : shown.end] == shown.text != ""


def test_categories_may_be_stricter_than_the_forum() -> None:
    weighers = Weighers(small().model, strictness="lenient", own=[("blame", 0.33)], by_category=[(5, "strict")])
    plain, strict = weighers.for_category(1).thresholds, weighers.for_category(5).thresholds
    assert plain.of("de", FLAG) <= strict.of("de", FLAG)
    assert plain.of("de", "blame") == strict.of("de", "blame") == 0.33
    assert weighers.for_category(None) is weighers.for_category(7)


def test_a_threshold_for_no_signal_is_refused() -> None:
    with pytest.raises(ConfigError, match="no signal is called „blaim“"):
        Weighers(small().model, own=[("blaim", 0.5)])


def test_a_model_trained_here_comes_before_the_built_in_one(tmp_path: Path) -> None:
    database = tmp_path / "forum.sqlite"
    assert model_path("off", database) is None
    assert model_path("", database) in (BUILT_IN, None)
    own_model(database).write_bytes(b"")
    assert model_path("", database) == own_model(database)
    assert model_path("/else/where.model", database) == Path("/else/where.model")


# -- the built-in model -----------------------------------------------------------------------------------------------


def test_the_built_in_model_is_small_and_knows_this_version() -> None:
    assert BUILT_IN.stat().st_size < 5_000_000
    model = read(BUILT_IN)
    assert set(model.thresholds) == set(LANGUAGES)
    assert {role: head.weights.shape for role, head in model.heads.items()} == {
        role: (2 * len(LABELS[role]) + len(FEATURES[role]), len(LABELS[role])) for role in LABELS
    }
