"""Thread records from files -> store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from modassist.errors import RecordError
from modassist.records.files import BadRecord, Record
from modassist.store.store import Store

BATCH = 200
"""Records in one transaction: a kill loses at most so many, and running again stores them."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `bad` counts pieces that were no records, or records that could not be read."""

    threads: int = 0
    posts_new: int = 0
    posts_changed: int = 0
    bad: int = 0


def import_records(
    store: Store,
    found: Iterable[Record | BadRecord],
    *,
    source: str,
    seen_at: datetime,
    on_bad: Callable[[BadRecord], None],
    on_progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Store these records as threads of `source`. Bad ones are handed to `on_bad`, the others are stored all the same.

    `on_progress` gets the number of records met so far, once per batch. Doing it twice changes nothing.
    Raises StoreError.
    """
    report, met, pieces = ImportReport(), 0, iter(found)
    while batch := list(islice(pieces, BATCH)):
        with store.transaction():
            for piece in batch:
                report = _plus(report, _import_one(store, piece, source, seen_at, on_bad))
        met += len(batch)
        if on_progress:
            on_progress(met)
    return report


def _import_one(
    store: Store, piece: Record | BadRecord, source: str, seen_at: datetime, on_bad: Callable[[BadRecord], None]
) -> ImportReport:
    if isinstance(piece, BadRecord):
        on_bad(piece)
        return ImportReport(bad=1)
    try:
        saved = store.save_topic(piece.data, source=source, seen_at=seen_at, place=piece.place)
    except RecordError as error:
        on_bad(BadRecord(piece.place, error.message.removeprefix(f"{piece.place}: "), error.hint))
        return ImportReport(bad=1)
    return ImportReport(threads=1, posts_new=saved.new, posts_changed=saved.changed)


def _plus(one: ImportReport, other: ImportReport) -> ImportReport:
    return ImportReport(
        one.threads + other.threads,
        one.posts_new + other.posts_new,
        one.posts_changed + other.posts_changed,
        one.bad + other.bad,
    )
