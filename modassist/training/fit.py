"""Labelled threads -> a trained model, with held-out figures.

Threads are dealt into folds by their names, so siblings never stand on both sides. The word layer of each fold scores
the posts it has not seen; the decision layer learns on those scores. As what is found in one post is context for the
next, the posts are then read once more with the folds' own models judging, and the decision layer is fitted to that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, cast
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from modassist.errors import ModelError
from modassist.judging.detectors import Detectors, Learned
from modassist.learned.encoder import Encoder, Remembering, of_posts
from modassist.learned.model_file import LABELS, Head, TrainedModel
from modassist.learned.weigher import Thresholds, Weigher, layer_input
from modassist.learned.words import Floats, WordScores
from modassist.model import LANGUAGES, STRICTNESS, Role, Span
from modassist.training import decision_layer, encoder_layer, thresholds, word_layer
from modassist.training.decision_layer import Layer
from modassist.training.examples import Example, LabelledThread, RulesRead, examples_of

FOLDS = 5
ROLES = (Role.STAFF, Role.CUSTOMER)

Doubles = NDArray[np.float64]
Progress = Callable[[str], None]
Weigh = Callable[[Example], float]


def fold_of(name: str) -> int:
    """Which part of the threads this one is held out with; hangs on its name alone."""
    return crc32(name.encode()) % FOLDS


@dataclass(frozen=True)
class HeldOut:
    """One role's posts with the probabilities given to them by models that had not seen their threads."""

    examples: Sequence[Example]
    chances: Doubles
    """(posts, labels)"""


@dataclass(frozen=True)
class _Use:
    """What examples are used for."""

    weigh: Weigh
    draws_lines: Callable[[Example], bool]


@dataclass(frozen=True)
class Fitted:
    model: TrainedModel
    held_out: Mapping[Role, HeldOut]


def fit(
    threads: Sequence[LabelledThread],
    detectors: Detectors,
    *,
    about: Mapping[str, Any],
    weigh: Weigh = lambda example: 1.0,
    draws_lines: Callable[[Example], bool] = lambda example: True,
    progress: Progress = lambda line: None,
    encoder: Encoder | None = None,
) -> Fitted:
    """Trains on these threads. `about` is kept in the model; `weigh` says how much an example counts.

    With an `encoder`, vectors of reply and claim are weighed too, and the model works with that encoder alone.
    `draws_lines` says which examples are fit to calibrate on and to choose thresholds by: those that were picked for
    being doubtful say what words mean, but not how frequent anything is.

    Deterministic: the same threads, rules and program give the same arrays. Raises ModelError without scikit-learn.
    """
    with _one_thread():
        return _fit(threads, detectors, about, _Use(weigh, draws_lines), progress, encoder)


def _one_thread() -> AbstractContextManager[Any]:
    """Hundreds of small problems: with several threads, a matrix library spends ten times as long waiting for itself."""
    try:
        from threadpoolctl import threadpool_limits  # comes with scikit-learn
    except ImportError as error:
        raise ModelError("training needs scikit-learn", "pip install 'modassist[train]'") from error
    return cast(AbstractContextManager[Any], threadpool_limits(1))


def _fit(
    threads: Sequence[LabelledThread],
    detectors: Detectors,
    about: Mapping[str, Any],
    use: _Use,
    progress: Progress,
    encoder: Encoder | None,
) -> Fitted:
    detectors = replace(detectors, packs=RulesRead(detectors.packs))
    progress("reading the threads by rules alone")
    first = [example for thread in threads for example in examples_of(thread, detectors)]
    progress(f"{len(first)} posts; learning their words")
    words = {role: _WordFolds.fit(role, _of(first, role), use.weigh) for role in ROLES}
    encoded: dict[Role, _Encoded] = {}
    if encoder is not None:
        progress(f"encoding them with {encoder.mark.name}")
        known = Remembering(encoder, most=10**9)
        encoded = {role: _Encoded.fit(_of(first, role), use.weigh, known) for role in ROLES}
    draft = _decide(first, words, use, encoded)
    progress("reading the threads once more, each by a model that has not seen it")
    again = [
        example for thread in threads for example in examples_of(thread, detectors, draft.judges[fold_of(thread.name)])
    ]
    final = _decide(again, words, use, encoded)
    model = replace(final.model, about=dict(about))
    return Fitted(model, final.held_out)


