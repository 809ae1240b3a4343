"""A sentence encoder as an ONNX file: the same vectors without torch. Its tokenizer lies beside the file or one above."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modassist.errors import ModelError
from modassist.learned.words import Floats

LONGEST = 256
"""Tokens that are read of a text where the folder does not say."""


class OnnxModel:
    """Runs the file; texts to vectors of unit length."""

    def __init__(self, file: Path, folder: Path) -> None:
        """`folder` holds tokenizer.json and, where they are there, sentence-transformers' settings."""
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        options = SessionOptions()
        options.intra_op_num_threads = 1  # more threads wait for each other on texts this short
        self._session = InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(int(_said(folder / "sentence_bert_config.json", "max_seq_length", LONGEST)))
        self._tokenizer.no_padding()
        self._takes_first = bool(_said(folder / "1_Pooling" / "config.json", "pooling_mode_cls_token", False))

    def encode(self, texts: Sequence[str], **ignored: Any) -> Floats:
        """A row per text; called as sentence-transformers' `encode` is.

        One text at a time: batches were half as fast, as every text is padded to the longest one.
        """
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Floats:
        read = self._tokenizer.encode(text)
        known = {"input_ids": read.ids, "attention_mask": read.attention_mask, "token_type_ids": read.type_ids}
        asked = {name: np.array([known[name]], dtype=np.int64) for name in self._inputs}
        tokens = self._session.run(None, asked)[0][0]
        pooled = tokens[0] if self._takes_first else tokens.mean(axis=0)
        return np.asarray(pooled / max(float(np.linalg.norm(pooled)), 1e-12), dtype=np.float32)


def folder_of(file: Path) -> Path:
    """The folder with the file's tokenizer: its own, or the one above. Raises ModelError where neither has one."""
    for folder in (file.parent, file.parent.parent):
        if (folder / "tokenizer.json").exists():
            return folder
    raise ModelError(f"{file}: no tokenizer.json beside it or one folder above", "copy it from where the model is from")


def _said(file: Path, name: str, default: Any) -> Any:
    return json.loads(file.read_text(encoding="utf-8")).get(name, default) if file.exists() else default
