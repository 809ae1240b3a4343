"""Thread records -> Thread: roles, times, accepted answers, and what other server versions write otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.errors import RecordError
from modassist.instants import instant_text, parse_instant, sortable_text
from modassist.model import Post, PostKind, Role, Staff, Thread
from modassist.records.threads import from_thread, to_thread
from strategies import MOMENTS, threads

NOBODY = Staff()
MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def post(number: int = 1, **fields: Any) -> dict[str, Any]:
    basic = {"id": 1000 + number, "post_number": number, "post_type": 1, "username": "winni", "staff": False}
    return basic | {"created_at": "2026-03-02T08:00:00Z", "cooked": "<p>Hallo</p>"} | fields


def topic(*posts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": 4711, "title": "Ausfall", "slug": "ausfall", "posts": list(posts)} | fields


def only(record: dict[str, Any], staff: Staff = NOBODY) -> Post:
    (found,) = to_thread(record, staff=staff).posts
    return found


def role(settings: Staff = NOBODY, **fields: Any) -> Role:
    return only(topic(post(**fields)), settings).role


# -- shape


def test_a_whole_topic_reads_like_the_reduced_one() -> None:
    reduced = topic(post(1), post(2, username="mod", staff=True))
    whole = {key: value for key, value in reduced.items() if key != "posts"} | {
        "post_stream": {"posts": reduced["posts"], "stream": [1001, 1002]}
    }
    assert to_thread(whole, staff=NOBODY) == to_thread(reduced, staff=NOBODY)


def test_posts_are_sorted_by_number_even_where_times_are_out_of_order() -> None:
    record = topic(post(3, created_at="2026-03-01T00:00:00Z"), post(1), post(2, created_at="2026-03-09T00:00:00Z"))
    assert [found.number for found in to_thread(record, staff=NOBODY).posts] == [1, 2, 3]


def test_of_two_posts_with_one_number_the_later_in_the_list_wins() -> None:
    assert only(topic(post(cooked="old"), post(cooked="new"))).html == "new"


def test_a_post_without_a_number_follows_the_one_before() -> None:
    rows = [post(5), {key: value for key, value in post().items() if key != "post_number"}]
    assert [found.number for found in to_thread(topic(*rows), staff=NOBODY).posts] == [5, 6]


def test_whispers_and_deleted_posts_are_left_out() -> None:
    rows = [post(1), post(2, post_type=4), post(3, deleted_at="2026-03-02T09:00:00Z"), post(4, user_deleted=True)]
    assert [found.number for found in to_thread(topic(*rows), staff=NOBODY).posts] == [1]


def test_a_hidden_post_keeps_its_place_without_text_and_speaks_for_nobody() -> None:
    found = only(topic(post(hidden=True, cooked="flagged words", raw="flagged words", staff=True)))
    assert (found.html, found.raw, found.role) == ("", None, Role.AUTOMATIC)


def test_a_topic_with_no_posts_left_is_a_thread_without_posts() -> None:
    assert to_thread(topic(), staff=NOBODY).posts == ()


@pytest.mark.parametrize(
    ("number", "kind"),
    [(1, PostKind.REGULAR), (2, PostKind.STAFF_COLOUR), (3, PostKind.SMALL_ACTION), (None, PostKind.REGULAR)],
)
def test_the_post_type_is_the_kind(number: int | None, kind: PostKind) -> None:
    assert only(topic(post(post_type=number))).kind is kind


@pytest.mark.parametrize("tags", [["a", "b"], [{"id": 1, "name": "a", "slug": "a"}, {"id": 2, "name": "b"}]])
def test_tags_are_names_in_old_and_new_servers(tags: list[Any]) -> None:
    assert to_thread(topic(tags=tags), staff=NOBODY).tags == ("a", "b")


def test_what_may_be_missing_is_made_up_for() -> None:
    thread = to_thread({"id": 1, "posts": [{"created_at": "2026-03-02T08:00:00Z", "username": None}]}, staff=NOBODY)
    assert (thread.title, thread.slug, thread.url, thread.category_id, thread.tags) == ("", "", "", None, ())
    assert (thread.posts[0].author, thread.posts[0].id, thread.posts[0].html) == ("deleted", None, None)


def test_the_number_of_the_topic_is_found_in_its_posts() -> None:
    record = {key: value for key, value in topic(post(topic_id=99)).items() if key != "id"}
    assert to_thread(record, staff=NOBODY).id == 99


def test_halves_of_characters_in_names_and_titles_are_replaced() -> None:
    thread = to_thread(topic(post(username="a\ud800"), title="b\udfff"), staff=NOBODY)
    assert (thread.title, thread.posts[0].author) == ("b\ufffd", "a\ufffd")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"posts": []}, "f.json: id is missing"),
        ({"id": 1}, "f.json: posts is missing"),
        ({"id": 1, "post_stream": {}}, "f.json: post_stream.posts is missing"),
        ({"id": 1, "posts": {}}, "f.json: posts: expected a list, found an object"),
        ({"id": 1, "posts": ["x"]}, "f.json: posts[0]: expected an object, found 'x'"),
        ({"id": True, "posts": []}, "f.json: id: expected a number, found true or false"),
        ({"id": 1, "title": 5, "posts": []}, "f.json: title: expected a text, found a number"),
        (topic(post(), post(post_number="two")), "f.json: posts[1].post_number: expected a number, found 'two'"),
        (topic(post(username=["a"])), "f.json: posts[0].username: expected a text, found a list"),
        (topic(post(cooked={})), "f.json: posts[0].cooked: expected a text, found an object"),
        (topic(post(created_at=17)), "f.json: posts[0].created_at: expected a time, found a number"),
        (topic(post(created_at="soon")), "f.json: posts[0].created_at: expected a time such as"),
        (topic(post(post_type=[1])), "f.json: posts[0].post_type: expected a number, found a list"),
        (topic(post(created_at=None)), "f.json: posts[0].created_at is missing"),
        ({"id": 2**63, "posts": []}, "f.json: id: expected a number, found a number"),
        (topic(now="whenever"), "f.json: now: expected a time such as"),
    ],
)
def test_a_fault_names_place_and_field(record: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as caught:
        to_thread(record, staff=NOBODY, place="f.json")
    assert str(caught.value).startswith(said)


# -- times


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T08:00:00Z",
        "2026-03-02T08:00:00.000Z",
        "2026-03-02T10:00:00+02:00",
        "2026-03-02 08:00:00",
        "2026-03-02 08:00:00 UTC",
    ],
)
def test_every_way_to_write_an_instant_is_read(text: str) -> None:
    assert only(topic(post(created_at=text))).created_at == MONDAY


def test_a_missing_time_is_that_of_the_post_before_or_else_the_next_one() -> None:
    rows = [post(1, created_at=None), post(2), post(3, created_at=None)]
    assert {found.created_at for found in to_thread(topic(*rows), staff=NOBODY).posts} == {MONDAY}


def test_without_any_time_in_the_posts_the_topic_tells_and_then_the_caller() -> None:
    bare = topic(post(created_at=None))
    assert only(bare | {"created_at": "2026-03-02T08:00:00Z"}).created_at == MONDAY
    assert to_thread(bare, staff=NOBODY, fallback_now=MONDAY).posts[0].created_at == MONDAY


def test_now_is_read() -> None:
    assert to_thread(topic(now="2026-03-02T08:00:00Z"), staff=NOBODY).now == MONDAY
    assert to_thread(topic(), staff=NOBODY, fallback_now=MONDAY).now is None


@pytest.mark.parametrize(
    ("fields", "is_edited"),
    [
        ({"updated_at": "2026-03-02T08:00:00Z"}, False),
        ({"updated_at": "2026-03-03T08:00:00Z"}, True),
        ({"updated_at": "2026-03-03T08:00:00Z", "version": 3}, True),
        ({"updated_at": "2026-03-03T08:00:00Z", "version": 1}, False),
        ({}, False),
    ],
)
def test_an_edit_is_a_later_version_of_the_text(fields: dict[str, Any], is_edited: bool) -> None:
    assert (only(topic(post(**fields))).edited_at is not None) is is_edited


ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])


@given(MOMENTS.flatmap(lambda moment: ZONES.map(moment.astimezone)))
def test_an_instant_is_read_back_as_it_was_written(moment: datetime) -> None:
    assert parse_instant(instant_text(moment)) == moment
    assert parse_instant(sortable_text(moment)) == moment
    assert len(sortable_text(moment)) == 27


@given(st.lists(MOMENTS, max_size=5))
def test_sortable_text_sorts_as_time_does(moments: list[datetime]) -> None:
    assert [parse_instant(text) for text in sorted(map(sortable_text, moments))] == sorted(moments)


def test_an_instant_outside_the_calendar_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_instant("0001-01-01T00:00:00+14:00")


# -- who speaks


@pytest.mark.parametrize(
    "fields",
    [{"staff": True}, {"admin": True}, {"moderator": True}, {"group_moderator": True}, {"post_type": 2}],
)
def test_the_forum_marks_staff(fields: dict[str, Any]) -> None:
    assert role(**fields) is Role.STAFF


@pytest.mark.parametrize(
    "staff",
    [Staff(usernames=frozenset({"WINNI"})), Staff(members=frozenset({"Winni"})), Staff(groups=frozenset({"Team"}))],
)
def test_settings_mark_staff_without_case(staff: Staff) -> None:
    assert role(staff, primary_group_name="team") is Role.STAFF


def test_group_moderators_are_staff_by_setting() -> None:
    assert role(Staff(group_moderators=False), group_moderator=True) is Role.CUSTOMER


@pytest.mark.parametrize(
    "fields",
    [
        {"user_id": -1, "staff": True},
        {"username": "System", "staff": True},
        {"username": "discobot"},
        {"post_type": 3, "staff": True, "username": "mod"},
        {"is_auto_generated": True},
    ],
)
def test_what_no_person_wrote_is_automatic(fields: dict[str, Any]) -> None:
    assert role(**fields) is Role.AUTOMATIC


def test_an_ignored_account_is_automatic_even_as_staff() -> None:
    assert role(Staff(ignored=frozenset({"Zapier"})), username="zapier", staff=True) is Role.AUTOMATIC


def test_everybody_else_is_a_customer() -> None:
    assert role() is Role.CUSTOMER
    assert role(staff="yes") is Role.CUSTOMER


def test_a_second_account_speaks_as_the_main_one() -> None:
    staff = Staff(usernames=frozenset({"mod_a"}), aliases=(("Winni", "mod_a"), ("old_name", "new_name")))
    assert only(topic(post()), staff) == only(topic(post(username="mod_a")), staff)
    assert only(topic(post(username="old_name")), staff).author == "new_name"
    assert only(topic(post(username="old_name")), staff).role is Role.CUSTOMER


def test_a_second_account_of_somebody_the_forum_marks_is_staff_too() -> None:
    staff = Staff(aliases=(("winni", "mod_a"),))
    record = topic(post(1), post(2, username="mod_a", moderator=True))
    assert [found.role for found in to_thread(record, staff=staff).posts] == [Role.STAFF, Role.STAFF]


# -- accepted answers


ACCEPTED = [
    {"accepted_answer": {"post_number": 2, "username": "mod"}},
    {"accepted_answers": [{"post_number": 2, "username": "mod", "accepter_username": "winni"}]},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=["old", "new"])
def test_an_accepted_answer_is_read_from_the_topic(fields: dict[str, Any]) -> None:
    thread = to_thread(topic(post(1), post(2, username="mod", staff=True), **fields), staff=NOBODY)
    assert [found.accepted for found in thread.posts] == [False, True]
    assert not thread.accepted_by_staff


def test_an_accepted_answer_is_read_from_the_post() -> None:
    assert only(topic(post(accepted_answer=True))).accepted


@pytest.mark.parametrize(
    ("accepters", "by_staff"),
    [(["Mod"], True), (["Mod", "winni"], False), (["boss"], True), ([None], False), (["lead"], True)],
)
def test_who_accepted_is_known_where_the_forum_tells(accepters: list[str | None], by_staff: bool) -> None:
    answers = [{"post_number": 2, "accepter_username": name} for name in accepters]
    people = {"participants": [{"username": "lead", "admin": True}, {"username": "winni"}]}
    record = topic(post(1), post(2, username="mod", staff=True), accepted_answers=answers, details=people)
    assert to_thread(record, staff=Staff(usernames=frozenset({"BOSS"}))).accepted_by_staff is by_staff


# -- address


def test_the_address_is_made_from_forum_and_slug() -> None:
    def made(slug: str) -> str:
        return to_thread(topic(slug=slug), staff=NOBODY, forum_url="https://forum.example.com/").url

    assert made("ausfall") == "https://forum.example.com/t/ausfall/4711"
    assert made("") == "https://forum.example.com/t/4711"
    assert made("..") == "https://forum.example.com/t/4711"
    assert made("../admin?x#") == "https://forum.example.com/t/..%2Fadmin%3Fx%23/4711"
    assert made("%E6%97%A5") == "https://forum.example.com/t/%E6%97%A5/4711"


def test_without_a_forum_the_record_tells_its_address_if_it_is_one_for_a_browser() -> None:
    assert to_thread(topic(url="https://forum.example.com/t/1"), staff=NOBODY).url == "https://forum.example.com/t/1"
    assert to_thread(topic(url="javascript:alert(1)"), staff=NOBODY).url == ""


# -- back and forth


@given(threads())
def test_a_thread_written_as_a_record_and_read_again_is_the_same_thread(thread: Thread) -> None:
    assert to_thread(from_thread(thread), staff=NOBODY) == thread
