"""One program at a time: a lock on a file beside the database, which the system takes back when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modassist.errors import StoreBusy, StoreError


@contextmanager
def locked(database: Path, purpose: str, note: str = "") -> Iterator[None]:
    """Hold `purpose` ("alerts", "run") on this database. Raises StoreBusy, naming the process, where another has it.

    `note` is a few words that others are told about the holder, such as since when it runs. The file stays: removing it
    would let two programs hold locks on two files of the same name.
    """
    path = _path(database, purpose)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}", "check the folder's permissions") from error
    try:
        if not _take(descriptor):
            raise StoreBusy(f"{_said(descriptor)} is at it already ({path.name})", "let it end, or end it first")
        _say(descriptor, f"{os.getpid()} {note}".strip())
        yield
    finally:
        os.close(descriptor)


def holder(database: Path, purpose: str) -> str:
    """Who holds `purpose` on this database now: "process 4711, since …"; empty where nobody does."""
    path = _path(database, purpose)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return ""
    try:
        return "" if _take(descriptor) else _said(descriptor)
    finally:
        os.close(descriptor)


def _path(database: Path, purpose: str) -> Path:
    return Path(f"{database}.{purpose}.lock")


def _say(descriptor: int, text: str) -> None:
    if hasattr(os, "pwrite"):  # where a locked file cannot be written by position, the process stays unknown
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{text}\n".encode(), 0)


def _said(descriptor: int) -> str:
    """What the holder wrote, as far as it is readable. Another program may be writing it at this moment."""
    try:
        text = os.read(descriptor, 200).decode("ascii", "replace")
    except OSError:  # Windows locks the bytes themselves
        text = ""
    number, _, note = "".join(mark for mark in text if mark.isprintable()).partition(" ")
    return f"process {number or 'of unknown number'}{f', {note}' if note else ''}"


def _take(descriptor: int) -> bool:
    """Lock the file without waiting."""
    try:
        import fcntl
    except ImportError:
        return _take_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _take_on_windows(descriptor: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True
