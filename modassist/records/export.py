"""Findings out of the store, for spreadsheets and notebooks: JSON Lines, CSV, Parquet.

One row per piece of evidence (a signal without evidence has one row without words), in these columns:

    source, topic_id, title, url             the thread; the source is the forum's address, or the name of an import
    lang, severity, needs_person, judged_at  what was concluded of the thread as a whole
    post_number, username, role, posted_at   the post that shows the signal
    post_lang, signal, score, flagged        what it shows; `flagged` tells of the post
    words, start, end                        the exact words, and where they stand in the post's visible text
    rules                                    what found it, separated by blanks
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from modassist.errors import StoreError
from modassist.records.threads import topic_url
from modassist.store.store import Store

COLUMNS: dict[str, type] = {
    "source": str, "topic_id": int, "title": str, "url": str, "lang": str, "severity": int, "needs_person": bool,
    "judged_at": str, "post_number": int, "username": str, "role": str, "posted_at": str, "post_lang": str,
    "signal": str, "score": float, "flagged": bool, "words": str, "start": int, "end": int, "rules": str,
}  # fmt: skip
FORMATS = ("jsonl", "csv", "parquet")
BATCH = 1000

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(store: Store, format: str, out: BinaryIO) -> int:
    """Write all findings to `out`, and tell how many rows. Constant memory. Raises StoreError, also without pyarrow."""
    writers: dict[str, Callable[[Iterable[list[dict[str, Any]]], BinaryIO], int]] = {
        "jsonl": _write_jsonl,
        "csv": _write_csv,
        "parquet": _write_parquet,
    }
    if format not in writers:
        raise StoreError(f"no such export format: {format}", f"choose one of {', '.join(FORMATS)}")
    return writers[format](_batches(store), out)


def _batches(store: Store) -> Iterator[list[dict[str, Any]]]:
    last = 0
    while rows := store.findings_after(last, BATCH):
        yield [_row(row) for row in rows]
        last = rows[-1]["id"]


def _row(finding: dict[str, Any]) -> dict[str, Any]:
    url = topic_url(finding["source"], finding["slug"], finding["topic_id"])
    plain = finding | {"url": url, "rules": " ".join(json.loads(finding["rules"]))}
    return {name: plain[name] if kind is not bool else bool(plain[name]) for name, kind in COLUMNS.items()}


def _write_jsonl(batches: Iterable[list[dict[str, Any]]], out: BinaryIO) -> int:
    count = 0
    for batch in batches:
        out.writelines(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in batch)
        count += len(batch)
    return count


def _write_csv(batches: Iterable[list[dict[str, Any]]], out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        count = 0
        for batch in batches:
            writer.writerows({name: _harmless(value) for name, value in row.items()} for row in batch)
            count += len(batch)
        return count
    finally:
        text.detach()


def _harmless(value: Any) -> Any:
    """Forum text that a spreadsheet would run as a formula, made text by a leading apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_parquet(batches: Iterable[list[dict[str, Any]]], out: BinaryIO) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise StoreError("Parquet needs the package pyarrow", "pip install 'modassist[parquet]'") from error
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    count = 0
    with pq.ParquetWriter(out, schema) as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count
