"""The replaced transport: polite, patient within limits, silent about secrets, and read-only."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import logging
import traceback
from collections.abc import Callable

import pytest
import requests
import urllib3
from pydiscourse import DiscourseClient
from requests.adapters import BaseAdapter

from forum import (
    Ticks,
    bot_wall,
    client,
    fault,
    json_reply,
    record,
    redirect,
    reply,
    serving,
    slow_down_json,
    slow_down_page,
    slow_down_search,
    slow_down_text,
    web_page,
)
from modassist.errors import ConfigError, ForumError, ForumRefused, ForumUnavailable, PageRefused, RateLimited
from modassist.forum.answers import Answer, Passing, understand
from modassist.forum.discourse import Forum
from modassist.forum.practice.exchange import DROPPED, Reply
from modassist.forum.practice.server import ForumServer

KEY = "0123456789abcdefSECRET"


def test_pydiscourse_still_sends_everything_through_the_method_we_replace() -> None:
    ours, theirs = inspect.signature(Forum._request), inspect.signature(DiscourseClient._request)
    assert list(ours.parameters) == list(theirs.parameters)
    assert [p.default for p in ours.parameters.values()] == [p.default for p in theirs.parameters.values()]
    verbs = [DiscourseClient._get, DiscourseClient._post, DiscourseClient._put, DiscourseClient._delete]
    assert all("self._request(" in inspect.getsource(method) for method in verbs)
    assert inspect.getsource(DiscourseClient).count("requests.request(") == 1


WRITES: list[Callable[[Forum], object]] = [
    lambda forum: forum.create_post("Hello", topic_id=1),
    lambda forum: forum.update_post(1, "Hello"),
    lambda forum: forum.delete_topic(1),
    lambda forum: forum.add_group_member(1, "someone"),
    lambda forum: forum.delete_group_member(1, "someone"),
    lambda forum: forum._request("GET", "/t/1.json", data={"raw": "Hello"}),
    lambda forum: forum._get("/t/1.json", override_request_kwargs={"headers": {}}),
]


@pytest.mark.parametrize("write", WRITES)
def test_nothing_that_writes_leaves_the_program(write: Callable[[Forum], object]) -> None:
    with serving(record(1)) as (server, forum, _):
        with pytest.raises(ForumRefused, match="only reads"):
            write(forum)
        assert server.log == []


def test_an_anonymous_reader_sends_its_name_but_no_key_and_no_cookies() -> None:
    with serving(record(1)) as (server, forum, _):
        answer = json_reply({"topic_list": {"topics": []}}, Set_Cookie="_forum_session=abc; path=/")
        server.faults.append(fault(answer))
        forum.latest_topics()
        forum.latest_topics()
    for request in server.log:
        assert request.headers["user-agent"].startswith("modassist/")
        assert request.headers["accept"] == "application/json"
        assert not {"api-key", "api-username", "cookie", "authorization"} & request.headers.keys()


def test_a_key_goes_with_the_name_of_its_user_in_any_script() -> None:
    with serving(keys={KEY: "möderätör"}) as (server, _, _):
        with client(server, api_key=f"{KEY}\n", api_username="möderätör") as forum:
            forum.latest_topics()
        headers = server.log[0].headers
        assert headers["api-key"] == KEY
        assert headers["api-username"] == "möderätör"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\x00"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Forum("https://forum.example", api_key=key, api_username="bot")
    assert key not in str(caught.value)


def test_a_key_without_a_user_is_refused() -> None:
    with pytest.raises(ConfigError, match="name of its user"):
        Forum("https://forum.example", api_key=KEY)


@pytest.mark.parametrize(
    "url",
    [
        *("forum.example", "ftp://forum.example", "https://", "https://a:b@forum.example", "http://[", ""),
        *("https://forum.example?a=1", "https://forum.example:99999", "https://forum.example/\nx"),
    ],
)
def test_an_address_that_is_none_of_a_forum_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        Forum(url)


def test_a_forum_in_a_subfolder_is_asked_there() -> None:
    with ForumServer() as server, Forum(f"{server.url}/forum/") as forum, pytest.raises(PageRefused):
        forum.basic_info()
    assert server.paths() == ["/forum/site/basic-info.json"]


# -- waiting ---------------------------------------------------------------------------------------------------------


def test_the_budget_of_a_minute_is_kept_by_waiting() -> None:
    with serving(client={"requests_per_minute": 30}) as (server, forum, ticks):
        for _ in range(30):
            forum.basic_info()
        assert ticks.slept == []
        for _ in range(31):
            forum.basic_info()
    assert ticks.slept == [60, 60]
    assert len(server.log) == forum.request_count == 61


def test_a_budget_for_the_whole_run_ends_it_with_a_word() -> None:
    with serving(client={"max_requests": 2}) as (server, forum, _):
        forum.basic_info()
        forum.basic_info()
        with pytest.raises(RateLimited, match="budget of 2 requests"):
            forum.basic_info()
    assert len(server.log) == 2


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (slow_down_text(7), 7),
        (slow_down_json(12), 12),
        (slow_down_search(), 15),
        (slow_down_page(), 15),
        (slow_down_page(Retry_After="9"), 9),
        (reply(429, "Too many crawling requests. Error code: x.", Retry_After="4"), 4),
        (slow_down_page(Retry_After="Mon, 02 Mar 2026 08:00:20 GMT", Date="Mon, 02 Mar 2026 08:00:00 GMT"), 20),
        (slow_down_json(0), 1),
        (json_reply({"extras": {"wait_seconds": 30}}, 429, Retry_After="2"), 30),
        (json_reply({"extras": {"wait_seconds": "soon"}}, 429, Retry_After="later"), 15),
        (json_reply({"extras": {"wait_seconds": -5}}, 429), 15),
    ],
)
def test_every_form_of_429_is_understood_and_waited_for(answer: Reply, seconds: float) -> None:
    with serving(record(1)) as (server, forum, ticks):
        server.faults.append(fault(answer))
        assert forum.latest_topics().rows[0]["id"] == 1
    assert ticks.slept == [pytest.approx(seconds)]


@pytest.mark.parametrize("answer", [slow_down_text(3600), slow_down_json(86_400), slow_down_page(Retry_After="1e9")])
def test_nobody_makes_the_program_sleep_for_hours(answer: Reply) -> None:
    with serving(record(1)) as (server, forum, ticks):
        server.faults.append(fault(answer))
        with pytest.raises(RateLimited) as caught:
            forum.latest_topics()
    assert ticks.slept == []
    assert caught.value.wait_seconds >= 3600
    assert len(server.log) == 1


def test_a_forum_that_keeps_saying_429_is_left_alone_after_three_tries() -> None:
    with serving(record(1)) as (server, forum, ticks):
        server.faults.append(fault(slow_down_text(5), times=None))
        with pytest.raises(RateLimited, match="ip_10_secs_limit"):
            forum.latest_topics()
    assert len(server.log) == 3
    assert ticks.slept == [5, 5]


def test_jitter_lengthens_a_wait_and_never_shortens_it() -> None:
    with serving(record(1), client={"jitter": lambda: 1.0}) as (server, forum, ticks):
        server.faults.append(fault(slow_down_text(118)))
        server.faults.append(fault(reply(503, "")))
        forum.latest_topics()
    assert ticks.slept == [120, 4]


PASSING = [
    reply(502, "bad gateway"),
    reply(503, '{"errors":["read only"],"error_type":"read_only"}', Content_Type="application/json"),
    web_page(504),
    reply(522, ""),
    DROPPED,
    Reply(200, b'{"topic_list": {"topics": [{"id": 1', cut=20),
    reply(200, '{"topic_list": {"topics": [{"id": 1'),
    reply(200, "not JSON at all"),
    reply(200, ""),
    reply(200, "[" * 100_000),
]


@pytest.mark.parametrize("answer", PASSING)
def test_a_passing_fault_is_tried_again(answer: Reply) -> None:
    with serving(record(1)) as (server, forum, ticks):
        server.faults.append(fault(answer, times=2))
        assert forum.latest_topics().rows[0]["id"] == 1
    assert ticks.slept == [1, 2]


@pytest.mark.parametrize("answer", PASSING)
def test_a_fault_that_does_not_pass_ends_as_unavailable(answer: Reply) -> None:
    with serving(record(1)) as (server, forum, _):
        server.faults.append(fault(answer, times=None))
        with pytest.raises(ForumUnavailable) as caught:
            forum.latest_topics()
    assert len(server.log) == 3
    assert "/latest.json" in str(caught.value)


def test_an_answer_that_stalls_is_given_up_by_the_time_out() -> None:
    with serving(client={"timeout": (5, 0.05)}) as (server, forum, _):
        server.faults.append(fault(Reply(200, b'{"topic_list": {}}', stall=True, cut=7), times=None))
        with pytest.raises(ForumUnavailable, match="did not answer in time"):
            forum.latest_topics()


def test_an_answer_that_drips_for_ever_is_given_up_by_the_clock() -> None:
    ticks = Ticks()
    with ForumServer() as server, client(server, ticks) as forum:
        times = itertools.cycle((0.0, 121.0))
        forum._clock = lambda: next(times)
        with pytest.raises(ForumUnavailable, match="longer than 120 s"):
            forum.basic_info()


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modassist.forum.transport.LARGEST_BODY", 1000)
    with serving() as (server, forum, _):
        server.faults.append(fault(reply(200, "[" + " " * 5000 + "]")))
        with pytest.raises(PageRefused, match="longer than"):
            forum.basic_info()


def test_nobody_home_is_said_in_words() -> None:
    with ForumServer() as server:
        url = server.url
    ticks = Ticks()
    with Forum(url, clock=ticks.clock, sleep=ticks.sleep) as forum, pytest.raises(ForumUnavailable) as caught:
        forum.basic_info()
    assert caught.value.message == "/site/basic-info.json: no connection to 127.0.0.1"


# -- the breaker -----------------------------------------------------------------------------------------------------


def test_three_failures_in_a_row_leave_the_forum_alone_until_time_has_passed() -> None:
    with serving() as (server, forum, ticks):
        server.faults.append(fault(reply(503, ""), times=9))
        for _ in range(3):
            assert not forum.given_up
            with pytest.raises(ForumUnavailable):
                forum.basic_info()
        assert forum.given_up
        with pytest.raises(ForumUnavailable, match="not asked for"):
            forum.basic_info()
        assert len(server.log) == 9
        ticks.now += 121
        assert not forum.given_up
        assert forum.basic_info()["title"]


def test_an_answer_in_between_closes_the_breaker_even_if_it_is_a_no() -> None:
    with serving() as (server, forum, _):
        for kept in (reply(503, ""), reply(503, ""), json_reply({"error_type": "not_found"}, 404)) * 2:
            server.faults[:] = [fault(kept, times=None)]
            with pytest.raises(ForumError):
                forum.basic_info()
        assert not forum.given_up


def test_a_page_on_which_the_forum_itself_fails_is_not_asked_for_again_and_does_not_stop_the_rest() -> None:
    with serving() as (server, forum, ticks):
        server.faults.append(fault(json_reply({"status": 500}, 500), times=4))
        for _ in range(4):
            with pytest.raises(ForumUnavailable, match="HTTP 500"):
                forum.basic_info()
        assert len(server.log) == 4
        assert ticks.slept == []
        assert forum.basic_info()


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (bot_wall(403), "Cloudflare's bot wall"),
        (bot_wall(503), "Cloudflare's bot wall"),
        (reply(403, "<html><script src=/cdn-cgi/challenge></script></html>"), "Cloudflare's bot wall"),
        (web_page(403), "a wall before the forum"),
        (reply(403, "error code: 1020", Content_Type="text/plain"), "a wall before the forum"),
        (web_page(200), "a web page instead of JSON"),
        (web_page(404), "is this the address of a Discourse forum"),
        (json_reply({"errors": ["?"], "error_type": "not_logged_in"}, 403), "members only"),
        (json_reply({"errors": ["invalid_api_credentials"], "error_type": "invalid_access"}, 403), "API key"),
    ],
)
def test_a_lasting_no_to_us_is_named_for_what_it_is_and_not_repeated(answer: Reply, words: str) -> None:
    with serving() as (server, forum, ticks):
        server.faults.append(fault(answer, times=None))
        with pytest.raises(ForumRefused, match=words) as caught:
            forum.latest_topics()
    assert not isinstance(caught.value, PageRefused)
    assert len(server.log) == 1
    assert ticks.slept == []


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_a_no_to_one_address_in_discourses_own_words_leaves_the_others_open(status: int) -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply({"errors": ["SECRET"], "error_type": "some_type"}, status)))
        with pytest.raises(PageRefused) as caught:
            forum.latest_topics()
    assert caught.value.status == status
    assert "SECRET" not in str(caught.value)


def test_an_error_sent_as_success_is_an_error() -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply({"errors": ["?"], "error_type": "odd_one"})))
        with pytest.raises(PageRefused, match="odd_one"):
            forum.latest_topics()


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/json;charset=UTF-8", None])
def test_json_is_known_by_its_look_whatever_it_is_called(content_type: str | None) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    with serving() as (server, forum, _):
        server.faults.append(fault(reply(200, ' {"title": "ä"}', **headers)))
        assert forum.basic_info() == {"title": "ä"}


# -- redirects -------------------------------------------------------------------------------------------------------


def test_a_redirect_on_the_same_host_is_followed_with_the_key() -> None:
    with serving(record(1), keys={KEY: "bot"}, client={"api_key": KEY, "api_username": "bot"}) as (server, forum, _):
        server.faults.append(fault(redirect("/latest.json?page=0"), "/site.json"))
        assert forum.site()["topic_list"]
        assert server.log[-1].headers["api-key"] == KEY


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_named_and_never_followed(status: int) -> None:
    with ForumServer() as other, serving(client={"api_key": KEY, "api_username": "bot"}, keys={KEY: "bot"}) as context:
        server, forum, _ = context
        server.faults.append(fault(redirect(other.url.replace("127.0.0.1", "localhost"), status)))
        with pytest.raises(ForumRefused, match="http://localhost"):
            forum.site()
        server.faults.append(fault(redirect(f"{other.url}/site.json", status)))
        with pytest.raises(ForumRefused, match="not the configured forum"):
            forum.site()
        assert other.log == []


@pytest.mark.parametrize(
    "location",
    [
        "//evil.example/x",
        "https://user@127.0.0.1/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://[",
        "http://\x1b",
    ],
)
def test_odd_targets_of_redirects_are_refused(location: str) -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(redirect(location)))
        with pytest.raises(ForumRefused) as caught:
            forum.site()
    assert str(caught.value).isprintable()


def test_redirects_in_a_circle_end() -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(redirect("/site.json"), times=None))
        with pytest.raises(PageRefused, match="more than 5 times"):
            forum.site()
    assert len(server.log) == 5


def test_the_login_page_is_named() -> None:
    with serving() as (server, forum, _):
        server.faults += [fault(redirect("/login"), "/site.json"), fault(web_page(200), "/login")]
        with pytest.raises(ForumRefused, match="login page"):
            forum.site()


class Scripted(BaseAdapter):
    """A transport of requests that answers from a table, to see what would have been sent where."""

    def __init__(self, answers: dict[str, tuple[int, str, bytes]]) -> None:
        super().__init__()
        self.answers, self.asked = answers, []

    def send(self, request, **options):  # type: ignore[no-untyped-def]
        self.asked.append(request.url)
        status, location, body = self.answers[request.url.split("?")[0]]
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers["Location"] = location
        response.raw = urllib3.HTTPResponse(body=io.BytesIO(body), preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


def test_a_forum_that_sends_http_to_https_is_asked_by_https_from_then_on() -> None:
    answers = {
        "http://forum.example/site.json": (301, "https://forum.example/site.json", b""),
        "https://forum.example/site.json": (200, "", b"{}"),
    }
    with Forum("http://forum.example") as forum:
        script = Scripted(answers)
        forum._session.mount("http://", script)
        forum._session.mount("https://", script)
        forum.site()
        forum.site()
        assert forum.url == "http://forum.example"
    assert script.asked == [*answers, "https://forum.example/site.json"]


def test_a_redirect_from_https_to_http_is_refused_because_it_would_show_the_key() -> None:
    with Forum("https://forum.example", api_key=KEY, api_username="bot") as forum:
        script = Scripted({"https://forum.example/site.json": (301, "http://forum.example/site.json", b"")})
        forum._session.mount("https://", script)
        with pytest.raises(ForumRefused, match=r"http://forum\.example"):
            forum.site()


# -- foreign exceptions and secrets ----------------------------------------------------------------------------------


def all_kinds(base: type[Exception]) -> set[type[Exception]]:
    return {base}.union(*(all_kinds(kind) for kind in base.__subclasses__()))


FOREIGN = sorted(
    all_kinds(requests.RequestException) | {OSError, TimeoutError, ConnectionResetError, UnicodeError},
    key=lambda kind: f"{kind.__module__}.{kind.__name__}",
)


@pytest.mark.parametrize("kind", [kind for kind in FOREIGN if kind is not requests.exceptions.JSONDecodeError])
def test_no_exception_of_the_http_libraries_leaves_the_client(kind: type[Exception]) -> None:
    class Broken(BaseAdapter):
        def send(self, *args, **options):  # type: ignore[no-untyped-def]
            raise kind(KEY)

        def close(self) -> None:
            """Nothing is open."""

    ticks = Ticks()
    with Forum("https://forum.example", clock=ticks.clock, sleep=ticks.sleep) as forum:
        forum._session.mount("https://", Broken())
        with pytest.raises(ForumError) as caught:
            forum.basic_info()
    assert KEY not in str(caught.value)
    assert "/site/basic-info.json" in str(caught.value)


def test_keys_and_bodies_are_neither_logged_nor_in_any_exception(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    with serving(keys={KEY: "bot"}, client={"api_key": KEY, "api_username": "bot"}) as (server, forum, _):
        answers = [web_page(200), web_page(403), reply(200, "SECRET {"), json_reply({"errors": ["SECRET"]}, 404)]
        answers += [json_reply({"errors": ["SECRET"]}), json_reply({"message": "SECRET"}, 429), DROPPED]
        for answer in answers:
            server.faults[:] = [fault(answer, times=3)]
            with pytest.raises(ForumError) as caught:
                forum.latest_topics()
            shown.append("".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)))
            assert not hasattr(caught.value.__context__, "doc")
        shown.append(repr(forum))
    assert caplog.records
    assert "SECRET" not in "".join((*shown, caplog.text))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b'"x"', b"NaN", b'{"a": 1e999}', b"\xff\xfe", b"9" * 5000])
def test_any_body_is_either_decoded_or_refused_in_our_words(body: bytes) -> None:
    for status in (403, 404, 429, 500, 503):
        with pytest.raises((Passing, ForumError), match=r"^/x: "):
            understand(Answer("/x", "http://forum.example/x", status, {}, body))
    with contextlib.suppress(Passing, ForumError):
        understand(Answer("/x", "http://forum.example/x", 200, {}, body))
