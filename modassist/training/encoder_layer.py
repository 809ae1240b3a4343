"""The sentence encoder's part of the first layer: per label a linear model over the vectors of a post and its claim.

A vector has some hundred numbers, and a label some hundred examples: so the vectors reach the decision only as one
score a label, learnt with a strong ridge for all languages together, and one number for how alike post and claim are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modassist.learned.encoder import encoder_scores
from modassist.learned.words import Floats
from modassist.training.word_layer import FEWEST

C = 0.3
"""Inverse strength of the L2 regularisation on vectors of unit length; from 0.03 to 1 held-out AUC differed by 0.001."""

Bools = NDArray[np.bool_]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int_]


def fit(rows: Floats, labels: Bools, sample_weight: Doubles) -> tuple[Floats, Floats]:
    """Weights (row, labels) and intercepts (labels,) for rows of `encoder.together`; classes are balanced."""
    from sklearn.linear_model import LogisticRegression

    weights = np.zeros((rows.shape[1], labels.shape[1]), dtype=np.float32)
    intercepts = np.zeros(labels.shape[1], dtype=np.float32)
    for label in range(labels.shape[1]):
        if not FEWEST <= labels[:, label].sum() <= len(labels) - FEWEST:
            continue
        model = LogisticRegression(C=C, class_weight="balanced", max_iter=500)
        model.fit(rows, labels[:, label], sample_weight=sample_weight)
        weights[:, label] = model.coef_[0]
        intercepts[label] = model.intercept_[0]
    return weights, intercepts


@dataclass(frozen=True)
class Folds:
    """Layers of one role: one per fold, which has not seen that fold, and a last that has seen all."""

    layers: tuple[tuple[Floats, Floats], ...]

    @classmethod
    def fit(cls, rows: Floats, labels: Bools, sample_weight: Doubles, fold: Ints, folds: int) -> Folds:
        """`fold` says in which of so many `folds` each row lies."""
        parts = [np.flatnonzero(fold != number) for number in range(folds + 1)]
        return cls(tuple(fit(rows[kept], labels[kept], sample_weight[kept]) for kept in parts))

    def scores(self, rows: Floats, fold: Ints) -> Floats:
        """Their scores as `encoder_scores` has them, each by the layer that has not seen its fold."""
        found = np.stack([encoder_scores(layer, rows) for layer in self.layers[:-1]])
        return np.asarray(found[fold, np.arange(len(rows))], dtype=np.float32)
