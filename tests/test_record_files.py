"""Files of thread records: every packing and layout, and what is said where a piece is bad."""

from __future__ import annotations

import gzip
import io
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from modassist.records.files import BadRecord, Record, read_records

THREE: list[dict[str, Any]] = [{"id": 1, "title": "Grüße, [ja] {nein}"}, {"id": 2, "posts": []}, {"id": 3, "t": 'a"\\'}]


def lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def read(content: bytes, name: str = "file.jsonl") -> list[Record | BadRecord]:
    return list(read_records(io.BytesIO(content), name))


def data_of(found: list[Record | BadRecord]) -> list[dict[str, Any]]:
    return [item.data for item in found if isinstance(item, Record)]


def faults_of(found: list[Record | BadRecord]) -> list[str]:
    return [str(item) for item in found if isinstance(item, BadRecord)]


LAYOUTS = {
    "lines": lines(THREE),
    "lines with CRLF, blank lines and no end": lines(THREE).replace(b"\n", b"\r\n\r\n").rstrip(),
    "byte order mark": b"\xef\xbb\xbf" + lines(THREE),
    "blank lines first": b"\n  \n" + lines(THREE),
    "array": json.dumps(THREE).encode(),
    "indented array": json.dumps(THREE, indent=2, ensure_ascii=False).encode() + b"\n",
    "array, one record a line": b"[\n" + b",\n".join(lines([record]).strip() for record in THREE) + b"\n]\n",
    "indented objects one after the other": b"\n".join(json.dumps(record, indent=1).encode() for record in THREE),
}


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gz", "zst"]
)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_and_packing_gives_the_same_records(layout: bytes, pack: Any) -> None:
    assert data_of(read(pack(layout))) == THREE
    assert faults_of(read(pack(layout))) == []


def test_a_single_object_is_one_record_in_one_line_or_in_many() -> None:
    assert data_of(read(json.dumps(THREE[0]).encode())) == THREE[:1]
    assert data_of(read(json.dumps(THREE[0], indent=4).encode())) == THREE[:1]


def test_packed_files_joined_end_to_end_are_read_to_the_end() -> None:
    for pack in (gzip.compress, zstandard.ZstdCompressor().compress):
        assert data_of(read(pack(lines(THREE[:1])) + pack(lines(THREE[1:])))) == THREE


def test_the_place_is_file_and_line() -> None:
    assert [item.place for item in read(b"\n" + lines(THREE))] == ["file.jsonl:2", "file.jsonl:3", "file.jsonl:4"]


def test_the_place_in_an_array_is_the_number_of_the_record() -> None:
    assert [item.place for item in read(LAYOUTS["array"], "a.json")] == [f"a.json, record {n}" for n in (1, 2, 3)]


def test_a_path_is_named_as_given_and_a_dash_is_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "threads.jsonl.gz"
    path.write_bytes(gzip.compress(lines(THREE)))
    assert next(item.place for item in read_records(path, "threads")) == "threads:1"
    assert data_of(list(read_records(path))) == THREE
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert data_of(list(read_records(Path("-"), "-"))) == THREE


def test_a_stream_that_was_given_stays_open() -> None:
    stream = io.BytesIO(lines(THREE))
    list(read_records(stream, "x"))
    assert not stream.closed


BAD_LINES = {
    b'{"id": 2, "title": ': "is not JSON: Expecting value",
    b"[1, 2]": "is a list, not an object",
    b'"text"': "is a text, not an object",
    b"null": "is null, not an object",
    b"12": "is a number, not an object",
    b'{"id": \xff}': "is not text in UTF-8",
    b"<!DOCTYPE html>": "is HTML, not JSON",
    b'{"id": 2}{"id": 3}': "is not JSON: Extra data",
    b"[" * 100_000: "is not readable JSON",
    b'{"id": ' + b"9" * 5000 + b"}": "is not readable JSON",
}


PLACES = [(line, at) for line in BAD_LINES for at in (1, 2, 3) if at > 1 or not line.startswith(b"[")]
"""A file that begins with a bracket is an array."""


@pytest.mark.parametrize(("line", "at"), PLACES)
def test_a_bad_line_is_reported_in_its_place_and_the_others_are_read(line: bytes, at: int) -> None:
    good = lines(THREE[:2]).splitlines()
    found = read(b"\n".join([*good[: at - 1], line, *good[at - 1 :]]))
    assert data_of(found) == THREE[:2]
    (fault,) = faults_of(found)
    assert fault.startswith(f"file.jsonl:{at}: {BAD_LINES[line]}")


