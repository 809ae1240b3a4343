"""The second layer: per label one logistic regression over word scores, rules and context, for all languages together.

Its inputs speak no language, so what one language's threads teach about context serves the other two; each language
keeps an intercept of its own. Probabilities are then calibrated per language on held-out scores (Platt 1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modassist.learned.words import Floats
from modassist.model import LANGUAGES

C = 0.1
"""Inverse strength of the L2 regularisation, on standardised inputs."""
CALIBRATION_C = 10.0

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Layer:
    """`raw = inputs @ weights + intercepts[lang]`; weights (inputs, labels), an intercept (labels,) per language."""

    weights: Floats
    intercepts: Mapping[str, Floats]


def fit(inputs: Doubles, languages: NDArray[np.str_], labels: Bools, sample_weight: Doubles) -> Layer:
    """The layer for these rows; the standardisation of the inputs is folded into weights and intercepts."""
    from sklearn.linear_model import LogisticRegression

    middle, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-3)
    own = np.stack([languages == lang for lang in LANGUAGES], axis=1).astype(np.float64)
    rows = np.concatenate([(inputs - middle) / spread, own], axis=1)
    weights = np.zeros((inputs.shape[1], labels.shape[1]))
    intercepts = np.full((len(LANGUAGES), labels.shape[1]), -8.0)
    for label in range(labels.shape[1]):
        if not 0 < labels[:, label].sum() < len(labels):
            continue
        model = LogisticRegression(C=C, max_iter=1000)
        model.fit(rows, labels[:, label], sample_weight=sample_weight)
        weights[:, label] = model.coef_[0, : -len(LANGUAGES)] / spread
        base = model.intercept_[0] - middle @ weights[:, label]
        intercepts[:, label] = base + model.coef_[0, -len(LANGUAGES) :]
    by_lang = {lang: intercepts[number].astype(np.float32) for number, lang in enumerate(LANGUAGES)}
    return Layer(weights.astype(np.float32), by_lang)


def raw_scores(layer: Layer, inputs: Doubles, languages: NDArray[np.str_]) -> Doubles:
    """What the layer says of these rows, (rows, labels), before calibration."""
    own = np.stack([layer.intercepts[str(lang)] for lang in languages])
    return np.asarray(inputs @ layer.weights + own, dtype=np.float64)


def calibrate(raw: Doubles, labels: Bools, sample_weight: Doubles) -> Floats:
    """Slope and shift per label, (2, labels), that turn one language's held-out raw scores into probabilities."""
    from sklearn.linear_model import LogisticRegression

    found = np.stack([np.ones(labels.shape[1]), np.zeros(labels.shape[1])]).astype(np.float32)
    for label in range(labels.shape[1]):
        if not 5 <= labels[:, label].sum() <= len(labels) - 5:
            continue
        model = LogisticRegression(C=CALIBRATION_C)
        model.fit(raw[:, [label]], labels[:, label], sample_weight=sample_weight)
        found[:, label] = model.coef_[0, 0], model.intercept_[0]
    return found


def calibrated(raw: Doubles, calibration: Floats) -> Doubles:
    """Probabilities, (rows, labels)."""
    return np.asarray(1.0 / (1.0 + np.exp(-(raw * calibration[0] + calibration[1]))), dtype=np.float64)
