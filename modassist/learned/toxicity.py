"""detoxify behind one function: how insulting a text is, in the languages that its model learnt. An optional extra.

Nothing heavy is imported before the first text is scored. The checkpoint is checked against its pinned hash through
the very handle it is read from, and read as weights alone; what is more than weights is loaded only where all digits
of its hash are pinned. detoxify's own code then loads it and judges.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from modassist.errors import ModelError
from modassist.judging.findings import PRESENT
from modassist.learned.checkpoints import Pinned, check, fetch, pinned
from modassist.text.own_words import sentences

LANGUAGES_OF = {
    "original": frozenset({"en"}),
    "unbiased": frozenset({"en"}),
    "multilingual": frozenset({"en", "fr", "es", "it", "pt", "tr", "ru"}),
}
"""What each model was trained on, as detoxify's documentation says; it asks not to be used on anything else."""

INSULTING = ("insult", "threat", "identity_attack")
"""Classes that are abuse of people. Rudeness and obscenity alone are not: much of it is aimed at a broken product."""

LONGEST = 1500
"""Characters that are scored at once: about what the model reads before it cuts off."""

_OFFLINE = "without the hub, config.json and the tokenizer's files must lie beside the checkpoint"
_MISSING = "pip install 'modassist[toxicity]', or set detection.toxicity to off"


@dataclass(frozen=True)
class Detoxify:
    """A detoxify model that loads when it is first asked."""

    kind: str
    checkpoint: Pinned
    present: float = PRESENT
    """The score from which on `abuse` is there."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages in which it may be asked."""
        return LANGUAGES_OF[self.kind]

    def score(self, text: str) -> float:
        """How surely the text insults or threatens somebody, 0..1: of a long one, its worst passage.

        Raises ModelError where the checkpoint cannot be used.
        """
        return max((self._of(piece) for piece in _pieces(text)), default=0.0)

    def _of(self, text: str) -> float:
        classes: dict[str, Any] = self._model.predict(text)
        return max(float(classes.get(name, 0.0)) for name in INSULTING)

    @cached_property
    def _model(self) -> Any:
        if not self.checkpoint.file.exists() and self.checkpoint.url:
            fetch(self.checkpoint)
        try:
            with self.checkpoint.file.open("rb") as handle:
                check(handle, self.checkpoint)
                return _loaded(handle, self.checkpoint)
        except OSError as fault:
            raise ModelError(f"{self.checkpoint.file}: cannot be used: {_brief(fault)}", _OFFLINE) from fault


def load(kind: str, checkpoint: Path | None = None, sha256: str = "", present: float = PRESENT) -> Detoxify | None:
    """The model that the settings mean, not yet loaded; None where it is off.

    Raises ConfigError for a checkpoint that nothing pins, ModelError where the extra or the named file is missing.
    """
    if kind == "off":
        return None
    wanted = pinned(kind, checkpoint, sha256)
    if find_spec("detoxify") is None:
        raise ModelError(f"detection.toxicity = {kind}: detoxify is not installed", _MISSING)
    if checkpoint is not None and not checkpoint.is_file():
        raise ModelError(f"detection.toxicity_checkpoint = {checkpoint}: no such file")
    return Detoxify(kind, wanted, present)


def _pieces(text: str) -> list[str]:
    """The text in passages of at most LONGEST characters, cut between sentences where there are any."""
    pieces: list[str] = []
    begin = end = 0
    for span in sentences(text) if len(text) > LONGEST else ():
        if span.end - begin > LONGEST:
            pieces += [text[at : min(at + LONGEST, end)] for at in range(begin, end, LONGEST)]
            begin = end
        end = span.end
    pieces += [text[at : at + LONGEST] for at in range(begin, len(text), LONGEST)]
    return [piece for piece in pieces if piece.strip()]


def _loaded(handle: BinaryIO, wanted: Pinned) -> Any:
    """detoxify's model out of the checked file. Raises ModelError for what is no checkpoint of detoxify."""
    import torch
    from detoxify import Detoxify as Model
    from transformers.utils import logging as its_messages

    its_messages.set_verbosity_error()
    its_messages.disable_progress_bar()
    try:
        content = _read(torch, handle, wanted)
        folder = wanted.file.parent
        if (folder / "config.json").exists():
            # A local folder as the model's own `model_type` is what keeps detoxify from asking the hub.
            content["config"]["arch"]["args"]["model_type"] = str(folder.resolve())
        copy = io.BytesIO()
        torch.save(content, copy)
        copy.seek(0)
        return Model(checkpoint=copy)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as fault:
        raise ModelError(f"{wanted.file}: no checkpoint of detoxify: {_brief(fault)}", _OFFLINE) from fault


def _read(torch: Any, handle: BinaryIO, wanted: Pinned) -> Any:
    try:
        return torch.load(handle, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        if not wanted.is_whole:
            raise ModelError(
                f"{wanted.file}: holds more than weights, and only {len(wanted.pin)} digits of its sha256 are known",
                "set detection.toxicity_sha256 to all 64, if you trust where the file came from",
            ) from fault
        handle.seek(0)
        return torch.load(handle, map_location="cpu", weights_only=False)


def _brief(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:160]
