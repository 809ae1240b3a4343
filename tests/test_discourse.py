"""The reader: whole threads in few requests, lists with pinned topics, groups, and servers of every age."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from forum import START, Wall, fault, json_reply, long_record, record, serving, web_page
from modassist.errors import ForumRefused, PageRefused
from modassist.forum.discourse import instant_of, is_pinned


def numbers(thread: dict[str, Any]) -> list[int]:
    return [post["post_number"] for post in thread["post_stream"]["posts"]]


def ids(thread: dict[str, Any]) -> list[int]:
    return [post["id"] for post in thread["post_stream"]["posts"]]


# -- threads ---------------------------------------------------------------------------------------------------------


def test_a_short_thread_is_one_request_and_a_whole_record() -> None:
    with serving(record(7, "It leaks.", "Where?", "At the lid.", tags=["kettle"])) as (_, forum, _):
        thread = forum.topic(7)
        assert forum.request_count == 1
    assert (thread["id"], thread["title"], numbers(thread)) == (7, "Thread 7", [1, 2, 3])
    assert thread["post_stream"]["stream"] == ids(thread)
    assert thread["post_stream"]["posts"][0]["cooked"] == "<p>It leaks.</p>"


def test_a_long_thread_is_completed_in_chunks_of_fifty_in_order() -> None:
    with serving(long_record(7, 130)) as (server, forum, _):
        thread = forum.topic(7)
    assert numbers(thread) == list(range(1, 131))
    assert [len(request.query.get("post_ids[]", [])) for request in server.log] == [0, 50, 50, 10]


def test_of_a_thread_we_hold_only_what_is_missing_and_its_end_are_fetched_again() -> None:
    with serving(long_record(7, 130)) as (server, forum, _):
        held = set(ids(forum.topic(7)))
        server.state.add_post(7, "customer7", "Anybody?")
        before = forum.request_count
        thread = forum.topic(7, held=held)
        assert forum.request_count - before == 2
    assert numbers(thread) == [*range(1, 21), *range(112, 132)]
    assert len(thread["post_stream"]["stream"]) == 131


def test_a_post_known_to_have_changed_is_fetched_again_wherever_it_stands() -> None:
    with serving(long_record(7, 130)) as (_, forum, _):
        held = set(ids(forum.topic(7)))
        wanted = sorted(held)[59]
        assert 60 in numbers(forum.topic(7, held=held, wanted=[wanted]))


def test_deleted_posts_and_whispers_are_in_neither_list_even_for_a_staff_key() -> None:
    reader = {"client": {"api_key": "k", "api_username": "chief"}, "staff_keys": {"k": "chief"}}
    with serving(long_record(7, 60), **reader) as (server, forum, _):
        whisper = server.state.add_post(7, "staffer", "Not to be said aloud", post_type=4, staff=True)["id"]
        gone = ids(forum.topic(7))[30]
        stream = forum._get("/t/7.json")["post_stream"]["stream"]
        server.state.delete_post(gone)
        # The list of ids is older than the deletion: the posts are asked for, and Discourse gives staff the deleted.
        server.faults.append(
            fault(json_reply(forum._get("/t/7.json") | {"post_stream": {"posts": [], "stream": stream}}))
        )
        thread = forum.topic(7)
    assert whisper in stream
    assert gone in stream
    assert not {whisper, gone} & {*ids(thread), *thread["post_stream"]["stream"]}
    assert len(thread["post_stream"]["stream"]) == 59


def test_a_post_that_the_server_names_but_does_not_give_is_left_out() -> None:
    with serving(long_record(7, 25)) as (server, forum, _):
        whole = forum._get("/t/7.json")
        whole["post_stream"]["stream"].append(999_999)
        server.faults.append(fault(json_reply(whole)))
        thread = forum.topic(7)
    assert numbers(thread) == list(range(1, 26))
    assert 999_999 not in thread["post_stream"]["stream"]


def test_hidden_posts_and_stubs_of_posts_their_author_removed_come_as_they_are() -> None:
    with serving(record(7)) as (server, forum, _):
        server.state.add_post(7, "customer7", "(hidden)", hidden=True)
        server.state.add_post(7, "customer7", "(removed)", user_deleted=True)
        posts = forum.topic(7)["post_stream"]["posts"]
    assert [post["hidden"] for post in posts] == [False, False, True, False]
    assert posts[3]["user_deleted"]


def test_a_server_without_a_list_of_ids_gives_the_posts_it_gives() -> None:
    with serving(record(7)) as (server, forum, _):
        old = forum._get("/t/7.json")
        del old["post_stream"]["stream"]
        server.faults.append(fault(json_reply(old)))
        assert numbers(forum.topic(7)) == [1, 2]


def test_ids_written_as_text_are_numbers_and_broken_rows_are_left_out() -> None:
    posts = [{"id": "12", "post_number": 1}, None, 7, {"post_number": 2}, {"id": True}, {"id": "x"}, {"id": 2.5}]
    answer = {"id": "7", "post_stream": {"posts": posts, "stream": ["12", None, {}]}}
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply(answer)))
        thread = forum.topic(7)
    assert thread["post_stream"] == {"posts": [{"id": 12, "post_number": 1}], "stream": [12]}


@pytest.mark.parametrize(
    "answer", [[], None, 7, {}, {"id": 7}, {"id": 7, "post_stream": []}, {"id": 7, "post_stream": {"posts": {}}}]
)
def test_an_answer_that_is_no_thread_is_refused_for_this_address_alone(answer: Any) -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply(answer)))
        with pytest.raises(PageRefused, match=r"/t/7\.json"):
            forum.topic(7)


def test_a_topic_answered_by_another_one_was_merged_away() -> None:
    with serving(record(8)) as (server, forum, _):
        server.faults.append(fault(json_reply(forum._get("/t/8.json"))))
        with pytest.raises(PageRefused) as caught:
            forum.topic(7)
    assert caught.value.status == 410


def test_private_topics_and_deleted_ones_are_refused_for_their_address_alone() -> None:
    with serving(record(1, category_id=9), record(2), private=[9]) as (server, forum, _):
        server.state.delete_topic(2)
        for topic_id, status in ((1, 403), (2, 404), (3, 404)):
            with pytest.raises(PageRefused) as caught:
                forum.topic(topic_id)
            assert caught.value.status == status


# -- lists -----------------------------------------------------------------------------------------------------------


def test_the_newest_posts_come_fifty_at_a_time_and_go_on_below_an_id() -> None:
    with serving(long_record(1, 40), long_record(2, 40)) as (_, forum, _):
        first = [post["id"] for post in forum.latest_posts()]
        second = [post["id"] for post in forum.latest_posts(first[-1])]
    assert [*first, *second] == list(range(max(first), max(first) - 80, -1))


def test_a_pinned_topic_stands_first_and_is_known_as_pinned() -> None:
    topics = [record(number) for number in range(1, 41)]
    with serving(*topics, record(99, hours=-9000, pinned=True)) as (_, forum, _):
        page = forum.latest_topics()
        second = forum.latest_topics(1)
    assert [row["id"] for row in page.rows[:2]] == [99, 40]
    assert is_pinned(page.rows[0])
    assert page.more
    assert not second.more
    assert len({row["id"] for row in (*page.rows, *second.rows)}) == 41


def test_all_topics_come_once_each_until_the_first_unpinned_one_that_is_too_old() -> None:
    topics = [record(number) for number in range(1, 251)]
    with serving(*topics, record(999, hours=-9000, pinned=True)) as (server, forum, _):
        everything = [row["id"] for row in forum.all_topics()]
        since = START + timedelta(hours=-100 + 240)
        fresh = [row["id"] for row in forum.all_topics(since)]
    assert sorted(everything) == [*range(1, 251), 999]
    assert fresh == list(range(250, 239, -1))
    assert [request.query.get("page", ["0"]) for request in server.log] == [["0"], ["1"], ["2"], ["0"]]


def test_a_list_that_repeats_itself_for_ever_ends() -> None:
    with serving(record(1)) as (server, forum, _):
        page = {"topic_list": {"topics": [{"id": 1}], "more_topics_url": "/latest?page=1"}}
        server.faults.append(fault(json_reply(page), times=None))
        assert [row["id"] for row in forum.all_topics()] == [1]
        assert forum.request_count == 2


@pytest.mark.parametrize("with_filter", [True, False])
def test_open_topics_are_found_with_and_without_the_servers_filter(with_filter: bool) -> None:
    topics = [record(number, hours=-number) for number in range(1, 80)]
    closed = record(90, hours=-1, closed=True)
    with serving(*topics, closed, with_filter=with_filter, now=Wall()) as (server, forum, _):
        found = {row["id"] for row in forum.open_topics(START - timedelta(hours=56))}
    assert {*range(1, 56)} <= found <= {*range(1, 58)}
    assert ("/latest.json" in server.paths()) is not with_filter
    assert server.log[0].query["q"] == ["status:open activity-after:2026-02-28"]


def test_lists_that_are_none_are_refused() -> None:
    with serving() as (server, forum, _):
        for answer in ({}, [], {"latest_posts": {}}, {"topic_list": []}, {"topic_list": {"topics": None}}):
            server.faults[:] = [fault(json_reply(answer), times=2)]
            with pytest.raises(ForumRefused, match="not what Discourse sends"):
                forum.latest_posts()
            with pytest.raises(ForumRefused, match="not what Discourse sends"):
                forum.latest_topics()


# -- the forum and its people ----------------------------------------------------------------------------------------


def test_a_forum_introduces_itself_even_to_strangers_of_a_members_forum() -> None:
    with serving(record(1), login_required=True, title="Kettle friends") as (_, forum, _):
        assert forum.basic_info()["title"] == "Kettle friends"
        assert forum.basic_info()["login_required"]
        with pytest.raises(ForumRefused, match="members only"):
            forum.latest_posts()


def test_staff_stand_on_the_page_about_the_forum() -> None:
    thread = record(1)
    thread["posts"][1] |= {"admin": True, "username": "boss"}
    with serving(thread, record(2)) as (_, forum, _):
        about = forum.about()
    assert [user["username"] for user in about["admins"]] == ["boss"]
    assert [user["username"] for user in about["moderators"]] == ["staffer"]


def test_the_site_tells_which_categories_are_not_for_everybody() -> None:
    reader = {"client": {"api_key": "k", "api_username": "bot"}, "keys": {"k": "bot"}}
    with serving(record(1), categories={9: "Staff"}, private=[9], **reader) as (_, forum, _):
        restricted = {row["id"]: row["read_restricted"] for row in forum.site()["categories"]}
    assert restricted == {1: False, 9: True}


def test_all_members_of_a_large_group_are_found_page_by_page() -> None:
    names = [f"member{number}" for number in range(2500)]
    with serving(groups={"team a/b": names}) as (server, forum, _):
        assert list(forum.group_members("team a/b")) == names
    assert [request.query["offset"] for request in server.log] == [["0"], ["1000"], ["2000"]]


def test_a_group_server_that_counts_wrongly_or_repeats_itself_does_not_hang_the_reader() -> None:
    page = {"members": [{"username": "a"}, {"username": None}, 7], "owners": None, "meta": {"total": 100}}
    with serving() as (server, forum, _):
        server.faults.append(fault(json_reply(page), times=None))
        assert forum.group_members("team") == ("a",)
        assert forum.request_count == 2


def test_a_group_that_hides_its_members_is_refused_for_its_address_alone() -> None:
    with serving() as (_, forum, _), pytest.raises(PageRefused) as caught:
        forum.group_members("secret")
    assert caught.value.status == 404


def test_a_page_that_is_no_discourse_is_said_to_be_none() -> None:
    with serving() as (server, forum, _):
        server.faults.append(fault(web_page(200), times=None))
        with pytest.raises(ForumRefused, match="is this the address of a Discourse forum"):
            forum.basic_info()


@pytest.mark.parametrize("value", [None, 7, "yesterday", "", "2026-13-01T00:00:00Z", []])
def test_an_instant_that_is_none_is_none(value: Any) -> None:
    assert instant_of({"bumped_at": value}, "bumped_at") is None


def test_an_instant_with_any_offset_is_utc() -> None:
    moment = instant_of({"bumped_at": "2026-03-02T03:00:00.000-05:00"}, "bumped_at")
    assert moment == START
    assert moment.utcoffset() == timedelta(0)