def _of(examples: Iterable[Example], role: Role) -> list[Example]:
    return [example for example in examples if example.view.role is role]


def _labels(examples: Sequence[Example], role: Role) -> NDArray[np.bool_]:
    rows = [[label in example.labels for label in LABELS[role]] for example in examples]
    return np.array(rows, dtype=np.bool_).reshape(len(rows), len(LABELS[role]))


def _weights(examples: Sequence[Example], weigh: Weigh) -> Doubles:
    return np.array([weigh(example) for example in examples], dtype=np.float64)


@dataclass(frozen=True)
class _WordFolds:
    """Word layers of one role by language: one per fold, which has not seen that fold, and one that has seen all."""

    folds: tuple[Mapping[str, tuple[Floats, Floats]], ...]
    full: Mapping[str, tuple[Floats, Floats]]

    @classmethod
    def fit(cls, role: Role, examples: Sequence[Example], weigh: Weigh) -> _WordFolds:
        by_fold: list[dict[str, tuple[Floats, Floats]]] = [{} for _ in range(FOLDS + 1)]
        for lang in LANGUAGES:
            own = [example for example in examples if example.view.lang == lang]
            rows = word_layer.matrix([example.view.text for example in own])
            labels = _labels(own, role)
            weights, fold = _weights(own, weigh), np.array([fold_of(example.place[0]) for example in own])
            for number in range(FOLDS + 1):
                kept = np.flatnonzero(fold != number)
                by_fold[number][lang] = word_layer.fit(rows[kept], labels[kept], weights[kept])
        return cls(tuple(by_fold[:FOLDS]), by_fold[FOLDS])


@dataclass(frozen=True)
class _Encoded:
    """One role's part of an encoder: its vectors, and the layers over them."""

    encoder: Encoder
    folds: encoder_layer.Folds

    @classmethod
    def fit(cls, examples: Sequence[Example], weigh: Callable[[Example], float], encoder: Encoder) -> _Encoded:
        labels = _labels(examples, examples[0].view.role)
        rows, folds = _rows(encoder, examples), _folds(examples)
        return cls(encoder, encoder_layer.Folds.fit(rows, labels, _weights(examples, weigh), folds, FOLDS))

    def scores(self, examples: Sequence[Example]) -> Floats:
        """Their scores by layers that have not seen them."""
        return self.folds.scores(_rows(self.encoder, examples), _folds(examples))


def _rows(encoder: Encoder, examples: Sequence[Example]) -> Floats:
    return of_posts(encoder, [(example.view.text, example.view.answered) for example in examples])


def _folds(examples: Sequence[Example]) -> NDArray[np.int_]:
    return np.array([fold_of(example.place[0]) for example in examples], dtype=np.int_)


@dataclass(frozen=True)
class _Decided:
    model: TrainedModel
    judges: tuple[Learned, ...]
    """For each fold, a model that has not seen it."""
    held_out: Mapping[Role, HeldOut]


