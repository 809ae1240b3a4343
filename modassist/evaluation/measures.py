"""Observations -> figures: precision, recall, F1 with intervals, calibration, precision at an alarm rate.

Intervals: Wilson (1927) for precision and recall, each a share of independent decisions; for F1 the percentile
bootstrap over threads (Efron 1979), because the posts of one thread are not independent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from modassist.evaluation.observe import LABELS, Observation

Z = 1.96
"""Of the normal distribution: 95 % lie within."""
RESAMPLES = 1000
ALARM_RATES = (0.02, 0.05, 0.1, 0.2)
BINS = 10

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """One label in one language. Shares are None where nothing was there to be right or wrong about."""

    label: str
    lang: str
    hits: int
    false_alarms: int
    misses: int
    asked: int
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None
    f1: float | None
    f1_interval: Interval | None

    @property
    def positives(self) -> int:
        return self.hits + self.misses


def figures(observations: Iterable[Observation]) -> list[Figures]:
    """Figures by language and label, in the order of LABELS; labels that nobody expected or found are left out."""
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for item in observations:
        groups[item.lang, item.label].append(item)
    order = {label: number for number, label in enumerate(LABELS)}
    keys = sorted(groups, key=lambda key: (key[0], order[key[1]]))
    made = [_figures(lang, label, groups[lang, label]) for lang, label in keys]
    return [each for each in made if each.hits or each.false_alarms or each.misses]


def _figures(lang: str, label: str, items: Sequence[Observation]) -> Figures:
    hits = sum(item.expected and item.found for item in items)
    false_alarms = sum(item.found and not item.expected for item in items)
    misses = sum(item.expected and not item.found for item in items)
    found, positives = hits + false_alarms, hits + misses
    return Figures(
        label, lang, hits, false_alarms, misses, len(items),
        hits / found if found else None, wilson(hits, found),
        hits / positives if positives else None, wilson(hits, positives),
        f1(hits, false_alarms, misses), _bootstrap(items),
    )  # fmt: skip


def f1(hits: int, false_alarms: int, misses: int) -> float | None:
    """The harmonic mean of precision and recall; None where there was nothing to find and nothing found."""
    total = 2 * hits + false_alarms + misses
    return 2 * hits / total if total else None


def wilson(hits: int, tries: int) -> Interval | None:
    """The 95 % interval of a share; None without tries."""
    if not tries:
        return None
    share = hits / tries
    middle = share + Z * Z / (2 * tries)
    half = Z * sqrt(share * (1 - share) / tries + Z * Z / (4 * tries * tries))
    scale = 1 + Z * Z / tries
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _bootstrap(items: Sequence[Observation]) -> Interval | None:
    """The 95 % interval of F1 over resampled threads; None for fewer than five threads."""
    by_thread: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for item in items:
        counts = by_thread[item.thread]
        counts[0] += item.expected and item.found
        counts[1] += item.found and not item.expected
        counts[2] += item.expected and not item.found
    if len(by_thread) < 5:
        return None
    table = np.array(list(by_thread.values()))
    picks = np.random.default_rng(0).integers(0, len(table), size=(RESAMPLES, len(table)))
    hits, false_alarms, misses = table[picks].sum(axis=1).T
    total = 2 * hits + false_alarms + misses
    values = 2 * hits[total > 0] / total[total > 0]
    return (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))) if len(values) else None


def macro_f1(made: Iterable[Figures], labels: Sequence[str]) -> float | None:
    """The mean F1 of these labels, of those that occur."""
    values = [each.f1 for each in made if each.label in labels and each.f1 is not None]
    return sum(values) / len(values) if values else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions whose probability lay between `low` and `high`: how many, their mean, and the share that was true."""

    low: float
    high: float
    count: int
    mean: float
    true: float


def reliability(items: Sequence[Observation]) -> list[Bin]:
    """How well probabilities keep their word (reliability diagram): empty bins are left out."""
    scored = [(item.score, item.expected) for item in items if item.score is not None]
    bins = []
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        inside = [(s, e) for s, e in scored if low <= s < high or (number == BINS - 1 and s == 1.0)]
        if inside:
            mean, true = (sum(values) / len(inside) for values in zip(*inside, strict=True))
            bins.append(Bin(low, high, len(inside), mean, true))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """The mean distance of probability and share, weighted by count (expected calibration error)."""
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.mean - each.true) for each in bins) / total if total else None


def precision_at(items: Sequence[Observation], rate: float) -> float | None:
    """The precision among the `rate` of all decisions with the highest scores; None where that is not one of them."""
    ranked = sorted((item for item in items if item.score is not None), key=lambda item: -(item.score or 0.0))
    shown = ranked[: round(rate * len(ranked))]
    return sum(item.expected for item in shown) / len(shown) if shown else None
