"""Requests as they came to the in-process forum, what goes out, and the faults that tests script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out. `cut` ends the connection after so many bytes of the body, `stall` keeps it open in silence."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    cut: int | None = None
    stall: bool = False

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Reply:
        return cls(status, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


DROPPED = Reply(0)
"""No answer at all: the connection is closed."""


@dataclass(slots=True)
class Fault:
    """A scripted answer instead of the right one: for paths like `path`, `times` times (None: always) from the `nth`.

    With `after`, what was asked for happens first: the write takes effect, and its answer is lost.
    """

    reply: Reply
    path: str = "*"
    times: int | None = 1
    nth: int = 1
    method: str = "*"
    after: bool = False
    met: int = 0

    def takes(self, request: Request) -> bool:
        if not fnmatchcase(request.path, self.path) or not fnmatchcase(request.method, self.method):
            return False
        self.met += 1
        return self.met >= self.nth and (self.times is None or self.met < self.nth + self.times)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, for assertions. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    form: Mapping[str, list[str]] = field(default_factory=dict)
