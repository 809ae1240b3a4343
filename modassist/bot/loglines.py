"""Log lines of the bot: with the time, as text or as JSON, one event a line. Forum text in them cannot steer a terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from modassist.digest.printable import one_line
from modassist.instants import instant_text

FORMATS = ("text", "json")


class LogLines(logging.Handler):
    """Gives each record as one line to `write`."""

    def __init__(self, form: str, write: Callable[[str], None]) -> None:
        super().__init__()
        self._line = _as_json if form == "json" else _as_text
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self._line(record))


def _as_text(record: logging.LogRecord) -> str:
    trace = f" {_trace(record)}" if record.exc_info else ""
    return one_line(f"{_time(record)} {record.levelname.lower()} {record.getMessage()}{trace}")


def _as_json(record: logging.LogRecord) -> str:
    """The tick's figures stand beside the message; ASCII, so that no sign of a post is raw in it."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    event = getattr(record, "event", "message")
    lead = {"time": _time(record), "level": record.levelname.lower(), "event": event}
    words = {} if event == "tick" else {"message": one_line(record.getMessage())}
    trace = {"trace": _trace(record)} if record.exc_info else {}
    return json.dumps(lead | words | fields | trace)


def _time(record: logging.LogRecord) -> str:
    return instant_text(datetime.fromtimestamp(int(record.created), UTC))


def _trace(record: logging.LogRecord) -> str:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
