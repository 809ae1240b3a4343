"""Files of thread records -> records, one after the other, in constant memory.

One JSON object, a JSON array, or JSON Lines; plain, gzip or Zstandard (recognised by their first bytes); standard
input. A bad piece is reported in its place, and reading goes on behind it wherever the format lets one see where the
next record begins.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from modassist.records.unpack import CHUNK_BYTES, UNREADABLE, NotRecords, unpacked

LARGEST_RECORD = 1 << 27
"""In bytes of a line, or characters of an array's element: no thread is as large; a file without line ends may be."""
GIVE_UP_AFTER = 20
"""So many bad lines and not one good one: the file is not JSON Lines, and one message per line helps nobody."""

_ONE_PER_LINE = "expected is one JSON object, an array of them, or one object per line"


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object and where it stood ("file.jsonl:17")."""

    place: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A piece of a file that is no record: where, what is wrong, what to do."""

    place: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        line = f"{self.place}: {self.message}"
        return f"{line} ({self.hint})" if self.hint else line


def read_records(source: Path | BinaryIO, name: str = "") -> Iterator[Record | BadRecord]:
    """Yield the records of a file, in order, and a `BadRecord` for each piece that is none. Never raises for bad input.

    `source` is a path ("-": standard input) or an open binary stream, which is read to its end and left open.
    `name` is what messages call it; by default the path.
    """
    name = name or (str(source) if isinstance(source, Path) else "input")
    if not isinstance(source, Path):
        yield from _read_stream(source, name)
        return
    if str(source) == "-":
        yield from _read_stream(sys.stdin.buffer, "standard input" if name == "-" else name)
        return
    try:
        stream = source.open("rb")
    except OSError as error:
        yield BadRecord(name, f"cannot be read: {error.strerror or error}")
        return
    with stream:
        yield from _read_stream(stream, name)


def _read_stream(source: BinaryIO, name: str) -> Iterator[Record | BadRecord]:
    place = _Place(name)
    try:
        yield from _parse(unpacked(source, name), place)
    except UNREADABLE as error:
        place.line += bool(place.line)
        yield BadRecord(place.here(), *_why_unreadable(error))
    except NotRecords as error:
        yield BadRecord(name, str(error), error.hint)


@dataclass(slots=True)
class _Place:
    """Where in the file the reader is: by line, or by number of the record in an array."""

    name: str
    line: int = 0
    record: int = 0

    def here(self) -> str:
        if self.line:
            return f"{self.name}:{self.line}"
        return f"{self.name}, record {self.record}" if self.record else self.name


def _why_unreadable(error: Exception) -> tuple[str, str]:
    if isinstance(error, EOFError):
        return "the compressed file breaks off", "copy it again: what follows is missing"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}", ""
    return f"the compressed data are damaged: {error}", "copy the file again: what follows cannot be read"


# -- text ------------------------------------------------------------------------------------------------------------


def _parse(stream: io.BufferedReader, place: _Place) -> Iterator[Record | BadRecord]:
    start = _start(stream, place)
    if b"\0" in start:
        hint = "save it as UTF-8" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else _ONE_PER_LINE
        raise NotRecords("is not text in UTF-8", hint)
    if start.startswith(b"["):
        yield from _Values(chain((start,), _chunks(stream)), place, is_array=True)
        return
    head = start if start.endswith(b"\n") else start + stream.readline(LARGEST_RECORD)
    following = b"" if not head or _is_json(head) else stream.readline(LARGEST_RECORD)
    if following and _goes_on(head, following):
        yield from _Values(chain((head, following), _chunks(stream)), place, is_array=False)
        return
    yield from _lines(chain(filter(None, (head, following)), _line_pieces(stream)), place)


def _start(stream: io.BufferedReader, place: _Place) -> bytes:
    """The beginning of the first line with something in it (counting the blank ones), without a byte order mark."""
    start = stream.readline(CHUNK_BYTES).removeprefix(b"\xef\xbb\xbf")
    while start and not start.strip():
        place.line += start.endswith(b"\n")
        start = stream.readline(CHUNK_BYTES)
    return start.lstrip()


def _line_pieces(stream: io.BufferedReader) -> Iterator[bytes]:
    return iter(lambda: stream.readline(LARGEST_RECORD), b"")


def _chunks(stream: io.BufferedReader) -> Iterator[bytes]:
    return iter(lambda: stream.read1(CHUNK_BYTES), b"")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _goes_on(line: bytes, following: bytes) -> bool:
    """Whether a first line that is no JSON begins an object over several lines, rather than being a bad line."""
    is_opened = line.lstrip().startswith(b"{") and line.rstrip().endswith((b"{", b"["))
    return is_opened or following.lstrip().startswith((b'"', b"}", b"]", b",", b":"))


def _lines(lines: Iterator[bytes], place: _Place) -> Iterator[Record | BadRecord]:
    bad_in_a_row, any_good = 0, False
    for line in lines:
        place.line += 1
        if not line.strip():
            continue
        found = _of_line(line, place.here())
        bad_in_a_row = 0 if isinstance(found, Record) else bad_in_a_row + 1
        any_good = any_good or isinstance(found, Record)
        if len(line) >= LARGEST_RECORD:
            yield _too_large(place)
            return
        yield found
        if bad_in_a_row >= GIVE_UP_AFTER and not any_good:
            yield BadRecord(place.name, "is not a file of thread records; the rest was not read", _ONE_PER_LINE)
            return


