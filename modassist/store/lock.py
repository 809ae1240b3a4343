"""One program at a time: a lock on a file beside the database, which the system takes back when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modassist.errors import StoreError


@contextmanager
def locked(database: Path, purpose: str) -> Iterator[None]:
    """Hold `purpose` ("alerts", "run") on this database. Raises StoreError, naming the process, where another has it.

    The file stays: removing it would let two programs hold locks on two files of the same name.
    """
    path = Path(f"{database}.{purpose}.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}", "check the folder's permissions") from error
    try:
        if not _take(descriptor):
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "of unknown number"
            raise StoreError(f"process {holder} is at it already ({path.name})", "let it end, or end it first")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0) if hasattr(os, "pwrite") else None
        yield
    finally:
        os.close(descriptor)


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
