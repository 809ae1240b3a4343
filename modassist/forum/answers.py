"""What a forum's HTTP answer means: the JSON in it, or the error that names what stood there instead.

Pure. Sources: Discourse's application_controller and request_tracker (forms of 429, error types), and what proxies and
bot walls in front of forums send. Nothing of a body gets into a message: bodies hold private texts and whole pages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from modassist.errors import ForumError, ForumRefused, ForumUnavailable, MembersOnly, PageRefused, RateLimited

GATEWAY = frozenset({502, 503, 504, 520, 521, 522, 523, 524})
"""Passing faults of what stands between us and the forum (52x are Cloudflare's)."""

UNKNOWN_WAIT = 15.0
"""Seconds to wait after a 429 that does not say how long."""

_SECONDS = re.compile(rb"(\d{1,9}) second")
_TOKEN = re.compile(r"[a-z0-9_]{1,60}")
_WALL_HINT = "ask the forum's owner to let modassist in; it does not try to get round such walls"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end. `headers` is compared without case; `path` is what had been asked for."""

    path: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "") or ""

    @property
    def is_html(self) -> bool:
        start = self.body[:400].lstrip().lower()
        return start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml"))


class Passing(Exception):
    """The request may be repeated after `wait` seconds (None: nobody said how long); else it ends as `error`."""

    def __init__(self, error: ForumUnavailable, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


def understand(answer: Answer) -> Any:
    """The decoded JSON of an answer. Raises Passing for what may be tried again and ForumError for what may not."""
    if answer.status == 429:
        raise _slow_down(answer)
    if answer.is_html or (400 <= answer.status < 500 and not _object(answer)):
        raise _page(answer)
    if answer.status in GATEWAY:
        raise Passing(
            ForumUnavailable(f"{answer.path}: the forum is out of service (HTTP {answer.status})"), _said(answer)
        )
    if answer.status >= 500:
        raise ForumUnavailable(f"{answer.path}: the forum failed on this request (HTTP {answer.status})")
    if answer.status >= 400:
        raise _refusal(answer)
    return _decoded(answer)


def _decoded(answer: Answer) -> Any:
    """JSON is recognised by trying: the Content-Type is missing or differs between servers and proxies."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        # Unchained: the decoder's error carries the whole document.
        fault = ForumUnavailable(f"{answer.path}: the answer is cut off or is no JSON ({len(answer.body)} bytes)")
        raise Passing(fault) from None
    if isinstance(value, dict) and value.get("errors"):
        raise PageRefused(f"{answer.path}: the forum reports an error{_kind(value)}", status=answer.status)
    return value


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _kind(value: Mapping[str, Any]) -> str:
    kind = value.get("error_type")
    return f" ({kind})" if isinstance(kind, str) and _TOKEN.fullmatch(kind) else ""


# -- 429 in its four forms -------------------------------------------------------------------------------------------


def _slow_down(answer: Answer) -> Passing:
    """Text with seconds in it, JSON with extras, JSON without (search), a proxy's page: each may have Retry-After."""
    said = [_said(answer), _from_json(answer), None if answer.is_html else _from_text(answer.body)]
    known = [seconds for seconds in said if seconds is not None]
    wait = max(known) if known else UNKNOWN_WAIT
    code = answer.header("Discourse-Rate-Limit-Error-Code")
    limit = f", limit {code}" if _TOKEN.fullmatch(code) else ""
    error = RateLimited(
        f"{answer.path}: the forum asks to wait {wait:.0f} s (HTTP 429{limit})",
        "the next run continues here",
        wait_seconds=wait,
    )
    return Passing(error, max(wait, 1.0))


def _said(answer: Answer) -> float | None:
    """Seconds of the Retry-After header; a date counts from the answer's own Date, so that no clock of ours matters."""
    text = answer.header("Retry-After").strip()
    if not text:
        return None
    try:
        return _seconds(float(text))
    except ValueError:
        pass
    try:
        until, since = (parsedate_to_datetime(text), parsedate_to_datetime(answer.header("Date")))
        return _seconds((until - since).total_seconds())
    except (ValueError, TypeError):
        return None


def _from_json(answer: Answer) -> float | None:
    extras = _object(answer).get("extras")
    waiting = extras.get("wait_seconds") if isinstance(extras, dict) else None
    return _seconds(waiting) if isinstance(waiting, int | float) else None


def _from_text(body: bytes) -> float | None:
    match = _SECONDS.search(body[:2000])
    return float(match[1]) if match else None


def _seconds(value: float) -> float | None:
    return float(value) if math.isfinite(value) and value >= 0 else None


# -- refusals --------------------------------------------------------------------------------------------------------


def _refusal(answer: Answer) -> ForumRefused:
    """Discourse's own no, in JSON: about one address (gone, private), or about us (login, key)."""
    kind = _object(answer).get("error_type")
    lead, status = answer.path, answer.status
    if kind == "not_logged_in" or status == 401:
        return MembersOnly(f"{lead}: the forum is for members only", "set an API key and its user name", status)
    if b"invalid_api_credentials" in answer.body[:4000]:
        return ForumRefused(f"{lead}: the forum does not accept the API key", "check key and api_username", status)
    if status == 403:
        return PageRefused(f"{lead}: not permitted (HTTP 403)", "check the rights of the API key's user", status)
    if status in (404, 410):
        return PageRefused(f"{lead}: not found (HTTP {status})", "deleted, private, or never there", status)
    return PageRefused(f"{lead}: refused (HTTP {status}{_kind(_object(answer))})", status=status)


def _page(answer: Answer) -> ForumError | Passing:
    """No JSON where Discourse sends some: a bot wall, a login page, a proxy's error page, or no Discourse at all."""
    lead, status = answer.path, answer.status
    if answer.header("cf-mitigated") or b"/cdn-cgi/" in answer.body[:20_000]:
        return ForumRefused(
            f"{lead}: Cloudflare's bot wall stands before the forum (HTTP {status})", _WALL_HINT, status
        )
    if status in GATEWAY:
        return Passing(
            ForumUnavailable(f"{lead}: a proxy says that the forum is out of service (HTTP {status})"), _said(answer)
        )
    if status >= 500:
        return ForumUnavailable(f"{lead}: an error page instead of JSON (HTTP {status})")
    if status in (401, 403):
        return ForumRefused(f"{lead}: a wall before the forum refuses us (HTTP {status})", _WALL_HINT, status)
    if answer.url.split("?")[0].rstrip("/").endswith("/login"):
        return MembersOnly(f"{lead}: the forum sends us to its login page", "set an API key and its user name", status)
    what = f"{lead}: a web page instead of JSON (HTTP {status})"
    return ForumRefused(what, "is this the address of a Discourse forum, with its subfolder?", status)
