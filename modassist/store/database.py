"""Opening the SQLite file: private, in WAL mode, of our schema; and transactions on it, with errors a person can mend."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modassist.errors import DiskFull, StoreBusy, StoreError
from modassist.store.migrations import APPLICATION_ID, MIGRATIONS, migrate

BUSY_SECONDS = 15.0
"""How long to wait for another program that is writing."""

_HEADER = b"SQLite format 3\0"
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


class Database:
    """A connection whose faults are StoreErrors."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path = connection, path
        self._depth = 0

    def run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except (sqlite3.Error, OverflowError) as error:
            raise _translated(error, self.path) from error

    def many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        try:
            self._connection.executemany(sql, values)
        except (sqlite3.Error, OverflowError) as error:
            raise _translated(error, self.path) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        cursor = self.run(sql, values)
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise _translated(error, self.path) from error

    def row(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        return next(iter(self.rows(sql, values)), None)

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        row = self.row(sql, values)
        return row[0] if row else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside. May be nested: an inner one that fails undoes its own part alone."""
        name = f"level_{self._depth}"
        self.run(f"SAVEPOINT {name}" if self._depth else "BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._undo(name)
            raise
        self._depth -= 1
        self._keep(name)

    def _undo(self, name: str) -> None:
        # A full disk may have ended the whole transaction already; the first error is the one to report.
        if self._connection.in_transaction:
            self.run(f"ROLLBACK TO {name}" if self._depth else "ROLLBACK")
            if self._depth:
                self.run(f"RELEASE {name}")

    def _keep(self, name: str) -> None:
        try:
            self.run(f"RELEASE {name}" if self._depth else "COMMIT")
        except StoreError:
            self._undo(name)
            raise

    def shrink(self) -> None:
        """Write the file anew without what was deleted, so that it holds no trace of it.

        Raises StoreError while another program reads the database: then old pages may remain, and it has to be
        called again.
        """
        self.run("INSERT INTO post_words(post_words) VALUES ('optimize')")
        self.run("VACUUM")
        row = self.row("PRAGMA wal_checkpoint(TRUNCATE)")
        if row and row[0]:
            hint = "end the other program that uses the database, and run this again"
            raise StoreError(f"{self.path}: deleted, but traces are left in the file while it is being read", hint)

    def close(self) -> None:
        self._connection.close()


def open_database(path: Path, *, read_only: bool = False) -> Database:
    """Open the file, make it if there is none (readable by its owner alone), and bring its schema up to date.

    With `read_only` nothing is written: the file has to be there with the schema of this version. Raises StoreError
    for a folder, a file that is not ours or not SQLite, a newer schema, a place that cannot be read or written.
    """
    _check_file(path, read_only=read_only)
    try:
        connection = _connect(path, read_only=read_only)
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    try:
        _check_schema(connection, path, read_only=read_only)
        _prepare(connection, read_only=read_only)
    except sqlite3.Error as error:
        connection.close()
        raise _translated(error, path) from error
    except BaseException:
        connection.close()
        raise
    return Database(connection, path)


def _check_file(path: Path, *, read_only: bool) -> None:
    try:
        if not path.exists():
            _make_file(path, read_only=read_only)
        if path.is_dir():
            raise StoreError(f"{path} is a folder", "name a file for the database")
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
        if header not in (b"", _HEADER):
            raise StoreError(f"{path} is not a SQLite database", "name another file for the database")
        if not read_only:
            _close_to_others(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened: {error.strerror}", "check the folder and its permissions"
        ) from error


def _make_file(path: Path, *, read_only: bool) -> None:
    if read_only:
        raise StoreError(f"there is no database at {path}", "run `modassist poll` or `modassist import` first")
    # SQLite gives its -wal and -shm files the permissions of the database, so making this one private is enough.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_ONLY))


def _close_to_others(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise StoreError(f"{path} cannot be written", "check its permissions")
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & ~_OWNER_ONLY:
            file.chmod(_OWNER_ONLY)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    # No implicit transactions: those here are begun and ended by name.
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _check_schema(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != APPLICATION_ID:
        raise StoreError(f"{path} is the database of another program", "name another file for the database")
    if version > len(MIGRATIONS):
        found = f"{path} was written by a newer modassist (schema {version}, this one knows {len(MIGRATIONS)})"
        raise StoreError(found, "update modassist")
    if read_only and version < len(MIGRATIONS):
        raise StoreError(f"{path} has an older schema", "run `modassist poll` once to bring it up to date")


def _prepare(connection: sqlite3.Connection, *, read_only: bool) -> None:
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL mode this can lose the last transactions when the power fails, never damage the file; a killed process
    # loses nothing. The cursor is in the same transaction as its posts, so that the next poll brings them again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < len(MIGRATIONS):
        migrate(connection)


def _translated(error: Exception, path: Path) -> StoreError:
    said = str(error)
    if "locked" in said or "busy" in said:
        return StoreBusy(f"{path} is in use", "another modassist is writing; try again when it has ended")
    if "full" in said:
        return DiskFull(f"{path} cannot grow: the disk is full", "make room and run again; what was stored is safe")
    if "readonly" in said or "unable to open" in said:
        return StoreError(f"{path} cannot be written: {said}", "check the permissions of the file and its folder")
    if "malformed" in said or "not a database" in said:
        return StoreError(f"{path} is damaged: {said}", "restore it from a copy, or remove it and poll again")
    return StoreError(f"{path}: {said}")
