"""Which model judges: the built-in one, a forum's own, or none; and where each category draws its line."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from modassist.errors import ConfigError, ModelError
from modassist.learned.encoder import Encoder, Remembering, load
from modassist.learned.model_file import LABELS, TrainedModel
from modassist.learned.weigher import Thresholds, Weigher
from modassist.learned.words import WordScores
from modassist.model import LANGUAGES, Role

log = logging.getLogger("modassist")

BUILT_IN = Path(__file__).with_name("builtin.model")
OFF = "off"


def model_path(chosen: str, database: Path | None = None) -> Path | None:
    """The file of the model in force: the chosen one, else the one trained for this database, else the built-in one.

    None where models are switched off.
    """
    if chosen == OFF:
        return None
    if chosen:
        return Path(chosen).expanduser()
    if database is not None and own_model(database).exists():
        return own_model(database)
    return BUILT_IN if BUILT_IN.exists() else None


def encoder_for(model: TrainedModel, path: Path, named: str) -> Encoder | None:
    """The sentence encoder that this model was trained with, not yet loaded; None where it was trained without one.

    `named` is the setting. Raises ModelError where it names no encoder or another one.
    """
    wanted = model.encoder
    if wanted is None:
        if named:
            log.warning("detection.encoder is not used: %s was trained without one (modassist train --encoder)", path)
        return None
    if not named:
        raise ModelError(f"{path}: trained with the sentence encoder {wanted.name}", "name it with detection.encoder")
    found = load(named)
    if found.sha256 != wanted.sha256:
        raise ModelError(
            f"{path}: trained with the sentence encoder {wanted.name} ({wanted.sha256[:8]}), "
            f"detection.encoder is {found.name} ({found.sha256[:8]})",
            "name the same files, or train again: modassist train --encoder",
        )
    return found


def own_model(database: Path) -> Path:
    """Where the model that was trained with a database's verdicts lies."""
    return database.with_name(database.name + ".model")


class Weighers:
    """One trained model, and a weigher for each way of drawing the line: they share the model and its words."""

    def __init__(
        self,
        model: TrainedModel,
        *,
        strictness: str = "normal",
        own: Iterable[tuple[str, float]] = (),
        by_category: Iterable[tuple[int, str]] = (),
        encoder: Encoder | None = None,
    ) -> None:
        """`own` are thresholds by label that come before the model's; `by_category` is strictness by category id,
        `encoder` the one that the model was trained with (`encoder_for`).

        Raises ConfigError for a label that no model knows.
        """
        self.model = model
        self._strictness = strictness
        self._own = dict(own)
        self._by_category = dict(by_category)
        self._made: dict[str, Weigher] = {}
        self._encoder = Remembering(encoder) if encoder is not None else None
        self._words: dict[tuple[Role, str], WordScores] = {}
        unknown = self._own.keys() - set(sum(LABELS.values(), ()))
        if unknown:
            hint = f"known are {', '.join(label for labels in LABELS.values() for label in labels)}"
            raise ConfigError(f"detection.thresholds: no signal is called „{min(unknown)}“", hint)

    @property
    def name(self) -> str:
        """Names the model for reports: when it was trained and from how much."""
        about = self.model.about
        return f"of {about.get('trained', 'unknown date')}, {about.get('threads', '?')} threads"

    def for_category(self, category_id: int | None) -> Weigher:
        """The weigher for threads of this category."""
        strictness = self._by_category.get(category_id or 0, self._strictness)
        if strictness not in self._made:
            by_lang = {lang: {**self.model.thresholds[lang][strictness], **self._own} for lang in LANGUAGES}
            self._made[strictness] = Weigher(self.model, Thresholds(by_lang), self._words, self._encoder)
        return self._made[strictness]
