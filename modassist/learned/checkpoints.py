"""Which checkpoint of detoxify is loaded, and the hash that it must have: a checkpoint is a pickle, and could run code.

The published files bear the first eight digits of their SHA-256 in their names, as torch.hub has it. Eight digits keep
out a broken download and a chance mix-up, not somebody who takes pains; `detection.toxicity_sha256` pins all 64. Of
`original` the whole hash is known here (as other projects state it; it begins as the name says).
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modassist.errors import ConfigError, ModelError

log = logging.getLogger("modassist")

WHOLE = 64
"""Digits of a SHA-256 in hexadecimal."""
_RELEASES = "https://github.com/unitaryai/detoxify/releases/download/"
_PIECE = 1 << 20
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint of a detoxify release. `pin` is as much of its SHA-256 as is known."""

    url: str
    pin: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


PUBLISHED = {
    "original": Published(
        _RELEASES + "v0.1-alpha/toxic_original-c1212f89.ckpt",
        "c1212f89ac23307ab33932ce29dc446a6e030fb3f384a500890bbe662b7b544a",
    ),
    "unbiased": Published(_RELEASES + "v0.3-alpha/toxic_debiased-c7548aa0.ckpt", "c7548aa0"),
    "multilingual": Published(_RELEASES + "v0.4-alpha/multilingual_debiased-0b549669.ckpt", "0b549669"),
}


@dataclass(frozen=True, slots=True)
class Pinned:
    """A checkpoint file and the beginning of the SHA-256 that it must have; `url` says whence it may be fetched."""

    file: Path
    pin: str
    url: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all digits are pinned."""
        return len(self.pin) == WHOLE


def pinned(kind: str, file: Path | None, sha256: str) -> Pinned:
    """The checkpoint that the settings mean: a file of the user's own, else the release's in torch.hub's folder.

    Raises ConfigError where nothing says which hash the file must have. Touches no file.
    """
    published = PUBLISHED[kind]
    if file is None:
        return Pinned(_hub_folder() / published.name, sha256 or published.pin, published.url)
    if sha256:
        return Pinned(file, sha256)
    if file.name != published.name:
        raise ConfigError(
            f"detection.toxicity_checkpoint = {file.name}: not the release's {published.name}, and its hash is not known",
            "set detection.toxicity_sha256 to all 64 digits, if you trust where the file came from",
        )
    return Pinned(file, published.pin)


def _hub_folder() -> Path:
    """Where torch.hub keeps what it downloads, found without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser() / "hub" / "checkpoints"


def check(handle: BinaryIO, wanted: Pinned) -> None:
    """Raises ModelError where the open file is not the pinned one; else it stands at its beginning again."""
    sums = hashlib.sha256()
    while piece := handle.read(_PIECE):
        sums.update(piece)
    handle.seek(0)
    if not sums.hexdigest().startswith(wanted.pin):
        raise ModelError(
            f"{wanted.file}: its sha256 begins {sums.hexdigest()[:8]}, not {wanted.pin[:8]}: it is not loaded",
            "a checkpoint could run code; delete the file and fetch it again, or see detection.toxicity_sha256",
        )


def fetch(wanted: Pinned) -> None:
    """Downloads the checkpoint into its place, if its hash is right. Raises ModelError where that fails."""
    from urllib.request import urlopen  # here, so that every other run starts without it

    log.warning("fetching %s, some hundred megabytes, once", wanted.url)
    wanted.file.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=wanted.file.parent)
    try:
        with os.fdopen(number, "w+b") as part, urlopen(wanted.url, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 -- an address of the table above
            while piece := answer.read(_PIECE):
                part.write(piece)
            part.seek(0)
            check(part, wanted)
        Path(name).replace(wanted.file)
    except OSError as fault:
        hint = "fetch it elsewhere and name it with detection.toxicity_checkpoint"
        raise ModelError(f"{wanted.url}: cannot be fetched: {fault}", hint) from fault
    finally:
        Path(name).unlink(missing_ok=True)
