"""What was made of rule packs, kept in the user's cache folder between two runs. Nothing of a forum is ever in it.

What is kept is named by everything that it was made of, the program too, so it is never out of date. A folder that
cannot be written, or a damaged file, costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import platformdirs

T = TypeVar("T")

MOST = 4
"""So many of one kind are kept: for the packs as they are, as they were, and for another forum's."""
_SOURCES = Path(__file__).resolve().parent


class Shelf:
    """A folder with files by kind and digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, kind: str, digest: str, read: Callable[[bytes], T]) -> T | None:
        """What `read` makes of the content that was kept; None where there is none that is sound."""
        try:
            return read(zlib.decompress(self._path(kind, digest).read_bytes()))
        except (OSError, zlib.error, ValueError, LookupError, TypeError):
            return None

    def keep(self, kind: str, digest: str, content: bytes) -> None:
        """Keeps the content, if the folder can be written; the oldest of its kind go."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._path(kind, digest), zlib.compress(content, 1))
            kept = sorted(self._folder.glob(f"{kind}-*.plan"), key=lambda path: path.stat().st_mtime, reverse=True)
            for old in kept[MOST:]:
                old.unlink(missing_ok=True)

    def _path(self, kind: str, digest: str) -> Path:
        return self._folder / f"{kind}-{digest}.plan"


def of_user() -> Shelf | None:
    """The shelf in the user's cache folder (`XDG_CACHE_HOME/modassist` where there is such a thing).

    None for an account without a home, as a container may have it.
    """
    try:
        folder = platformdirs.user_cache_path("modassist")
    except RuntimeError:  # so says platformdirs today; earlier releases name a folder called `~` in the current one
        return None
    return Shelf(folder) if folder.is_absolute() else None


def digest_of(parts: Iterable[object]) -> str:
    """A name for what is made of these parts by this very program."""
    told = hashlib.sha256(_program())
    for part in parts:
        told.update(repr(part).encode("utf-8", "surrogatepass"))
    return told.hexdigest()[:32]


@cache
def _program() -> bytes:
    """The digest of the modules that read rule packs."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_SOURCES.glob("*.py")))).digest()


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, whoever else writes the same at the same time. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
