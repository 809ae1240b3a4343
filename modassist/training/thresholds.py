"""From which probability on a label is called present, chosen on held-out scores.

A flag is chosen for precision: the lowest threshold from which on the wanted share of the flagged replies deserve it.
Everything else is chosen for F1, moved a little for a strict or a lenient forum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modassist.learned.model_file import FLAG
from modassist.learned.weigher import RARE
from modassist.model import EMPTY, GOOD_PRACTICE, STRICTNESS

PRECISION = {"lenient": 0.80, "normal": 0.89, "strict": 0.96}
"""Share of flags that must be right among held-out replies of the corpora, by strictness."""
SHIFT = {"lenient": -0.08, "normal": 0.0, "strict": 0.08}
LOWEST, HIGHEST = 0.2, 0.97
"""Where too few examples would put a threshold at an end of the scale."""
LEAST = dict.fromkeys(map(str, RARE), 0.35) | dict.fromkeys(map(str, EMPTY), 0.8)
"""The corpora hold ten times as many lawyers, insults and accidents as a forum does: what is best for F1 there would
cry wolf here. They hold more empty replies, too, and many a short friendly word is like one, a little: on the threads
of three writers that were not trained on, the line that is best on the corpora called 54 replies empty that were not
beside 64 that were; this one 19 beside 62."""

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


def choose(
    chances: Doubles, truth: Bools, labels: Sequence[str], sample_weight: Doubles
) -> dict[str, dict[str, float]]:
    """Thresholds by strictness and label for one language and role; rows are held-out posts."""
    chosen: dict[str, dict[str, float]] = {strictness: {} for strictness in STRICTNESS}
    for number, label in enumerate(labels):
        best = best_f1(chances[:, number], truth[:, number], sample_weight)
        for strictness in STRICTNESS:
            if label == FLAG:
                value = precise(chances[:, number], truth[:, number], sample_weight, PRECISION[strictness])
            elif label in GOOD_PRACTICE:
                value = best
            else:
                value = best + SHIFT[strictness]
            chosen[strictness][label] = round(float(np.clip(value, LEAST.get(label, LOWEST), HIGHEST)), 3)
    return chosen


def best_f1(chances: Doubles, truth: Bools, weight: Doubles) -> float:
    """The threshold with the best F1; halfway to the next lower score, so that it does not hang on one post."""
    order, hits, shown = _ranked(chances, truth, weight)
    if not truth.any():
        return HIGHEST
    f1 = 2 * hits / (shown + weight[truth].sum())
    return _between(chances[order], int(f1.argmax()))


def precise(chances: Doubles, truth: Bools, weight: Doubles, wanted: float) -> float:
    """The lowest threshold from which on this share of what it lets through is right; never below the best F1's."""
    order, hits, shown = _ranked(chances, truth, weight)
    good = np.flatnonzero(hits / np.maximum(shown, 1e-9) >= wanted)
    if not truth.any() or not len(good):
        return HIGHEST
    return max(_between(chances[order], int(good[-1])), best_f1(chances, truth, weight))


def _ranked(chances: Doubles, truth: Bools, weight: Doubles) -> tuple[NDArray[np.intp], Doubles, Doubles]:
    order = np.argsort(-chances, kind="stable")
    return order, np.cumsum((truth * weight)[order]), np.cumsum(weight[order])


def _between(ranked: Doubles, last: int) -> float:
    return float(ranked[last] + ranked[last + 1]) / 2 if last + 1 < len(ranked) else float(ranked[last])
