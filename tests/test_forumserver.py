"""The forum in this process: it cooks as Discourse cooks, and shows everybody only what is theirs to see."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from selectolax.lexbor import LexborHTMLParser

from forum import START, Wall, at, fault, json_reply, record, serving
from modassist.forum.practice.cooked import cook
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.writing import WriteKey
from modassist.text.own_words import own_words

RAW = """Hallo Team,

die Pumpe **tropft** seit `10:30` & 1 < 2.
Siehe https://example.com/a?b=1&c=2.

[quote="anna, post:2, topic:5"]
Das geht nicht.
[/quote]

- eins
- zwei @anna

> alt

```
log <line>
```
Ende"""


def test_markdown_is_cooked_to_the_words_that_its_author_wrote() -> None:
    cooked, raw = own_words(cook(RAW)), own_words(None, RAW)
    assert cooked == raw
    assert "Hallo Team" in cooked.text
    assert [(quote.author, quote.post_number) for quote in cooked.quotes] == [("anna", 2), (None, None)]


@pytest.mark.parametrize(
    "raw",
    ["<script>alert(1)</script>", '[quote="a\\" onload=x, post:1"]\nx\n[/quote]', '`<b>` **<i>** @a"b http://x"y'],
)
def test_nothing_that_a_member_writes_becomes_markup(raw: str) -> None:
    nodes = list(LexborHTMLParser(cook(raw)).body.traverse())
    assert {node.tag for node in nodes} <= {"body", "p", "a", "code", "strong", "br"}
    assert not any(name.startswith("on") for node in nodes for name in node.attributes)


def test_posts_without_an_id_get_one_that_rises_with_time() -> None:
    with serving(record(1, hours=5), record(2, hours=1)) as (_, forum, _):
        assert [post["topic_id"] for post in forum.latest_posts()] == [1, 1, 2, 2]


def test_what_a_record_says_is_what_is_served() -> None:
    thread = record(5, tags=["pump"], closed=True, category_id=3, accepted_answers=[{"post_number": 2}])
    thread["posts"][0] |= {"id": 77, "post_number": 4, "user_title": "Fan", "cooked": "<p>As it was</p>"}
    with serving(thread) as (_, forum, _):
        served = forum.topic(5)
    post = next(post for post in served["post_stream"]["posts"] if post["id"] == 77)
    assert (post["post_number"], post["user_title"], post["cooked"]) == (4, "Fan", "<p>As it was</p>")
    assert (served["closed"], served["category_id"], served["accepted_answers"]) == (True, 3, [{"post_number": 2}])
    assert [tag["name"] for tag in served["tags"]] == ["pump"]


def test_what_happens_on_the_forum_moves_a_topic_as_it_does_on_discourse() -> None:
    wall = Wall()
    with serving(record(1, hours=-9), record(2, hours=-8), now=wall) as (server, forum, _):
        post = server.state.add_post(1, "customer1", "Hello?")
        assert forum.latest_topics().rows[0] | {"id": 1, "bumped_at": at()} == forum.latest_topics().rows[0]
        server.state.close_topic(2)
        assert [row["id"] for row in forum.latest_topics().rows] == [1, 2]
        server.state.delete_post(post["id"])
        assert [row["id"] for row in forum.latest_topics().rows] == [2, 1]
        server.state.edit_post(server.state.topics[1].posts[0]["id"], "Other words")
        assert forum.topic(1)["post_stream"]["posts"][0]["version"] == 2
        server.state.add_topic({"id": 9, "title": "New", "posts": [{"username": "a", "raw": "x"}]})
        assert forum.latest_topics().rows[0]["id"] == 9
        assert forum.latest_posts()[0]["created_at"] == at()
    assert wall.now == START


def status(server: ForumServer, path: str, **headers: str) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(server.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()}).status_code


@pytest.mark.parametrize(
    ("path", "anonymous", "with_key"),
    [
        ("/t/1.json", 403, 200),
        ("/t/1/posts.json", 403, 200),
        ("/c/9/show.json", 403, 200),
        ("/c/8/show.json", 404, 404),
        ("/session/current.json", 404, 200),
        ("/t/2.json?page=7", 404, 404),
        ("/t/2.json?page=x", 200, 200),
        ("/nothing", 404, 404),
        ("/t/99999999999999999999.json", 404, 404),
        ("/groups/nobody/members.json", 404, 404),
    ],
)
def test_private_things_need_a_key(path: str, anonymous: int, with_key: int) -> None:
    with ForumServer([record(1, category_id=9), record(2)], private=[9], keys={"k": "bot"}) as server:
        assert status(server, path) == anonymous
        assert status(server, path, Api_Key="k", Api_Username="bot") == with_key
        assert status(server, path, Api_Key="k", Api_Username="other") == 403
        assert status(server, path, Api_Key="wrong", Api_Username="bot") == 403


def test_a_key_that_reads_cannot_write() -> None:
    with ForumServer([record(1)], keys={"k": "bot"}) as server, requests.Session() as session:
        session.trust_env = False
        headers = {"Api-Key": "k", "Api-Username": "bot"}
        answers: list[Any] = [
            session.request(verb, f"{server.url}/posts.json", headers=headers, data={"raw": "x", "topic_id": 1})
            for verb in ("POST", "PUT", "DELETE", "PATCH")
        ]
        assert [answer.status_code for answer in answers] == [403, 404, 404, 404]
        assert len(server.state.topics[1].posts) == 2
    assert [request.method for request in server.log] == ["POST", "PUT", "DELETE", "PATCH"]


# -- writing ---------------------------------------------------------------------------------------------------------

TEXT = "An alert that is long enough to be one."


def write(server: ForumServer, path: str = "/posts.json", key: str = "w", name: str = "bot", **form: str) -> Any:
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Api-Key": key, "Api-Username": name}
        return session.post(server.url + path, headers=headers, data=form, allow_redirects=False)


def writable(wall: Wall | None = None, **options: Any) -> ForumServer:
    keys = {"w": WriteKey("bot", is_staff=True), "one": WriteKey("bot", frozenset({1})), "member": WriteKey("fan")}
    usual: dict[str, Any] = {"permissions": {9: ["staff"]}, "groups": {"team": ["ann"]}, "hooks": {"h": "Team"}}
    records = [record(1, category_id=9), record(2)]
    return ForumServer(records, now=wall or Wall(), write_keys=keys, **(usual | options))


def test_the_same_request_within_two_minutes_makes_one_post() -> None:
    wall = Wall()
    with writable(wall) as server:
        first, second = (write(server, topic_id="1", raw=TEXT).json() for _ in range(2))
        assert first["id"] == second["id"]
        assert (first["topic_id"], first["post_number"]) == (1, 3)
        wall.pass_(minutes=3)
        assert write(server, topic_id="1", raw=TEXT).status_code == 422
        wall.pass_(minutes=3)
        assert write(server, topic_id="1", raw=TEXT).json()["id"] != first["id"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"topic_id": "1", "raw": "short"}, 422),
        ({"topic_id": "1", "raw": "x" * 32_001}, 422),
        ({"topic_id": "99", "raw": TEXT}, 404),
        ({"title": "short", "raw": TEXT, "category": "9"}, 422),
        ({"title": "Long enough to be a title", "raw": TEXT, "category": "9", "external_id": "a b"}, 422),
        ({"title": "Long enough to be a title", "raw": TEXT, "category": "9", "external_id": "x" * 51}, 422),
        ({"title": "A message to nobody", "raw": TEXT, "archetype": "private_message"}, 422),
        (
            {"title": "A message to nobody", "raw": TEXT, "archetype": "private_message", "target_recipients": "who"},
            422,
        ),
    ],
)
def test_what_discourse_would_not_take_is_refused(form: dict[str, str], status: int) -> None:
    with writable() as server:
        assert write(server, **form).status_code == status


def test_a_key_limited_to_a_topic_writes_there_alone() -> None:
    with writable(permissions={9: ["everyone"]}) as server:
        assert write(server, key="one", topic_id="1", raw=TEXT).status_code == 200
        assert write(server, key="one", topic_id="2", raw=TEXT + "!").status_code == 403
        assert (
            write(server, key="one", title="Long enough to be a title", raw=TEXT + "?", category="1").status_code == 403
        )


def test_members_cannot_write_where_they_cannot_read() -> None:
    with writable() as server:
        assert write(server, key="member", name="fan", topic_id="1", raw=TEXT).status_code == 403
        assert write(server, key="member", name="fan", topic_id="2", raw=TEXT).status_code == 200
        assert write(server, key="wrong", topic_id="2", raw=TEXT).status_code == 403


def test_a_topic_is_found_by_its_external_id_and_the_id_is_taken_then() -> None:
    form = {"raw": TEXT, "category": "9", "external_id": "alert-1"}
    with writable() as server:
        made = write(server, title="Long enough to be a title", **form).json()
        headers = {"Api_Key": "w", "Api_Username": "bot"}
        assert status(server, "/t/external_id/alert-1.json", **headers) == 200
        assert status(server, "/t/external_id/alert-2.json", **headers) == 404
        assert status(server, "/t/external_id/alert-1.json") == 404
        assert write(server, title="Another title, long enough", **form | {"raw": TEXT + "!"}).status_code == 422
        assert server.state.topics[made["topic_id"]].fields["category_id"] == 9


def test_a_message_is_read_by_its_recipients_alone() -> None:
    form = {"title": "A message to the team", "raw": TEXT, "archetype": "private_message", "target_recipients": "team"}
    with writable(keys={"ann": "ann", "fan": "fan"}) as server:
        path = f"/t/{write(server, **form).json()['topic_id']}.json"
        assert status(server, path, Api_Key="ann", Api_Username="ann") == 200
        assert status(server, path, Api_Key="fan", Api_Username="fan") == 403
        assert status(server, path) == 403


def test_a_chat_hook_is_known_by_its_key() -> None:
    with writable() as server:
        assert write(server, "/chat/hooks/h.json", text="Hello").status_code == 200
        assert write(server, "/chat/hooks/h.json", text="").status_code == 400
        assert write(server, "/chat/hooks/other.json", text="Hello").status_code == 404
        assert server.desk.chat == [("Team", "Hello")]


def test_a_fault_after_the_write_leaves_the_write() -> None:
    with writable() as server:
        server.faults.append(fault(json_reply({}, 500), "/posts.json", method="POST", after=True))
        assert write(server, topic_id="1", raw=TEXT).status_code == 500
        assert len(server.state.topics[1].posts) == 3
