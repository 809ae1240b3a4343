"""A small forum in this process that speaks Discourse's API over real HTTP on 127.0.0.1.

It serves thread records: for `modassist demo`, and for the tests, which script its faults and read its log. What
happens on the forum happens through `ForumServer.state`, and through what holders of `write_keys` send.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from modassist.forum.practice import pages
from modassist.forum.practice.exchange import DROPPED, Fault, Reply, Request
from modassist.forum.practice.state import ForumState, Json, Topic, Viewer
from modassist.forum.practice.writing import Desk, Refused, WriteKey


class ForumServer:
    """The forum and its server; a context manager, `url` is where it listens.

    `keys` maps API keys to user names; holders of `staff_keys` see whispers and deleted posts. `private` categories
    need a key; `permissions` names the groups that a category is open to. `write_keys` may write, as far as they reach;
    `hooks` are keys of incoming chat hooks with the name of their channel. `old_windows` makes `/posts.json?before=` behave as servers of before 2021 do.
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
        write_keys: Mapping[str, WriteKey] | None = None,
        permissions: Mapping[int, Iterable[str]] | None = None,
        group_settings: Mapping[str, Json] | None = None,
        hooks: Mapping[str, str] | None = None,
        login_required: bool = False,
        old_windows: bool = False,
        with_filter: bool = True,
    ) -> None:
        open_to = {key: tuple(names) for key, names in (permissions or {}).items()}
        self.state = ForumState(now, frozenset(private), groups or {}, open_to, dict(group_settings or {}))
        self.state.load(records)
        self.title, self.categories = title, dict(categories or {})
        self.keys, self.staff_keys = dict(keys or {}), dict(staff_keys or {})
        self.write_keys, self.desk = dict(write_keys or {}), Desk(self.state, hooks or {})
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
                if fault.takes(request):
                    if fault.after:
                        self._page(request)
                    return fault.reply
            return self._page(request)

    def _page(self, request: Request) -> Reply:
        viewer = self._viewer(request)
        if viewer is None:
            return _error(403, "invalid_access", "invalid_api_credentials")
        if request.method == "POST":
            return self._write(request)
        if request.method != "GET":
            return _error(404, "not_found")
        key = self.write_keys.get(request.headers.get("api-key", ""))
        if key is not None and not key.reads:
            return _error(403, "invalid_access")
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
        writer = self.write_keys.get(key)
        owner = writer.username if writer else self.staff_keys.get(key) or self.keys.get(key)
        is_staff = writer.is_staff if writer else key in self.staff_keys
        return Viewer(owner, is_staff) if owner and owner == name else None

    def _write(self, request: Request) -> Reply:
        """A post, or a message by a chat hook, which needs no key but its own."""
        hook = re.fullmatch(r"/chat/hooks/([^/]+)\.json", request.path)
        key = self.write_keys.get(request.headers.get("api-key", ""))
        try:
            if hook:
                self.desk.talk(unquote(hook[1]), request.form)
                return Reply.of({"success": "OK"})
            if request.path != "/posts.json":
                return _error(404, "not_found")
            if key is None:
                return _error(403, "invalid_access" if "api-key" in request.headers else "not_logged_in")
            return Reply.of(pages.created_post(*self.desk.create(key, request.form)))
        except Refused as refusal:
            return _error(refusal.status, refusal.kind, refusal.text)

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
            return Reply.of(pages.category_view(self.state, listed[int(key)], viewer))
        is_there = int(key) in self.state.private or int(key) in self.state.permissions
        return _error(403, "invalid_access") if is_there else _error(404, "not_found")

    def _by_external_id(self, viewer: Viewer, request: Request, external_id: str) -> Reply:
        topic = self.state.topics.get(self.state.external_ids.get(unquote(external_id), 0))
        if topic is None or not self.state.is_open_to(topic, viewer):
            return _error(404, "not_found")
        return Reply(301, b"", {"Location": f"/t/{topic.fields['slug']}/{topic.id}.json"})

    def _named_topic(self, viewer: Viewer, request: Request, slug: str, key: str) -> Reply:
        return self._topic(viewer, request, key)

    def _post(self, viewer: Viewer, request: Request, key: str) -> Reply:
        found = [
            (topic, post) for topic in self.state.topics.values() for post in topic.living() if post["id"] == int(key)
        ]
        if not found:
            return _error(404, "not_found")
        topic, post = found[0]
        return Reply.of(pages.created_post(topic, post)) if self.state.is_open_to(topic, viewer) else _error(403, "invalid_access")  # fmt: skip

    def _group(self, viewer: Viewer, request: Request, name: str) -> Reply:
        known = unquote(name)
        return Reply.of(pages.group_view(self.state, known)) if known in self.state.groups else _error(404, "not_found")

    def _sent(self, viewer: Viewer, request: Request, name: str) -> Reply:
        if viewer.username != unquote(name) and not viewer.is_staff:
            return _error(403, "invalid_access")
        return Reply.of(pages.message_list(self.desk.sent_by(unquote(name))))


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
        (r"/t/external_id/([^/]+)\.json", ForumServer._by_external_id),
        (r"/t/([^/]+)/([0-9]{1,15})\.json", ForumServer._named_topic),
        (r"/posts/([0-9]{1,15})\.json", ForumServer._post),
        (r"/topics/private-messages-sent/([^/]+)\.json", ForumServer._sent),
        (r"/groups/([^/]+)\.json", ForumServer._group),
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
        # Read in any case: what is left of a body would be taken for the next request.
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100)
        parts = urlsplit(self.path)
        headers = {name.lower(): _utf8(value) for name, value in self.headers.items()}
        query = parse_qs(parts.query, keep_blank_values=True)
        reply = self.server.forum.answer(Request(self.command, parts.path, query, headers, form))
        if reply is DROPPED:
            self._hang_up()
            return
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        if "Date" not in reply.headers:
            self.send_header("Date", format_datetime(self.server.forum.state.now().astimezone(UTC), usegmt=True))
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
