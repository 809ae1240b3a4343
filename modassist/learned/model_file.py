"""The trained model as a file: plain arrays and a JSON head in one zip, nothing that could run.

`np.load(allow_pickle=False)` reads it. The head names the layout and everything the numbers depend on, so that a model
that was trained for other labels, features or buckets is refused and not misread.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from modassist.errors import ModelError
from modassist.judging.findings import OF_CUSTOMERS, OF_STAFF
from modassist.learned.features import CUSTOMER_FEATURES, STAFF_FEATURES
from modassist.learned.words import BUCKETS, GRAMS, Floats
from modassist.model import LANGUAGES, STRICTNESS, Role

FORMAT = "modassist-model"
VERSION = 1
"""Raised when the meaning of the arrays changes."""

FLAG = "flag"
"""The label of a staff reply that shows any of the flagging signals."""

LABELS: Mapping[Role, tuple[str, ...]] = {
    Role.STAFF: (*map(str, OF_STAFF), FLAG),
    Role.CUSTOMER: tuple(map(str, OF_CUSTOMERS)),
}
FEATURES: Mapping[Role, tuple[str, ...]] = {Role.STAFF: STAFF_FEATURES, Role.CUSTOMER: CUSTOMER_FEATURES}

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time that every member of the zip bears: the same model is the same bytes."""


@dataclass(frozen=True, slots=True)
class EncoderMark:
    """Which sentence encoder a model was trained with. `sha256` is that of its files; the name is for people."""

    name: str
    dimension: int
    sha256: str


@dataclass(frozen=True)
class Head:
    """One role's model: word scores per language, and what weighs them together with the dense features."""

    words: Mapping[str, tuple[Floats, Floats]]
    """By language: int8 weights scaled to float32, (BUCKETS, labels), and intercepts, (labels,)."""
    weights: Floats
    """(2 * labels + features, labels): over the text's scores, the best sentence's scores, and the dense features; with
    an encoder labels + 1 rows more, for its scores and for how alike reply and claim are."""
    intercepts: Mapping[str, Floats]
    """By language, (labels,)."""
    calibration: Mapping[str, Floats]
    """By language, (2, labels): probability = 1 / (1 + exp(-(a * z + b))) (Platt scaling)."""
    encoder: tuple[Floats, Floats] | None = None
    """Weights over `encoder.together`, (row, labels), and intercepts, (labels,); None where trained without one."""


@dataclass(frozen=True)
class TrainedModel:
    heads: Mapping[Role, Head]
    thresholds: Mapping[str, Mapping[str, Mapping[str, float]]]
    """By language, strictness and label: the probability from which on a label is present."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """When and from what it was trained, and how the thresholds were found."""
    encoder: EncoderMark | None = None


def vocabulary() -> dict[str, Any]:
    """Everything that the arrays depend on in this version of the program."""
    return {
        "version": VERSION,
        "buckets": BUCKETS,
        "grams": list(GRAMS),
        "labels": {str(role): list(labels) for role, labels in LABELS.items()},
        "features": {str(role): list(names) for role, names in FEATURES.items()},
    }


def to_bytes(model: TrainedModel) -> bytes:
    """The model as a file's content. Word weights are kept as int8 with a scale a label."""
    arrays: dict[str, Any] = {}
    for role, head in model.heads.items():
        arrays[f"{role}.weights"] = head.weights.astype(np.float32)
        if head.encoder is not None:
            weights, intercepts = head.encoder
            arrays[f"{role}.encoder"] = weights.astype(np.float32)
            arrays[f"{role}.encoder_intercepts"] = intercepts.astype(np.float32)
        for lang in LANGUAGES:
            weights, intercepts = head.words[lang]
            scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
            arrays[f"{role}.{lang}.words"] = np.rint(weights / scale).astype(np.int8)
            arrays[f"{role}.{lang}.scale"] = scale.astype(np.float32)
            arrays[f"{role}.{lang}.word_intercepts"] = intercepts.astype(np.float32)
            arrays[f"{role}.{lang}.intercepts"] = head.intercepts[lang].astype(np.float32)
            arrays[f"{role}.{lang}.calibration"] = head.calibration[lang].astype(np.float32)
    head_text = {"format": FORMAT, **vocabulary(), "thresholds": model.thresholds, "about": model.about}
    if model.encoder is not None:
        head_text["encoder"] = asdict(model.encoder)
    return _zipped(json.dumps(head_text, ensure_ascii=False, indent=1, sort_keys=True), arrays)


