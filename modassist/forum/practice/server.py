"""A small forum in this process that speaks Discourse's API over real HTTP on 127.0.0.1.

It serves thread records: for `modassist demo`, and for the tests, which script its faults and read its log. It has no
way to write to it by HTTP; what happens on the forum happens through `ForumServer.state`.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from modassist.forum.practice import pages
from modassist.forum.practice.state import ForumState, Json, Topic, Viewer

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
    """A scripted answer instead of the right one: for paths like `path`, `times` times (None: always) from the `nth`."""

    reply: Reply
    path: str = "*"
    times: int | None = 1
    nth: int = 1
    met: int = 0

    def takes(self, path: str) -> bool:
        if not fnmatchcase(path, self.path):
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


class ForumServer:
    """The forum and its server; a context manager, `url` is where it listens.

    `keys` maps API keys to user names; holders of `staff_keys` see whispers and deleted posts. `private` categories
    need a key. `old_windows` makes `/posts.json?before=` behave as servers of before 2021 do.
    """

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        title: str = "Sample forum",
        categories: Mapping[int, str] | None = None,
        private: Iterable[int] = (),
        groups: Mapping[str, Iterable[str]] | None = None,
        keys: Mapping[str, str] | None = None,
        staff_keys: Mapping[str, str] | None = None,
        login_required: bool = False,
        old_windows: bool = False,
        with_filter: bool = True,
    ) -> None:
        self.state = ForumState(now, frozenset(private), groups or {})
        self.state.load(records)
        self.title, self.categories = title, dict(categories or {})
        self.keys, self.staff_keys = dict(keys or {}), dict(staff_keys or {})
        self.login_required, self.old_windows, self.with_filter = (login_required, old_windows, with_filter)
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _HTTP(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """The paths asked for so far, in order."""
        with self._lock:
            return [request.path for request in self.log]

    def answer(self, request: Request) -> Reply:
        """The reply to a request: a scripted fault, a refusal, or the page."""
        with self._lock:
            self.log.append(request)
            for fault in self.faults:
                if fault.takes(request.path):
                    return fault.reply
            return self._page(request)

    def _page(self, request: Request) -> Reply:
        if request.method != "GET":
            return _error(404, "not_found")
        viewer = self._viewer(request)
        if viewer is None:
            return _error(403, "invalid_access", "invalid_api_credentials")
        if self.login_required and viewer.username is None and request.path != "/site/basic-info.json":
            return _error(403, "not_logged_in")
        for pattern, page in _ROUTES:
            match = pattern.fullmatch(request.path)
            if match:
                return page(self, viewer, request, *match.groups())
        return _error(404, "not_found")

    def _viewer(self, request: Request) -> Viewer | None:
        """Who asks; None for a key that nobody has, or that belongs to another user."""
        key, name = request.headers.get("api-key"), request.headers.get("api-username")
        if key is None:
            return Viewer()
        owner = self.staff_keys.get(key) or self.keys.get(key)
        return Viewer(owner, key in self.staff_keys) if owner and owner == name else None

    # -- pages ---------------------------------------------------------------------------------------------------

    def _basic_info(self, viewer: Viewer, request: Request) -> Reply:
        return Reply.of(pages.basic_info(self.title, login_required=self.login_required))

    def _site(self, viewer: Viewer, request: Request) -> Reply:
        return Reply.of(pages.site(self.state, self.categories, viewer))

    def _about(self, viewer: Viewer, request: Request) -> Reply:
        return Reply.of(pages.about(self.state, self.title))

    def _session(self, viewer: Viewer, request: Request) -> Reply:
        if viewer.username is None:
            return _error(404, "not_found")
        user = {"id": 2, "username": viewer.username, "admin": False, "moderator": viewer.is_staff}
        return Reply.of({"current_user": user})

    def _posts(self, viewer: Viewer, request: Request) -> Reply:
        posts = self.state.latest_posts(viewer)
        before = _number(request, "before", 0)
        if self.old_windows:
            last = before or max((post["id"] for _, post in posts), default=0)
            posts = [pair for pair in posts if last - pages.POSTS_PAGE < pair[1]["id"] <= last]
        elif before > 0:
            posts = [pair for pair in posts if pair[1]["id"] < before]
        shown = posts[: pages.POSTS_PAGE]
        return Reply.of({"latest_posts": [pages.latest_post(topic, post) for topic, post in shown]})

    def _latest(self, viewer: Viewer, request: Request) -> Reply:
        return self._listed(self.state.listed(viewer), request, "/latest", pinned_first=True)

    def _filter(self, viewer: Viewer, request: Request) -> Reply:
        if not self.with_filter:
            return _error(404, "not_found")
        query = request.query.get("q", [""])[0]
        topics = pages.filtered(self.state.listed(viewer), self.state, query)
        return self._listed(topics, request, "/filter", pinned_first=False)

    def _listed(self, topics: list[Topic], request: Request, path: str, *, pinned_first: bool) -> Reply:
        per_page = min(_number(request, "per_page", pages.LIST_PAGE), 100)
        page = _number(request, "page", 0)
        return Reply.of(pages.topic_list(topics, page=page, per_page=per_page, path=path, pinned_first=pinned_first))

    def _topic(self, viewer: Viewer, request: Request, key: str) -> Reply:
        topic = self._open(viewer, key)
        if isinstance(topic, Reply):
            return topic
        page, with_raw = (max(_number(request, "page", 1), 1), "include_raw" in request.query)
        view = pages.topic_view(topic, viewer, page=page, with_raw=with_raw)
        return Reply.of(view) if view else _error(404, "not_found")

    def _topic_posts(self, viewer: Viewer, request: Request, key: str) -> Reply:
        topic = self._open(viewer, key)
        if isinstance(topic, Reply):
            return topic
        wanted = [int(text) for text in request.query.get("post_ids[]", ()) if text.isdigit()]
        return Reply.of(pages.chosen_posts(topic, viewer, wanted, with_raw="include_raw" in request.query))

    def _open(self, viewer: Viewer, key: str) -> Topic | Reply:
        topic = self.state.topics.get(int(key))
        if topic is None or (topic.fields["deleted_at"] and not viewer.is_staff):
            return _error(404, "not_found", extras={"title": "", "html": "<html><body>a whole page</body></html>"})
        return topic if self.state.is_open_to(topic, viewer) else _error(403, "invalid_access")

    def _members(self, viewer: Viewer, request: Request, name: str) -> Reply:
        group = self.state.groups.get(unquote(name))
        if group is None:
            return _error(404, "not_found")
        limit = min(_number(request, "limit", 50), 1000)
        return Reply.of(pages.members(list(group), limit=limit, offset=_number(request, "offset", 0)))

    def _categories(self, viewer: Viewer, request: Request) -> Reply:
        listed = pages.categories(self.state, self.categories, viewer)
        return Reply.of({"category_list": _NO_CREATING | {"categories": listed}})

    def _category(self, viewer: Viewer, request: Request, key: str) -> Reply:
        listed = {category["id"]: category for category in pages.categories(self.state, self.categories, viewer)}
        if int(key) in listed:
            return Reply.of(pages.category_view(listed[int(key)]))
        return _error(403, "invalid_access") if int(key) in self.state.private else _error(404, "not_found")


_NO_CREATING: Json = {"can_create_category": False, "can_create_topic": False}

_ROUTES: list[tuple[re.Pattern[str], Callable[..., Reply]]] = [
    (re.compile(pattern), page)
    for pattern, page in (
        (r"/site/basic-info\.json", ForumServer._basic_info),
        (r"/site\.json", ForumServer._site),
        (r"/about\.json", ForumServer._about),
        (r"/session/current\.json", ForumServer._session),
        (r"/posts\.json", ForumServer._posts),
        (r"/latest\.json", ForumServer._latest),
        (r"/filter\.json", ForumServer._filter),
        (r"/t/([0-9]{1,15})\.json", ForumServer._topic),
        (r"/t/([0-9]{1,15})/posts\.json", ForumServer._topic_posts),
        (r"/groups/([^/]+)/members\.json", ForumServer._members),
        (r"/categories\.json", ForumServer._categories),
        (r"/c/([0-9]{1,15})/show\.json", ForumServer._category),
    )
]


def _error(status: int, kind: str, text: str = "", **more: Any) -> Reply:
    return Reply.of({"errors": [text or kind], "error_type": kind, **more}, status)


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query.get(name, [""])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else usual


def _utf8(header: str) -> str:
    """Header values arrive as Latin-1; Discourse reads user names in them as UTF-8."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


# -- the wire --------------------------------------------------------------------------------------------------------


class _HTTP(ThreadingHTTPServer):
    def __init__(self, forum: ForumServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forum = forum


class _Handler(BaseHTTPRequestHandler):
    """One connection. It is kept open between requests, and each reply leaves in one piece."""

    server: _HTTP
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 30

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _reply(self) -> None:
        # A body left unread would be taken for the next request.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        headers = {name.lower(): _utf8(value) for name, value in self.headers.items()}
        query = parse_qs(parts.query, keep_blank_values=True)
        reply = self.server.forum.answer(Request(self.command, parts.path, query, headers))
        if reply is DROPPED:
            self._hang_up()
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        if "Date" not in reply.headers:
            self.send_header("Date", self.date_time_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        self.wfile.flush()
        if reply.stall:
            self.server.forum.closing.wait(30)
        if reply.cut is not None or reply.stall:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the other side may have hung up first
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _reply

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error: `ForumServer.log` has it."""
