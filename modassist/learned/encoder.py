"""A sentence encoder beside the words: posts as vectors. An optional extra, named in the settings.

It is a folder as sentence-transformers writes them, the name of one on the Hugging Face hub, or an ONNX file; weights
are never read from a pickle, and no code of the model's own is run. Nothing heavy is imported before the
first text is encoded. What a model was trained with is known by the hash of the encoder's files, not by its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from modassist.errors import ModelError
from modassist.learned.encoder_onnx import OnnxModel, folder_of
from modassist.learned.model_file import EncoderMark
from modassist.learned.words import Floats

MULTILINGUAL = "multilingual"
"""The setting that means the usual encoder for many languages."""
USUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"

KEPT = 4096
"""Vectors that are kept: a claim is met again as what the reply answers, and some threads are read twice."""

_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
"""Files of a hub repository that are fetched: no pickle, and none of the other forms of the same weights."""


class Encoder(Protocol):
    """What turns texts into vectors."""

    @property
    def mark(self) -> EncoderMark: ...

    def vectors(self, texts: Sequence[str]) -> Floats:
        """A row of unit length per text, (texts, dimension); zeros for a text without words."""
        ...


@dataclass
class LocalEncoder:
    """The encoder in a folder, or in an ONNX file with its folder; loads when it is first asked."""

    name: str
    folder: Path
    onnx: Path | None = None

    @cached_property
    def sha256(self) -> str:
        """The hash of configuration, vocabulary and weights; no model is loaded for it."""
        sums = hashlib.sha256()
        for file in [*sorted(_files(self.folder)), *filter(None, [self.onnx])]:
            sums.update(file.name.encode())
            with file.open("rb") as handle:
                sums.update(hashlib.file_digest(handle, "sha256").digest())
        return sums.hexdigest()

    @cached_property
    def mark(self) -> EncoderMark:
        """Loads the model."""
        return EncoderMark(self.name, len(self._encode(["?"])[0]), self.sha256)

    def vectors(self, texts: Sequence[str]) -> Floats:
        """As `Encoder` has it. Raises ModelError where there is no encoder that can be used."""
        found = np.zeros((len(texts), self.mark.dimension), dtype=np.float32)
        spoken = [number for number, text in enumerate(texts) if text.strip()]
        if spoken:
            found[spoken] = self._encode([texts[number] for number in spoken])
        return found

    def _encode(self, texts: Sequence[str]) -> Floats:
        found: Any = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    @cached_property
    def _model(self) -> Any:
        try:
            return OnnxModel(self.onnx, self.folder) if self.onnx is not None else _sentence_transformer(self.folder)
        except Exception as fault:  # whatever its makers' libraries raise: it is the named model that is at fault
            hint = "a folder as sentence-transformers saves it, with model.safetensors, or an ONNX file is wanted"
            raise ModelError(
                f"{self.onnx or self.folder}: cannot be used as a sentence encoder: {_brief(fault)}", hint
            ) from fault


def _sentence_transformer(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as its_messages

    its_messages.set_verbosity_error()
    its_messages.disable_progress_bar()
    return SentenceTransformer(
        str(folder),
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )


class Remembering:
    """An encoder that remembers its last vectors: `most` of them."""

    def __init__(self, encoder: Encoder, most: int = KEPT) -> None:
        self._encoder, self._most = encoder, most
        self._kept: dict[str, Floats] = {}

    @property
    def mark(self) -> EncoderMark:
        return self._encoder.mark

    def vectors(self, texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if len(self._kept) + len(new) > self._most:
            new = list(dict.fromkeys(texts))
            self._kept.clear()
        if new:
            self._kept.update(zip(new, self._encoder.vectors(new), strict=True))
        return np.stack([self._kept[text] for text in texts])


def load(named: str) -> LocalEncoder:
    """The encoder in a folder, in an ONNX file or of the hub, not yet loaded; what the hub has is fetched once.

    Raises ModelError where the extra is missing, or nothing of that name is found.
    """
    path = Path(named).expanduser()
    wants = "onnxruntime" if path.suffix == ".onnx" else "sentence_transformers"
    if find_spec(wants) is None:
        extra = "encoder-onnx" if path.suffix == ".onnx" else "encoder"
        hint = f"pip install 'modassist[{extra}]', or leave detection.encoder empty"
        raise ModelError(f"detection.encoder = {named}: {wants} is not installed", hint)
    if path.suffix == ".onnx" and path.is_file():
        folder = folder_of(path)
        return LocalEncoder(f"{folder.resolve().name}/{path.name}", folder, path)
    if path.is_dir():
        return LocalEncoder(path.resolve().name, path)
    if path.suffix == ".onnx" or named.startswith((".", "~", "/")):
        raise ModelError(f"detection.encoder = {named}: no such file or folder")
    name = USUAL if named == MULTILINGUAL else named
    return LocalEncoder(name, _from_hub(name))


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = list(_WANTED)
    try:
        try:
            return Path(snapshot_download(name, local_files_only=True, allow_patterns=wanted))
        except FileNotFoundError:
            return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as fault:  # no network, no such name, a proxy's page: the way out is the same
        hint = "fetch it on another machine and name its folder"
        raise ModelError(f"detection.encoder = {name}: the hub did not give it: {_brief(fault)}", hint) from fault


def _brief(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:160]


def _files(folder: Path) -> Iterator[Path]:
    """The files beside the weights that vectors depend on, and the weights."""
    for pattern in _WANTED:
        yield from (file for file in folder.rglob(pattern) if file.is_file())


def together(reply: Floats, claim: Floats) -> Floats:
    """What a head weighs of posts and of what they answer, (posts, row): both, and how alike they are."""
    return np.concatenate([reply, claim, (reply * claim).sum(axis=1, keepdims=True)], axis=1)


def of_posts(encoder: Encoder, pairs: Sequence[tuple[str, str]]) -> Floats:
    """Rows of `together` for pairs of a text and the text it answers."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    found = dict(zip(texts, encoder.vectors(texts), strict=True))
    return together(np.stack([found[text] for text, _ in pairs]), np.stack([found[text] for _, text in pairs]))


def encoder_scores(layer: tuple[Floats, Floats], rows: Floats) -> Floats:
    """What the decision sees of such rows, (posts, labels + 1): a score a label, and the likeness."""
    weights, intercepts = layer
    return np.concatenate([rows @ weights + intercepts, rows[:, -1:]], axis=1)
