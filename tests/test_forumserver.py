"""The forum in this process: it cooks as Discourse cooks, and shows everybody only what is theirs to see."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from selectolax.lexbor import LexborHTMLParser

from forum import START, Wall, at, record, serving
from modassist.forum.practice.cooked import cook
from modassist.forum.practice.server import ForumServer
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