def _zipped(head: str, arrays: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(zipfile.ZipInfo("head.json", _EPOCH), head, zipfile.ZIP_DEFLATED)
        for name in sorted(arrays):
            member = io.BytesIO()
            np.save(member, arrays[name], allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), member.getvalue(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def read(path: Path) -> TrainedModel:
    """The model in this file. Raises ModelError, in one line, where it is missing, damaged or of another make."""
    try:
        with zipfile.ZipFile(path) as file:
            head = json.loads(file.read("head.json"))
            _check(head, path)
            arrays = {
                name[:-4]: np.load(io.BytesIO(file.read(name)), allow_pickle=False)
                for name in file.namelist()
                if name.endswith(".npy")
            }
            return _assembled(head, arrays)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file", "name one with [detection] model, or leave it out") from error
    except (
        OSError,
        zlib.error,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        EOFError,
        AttributeError,
    ) as error:
        raise ModelError(f"{path}: damaged, or no model file", "train it again: modassist train") from error


def _check(head: Any, path: Path) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ModelError(f"{path}: no model file of modassist")
    mine = vocabulary()
    if head.get("version") != mine["version"]:
        found = f"{path}: model of format {head.get('version')!r}, this program reads {mine['version']}"
        raise ModelError(found, "train it again: modassist train")
    for name, value in mine.items():
        if head.get(name) != value:
            raise ModelError(
                f"{path}: trained for other {name} than this program has", "train it again: modassist train"
            )


def _assembled(head: dict[str, Any], arrays: Mapping[str, Any]) -> TrainedModel:
    encoder = EncoderMark(**head["encoder"]) if "encoder" in head else None
    heads = {role: _head(role, arrays, encoder) for role in LABELS}
    thresholds = {
        lang: {
            strictness: {label: float(value) for label, value in head["thresholds"][lang][strictness].items()}
            for strictness in STRICTNESS
        }
        for lang in LANGUAGES
    }
    return TrainedModel(heads, thresholds, head["about"], encoder)


def _head(role: Role, arrays: Mapping[str, Any], encoder: EncoderMark | None) -> Head:
    labels, features = len(LABELS[role]), len(FEATURES[role])
    more = 0 if encoder is None else labels + 1
    weights = _shaped(arrays[f"{role}.weights"], (2 * labels + features + more, labels))
    by_lang: dict[str, tuple[Floats, Floats]] = {}
    for lang in LANGUAGES:
        scale = _shaped(arrays[f"{role}.{lang}.scale"], (labels,))
        coarse = arrays[f"{role}.{lang}.words"]
        if coarse.dtype != np.int8:
            raise ValueError("weights of another kind")
        intercepts = _shaped(arrays[f"{role}.{lang}.word_intercepts"], (labels,))
        by_lang[lang] = (_shaped(coarse.astype(np.float32), (BUCKETS, labels)) * scale, intercepts)
    return Head(
        words=by_lang,
        weights=weights,
        intercepts={lang: _shaped(arrays[f"{role}.{lang}.intercepts"], (labels,)) for lang in LANGUAGES},
        calibration={lang: _shaped(arrays[f"{role}.{lang}.calibration"], (2, labels)) for lang in LANGUAGES},
        encoder=None if encoder is None else _encoder_layer(role, arrays, encoder),
    )


def _encoder_layer(role: Role, arrays: Mapping[str, Any], encoder: EncoderMark) -> tuple[Floats, Floats]:
    labels = len(LABELS[role])
    weights = _shaped(arrays[f"{role}.encoder"], (row_width(encoder.dimension), labels))
    return weights, _shaped(arrays[f"{role}.encoder_intercepts"], (labels,))


def row_width(dimension: int) -> int:
    """Numbers that a head weighs of two vectors: both, and how alike they are."""
    return 2 * dimension + 1


def _shaped(array: Any, shape: tuple[int, ...]) -> Floats:
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"an array of {array.shape}, {shape} wanted")
    return np.asarray(array, dtype=np.float32)
