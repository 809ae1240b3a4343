"""What a sentence encoder adds and what it costs: the same threads with and without, held out by thread.

    python bench/encoder.py ENCODER CORPORA...

Prints, for each label of staff replies and customers' posts, the area under the ROC curve and the best F1 over the
posts of threads that the model had not seen; then posts a second of CPU for the analysis with each model. The rows are
in one language: give corpora of one.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from modassist.judging import analysis, detectors
from modassist.judging.boilerplate import Boilerplate
from modassist.judging.detectors import Detectors
from modassist.learned.encoder import Encoder, load
from modassist.learned.loading import Weighers
from modassist.learned.model_file import LABELS, TrainedModel
from modassist.model import FLAGGING, Limits, Role, Staff
from modassist.records.threads import to_thread
from modassist.training.examples import LATER, LabelledThread, read_threads
from modassist.training.fit import Fitted, fit
from modassist.training.thresholds import best_f1


def auc(chances: np.ndarray, truth: np.ndarray) -> float:
    """The share of pairs of a positive and a negative that are ranked rightly; ties count half."""
    order = np.unique(chances, return_inverse=True)[1]
    counts = np.bincount(order)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[order]
    positives = int(truth.sum())
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives)))


def f1(chances: np.ndarray, truth: np.ndarray) -> float:
    found = chances >= best_f1(chances, truth, np.ones(len(truth)))
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def figures(fitted: Fitted) -> dict[tuple[Role, str], tuple[int, float, float]]:
    """Positives, AUC and F1 by role and label."""
    found = {}
    for role, held_out in fitted.held_out.items():
        for number, label in enumerate(LABELS[role]):
            truth = np.array([label in example.labels for example in held_out.examples])
            if 10 <= truth.sum() < len(truth):
                chances = held_out.chances[:, number]
                found[role, label] = int(truth.sum()), auc(chances, truth), f1(chances, truth)
    return found


def show(without: Fitted, with_it: Fitted) -> None:
    before, after = figures(without), figures(with_it)
    print(f"{'':24} {'n':>5} {'AUC without':>12} {'with':>6} {'F1 without':>12} {'with':>6}")
    rows = {f"{role} {label}": [(role, label)] for role, label in before}
    rows["mean of the bad signals"] = [key for key in before if key[1] in FLAGGING]
    rows["mean of staff's"] = [key for key in before if key[0] is Role.STAFF]
    rows["mean of customers'"] = [key for key in before if key[0] is Role.CUSTOMER]
    for name, keys in rows.items():
        n = sum(before[key][0] for key in keys)
        means = [float(np.mean([each[key][part] for key in keys])) for part in (1, 2) for each in (before, after)]
        print(f"{name:24} {n:5} {means[0]:12.3f} {means[1]:6.3f} {means[2]:12.3f} {means[3]:6.3f}")


def speed(threads: list[LabelledThread], loaded: Detectors, model: TrainedModel, encoder: Encoder | None) -> float:
    """Posts a second of CPU by rules that have met these texts, as they had while training, and an encoder that has not."""
    judging = replace(loaded, learned=Weighers(model, encoder=encoder).for_category(None))
    made = [to_thread(each.record, staff=Staff(), place=each.name) for each in threads]
    memory = Boilerplate()
    analysis.analyse(made[0], judging, Limits(), now=made[0].posts[-1].created_at + LATER)
    start = time.process_time()
    for each in made[1:]:
        analysis.analyse(each, judging, Limits(), now=each.posts[-1].created_at + LATER, boilerplate=memory)
    return sum(len(each.posts) for each in made[1:]) / (time.process_time() - start)


def main() -> None:
    encoder = load(sys.argv[1])
    threads = read_threads(map(Path, sys.argv[2:]))
    loaded = detectors.load()
    print(f"{encoder.name}, {len(threads)} threads")
    without, with_it = fit(threads, loaded, about={}), fit(threads, loaded, about={}, encoder=encoder)
    show(without, with_it)
    print(f"whole analysis, without: {speed(threads, loaded, without.model, None):8.0f} posts/s of CPU")
    print(f"whole analysis, with:    {speed(threads, loaded, with_it.model, load(sys.argv[1])):8.0f} posts/s of CPU")


if __name__ == "__main__":
    main()
