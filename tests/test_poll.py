"""Polling: nothing missed, nothing twice, gently, and a poll killed at any moment leaves no trace of it."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forum import (
    START,
    Ticks,
    Wall,
    client,
    fault,
    json_reply,
    long_record,
    record,
    redirect,
    reply,
    slow_down_text,
    web_page,
)
from modassist.errors import ForumRefused, ForumUnavailable, RateLimited
from modassist.forum.changekey import ChangeKey, facts_of, key_of
from modassist.forum.discourse import Forum
from modassist.forum.poll import PollReport, PollSettings, poll
from modassist.forum.practice.server import ForumServer
from modassist.forum.practice.state import Topic, Viewer
from modassist.store.store import Store

DAY = timedelta(days=1)


class World:
    """A forum, a database, and a wall clock that both live by."""

    def __init__(self, server: ForumServer, store: Store, wall: Wall) -> None:
        self.server, self.store, self.wall = server, store, wall
        self.settings: dict[str, Any] = {"backfill_days": 300}
        self.client: dict[str, Any] = {}

    @property
    def state(self) -> Any:
        return self.server.state

    def poll(self, *, forum: Forum | None = None, full: bool = False, **settings: Any) -> PollReport:
        """A poll by a fresh client, as a fresh process would make it, after another five minutes."""
        self.server.log.clear()
        asked = PollSettings(**(self.settings | settings))
        with forum or client(self.server, **self.client) as forum:
            return poll(forum, self.store, now=self.wall.pass_(minutes=5), settings=asked, full=full)

    def posts(self, topic_id: int) -> list[str]:
        (key,) = self.store.keys(topic_id)
        return [post["cooked"] for post in self.store.record(key)["posts"]]

    def kept(self) -> set[int]:
        return set(self.store.topic_ids())

    def judge_waiting(self, topic_id: int) -> None:
        """Have the store hold the thread as waiting, as an analysis would."""
        result = {"judged_at": self.wall.now.isoformat(), "lang": "en", "severity": {"score": 50}, "posts": []}
        (key,) = self.store.keys(topic_id)
        self.store.save_analysis(key, result | {"states": [], "escalation": {}}, analysis_version="1")


@pytest.fixture
def wall() -> Wall:
    return Wall()


Build = Callable[..., World]


@pytest.fixture
def build(tmp_path: Path, wall: Wall) -> Iterator[Build]:
    """Makes a world with these threads; `server` options go to the forum."""
    opened: list[Any] = []

    def make(*records: dict[str, Any], **server: Any) -> World:
        forum = ForumServer(records, now=wall, **server)
        store = Store.open(tmp_path / f"{len(opened)}.sqlite")
        opened.extend((forum, store))
        forum.__enter__()
        return World(forum, store, wall)

    yield make
    for thing in reversed(opened):
        thing.__exit__(None, None, None)


# -- the first poll --------------------------------------------------------------------------------------------------


def test_the_first_poll_keeps_every_thread_with_every_post(build: Build) -> None:
    world = build(record(1), long_record(2, 75), record(3, category_id=4))
    report = world.poll()
    assert (report.topics_read, report.posts_new, report.posts_changed) == (3, 79, 0)
    assert (report.failed, report.stopped, report.topics_left) == ((), None, 0)
    assert world.posts(2) == [f"<p>Post {number}</p>" for number in range(1, 76)]
    cursor = world.store.cursor(world.server.url)
    assert cursor is not None
    assert cursor.highest_post_id == world.state.latest_posts(Viewer())[0][1]["id"]
    assert cursor.last_success == cursor.last_sweep == world.wall.now


def test_the_first_poll_goes_back_as_far_as_it_is_told(build: Build) -> None:
    world = build(record(1, hours=-24 * 40), record(2, hours=-24 * 20), record(3, hours=-24 * 40, pinned=True))
    world.poll(backfill_days=30)
    assert world.kept() == {2}
    world.poll(backfill_days=30)
    assert world.kept() == {2}


def test_a_big_forum_comes_in_portions_newest_first_and_in_the_end_all_of_it(build: Build) -> None:
    world = build(*(record(number) for number in range(1, 131)))
    reports = [world.poll(max_topics=50) for _ in range(4)]
    assert [report.topics_read for report in reports] == [50, 50, 30, 0]
    assert [report.topics_left for report in reports] == [80, 30, 0, 0]
    assert [report.requests for report in reports] == [53, 53, 33, 2]
    assert len(world.kept()) == 130


def test_an_empty_forum_is_polled_in_peace(build: Build) -> None:
    world = build()
    assert [world.poll().requests for _ in range(2)] == [2, 2]


def test_only_chosen_categories_are_read(build: Build) -> None:
    world = build(*(record(number, category_id=number % 3) for number in range(1, 10)))
    world.poll(categories=frozenset({1}))
    assert world.kept() == {1, 4, 7}
    assert world.poll(categories=frozenset({1})).requests == 2


def test_private_messages_unlisted_topics_and_private_categories_stay_out(build: Build) -> None:
    hidden = (record(2, archetype="private_message"), record(3, visible=False), record(4, category_id=9))
    world = build(record(1), *hidden, private=[9])
    world.poll()
    assert world.kept() == {1}


# -- a quiet forum and a changed thread ------------------------------------------------------------------------------


def test_a_quiet_forum_costs_two_requests(build: Build) -> None:
    pinned = record(900, hours=-9000, pinned=True)
    world = build(*(record(number) for number in range(1, 70)), long_record(300, 120), pinned)
    world.poll()
    for _ in range(3):
        report = world.poll()
        assert (report.requests, report.topics_read) == (2, 0)
    assert world.server.paths() == ["/posts.json", "/latest.json"]


@pytest.mark.parametrize("length", [2, 19, 20, 45, 130])
def test_a_changed_thread_costs_two_requests_more_at_most(length: int, build: Build) -> None:
    world = build(*(record(number) for number in range(1, 40)), long_record(300, length, hours=-90))
    world.poll()
    world.state.add_post(300, "customer300", "Anybody there?")
    report = world.poll()
    assert report.requests <= 4
    assert (report.topics_read, report.posts_new, report.posts_changed) == (1, 1, 0)
    assert world.posts(300)[-1] == "<p>Anybody there?</p>"
    assert len(world.posts(300)) == length + 1
    assert world.poll().requests == 2


def add_staff_colour(state: Any) -> None:
    state.add_post(1, "staffer", "Please stay on topic.", staff=True, post_type=2)


def accept_answer(state: Any) -> None:
    state.topics[1].posts[1]["accepted_answer"] = True


CHANGES: dict[str, tuple[Callable[[Any], Any], str, Any]] = {
    "a reply in staff colour": (add_staff_colour, "posts", 3),
    "a silent closing": (lambda state: state.close_topic(1), "closed", True),
    "an archived topic": (lambda state: state.topics[1].fields.update(archived=True), "archived", True),
    "a solution": (accept_answer, "accepted", True),
    "a deleted post": (lambda state: state.delete_post(state.topics[1].posts[1]["id"]), "posts", 1),
    "a move to another category": (lambda state: state.topics[1].fields.update(category_id=7), "category_id", 7),
    "an edit of a fresh post": (lambda state: state.edit_post(state.topics[1].posts[0]["id"], "Mended"), "text", True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_new_post_is_seen_all_the_same(change: str, build: Build) -> None:
    act, field, wanted = CHANGES[change]
    world = build(record(1, hours=-2), record(2, hours=-1))
    world.poll()
    world.wall.pass_(minutes=20)
    act(world.state)
    assert world.poll().requests <= 4
    stored = world.store.record(world.store.keys(1)[0])
    found = {
        **stored,
        "posts": len(stored["posts"]),
        "accepted": any(post.get("accepted_answer") for post in stored["posts"]),
        "text": stored["posts"][0]["cooked"] == "<p>Mended</p>",
    }
    assert found[field] == wanted
    assert world.poll().requests == 2


def test_an_edit_keeps_the_earlier_text(build: Build) -> None:
    world = build(long_record(1, 120, hours=-3))
    world.poll()
    world.wall.pass_(hours=1)
    world.state.edit_post(world.state.topics[1].posts[80]["id"], "Softer")
    report = world.poll()
    assert (report.posts_changed, report.requests) == (1, 4)
    assert world.posts(1)[80] == "<p>Softer</p>"
    assert world.store.counts()["versions"] == 1


def test_two_hundred_new_posts_are_found_by_walking_down_to_the_watermark(build: Build) -> None:
    world = build(*(record(number) for number in range(1, 6)))
    world.poll()
    for number in range(200):
        world.state.add_post(1 + number % 5, "customer", f"More {number}")
    report = world.poll()
    assert report.posts_new == 200
    assert [path for path in world.server.paths() if path == "/posts.json"] == ["/posts.json"] * 6
    assert all(len(world.posts(number)) == 42 for number in range(1, 6))


def test_a_post_that_becomes_visible_late_below_the_watermark_is_found(build: Build) -> None:
    world = build(record(1), record(2))
    late = world.state.add_post(1, "customer1", "Held for approval", deleted_at="2026-03-02T08:00:00Z")
    world.state.add_post(2, "customer2", "Meanwhile")
    world.poll()
    late["deleted_at"] = None
    world.poll()
    assert world.posts(1)[-1] == "<p>Held for approval</p>"


@pytest.mark.parametrize("gap", [3, 60, 400])
def test_servers_that_count_ids_and_not_posts_are_walked_through_their_gaps(gap: int, build: Build) -> None:
    world = build(*(record(number) for number in range(1, 4)), old_windows=True)
    world.poll()
    for number in range(6):
        next_id = world.state._next_id() + gap
        world.state.add_post(1 + number % 3, "customer", f"Sparse {number}", id=next_id)
    before = [world.posts(number) for number in range(1, 4)]
    report = world.poll()
    assert report.posts_new == 6
    assert [len(world.posts(number)) - len(before[number - 1]) for number in range(1, 4)] == [2, 2, 2]
    assert world.poll().posts_new == 0


def test_after_a_long_pause_the_list_of_topics_is_read_instead_of_every_page_of_posts(build: Build) -> None:
    world = build(*(record(number) for number in range(1, 80)))
    world.poll()
    for number in range(1, 80):
        world.state.add_post(number, "customer", "One")
        world.state.add_post(number, "customer", "Two")
    report = world.poll(post_pages=2)
    assert report.posts_new == 158
    assert world.poll().requests == 2


def test_a_topic_without_any_regular_post_is_found_when_it_moves(build: Build) -> None:
    colour = record(1)
    colour["posts"] = [colour["posts"][0] | {"post_type": 2}]
    world = build(colour, record(2))
    world.poll()
    assert world.kept() == {1, 2}


def test_the_overlap_is_looked_at_but_costs_nothing(build: Build) -> None:
    world = build(long_record(1, 200))
    world.poll()
    assert world.poll().requests == 2
    world.state.add_post(1, "customer1", "x")
    world.poll()
    assert [path for path in world.server.paths() if path == "/posts.json"] == ["/posts.json"]


# -- the sweep -------------------------------------------------------------------------------------------------------


def test_once_a_day_a_waiting_thread_is_read_again_in_full(build: Build) -> None:
    world = build(long_record(1, 120, hours=-24 * 90), *(record(number, hours=-50) for number in range(2, 90)))
    world.poll()
    world.judge_waiting(1)
    world.state.edit_post(world.state.topics[1].posts[60]["id"], "Changed quietly")
    assert world.poll().posts_changed == 0
    world.wall.pass_(days=1)
    report = world.poll()
    assert report.posts_changed == 1
    assert world.posts(1)[60] == "<p>Changed quietly</p>"
    assert "/filter.json" in world.server.paths()
    assert world.poll().requests == 2


def test_the_sweep_finds_edits_in_threads_that_were_active_lately(build: Build) -> None:
    world = build(*(record(number, hours=-10) for number in range(1, 90)))
    world.poll()
    world.wall.pass_(days=1)
    world.poll()
    world.state.topics[1].posts[0].update(cooked="<p>Edited within the grace time</p>")
    world.wall.pass_(days=1)
    assert world.poll().posts_changed == 1


@pytest.mark.parametrize("with_filter", [True, False])
def test_the_sweep_does_without_the_servers_filter(with_filter: bool, build: Build) -> None:
    world = build(record(1, hours=-10), with_filter=with_filter)
    world.poll()
    world.wall.pass_(days=1)
    report = world.poll()
    assert (report.stopped, report.topics_read) == (None, 1)


def test_threads_from_files_are_not_asked_for_on_the_forum(build: Build) -> None:
    world = build(record(1))
    world.poll()
    world.store.save_topic(record(500), source="old.jsonl", seen_at=START)
    world.judge_waiting(500)
    world.wall.pass_(days=2)
    world.poll()
    world.poll(full=True)
    assert world.kept() == {1, 500}
    assert "/t/500.json" not in world.server.paths()


# -- what is gone ----------------------------------------------------------------------------------------------------


def move_to_staff(topic: Topic) -> None:
    topic.fields["category_id"] = 9


def make_private_message(topic: Topic) -> None:
    topic.fields["archetype"] = "private_message"


@pytest.mark.parametrize(
    "vanish",
    [lambda topic: topic.fields.update(deleted_at="2026-03-02T08:00:00Z"), move_to_staff, make_private_message],
)
def test_a_thread_that_is_gone_is_marked_once_and_comes_back_if_it_does(
    vanish: Callable[[Topic], None], build: Build
) -> None:
    world = build(record(1), record(2), private=[9])
    world.poll()
    world.judge_waiting(1)
    before = dict(world.state.topics[1].fields)
    vanish(world.state.topics[1])
    world.wall.pass_(days=1)
    report = world.poll()
    assert (report.topics_gone, report.failed) == (1, ())
    assert world.kept() == {2}
    world.wall.pass_(days=1)
    assert world.poll().topics_gone == 0
    world.state.topics[1].fields.update(before)
    world.poll()
    assert world.kept() == {1, 2}


@pytest.mark.parametrize("status", [403, 404])
def test_an_old_thread_that_was_refused_once_is_back_after_the_next_sweep(status: int, build: Build) -> None:
    world = build(record(1, hours=-24 * 60), record(2))
    world.poll()
    world.judge_waiting(1)
    world.wall.pass_(days=1)
    world.server.faults.append(fault(json_reply({"errors": ["no"]}, status), "/t/1.json"))
    world.settings["backfill_days"] = 30
    assert world.poll().topics_gone == 1
    assert world.poll().requests == 2
    assert world.kept() == {2}
    world.wall.pass_(days=1)
    assert world.poll().topics_read == 1
    assert world.kept() == {1, 2}


def test_a_sweep_asks_for_a_few_gone_threads_in_turn(build: Build) -> None:
    world = build(*(record(number, hours=-24 * 60) for number in range(1, 51)), private=[9])
    world.poll()
    for number in range(1, 51):
        world.state.topics[number].fields["category_id"] = 9
    assert world.poll(full=True).topics_gone == 50
    asked: list[set[str]] = []
    for _ in range(3):
        world.wall.pass_(days=1)
        report = world.poll()
        assert (report.topics_gone, report.failed) == (0, ())
        asked.append({path for path in world.server.paths() if path.startswith("/t/")})
    assert [len(paths) for paths in asked] == [20, 20, 20]
    assert len(set().union(*asked)) == 50


def test_a_staff_key_does_not_bring_deleted_topics_or_whispers_in(build: Build) -> None:
    world = build(record(1), record(2), staff_keys={"k": "chief"})
    world.client = {"api_key": "k", "api_username": "chief"}
    world.state.add_post(1, "staffer", "Whispered", post_type=4, staff=True)
    world.poll()
    assert len(world.posts(1)) == 2
    world.judge_waiting(2)
    world.state.delete_topic(2)
    world.wall.pass_(days=1)
    assert world.poll().topics_gone == 1
    assert world.kept() == {1}


def test_a_key_revoked_in_the_middle_of_a_poll_does_not_empty_the_store(build: Build) -> None:
    world = build(record(1), record(2), keys={"k": "bot"})
    world.client = {"api_key": "k", "api_username": "bot"}
    world.poll()
    for number in (1, 2):
        world.judge_waiting(number)
    world.wall.pass_(days=1)
    refused = json_reply({"errors": ["no"], "error_type": "invalid_access"}, 403)
    world.server.faults += [fault(refused, "/t/*", times=None), fault(refused, "/posts.json", nth=2, times=None)]
    report = world.poll()
    assert isinstance(report.stopped, ForumRefused)
    assert world.kept() == {1, 2}


def test_a_thread_moved_out_of_the_chosen_categories_is_gone_for_us(build: Build) -> None:
    world = build(record(1, category_id=4), record(2, category_id=4))
    world.poll(categories=frozenset({4}))
    world.state.topics[1].fields["category_id"] = 5
    assert world.poll(categories=frozenset({4})).topics_gone == 1
    assert world.kept() == {2}
    assert world.poll(categories=frozenset({4})).requests == 2


# -- everything again ------------------------------------------------------------------------------------------------


def test_full_reads_everything_known_and_everything_there(build: Build) -> None:
    world = build(*(record(number, hours=-24 * number) for number in range(1, 120)))
    world.poll(backfill_days=30)
    world.state.topics[9].posts[0].update(cooked="<p>Edited long ago</p>")
    world.state.delete_topic(5)
    report = world.poll(full=True)
    assert report.topics_read == 118
    assert (report.posts_changed, report.topics_gone) == (1, 1)
    assert len(world.kept()) == 118


# -- staff groups ----------------------------------------------------------------------------------------------------


def test_members_of_staff_groups_are_asked_for_once_a_day(build: Build) -> None:
    world = build(record(1), groups={"team": ["Anna", "Bert"], "second-line": ["Cleo"]})
    world.settings["staff_groups"] = ("team", "second-line")
    assert world.poll().requests == 5
    assert world.store.members(world.server.url)[0] == {"anna", "bert", "cleo"}
    assert world.poll().requests == 2
    world.wall.pass_(days=1)
    world.poll()
    assert [path for path in world.server.paths() if path.startswith("/groups")] == [
        "/groups/team/members.json",
        "/groups/second-line/members.json",
    ]


def test_a_group_that_hides_its_members_is_noted_and_keeps_those_we_knew(build: Build) -> None:
    world = build(record(1), groups={"team": ["Anna"]})
    world.settings["staff_groups"] = ("team",)
    world.poll()
    world.state.groups = {}
    world.wall.pass_(days=1)
    report = world.poll()
    assert "'team'" in report.notes[0]
    assert report.stopped is None
    assert world.store.members(world.server.url)[0] == {"anna"}


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        reply(500, "{}"),
        reply(503, ""),
        json_reply({"id": 2}),
        json_reply({"id": 2, "title": [], "post_stream": {"posts": [], "stream": []}}),
        redirect("https://elsewhere.example/t/2"),
        json_reply({"errors": ["?"]}, 422),
    ],
)
def test_one_thread_that_fails_does_not_stop_the_others_and_is_read_the_next_time(answer: Any, build: Build) -> None:
    world = build(*(record(number) for number in range(1, 5)))
    world.server.faults.append(fault(answer, "/t/2.json", times=3))
    report = world.poll()
    assert [topic_id for topic_id, _ in report.failed] == [2]
    assert report.failed[0][1].isprintable()
    assert world.kept() == {1, 3, 4}
    world.server.faults.clear()
    assert world.poll().failed == ()
    assert world.kept() == {1, 2, 3, 4}


def test_the_watermark_does_not_pass_a_post_that_was_not_read(build: Build) -> None:
    world = build(*(record(number) for number in range(1, 4)))
    world.poll()
    missed = world.state.add_post(1, "customer1", "Missed")
    world.state.add_post(2, "customer2", "Read")
    world.server.faults.append(fault(reply(500, "{}"), "/t/1.json"))
    world.poll()
    cursor = world.store.cursor(world.server.url)
    assert cursor is not None
    assert cursor.highest_post_id == missed["id"] - 1
    world.poll()
    assert world.posts(1)[-1] == "<p>Missed</p>"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(slow_down_text(3600), RateLimited), (web_page(403), ForumRefused), (reply(503, ""), ForumUnavailable)],
)
def test_a_forum_that_fails_stops_the_poll_with_what_was_read_kept_and_the_cursor_honest(
    answer: Any, kind: type[Exception], build: Build
) -> None:
    world = build(*(record(number) for number in range(1, 10)))
    world.poll()
    before = world.store.cursor(world.server.url)
    for number in range(1, 10):
        world.state.add_post(number, "customer", "News")
    world.server.faults.append(fault(answer, "/t/*", nth=4, times=None))
    report = world.poll()
    assert isinstance(report.stopped, kind)
    assert report.topics_read == 3
    assert world.store.cursor(world.server.url) == before
    world.server.faults.clear()
    assert world.poll().topics_read == 6
    assert all(len(world.posts(number)) == 3 for number in range(1, 10))


def test_a_forum_that_cannot_be_reached_at_all_is_reported_not_raised(build: Build) -> None:
    world = build(record(1))
    world.server.faults.append(fault(reply(503, ""), times=None))
    report = world.poll()
    assert isinstance(report.stopped, ForumUnavailable)
    assert world.store.cursor(world.server.url) is None


def test_a_budget_that_runs_out_is_gone_on_with_the_next_time(build: Build) -> None:
    world = build(*(record(number) for number in range(1, 20)))
    world.client = {"max_requests": 8}
    reports = [world.poll() for _ in range(4)]
    assert [report.topics_read for report in reports] == [6, 6, 6, 1]
    assert [isinstance(report.stopped, RateLimited) for report in reports] == [True, True, True, False]


def test_a_cached_view_older_than_the_list_is_read_once_more(build: Build) -> None:
    world = build(record(1), record(2))
    with client(world.server) as forum:
        stale = json_reply(forum._get("/t/1.json"))
    world.poll()
    world.state.add_post(1, "customer1", "Not in the cache yet")
    world.server.faults.append(fault(stale, "/t/1.json"))
    world.poll()
    assert len(world.posts(1)) == 2
    world.poll()
    assert len(world.posts(1)) == 3
    assert world.poll().requests == 2


def test_a_view_that_stays_behind_its_list_does_not_cost_requests_for_ever(build: Build) -> None:
    world = build(record(1), record(2))
    with client(world.server) as forum:
        stale = json_reply(forum._get("/t/1.json"))
    world.poll()
    world.state.add_post(1, "customer1", "Never shown")
    world.server.faults.append(fault(stale, "/t/1.json", times=None))
    assert [world.poll().requests for _ in range(4)] == [3, 3, 2, 2]


def test_progress_counts_topics(build: Build) -> None:
    world = build(record(1), record(2))
    seen: list[tuple[int, int]] = []
    with client(world.server) as forum:
        settings = PollSettings(backfill_days=300)
        poll(forum, world.store, now=START, settings=settings, progress=lambda *step: seen.append(step))
    assert seen == [(0, 2), (1, 2), (2, 2)]


# -- killed at any moment --------------------------------------------------------------------------------------------


class Killed(BaseException):
    """As if the process had ended here."""


class Dying(Forum):
    """A client whose process dies just before its n-th request."""

    lives = 0

    def _request(self, *args: Any, **options: Any) -> Any:
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        return super()._request(*args, **options)


class DyingStore(Store):
    """A store whose process dies at its n-th writing, before it or after it but within the transaction."""

    lives = -1

    def _die(self) -> None:
        self.lives -= 1
        if self.lives == 0:
            raise Killed

    def save_topic(self, *args: Any, **options: Any) -> Any:
        self._die()
        saved = super().save_topic(*args, **options)
        self._die()
        return saved

    def save_cursor(self, *args: Any) -> None:
        self._die()
        super().save_cursor(*args)
        self._die()


TABLES = ("sources", "cursors", "members", "threads", "posts", "post_versions", "queue")


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {table: [tuple(row) for row in store.db.rows(f"SELECT * FROM {table} ORDER BY 1, 2")] for table in TABLES}


def forum_with_a_past() -> ForumServer:
    records = [record(number) for number in range(1, 8)]
    groups = {"team": ["anna"]}
    return ForumServer([*records, long_record(50, 45, hours=-70)], now=Wall(), groups=groups)


def something_happens(server: ForumServer) -> None:
    state = server.state
    for number in range(55):
        state.add_post(1 + number % 3, "customer", f"News {number}")
    state.add_post(50, "customer50", "Still there?")
    state.edit_post(state.topics[6].posts[0]["id"], "Edited")
    state.delete_post(state.topics[50].posts[30]["id"])
    state.close_topic(7)


SETTINGS = PollSettings(backfill_days=300, staff_groups=("team",))


@dataclass
class Scene:
    """One forum and a database, both of which can be put back to where they were before a poll."""

    server: ForumServer
    folder: Path
    now: datetime = START

    def __post_init__(self) -> None:
        self.before = copy.deepcopy(self.server.state)
        self.requests = self.writes = 0

    def next_day(self) -> None:
        """The database of the last poll is where we start from now; meanwhile things happened on the forum."""
        shutil.copy(self.folder / "live", self.folder / "start")
        self.now += DAY
        something_happens(self.server)
        self.before = copy.deepcopy(self.server.state)

    def reset(self) -> None:
        self.server.state = copy.deepcopy(self.before)
        (self.folder / "live").unlink(missing_ok=True)
        if (self.folder / "start").exists():
            shutil.copy(self.folder / "start", self.folder / "live")

    def undisturbed(self) -> dict[str, Any]:
        with Store.open(self.folder / "live") as store:
            report = self.poll(store)
            self.requests, self.writes = report.requests, 2 * (report.topics_read + 1)
            assert (report.stopped, report.failed) == (None, ())
            return dump(store)

    def killed_and_run_again(self, where: str, moment: int) -> dict[str, Any]:
        self.reset()
        lives = moment if where == "request" else 10_000
        with DyingStore.open(self.folder / "live") as store:
            store.lives = moment if where == "write" else -1
            with pytest.raises(Killed):
                self.poll(store, lives)
        return self.undisturbed()

    def poll(self, store: Store, lives: int = 10_000) -> PollReport:
        ticks = Ticks()
        with Dying(self.server.url, clock=ticks.clock, sleep=ticks.sleep, requests_per_minute=10_000) as forum:
            forum.lives = lives
            return poll(forum, store, now=self.now, settings=SETTINGS)


@pytest.mark.parametrize("which", ["first", "later"])
def test_a_poll_killed_at_any_request_or_write_and_run_again_leaves_the_same_database(
    which: str, tmp_path: Path
) -> None:
    with forum_with_a_past() as server:
        scene = Scene(server, tmp_path)
        whole = scene.undisturbed()
        if which == "later":
            scene.next_day()
            whole = scene.undisturbed()
        requests, writes = scene.requests, scene.writes
        kills = [*(("request", n) for n in range(requests)), *(("write", n) for n in range(1, writes + 1))]
        assert [kill for kill in kills if scene.killed_and_run_again(*kill) != whole] == []
    assert len(whole["threads"]) == 8
    assert requests >= 12
    assert writes >= 14


# -- change keys -----------------------------------------------------------------------------------------------------

ROW = {"id": 1, "bumped_at": "2026-03-02T08:00:00Z", "posts_count": 2, "closed": False, "category_id": 4}


def view(**fields: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "post_stream": {"posts": [{"id": 9, "updated_at": "2026-03-02T08:00:00Z"}], "stream": [9]},
    } | fields


def test_a_key_survives_its_own_text() -> None:
    key = key_of(view(), ROW)
    assert ChangeKey.parse(key.text()) == key


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "[1,2,3,4]", '[{},"x","",false]', "null", "[[],0,null"])
def test_a_key_that_cannot_be_read_is_no_key(text: str | None) -> None:
    assert ChangeKey.parse(text) is None


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({}, False),
        ({"bumped_at": "2026-03-02T09:00:00+01:00"}, False),
        ({"bumped_at": "2026-03-01T08:00:00Z"}, True),
        ({"posts_count": 3}, True),
        ({"closed": True}, True),
        ({"has_accepted_answer": True}, False),
        ({"views": 1000, "pinned": True}, False),
        ({"posts_count": None, "closed": "?"}, False),
    ],
)
def test_a_row_differs_by_what_both_say_and_matters(change: dict[str, Any], differs: bool) -> None:
    assert key_of(view(), ROW).differs_from(ROW | change) is differs


def test_a_thread_read_without_a_row_is_compared_by_what_its_view_said() -> None:
    key = key_of(view(posts_count=2, accepted_answers=[]), None)
    assert not key.differs_from(ROW | {"has_accepted_answer": False})
    assert key.differs_from(ROW | {"has_accepted_answer": True})


def test_a_post_is_lacking_by_its_id_or_its_last_change() -> None:
    key = key_of(view(), ROW)
    assert not key.lacks({"id": 9, "updated_at": "2026-03-02T08:00:00.000Z"})
    assert not key.lacks({"id": 3})
    assert key.lacks({"id": 10, "updated_at": "2026-03-01T08:00:00Z"})
    assert key.lacks({"id": 3, "updated_at": "2026-03-02T08:00:01Z"})


def test_facts_of_a_row_leave_out_what_is_missing_or_of_another_kind() -> None:
    assert facts_of({"posts_count": "2", "closed": None, "last_posted_at": "never"}) == {}
