"""A sentence encoder beside the words: what a model keeps of it, and what is refused. A made-up encoder stands in."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from builders import customer, hours, staff, thread
from modassist.config.layers import load as load_settings
from modassist.errors import ModelError
from modassist.judging import analysis, detectors
from modassist.learned import encoder
from modassist.learned.encoder import LocalEncoder, Remembering, load, of_posts, together
from modassist.learned.loading import Weighers, encoder_for
from modassist.learned.model_file import LABELS, EncoderMark, TrainedModel, read, to_bytes
from modassist.learned.words import Floats, words
from modassist.model import LANGUAGES, Analysis, Limits, Role
from modassist.records.stream import load_weighers
from modassist.training import encoder_layer
from modassist.training.examples import LabelledThread, read_threads
from modassist.training.fit import Fitted, fit

GOLD = Path(__file__).parent / "gold"
DIMENSION = 8


class Hashed:
    """Vectors by the words of a text: the same ones for the same words, and much of the model's machinery."""

    mark = EncoderMark("hashed", DIMENSION, "ab" * 32)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def vectors(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        found = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                found[row, crc32(word.encode()) % DIMENSION] += 1
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@cache
def some_threads() -> tuple[LabelledThread, ...]:
    return tuple(thread for lang in LANGUAGES for thread in read_threads([GOLD / f"{lang}.jsonl"])[:4])


@cache
def encoded() -> Fitted:
    return fit(some_threads(), detectors.load(), about={}, encoder=Hashed())


def without_encoder() -> TrainedModel:
    """The same model as if it had been trained without."""
    model = encoded().model
    heads = {
        role: replace(head, encoder=None, weights=head.weights[: -len(LABELS[role]) - 1])
        for role, head in model.heads.items()
    }
    return replace(model, heads=heads, encoder=None)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "with-encoder.model"
    path.write_bytes(to_bytes(encoded().model))
    return path


def test_a_head_sees_the_reply_the_claim_and_how_alike_they_are() -> None:
    row = together(np.array([[0.6, 0.8]], dtype=np.float32), np.array([[1.0, 0.0]], dtype=np.float32))
    assert row.tolist() == [pytest.approx([0.6, 0.8, 1.0, 0.0, 0.6])]


def test_a_post_that_answers_nothing_has_no_claim() -> None:
    row = of_posts(Hashed(), [("It broke", "")])[0]
    assert row[DIMENSION:].tolist() == [0.0] * (DIMENSION + 1)


def test_vectors_are_asked_for_once() -> None:
    inner = Hashed()
    memory = Remembering(inner, most=10)
    first = memory.vectors(["a", "b", "a"])
    assert np.array_equal(memory.vectors(["b", "a"]), first[[1, 0]])
    assert inner.asked == ["a", "b"]


def test_what_is_too_much_to_remember_is_forgotten_and_still_right() -> None:
    memory = Remembering(Hashed(), most=2)
    for text in ("one", "two", "three", "one"):
        assert np.array_equal(memory.vectors([text, "one"]), Hashed().vectors([text, "one"]))
    assert len(memory._kept) <= 2


# -- the model file --------------------------------------------------------------------------------------------------


def test_without_an_encoder_the_file_says_nothing_of_one() -> None:
    with zipfile.ZipFile(io.BytesIO(to_bytes(without_encoder()))) as file:
        assert "encoder" not in json.loads(file.read("head.json"))
        assert not [name for name in file.namelist() if "encoder" in name]


def test_a_model_with_an_encoder_is_read_as_it_was_written(model_file: Path) -> None:
    again = read(model_file)
    assert again.encoder == Hashed.mark
    assert to_bytes(again) == model_file.read_bytes()
    weights, intercepts = again.heads[Role.STAFF].encoder or (None, None)
    assert weights is not None
    assert weights.shape == (2 * DIMENSION + 1, len(intercepts))


@pytest.mark.parametrize("mark", [{"name": "x"}, {"name": "x", "dimension": 9, "sha256": ""}, "hashed", None])
def test_a_file_whose_encoder_does_not_fit_its_arrays_is_damaged(model_file: Path, mark: object) -> None:
    with zipfile.ZipFile(model_file) as file:
        held = {name: file.read(name) for name in file.namelist()}
    head = json.loads(held["head.json"]) | {"encoder": mark}
    with zipfile.ZipFile(model_file, "w") as file:
        for name, content in (held | {"head.json": json.dumps(head).encode()}).items():
            file.writestr(name, content)
    with pytest.raises(ModelError, match="damaged"):
        read(model_file)


# -- training --------------------------------------------------------------------------------------------------------


def test_training_with_the_same_encoder_gives_the_same_bytes() -> None:
    again = fit(some_threads(), detectors.load(), about={}, encoder=Hashed())
    assert to_bytes(again.model) == to_bytes(encoded().model)


def test_the_encoder_has_a_say_in_what_the_model_finds() -> None:
    for role, head in encoded().model.heads.items():
        assert np.abs(head.weights[-len(LABELS[role]) - 1 :]).sum() > 0


def test_no_post_is_scored_by_a_layer_that_has_seen_its_thread() -> None:
    """Every post is a direction of its own, so that a layer knows what it has seen and says the same of all else."""
    rng = np.random.default_rng(0)
    rows = np.hstack([np.eye(60, dtype=np.float32), np.zeros((60, 1), dtype=np.float32)])
    labels, fold = rng.random((60, 1)) < 0.5, np.arange(60) % 5
    folds = encoder_layer.Folds.fit(rows, labels, np.ones(60), fold, 5)
    scores = folds.scores(rows, fold)[:, 0]
    assert all(np.ptp(scores[fold == number]) < 1e-6 for number in range(5))
    seen = (rows @ folds.layers[-1][0])[:, 0]
    assert seen[labels[:, 0]].min() > seen[~labels[:, 0]].max()


# -- at work ---------------------------------------------------------------------------------------------------------


def judged_by(weighers: Weighers) -> Analysis:
    talk = thread(
        customer("My pump leaks again, this is the third one. Please help."),
        staff("Nobody else has reported that.", after=hours(2)),
    )
    loaded = replace(detectors.load(), learned=weighers.for_category(None))
    return analysis.analyse(talk, loaded, Limits(), now=talk.posts[-1].created_at.replace(month=4))


def test_a_reply_is_encoded_with_what_it_answers(model_file: Path) -> None:
    stand_in = Hashed()
    judged_by(Weighers(read(model_file), encoder=stand_in))
    assert stand_in.asked[0].startswith("My pump leaks")
    assert "Nobody else has reported that." in stand_in.asked
    assert len(stand_in.asked) == len(set(stand_in.asked))


def test_the_same_model_gives_the_same_whatever_was_judged_before(model_file: Path) -> None:
    weighers = Weighers(read(model_file), encoder=Hashed())
    first = analysis.to_record(judged_by(weighers), all_scores=True)
    assert analysis.to_record(judged_by(weighers), all_scores=True) == first


def test_a_model_with_an_encoder_is_refused_where_none_is_named(model_file: Path) -> None:
    settings = load_settings(None, {}, {"detection.model": str(model_file)})
    with pytest.raises(ModelError, match="trained with the sentence encoder hashed"):
        load_weighers(settings)


def test_a_model_that_was_trained_with_another_encoder_is_refused_in_one_line(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: True)
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"hashed .*detection\.encoder is mini") as refused:
        encoder_for(read(model_file), model_file, str(tmp_path / "mini"))
    assert "\n" not in str(refused.value)