def _decide(
    examples: Sequence[Example], words: Mapping[Role, _WordFolds], use: _Use, encoded: Mapping[Role, _Encoded]
) -> _Decided:
    """The decision layers over what the examples look like now."""
    heads: list[dict[Role, Head]] = [{} for _ in range(FOLDS + 1)]
    chosen: dict[str, dict[str, dict[str, float]]] = {lang: {name: {} for name in STRICTNESS} for lang in LANGUAGES}
    held_out: dict[Role, HeldOut] = {}
    for role in ROLES:
        own = _of(examples, role)
        part = _Part(role, own, words[role], use, encoded.get(role))
        chances, calibration = part.held_out()
        held_out[role] = HeldOut(own, chances)
        for number in range(FOLDS + 1):
            heads[number][role] = part.head(number, calibration)
        for lang, names in part.thresholds(chances).items():
            for strictness, values in names.items():
                chosen[lang][strictness].update(values)
    encoder = next((each.encoder for each in encoded.values()), None)
    models = [TrainedModel(head, chosen, encoder=encoder.mark if encoder else None) for head in heads]
    normal = Thresholds({lang: chosen[lang]["normal"] for lang in LANGUAGES})
    return _Decided(models[FOLDS], tuple(Weigher(model, normal, encoder=encoder) for model in models[:FOLDS]), held_out)


class _Part:
    """One role's examples as the inputs of the decision layer, and the layers fitted to them."""

    def __init__(
        self, role: Role, examples: Sequence[Example], words: _WordFolds, use: _Use, encoded: _Encoded | None
    ) -> None:
        self._encoded = encoded
        self._role = role
        self._words = words
        self._weights = _weights(examples, use.weigh)
        self._draws_lines = np.array([use.draws_lines(example) for example in examples], dtype=np.bool_)
        self._labels = _labels(examples, role)
        self._languages = np.array([example.view.lang for example in examples])
        self._fold = np.array([fold_of(example.place[0]) for example in examples])
        self._inputs = _inputs(examples, words)
        if encoded is not None:
            self._inputs = np.concatenate([self._inputs, encoded.scores(examples)], axis=1)
        self._layers = [self._layer(number) for number in range(FOLDS + 1)]

    def _layer(self, left_out: int) -> Layer:
        kept = np.flatnonzero(self._fold != left_out)
        return decision_layer.fit(self._inputs[kept], self._languages[kept], self._labels[kept], self._weights[kept])

    def held_out(self) -> tuple[Doubles, dict[str, Floats]]:
        """Probabilities of all posts by models that had not seen them, and the calibration found on them."""
        raw = np.zeros(self._labels.shape)
        for number in range(FOLDS):
            rows = np.flatnonzero(self._fold == number)
            if not len(rows):
                continue
            raw[rows] = decision_layer.raw_scores(self._layers[number], self._inputs[rows], self._languages[rows])
        calibration: dict[str, Floats] = {}
        for lang in LANGUAGES:
            rows = np.flatnonzero(self._languages == lang)
            chosen = rows[self._draws_lines[rows]]
            calibration[lang] = decision_layer.calibrate(raw[chosen], self._labels[chosen], self._weights[chosen])
            raw[rows] = decision_layer.calibrated(raw[rows], calibration[lang])
        return raw, calibration

    def head(self, left_out: int, calibration: Mapping[str, Floats]) -> Head:
        layer = self._layers[left_out]
        words = self._words.full if left_out == FOLDS else self._words.folds[left_out]
        vectors = self._encoded.folds.layers[left_out] if self._encoded is not None else None
        return Head(words, layer.weights, layer.intercepts, calibration, vectors)

    def thresholds(self, chances: Doubles) -> dict[str, dict[str, dict[str, float]]]:
        found: dict[str, dict[str, dict[str, float]]] = {}
        for lang in LANGUAGES:
            rows = np.flatnonzero((self._languages == lang) & self._draws_lines)
            found[lang] = thresholds.choose(chances[rows], self._labels[rows], LABELS[self._role], self._weights[rows])
        return found


def _inputs(examples: Sequence[Example], words: _WordFolds) -> Doubles:
    scorers = [
        {lang: WordScores(*layers[lang]) for lang in LANGUAGES}  # one per fold
        for layers in words.folds
    ]
    rows = []
    for example in examples:
        view = example.view
        spans = view.spans or (Span(0, len(view.text)),)
        whole, pieces = scorers[fold_of(example.place[0])][view.lang].score(view.text, spans)
        rows.append(layer_input(whole, pieces, view.dense))
    return np.array(rows, dtype=np.float64)
