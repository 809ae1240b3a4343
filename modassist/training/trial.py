"""A training with a forum's verdicts, and whether its model may take the place of the one in use.

Both are asked where neither has learnt: on the forum's held-out verdicts, and on the folds of the corpora that were
held out while training. The corpora are trained once without the verdicts for that; the result is kept in the model,
so that the next trial need not do it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from modassist.errors import ModelError
from modassist.judging.detectors import Detectors
from modassist.learned.encoder import Encoder
from modassist.learned.model_file import TrainedModel
from modassist.training import verdicts
from modassist.training.compare import CHANCE, Flags, alarms, on_corpora, on_threads
from modassist.training.examples import LabelledThread
from modassist.training.fit import Fitted, Progress, fit

FEWEST, FEWEST_HELD_OUT = 20, 4
"""Verdicts on staff replies without which nothing is learnt, and without which nothing can be compared."""

DetectorsFor = Callable[[int | None], Detectors]
"""What judges a thread of this category."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a training stands on: corpora, rules without a model, and what the model is told about itself."""

    corpora: Sequence[LabelledThread]
    detectors: Detectors
    about: Mapping[str, Any]
    """`trained` (a day) and `corpora` (a digest, see `digest_of`; with an encoder its hash too)."""
    progress: Progress
    encoder: Encoder | None = None
    """A sentence encoder whose vectors are weighed too."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a training on the corpora alone flags where it has not learnt, and how often by language."""

    flags: Flags
    alarms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """The new model beside the one in use: on held-out verdicts, and on the corpora."""

    model: TrainedModel
    held_out_before: Flags
    held_out_after: Flags
    corpora_before: Flags
    corpora_after: Flags

    @property
    def is_won(self) -> bool:
        """Whether the new model loses nowhere."""
        return not (
            self.held_out_after.loses_to(self.held_out_before)
            or self.corpora_after.loses_to(self.corpora_before, CHANCE)
        )


def digest_of(files: Sequence[Path]) -> str:
    """Names the content of these files."""
    sums = blake2b(digest_size=8)
    for file in files:
        content = file.read_bytes()
        sums.update(len(content).to_bytes(8, "big") + content)
    return sums.hexdigest()


def plain(ground: Ground) -> tuple[TrainedModel, Reference]:
    """A model from the corpora alone, with its held-out flags."""
    fitted = fit(ground.corpora, ground.detectors, about={}, progress=ground.progress, encoder=ground.encoder)
    names = [thread.name for thread in ground.corpora]
    given = alarms(fitted, names)
    reference = Reference(on_corpora(fitted, names, given), given)
    return _told(fitted, ground, reference, verdicts=0), reference


def attempt(
    ground: Ground,
    judged: Sequence[LabelledThread],
    *,
    in_use: DetectorsFor,
    with_model: Callable[[TrainedModel], DetectorsFor],
    known: Mapping[str, Any],
) -> Trial:
    """Trains with the verdicts and compares. `known` is what the model in use tells about itself.

    Raises ModelError where there are too few verdicts to learn from or to compare by.
    """
    parts = verdicts.part(judged)
    _check(parts)
    reference = _known(known, ground) or plain(ground)[1]
    threads = [*ground.corpora, *parts.learning]
    fitted = fit(
        threads,
        ground.detectors,
        about={},
        weigh=verdicts.weight,
        draws_lines=lambda example: not verdicts.is_verdict(example),
        progress=ground.progress,
        encoder=ground.encoder,
    )
    given = verdicts.judged_replies(parts.learning)
    model = _told(fitted, ground, reference, verdicts=given)
    return Trial(
        model=model,
        held_out_before=on_threads(parts.held_out, in_use),
        held_out_after=on_threads(parts.held_out, with_model(model)),
        corpora_before=reference.flags,
        corpora_after=on_corpora(fitted, [thread.name for thread in ground.corpora], reference.alarms),
    )


def _check(parts: verdicts.Parts) -> None:
    learning, held_out = map(verdicts.judged_replies, (parts.learning, parts.held_out))
    if learning + held_out < FEWEST:
        found = f"{learning + held_out} staff replies have a verdict, {FEWEST} are needed"
        raise ModelError(found, "modassist review asks for more; 60 are a good beginning")
    if held_out < FEWEST_HELD_OUT:
        found = f"only {held_out} of the verdicts are on threads that are held out, {FEWEST_HELD_OUT} are needed"
        raise ModelError(found, "every fourth thread or so is held out; modassist review asks about more threads")


def _known(known: Mapping[str, Any], ground: Ground) -> Reference | None:
    """What an earlier training on the same corpora by the same rules found."""
    if known.get("corpora") != ground.about.get("corpora") or not isinstance(known.get("plain"), dict):
        return None
    return Reference(Flags(**known["plain"]["flags"]), known["plain"]["alarms"])


def _told(fitted: Fitted, ground: Ground, reference: Reference, *, verdicts: int) -> TrainedModel:
    about = {**ground.about, "threads": len(ground.corpora), "verdicts": verdicts, "plain": asdict(reference)}
    return replace(fitted.model, about=about)