def test_a_model_without_an_encoder_needs_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert encoder_for(without_encoder(), tmp_path / "x.model", "multilingual") is None
    assert "is not used" in caplog.text


def test_another_weight_or_another_setting_is_another_encoder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    (tmp_path / "README.md").write_text("about it")
    first = LocalEncoder("a", tmp_path).sha256
    (tmp_path / "README.md").write_text("more about it")
    assert LocalEncoder("b", tmp_path).sha256 == first
    (tmp_path / "model.safetensors").write_bytes(b"2")
    second = LocalEncoder("a", tmp_path).sha256
    (tmp_path / "config.json").write_text("{ }")
    assert len({first, second, LocalEncoder("a", tmp_path).sha256}) == 3


@pytest.mark.parametrize(("named", "extra"), [("multilingual", "encoder"), ("some/model.onnx", "encoder-onnx")])
def test_without_the_extra_it_is_refused_and_the_extra_named(
    named: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=rf"modassist\[{extra}\]"):
        load(named)


@pytest.mark.parametrize("named", ["./nowhere", "/nowhere/at/all", "nowhere.onnx"])
def test_a_place_that_is_not_there_is_not_asked_of_the_hub(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "find_spec", lambda name: True)
    with pytest.raises(ModelError, match="no such file or folder"):
        load(named)
