"""Result records on standard output: JSON Lines, one JSON array, or a table; each as soon as it is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from modassist.config.settings import Settings
from modassist.digest.printable import one_line
from modassist.digest.wording import Wording

Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def writer_for(form: str, settings: Settings) -> Iterator[Write]:
    """A function that writes one record; `form` is jsonl, json or table."""
    encoder = json.JSONEncoder(ensure_ascii=not _speaks_unicode())
    if form == "table":
        yield _Table(Wording(settings.language, settings.timezone, bool(settings.waiting.business_hours)))
    elif form == "json":
        yield from _array(encoder)
    else:
        yield lambda record: click.echo(encoder.encode(record))


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def _array(encoder: json.JSONEncoder) -> Iterator[Write]:
    lead = "["

    def write(record: Mapping[str, Any]) -> None:
        nonlocal lead
        click.echo(lead + encoder.encode(record), nl=False)
        lead = ",\n"

    yield write
    click.echo("]" if lead != "[" else "[]")


class _Table:
    """A line for each thread: severity, number, replies flagged, where it stands, title."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def __call__(self, record: Mapping[str, Any]) -> None:
        flagged = sum(bool(post["flagged"]) for post in record["posts"])
        say, span = self._wording.say, self._wording.span
        states = "; ".join(say(f"states.{one['state']}", span=span(one["hours"])) for one in record["states"])
        score, mark = record["severity"]["score"], "!" * min(flagged, 3)
        click.echo(
            f"{score:>3} {mark:<3} #{record['topic_id']:<8} {one_line(record['title'])[:48]:<48}  {states}".rstrip()
        )