def test_a_bad_element_of_an_array_is_reported_and_the_others_are_read() -> None:
    found = read(b'[{"id": 1}, {"id": oops, "t": "]}"}, 7, "a, b", {"id": "\xff"}, [3], {"id": 4}]', "a.json")
    assert data_of(found) == [{"id": 1}, {"id": 4}]
    assert [fault.split(":")[0] for fault in faults_of(found)] == [f"a.json, record {n}" for n in (2, 3, 4, 5, 6)]


@pytest.mark.parametrize("cut", [1, 5, 30])
@pytest.mark.parametrize("layout", ["lines", "array", "indented array"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gz", "zst"])
def test_a_packed_file_that_breaks_off_gives_what_came_before(pack: Any, layout: str, cut: int) -> None:
    found = read(pack(LAYOUTS[layout])[:-cut])
    assert data_of(found) == THREE[: len(data_of(found))]
    assert len(faults_of(found)) == 1
    assert "breaks off" in faults_of(found)[0]


@pytest.mark.parametrize("as_array", [False, True])
def test_of_a_large_packed_file_that_breaks_off_the_first_part_is_read(as_array: bool) -> None:
    noise = random.Random(7)
    records = [{"id": n, "text": f"{noise.getrandbits(8000):x}"} for n in range(200)]
    packed = gzip.compress(json.dumps(records).encode() if as_array else lines(records))
    found = read(packed[: len(packed) // 2])
    assert 80 < len(data_of(found)) < 101
    assert data_of(found) == records[: len(data_of(found))]
    assert len(faults_of(found)) == 1


def test_a_plain_file_that_breaks_off_says_so() -> None:
    assert "breaks off" in faults_of(read(LAYOUTS["indented array"][:-9], "a.json"))[0]
    assert "breaks off" in faults_of(read(b'[{"id": 1}', "a.json"))[0]
    assert data_of(read(b'[{"id": 1}', "a.json")) == [{"id": 1}]


@pytest.mark.parametrize("at", [20, -6])
def test_a_damaged_packed_file_is_reported_as_damaged(at: int) -> None:
    packed = bytearray(gzip.compress(lines(THREE), mtime=0))
    packed[at] ^= 0xFF
    assert "data are damaged" in faults_of(read(bytes(packed)))[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\0\1\2\3" * 100, "is not text in UTF-8"),
        ('{"id": 1}'.encode("utf-16"), "save it as UTF-8"),
        (b"PK\x03\x04....", "is a zip file"),
        (b"PAR1....", "is a Parquet file"),
    ],
)
def test_a_file_of_another_kind_is_one_line(content: bytes, said: str) -> None:
    found = read(content)
    assert len(found) == 1
    assert said in str(found[0])


def test_a_long_text_that_is_no_json_does_not_give_a_line_each() -> None:
    found = read(b"Dear all,\n" * 5000)
    assert len(found) == 21
    assert "the rest was not read" in str(found[-1])


def test_an_empty_file_has_no_records_and_an_empty_packed_one_is_bad() -> None:
    assert read(b"") == []
    assert read(b"\n\n") == []
    assert read(b"[]", "a.json") == []
    assert faults_of(read(b"", "threads.jsonl.gz"))


def test_what_follows_an_array_is_reported() -> None:
    assert "follows the end" in faults_of(read(b'[{"id": 1}] {"id": 2}'))[0]


def test_a_missing_file_and_a_folder_are_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        (found,) = read_records(path)
        assert isinstance(found, BadRecord)
        assert found.place == str(path)
        assert "cannot be read" in found.message


def test_the_message_never_shows_what_stood_in_the_record() -> None:
    assert "secret" not in faults_of(read(b'{"id": 1, "raw": "secret words" oops}'))[0]


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_memory_does_not_grow_with_the_file(layout: str) -> None:
    record = json.dumps({"id": 1, "raw": "word " * 2000}).encode()
    pieces = [b"["] + [record + b","] * 999 + [record + b"]"] if layout == "array" else [record + b"\n"] * 1000
    packed = gzip.compress(b"".join(pieces), 1)
    tracemalloc.start()
    count = sum(isinstance(found, Record) for found in read_records(io.BytesIO(packed), "x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1000
    assert peak < 2_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=5), st.sampled_from([None, 0, 3]))
def test_reading_an_array_gives_what_was_written(records: list[dict[str, Any]], indent: int | None) -> None:
    found = read(json.dumps(records, indent=indent).encode("utf-8"), "a.json")
    assert data_of(found) == records


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(content: bytes) -> None:
    for found in read(content) + read(b"[" + content) + read(b'{"a":\n' + content):
        assert isinstance(found, Record | BadRecord)
