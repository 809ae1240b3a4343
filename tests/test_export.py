"""Findings out of the database, and thread records into it."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modassist.errors import StoreError
from modassist.records.export import COLUMNS, FORMATS, export
from modassist.records.files import BadRecord, Record
from modassist.records.importing import BATCH, ImportReport, import_records
from modassist.store.store import Store, ThreadKey

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
FORUM = "https://forum.example.com"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "modassist.db") as opened:
        yield opened


def record(key: int = 1, **fields: Any) -> dict[str, Any]:
    posts = [
        {"post_number": n, "username": f"u{n}", "created_at": "2026-03-01T08:00:00Z", "cooked": "x"} for n in (1, 2)
    ]
    return {"id": key, "title": "Ausfall", "slug": "ausfall", "posts": posts} | fields


def with_findings(store: Store, key: int = 1, words: str = "Stimmt nicht", title: str = "Ausfall") -> None:
    store.save_topic(record(key, title=title), source=FORUM, seen_at=NOON)
    pieces = [{"text": words, "start": 0, "end": len(words)}, {"text": "nein", "start": 20, "end": 24}]
    signals = [
        {"signal": "contradiction", "score": 0.97, "evidence": pieces, "by": ["rule:de/contradiction/denial", "model"]},
        {"signal": "non_answer", "score": 0.6, "evidence": []},
    ]
    post = {"post_number": 2, "username": "u2", "role": "staff", "created_at": "2026-03-01T08:00:00Z", "lang": "de"}
    result = {
        "topic_id": key, "title": title, "url": "", "lang": "de", "judged_at": "2026-03-05T12:00:00Z", "states": [],
        "posts": [post | {"flagged": True, "signals": signals}], "severity": {"score": 72, "addends": []},
        "escalation": {},
    }  # fmt: skip
    store.save_analysis(ThreadKey(FORUM, key), result, analysis_version="1")


def written(store: Store, kind: str) -> bytes:
    out = io.BytesIO()
    export(store, kind, out)
    return out.getvalue()


FIRST = {
    "source": FORUM, "topic_id": 1, "title": "Ausfall", "url": f"{FORUM}/t/ausfall/1", "lang": "de", "severity": 72,
    "needs_person": True, "judged_at": "2026-03-05T12:00:00Z", "post_number": 2, "username": "u2", "role": "staff",
    "posted_at": "2026-03-01T08:00:00Z", "post_lang": "de", "signal": "contradiction", "score": 0.97, "flagged": True,
    "words": "Stimmt nicht", "start": 0, "end": 12, "rules": "rule:de/contradiction/denial model",
}  # fmt: skip


def test_json_lines_have_one_object_per_piece_of_evidence(store: Store) -> None:
    with_findings(store)
    rows = [json.loads(line) for line in written(store, "jsonl").splitlines()]
    assert rows[0] == FIRST
    assert [(row["signal"], row["words"]) for row in rows[1:]] == [("contradiction", "nein"), ("non_answer", None)]


def test_csv_has_the_same_columns_and_rows(store: Store) -> None:
    with_findings(store)
    rows = list(csv.DictReader(io.StringIO(written(store, "csv").decode(), newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0] == {name: str(value) for name, value in FIRST.items()}
    assert rows[2]["words"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_no_cell_of_a_spreadsheet_is_a_formula(store: Store, start: str) -> None:
    with_findings(store, words=f"{start}HYPERLINK(1)", title=f"{start}1+1")
    row = next(csv.DictReader(io.StringIO(written(store, "csv").decode(), newline="")))
    assert (row["words"], row["title"]) == (f"'{start}HYPERLINK(1)", f"'{start}1+1")
    assert row["score"] == "0.97"


@pytest.mark.extras
def test_parquet_keeps_the_types(store: Store) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with_findings(store)
    rows = parquet.read_table(io.BytesIO(written(store, "parquet"))).to_pylist()
    assert rows == [json.loads(line) for line in written(store, "jsonl").splitlines()]


def test_without_pyarrow_the_error_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StoreError, match=r"needs the package pyarrow \(pip install"):
        written(store, "parquet")


def test_an_unknown_format_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no such export format: xls"):
        written(store, "xls")


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "parquet"])
def test_an_empty_database_exports_no_rows_and_the_stream_stays_open(store: Store, kind: str) -> None:
    out = io.BytesIO()
    assert export(store, kind, out) == 0
    assert not out.closed


def test_all_batches_are_exported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modassist.records.export.BATCH", 2)
    for key in (1, 2, 3):
        with_findings(store, key)
    assert [json.loads(line)["topic_id"] for line in written(store, "jsonl").splitlines()] == [
        1,
        1,
        1,
        2,
        2,
        2,
        3,
        3,
        3,
    ]


# -- import


def imported(store: Store, *found: Record | BadRecord) -> tuple[ImportReport, list[str], list[int]]:
    bad: list[str] = []
    met: list[int] = []
    report = import_records(
        store, found, source="archive", seen_at=NOON, on_bad=lambda one: bad.append(str(one)), on_progress=met.append
    )
    return report, bad, met


def test_good_records_are_stored_and_bad_ones_told_with_their_place(store: Store) -> None:
    report, bad, met = imported(
        store,
        Record("f:1", record(1)),
        BadRecord("f:2", "is not JSON"),
        Record("f:3", {"id": 3}),
        Record("f:4", record(4)),
    )
    assert report == ImportReport(threads=2, posts_new=4, posts_changed=0, bad=2)
    assert bad == ["f:2: is not JSON", "f:3: posts is missing (a thread record carries its posts as a list)"]
    assert met == [4]
    assert store.topic_ids("archive") == [1, 4]


def test_importing_twice_changes_nothing(store: Store) -> None:
    imported(store, Record("f:1", record(1)))
    assert imported(store, Record("f:1", record(1)))[0] == ImportReport(threads=1)


def test_progress_is_told_once_per_batch(store: Store) -> None:
    assert imported(store, *[Record("f", record(1))] * (BATCH + 1))[2] == [BATCH, BATCH + 1]


def test_a_reader_that_fails_half_way_keeps_the_whole_batches(store: Store) -> None:
    def reader() -> Iterator[Record]:
        for key in range(BATCH + 1):
            yield Record(f"f:{key}", record(key + 1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_records(store, reader(), source="archive", seen_at=NOON, on_bad=print)
    assert store.counts()["threads"] == BATCH