def _of_line(line: bytes, place: str) -> Record | BadRecord:
    try:
        return _record(json.loads(line), place)
    except UnicodeDecodeError:
        return BadRecord(place, "is not text in UTF-8", "save the file as UTF-8")
    except json.JSONDecodeError as error:
        if line.lstrip().startswith(b"<"):
            return BadRecord(place, "is HTML, not JSON", "a topic's JSON is at /t/ID.json")
        return BadRecord(place, f"is not JSON: {error.msg} at column {error.colno}", _ONE_PER_LINE)
    except (ValueError, RecursionError) as error:
        return BadRecord(place, f"is not readable JSON: {error}")


def _record(value: object, place: str) -> Record | BadRecord:
    if isinstance(value, dict):
        return Record(place, value)
    kinds = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return BadRecord(place, f"is {kinds.get(type(value), 'null')}, not an object", _ONE_PER_LINE)


def _too_large(place: _Place) -> BadRecord:
    message = f"is larger than {LARGEST_RECORD >> 20} MiB; the rest of the file was not read"
    return BadRecord(place.here(), message, "no thread is as large: check the file")


_BLANK = re.compile(r"[\s,]*")
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BRACKET = re.compile(_STRING + r'|["{}\[\]]', re.DOTALL)
_WORD = re.compile(_STRING + r"|[^\s,\]]+", re.DOTALL)
_BROKEN_BYTES = re.compile("[\udc80-\udcff]")
_DECODER = json.JSONDecoder()


class _Values:
    """The values of an array, or objects over several lines, out of pieces of bytes, each one as it is complete."""

    def __init__(self, pieces: Iterator[bytes], place: _Place, *, is_array: bool) -> None:
        self._pieces, self._place, self._is_array = pieces, place, is_array
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._fault: Exception | None = None
        self._buffer, self._at, self._is_at_end = "", 0, False
        place.line = 0

    def __iter__(self) -> Iterator[Record | BadRecord]:
        if self._is_array:
            self._skip_blanks()
            self._at += 1
        while self._skip_blanks():
            if self._is_array and self._buffer[self._at] == "]":
                self._at += 1
                yield from self._behind_the_array()
                return
            self._place.record += 1
            found = self._next()
            yield found
            if self._at < 0:
                return
        if self._is_array:
            yield BadRecord(self._place.here(), "the array breaks off behind this record", "copy the file again")

    def _behind_the_array(self) -> Iterator[BadRecord]:
        if self._skip_blanks():
            yield BadRecord(self._place.name, "something follows the end of the array; it was not read", _ONE_PER_LINE)

    def _next(self) -> Record | BadRecord:
        """The value that begins here, with the reader put behind it, or at -1 where nothing can be read behind it."""
        try:
            value, end = _DECODER.raw_decode(self._buffer, self._at)
        except (ValueError, RecursionError):
            return self._next_in_full()
        return self._take(value, end)

    def _next_in_full(self) -> Record | BadRecord:
        end = self._end_of_value()
        if end is None:
            self._at = -1
            if not self._is_at_end:
                return _too_large(self._place)
            return BadRecord(self._place.here(), "breaks off before its end", "copy the file again")
        try:
            value, _ = _DECODER.raw_decode(self._buffer, self._at)
        except (ValueError, RecursionError) as error:
            self._at = end
            what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            return BadRecord(self._place.here(), f"is not JSON: {what}", _ONE_PER_LINE)
        return self._take(value, end)

    def _take(self, value: object, end: int) -> Record | BadRecord:
        is_broken = _BROKEN_BYTES.search(self._buffer, self._at, end)
        self._at = end
        if is_broken:
            return BadRecord(self._place.here(), "is not text in UTF-8", "save the file as UTF-8")
        single = not self._is_array and self._place.record == 1
        return _record(value, self._place.name if single and not self._skip_blanks() else self._place.here())

    def _end_of_value(self) -> int | None:
        """Where the value that begins here ends, by its brackets alone; None where the text ends before it does."""
        if self._buffer[self._at] not in "{[":
            return self._end_of_word()
        depth, seen = 0, self._at
        while True:
            for match in _BRACKET.finditer(self._buffer, seen):
                if match.group() == '"':
                    break
                seen = match.end()
                depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match.group(), 0)
                if depth == 0:
                    return seen
            seen -= self._at
            if not self._read_more():
                return None
            seen += self._at

    def _end_of_word(self) -> int | None:
        """The end of a bare word or a text, where an object should stand: the next comma, bracket or line end."""
        seen = 0
        while True:
            match = _WORD.match(self._buffer, self._at)
            end = match.end() if match else self._at + 1
            if end < len(self._buffer) or self._is_at_end or end - self._at == seen:
                return end
            seen = end - self._at
            self._read_more()

    def _skip_blanks(self) -> bool:
        """Go to the next character that is neither blank nor comma; False at the end of the text."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return True
            if not self._read_more():
                return False

    def _read_more(self) -> bool:
        """Read on, at least as much again as is held, so that a long value is not copied once per chunk."""
        self._buffer, self._at = self._buffer[self._at :], 0
        if len(self._buffer) > LARGEST_RECORD:
            return False
        more = "".join(self._decoded(max(CHUNK_BYTES, len(self._buffer))))
        if self._fault and not more:
            raise self._fault
        self._buffer += more
        return bool(more)

    def _decoded(self, wanted: int) -> Iterator[str]:
        """Text of at least this length, less at the end. A fault waits until what came before it has been used."""
        while wanted > 0 and not self._fault:
            try:
                piece = next(self._pieces, None)
            except UNREADABLE as fault:
                self._fault = fault
                return
            text = self._decoder.decode(piece or b"", final=piece is None)
            yield text
            if piece is None:
                self._is_at_end = True
                return
            wanted -= len(text)
