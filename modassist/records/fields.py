"""The fields of a thread record, read with their types checked.

What is missing is None; what is of the wrong type is a RecordError that names place and field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from modassist.errors import RecordError
from modassist.instants import parse_instant

_LARGEST = 2**63 - 1
"""What the database holds as a number; JSON has no bound."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class Fields:
    """An object of the record whose fields are read with their types checked; `path` is where it stands."""

    __slots__ = ("data", "path")

    def __init__(self, path: str | tuple[str, int], data: Mapping[str, Any]) -> None:
        self.path, self.data = path, data

    def text(self, field: str) -> str:
        value = self.data.get(field)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise self.wrong(field, "a text", value)

    def optional_text(self, field: str) -> str | None:
        value = self.data.get(field)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(field, "a text", value)

    def number(self, field: str) -> int | None:
        value = self.data.get(field)
        if value is None or (type(value) is int and -_LARGEST <= value <= _LARGEST):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            return int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
            return int(value)
        raise self.wrong(field, "a number", value)

    def instant(self, field: str) -> datetime | None:
        value = self.data.get(field)
        if not value:
            return None
        if not isinstance(value, str):
            raise self.wrong(field, "a time", value)
        try:
            return parse_instant(value)
        except ValueError:
            raise self.wrong(field, "a time such as 2026-03-02T08:00:00Z", value) from None

    def wrong(self, field: str, wanted: str, value: object) -> RecordError:
        place, index = self.path if isinstance(self.path, tuple) else (self.path, None)
        name = field if index is None else f"posts[{index}].{field}"
        return RecordError(f"{lead(place)}{name}: expected {wanted}, found {_kind_of(value)}")


def lead(place: str) -> str:
    return f"{place}: " if place else ""


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return f"{clean(value[:40])!r}"
    names = {list: "a list", dict: "an object", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def clean(text: str) -> str:
    """The text without halves of characters, which JSON can hold and UTF-8 cannot."""
    return text if text.isascii() or not _SURROGATE.search(text) else _SURROGATE.sub("\ufffd", text)


def topic_id(data: Mapping[str, Any], *, place: str = "") -> int:
    """The number of the topic; where the record has none, the one that its posts name. Raises RecordError."""
    key = Fields(place, data).number("id")
    if key is None:
        key = next((row["topic_id"] for row in post_rows(data, place=place) if is_number(row.get("topic_id"))), None)
    if key is None:
        raise RecordError(f"{lead(place)}id is missing", "a thread record carries the number of its topic as id")
    return int(key)


def post_rows(data: Mapping[str, Any], *, place: str = "") -> list[dict[str, Any]]:
    """The posts of a record, as they stand: those of `post_stream` in a whole one, `posts` in a reduced one.

    Raises RecordError where there is no such list, or something else than objects in it.
    """
    stream = data.get("post_stream")
    field, rows = (
        ("post_stream.posts", stream.get("posts")) if isinstance(stream, dict) else ("posts", data.get("posts"))
    )
    if rows is None:
        raise RecordError(f"{lead(place)}{field} is missing", "a thread record carries its posts as a list")
    if not isinstance(rows, list):
        raise RecordError(f"{lead(place)}{field}: expected a list, found {_kind_of(rows)}")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise RecordError(f"{lead(place)}{field}[{index}]: expected an object, found {_kind_of(row)}")
    return rows


def posts_by_number(source: Fields, rows: Iterable[Mapping[str, Any]]) -> dict[int, Fields]:
    """Posts by their number; of two with the same number the later one. One without a number follows the one before."""
    place, last = str(source.path), 0
    found: dict[int, Fields] = {}
    for index, data in enumerate(rows):
        row = Fields((place, index), data)
        number = row.number("post_number")
        last = last + 1 if number is None else number
        found[last] = row
    return found


def is_public(row: Fields) -> bool:
    data = row.data
    return not data.get("deleted_at") and data.get("user_deleted") is not True and row.number("post_type") != 4
