"""The reader and the in-process forum against data that nobody here wrote: recorded responses and Discourse's own API.

Both lie outside the repository, in ../shared/discourse-api; without them these tests skip.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from forum import START, fault, json_reply, long_record, record, serving
from modassist.forum.discourse import Forum
from modassist.forum.practice.exchange import Request
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.writing import WriteKey
from modassist.forum.writer import AlertForum

SHARED = Path(__file__).resolve().parents[2] / "shared" / "discourse-api"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/discourse-api is not there")


def fixture(name: str) -> Any:
    return json.loads((SHARED / "fixtures" / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return json.loads((SHARED / "openapi.json").read_text("utf-8"))


def answered(forum: Forum, server: ForumServer, *names: str) -> None:
    server.faults += [fault(json_reply(fixture(name))) for name in names]


# -- recorded responses, some of them years old ----------------------------------------------------------------------


def test_a_recorded_thread_is_read_without_loss() -> None:
    with serving() as (server, forum, _):
        answered(forum, server, "topic")
        assert forum.topic(57) == fixture("topic")


def test_recorded_posts_of_a_thread_are_read_without_loss() -> None:
    whole, more = fixture("topic"), fixture("topic_posts")
    key = more["post_stream"]["posts"][0]["id"]
    whole["post_stream"]["stream"].append(key)
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply(whole)))
        answered(forum, server, "topic_posts")
        posts = forum.topic(57)["post_stream"]["posts"]
    assert posts == [*whole["post_stream"]["posts"], *more["post_stream"]["posts"]]


@pytest.mark.parametrize("name", ["posts_latest", "posts_before"])
def test_recorded_latest_posts_are_read_without_loss(name: str) -> None:
    with serving() as (server, forum, _):
        answered(forum, server, name)
        assert forum.latest_posts() == fixture(name)["latest_posts"]


@pytest.mark.parametrize("name", ["latest", "top", "hot", "category_latest_topics", "private_messages"])
def test_recorded_topic_lists_are_read_without_loss(name: str) -> None:
    recorded = fixture(name)["topic_list"]
    with serving() as (server, forum, _):
        answered(forum, server, name)
        page = forum.latest_topics()
    assert list(page.rows) == recorded["topics"]
    assert page.more is bool(recorded.get("more_topics_url"))


def test_recorded_pages_of_group_members_are_read_without_loss() -> None:
    with serving() as (server, forum, _):
        answered(forum, server, "members_0", "members_1")
        server.faults.append(fault(json_reply({"members": []}), times=None))
        names = forum.group_members("group_1")
    assert list(names) == [row["username"] for name in ("members_0", "members_1") for row in fixture(name)["members"]]


def test_owners_count_as_members() -> None:
    with serving() as (server, forum, _):
        answered(forum, server, "members_2")
        server.faults.append(fault(json_reply({"members": [], "owners": []}), times=None))
        names = forum.group_members("group_1")
    recorded = fixture("members_2")
    assert set(names) == {row["username"] for row in (*recorded["members"], *recorded["owners"])}


# -- Discourse's description of its API ------------------------------------------------------------------------------

BESIDE_THE_DESCRIPTION = {
    "/filter.json": {"q", "page"},
    "/about.json": set[str](),
    "/latest.json": {"page", "no_definitions"},
    "/groups/{name}/members.json": {"limit", "offset"},
    "/t/{id}/posts.json": {"post_ids[]"},
}
"""What servers take though openapi.json does not say so: seen in Discourse's controllers."""


def described(path: str, api: dict[str, Any]) -> str:
    """The described path that a path of a request is."""
    for known in (*api["paths"], *BESIDE_THE_DESCRIPTION):
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(known)), path):
            return known
    raise AssertionError(f"{path} is no path of the API")


def use_everything(forum: Forum) -> None:
    forum.basic_info()
    forum.site()
    forum.about()
    forum.latest_posts(forum.latest_posts()[0]["id"])
    forum.latest_topics(1, per_page=50)
    forum.topic(1)
    forum.group_members("team")
    list(forum.all_topics())
    list(forum.open_topics(START))


def conforms(request: Request, api: dict[str, Any]) -> None:
    path = described(request.path, api)
    operation = api["paths"].get(path, {}).get("get")
    known = {item["name"] for item in operation.get("parameters", []) if item["in"] == "query"} if operation else set()
    assert request.method == "GET"
    assert set(request.query) <= known | BESIDE_THE_DESCRIPTION.get(path, set())


def test_every_request_that_the_reader_makes_is_one_that_discourse_describes(api: dict[str, Any]) -> None:
    with serving(long_record(1, 60), groups={"team": ["staffer"]}) as (server, forum, _):
        use_everything(forum)
    assert len({request.path for request in server.log}) == 9
    for request in server.log:
        conforms(request, api)


PAGES = {
    "/site/basic-info.json": "/site/basic-info.json",
    "/site.json": "/site.json",
    "/posts.json": "/posts.json",
    "/latest.json": "/latest.json",
    "/t/1.json": "/t/{id}.json",
    "/t/1/posts.json?post_ids[]=1001": "/t/{id}/posts.json",
    "/groups/team/members.json": "/groups/{name}/members.json",
    "/categories.json": "/categories.json",
    "/c/1/show.json": "/c/{id}/show.json",
}


def problems(value: Any, schema: dict[str, Any]) -> list[str]:
    """Fields that the description requires and the value lacks; what type an empty one has is not our matter.

    The numbers of the kinds of notifications are left out: nobody here is notified.
    """
    checker = jsonschema.Draft202012Validator(schema)
    found = (error for error in checker.iter_errors(value) if error.validator == "required")
    lacking = [f"{error.json_path}: {error.message}" for error in found]
    return [line for line in lacking if not line.startswith("$.notification_types:")]


@pytest.mark.parametrize("address", PAGES)
def test_the_forum_in_this_process_sends_what_discourse_requires(address: str, api: dict[str, Any]) -> None:
    operation = api["paths"][PAGES[address]]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    thread = record(1, tags=["kettle"])
    with serving(thread, record(2, pinned=True), groups={"team": ["staffer"]}) as (_, forum, _ticks):
        assert problems(forum._get(address), schema) == []


def test_what_is_written_is_answered_as_discourse_describes_it(api: dict[str, Any]) -> None:
    def schema(path: str, verb: str) -> dict[str, Any]:
        return api["paths"][path][verb]["responses"]["200"]["content"]["application/json"]["schema"]

    forum_options = {"write_keys": {"w": WriteKey("bot", is_staff=True)}, "groups": {"team": ["bot"]}}
    with serving(record(1), **forum_options) as (server, _, _ticks):
        with AlertForum(server.url, api_username="bot", api_key="w") as keyed:
            row = keyed.reply(1, "A reply that is long enough to be one.")
            keyed.open_message("team", "A message that has a title", "And a text that is long enough.")
            answers = {
                "/posts/{id}.json": keyed._get(f"/posts/{row['id']}.json"),
                "/groups/{name}.json": keyed._get("/groups/team.json"),
                "/topics/private-messages-sent/{username}.json": keyed._get("/topics/private-messages-sent/bot.json"),
            }
        assert problems(row, schema("/posts.json", "post")) == []
        assert {path: problems(answer, schema(path, "get")) for path, answer in answers.items()} == {
            key: [] for key in answers
        }
        written = [request for request in server.log if request.method == "POST"]
    allowed = api["paths"]["/posts.json"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert written
    assert all(set(request.form) <= set(allowed) for request in written)
