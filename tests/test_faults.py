"""The fault matrix: whatever goes wrong at whatever step, in the end the database is that of an undisturbed run and
every alert arrived exactly once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerted import PUBLIC, STAFF_CATEGORY, TOPIC
from botbench import READ_KEY, READER, World
from forum import (
    Wall,
    bot_wall,
    fault,
    json_reply,
    redirect,
    reply,
    slow_down_json,
    slow_down_page,
    slow_down_search,
    slow_down_text,
    web_page,
)
from modassist.bot.health import Trouble
from modassist.errors import DiskFull
from modassist.forum.practice.exchange import DROPPED, Reply
from story import RECOVERY, Happening, Outcome, Stage, assert_once, assert_same, outcome, recover, stage

STEPS, WRITES = 39, 6
"""Requests of the busy tick, and those of them that write; a test holds this true."""

ANSWERS: dict[str, Reply] = {
    "429 in text": slow_down_text(7),
    "429 in JSON": slow_down_json(9),
    "429 of the search": slow_down_search(),
    "429 of a proxy": slow_down_page(Retry_After="400"),
    "500": json_reply({"errors": ["oops"]}, 500),
    "502": web_page(502),
    "503": json_reply({"errors": ["read-only"], "error_type": "read_only"}, 503),
    "a wall": bot_wall(),
    "a web page": web_page(200),
    "truncated JSON": reply(200, '{"latest_posts": [{"id": 1, "raw": "cut'),
    "a cut body": Reply(200, b'{"latest_posts": []}' * 50, cut=30),
    "invalid JSON": reply(200, "{not json}"),
    "a dropped connection": DROPPED,
    "a body that never comes": Reply(200, b'{"posts": ', stall=True),
    "another host": redirect("https://elsewhere.example.org/posts.json"),
    "a revoked key": reply(403, '{"errors":["invalid_api_credentials"],"error_type":"invalid_access"}'),
    "no permission": json_reply({"errors": ["no"], "error_type": "invalid_access"}, 403),
}
LOST = ("500", "502", "truncated JSON", "a cut body", "a dropped connection", "a body that never comes")
"""Answers that may also come after what was asked for has happened."""


def matrix(names: Any, steps: int, every: int) -> list[Any]:
    """All pairs of a fault and a step; the short run takes each fault at some steps, and each step with some fault."""
    return [
        pytest.param(
            name, step, marks=() if (step + 5 * number) % every == 0 else pytest.mark.soak, id=f"{name} at {step}"
        )
        for number, name in enumerate(names)
        for step in range(1, steps + 1)
    ]


def some(values: Any, *short: int) -> list[Any]:
    """All of these in the long run, some in the short one."""
    return [pytest.param(value, marks=() if value in short else pytest.mark.soak) for value in values]


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("story")) as made:
        yield made


def test_the_undisturbed_story_has_everything_that_can_be_disturbed(theatre: Stage) -> None:
    with theatre.telling() as place:
        report = place.tick()
        asked = [(request.method, request.path) for request in place.server.log]
    assert len(asked) == STEPS, asked
    assert report.polled.topics_read == 5
    assert {method for method, _ in asked} == {"GET", "POST"}
    assert sum(method == "POST" for method, _ in asked) == WRITES, "three alerts in two channels"
    kinds = {(row[1], row[2]) for row in theatre.undisturbed.alerts}
    assert kinds >= {("topic", "alert"), ("group", "alert")}
    assert len(theatre.undisturbed.alerts) >= 8
    assert theatre.undisturbed.stored["versions"]
    assert_same(theatre.tell(lambda place: None), theatre.undisturbed)


@pytest.mark.parametrize(("name", "step"), matrix(ANSWERS, STEPS, 31))
def test_an_answer_that_goes_wrong(theatre: Stage, name: str, step: int) -> None:
    """From this request on nothing but this answer comes, until the tick has ended."""
    found = theatre.tell(lambda place: place.server.faults.append(fault(ANSWERS[name], nth=step, times=None)))
    assert_same(found, theatre.undisturbed)


@pytest.mark.parametrize(("name", "step"), matrix(ANSWERS, STEPS, 78))
def test_one_answer_that_goes_wrong(theatre: Stage, name: str, step: int) -> None:
    found = theatre.tell(lambda place: place.server.faults.append(fault(ANSWERS[name], nth=step)))
    assert_same(found, theatre.undisturbed)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_thread_that_is_refused_once_is_told_of_as_if_it_had_been_there(theatre: Stage, status: int) -> None:
    """It counts as gone for one poll; what staff was told of it before is not forgotten by that."""
    answer = json_reply({"errors": ["no"], "error_type": "invalid_access" if status == 403 else "not_found"}, status)
    found = theatre.tell(lambda place: place.server.faults.append(fault(answer, "/t/200.json")))
    assert_same(found, theatre.undisturbed)


@pytest.mark.parametrize(("name", "step"), matrix(LOST, WRITES, 6))
def test_an_answer_that_goes_wrong_after_the_write_took_effect(theatre: Stage, name: str, step: int) -> None:
    def disturb(place: World) -> None:
        place.server.faults.append(fault(ANSWERS[name], nth=step, times=None, method="POST", after=True))

    assert_same(theatre.tell(disturb), theatre.undisturbed)


@pytest.mark.parametrize("name", ["a dropped connection", "a revoked key", "502"])
def test_a_fault_that_lasts_for_hours(theatre: Stage, name: str) -> None:
    found = theatre.tell(lambda place: place.server.faults.append(fault(ANSWERS[name], times=None)), ticks=6)
    assert_once(found)
    assert found.stored["unsent"] == theatre.undisturbed.stored["unsent"]
    for part in ("threads", "posts", "versions", "states", "findings", "analyses"):
        assert found.stored[part] == theatre.undisturbed.stored[part], part


def test_a_key_that_is_revoked_in_mid_poll_and_given_anew(theatre: Stage) -> None:
    def disturb(place: World) -> None:
        place.server.faults.append(Happening(place.server.keys.clear, 3))

    def calm(place: World, given: object) -> None:
        place.server.faults.clear()
        place.server.keys[READ_KEY] = READER

    found = theatre.tell(disturb, calm)
    assert_same(found, theatre.undisturbed)


# -- the forum changes between two requests --------------------------------------------------------------------------


def deleted(place: World) -> None:
    place.server.state.delete_topic(201)


def moved(place: World) -> None:
    place.server.state.topics[201].fields["category_id"] = 2


def made_private(place: World) -> None:
    place.server.state.topics[201].fields["category_id"] = STAFF_CATEGORY


def made_a_message(place: World) -> None:
    place.server.state.topics[201].fields["archetype"] = "private_message"


def edited(place: World) -> None:
    place.server.state.edit_post(20001, "It is fine now. The dock is quiet since the last update, thank you.")


def written_more(place: World) -> None:
    place.server.state.add_post(200, "lightsleeper", "Still broken today, and nobody says a word about it.")


CHANGES: tuple[Callable[[World], None], ...] = (deleted, moved, made_private, made_a_message, edited, written_more)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        pytest.param(
            change,
            step,
            marks=() if (step + 5 * number) % STEPS == 12 else pytest.mark.soak,
            id=f"{change.__name__} at {step}",
        )
        for number, change in enumerate(CHANGES)
        for step in range(1, STEPS + 1)
    ],
)
def test_the_forum_changes_between_two_requests(
    theatre: Stage, change: Callable[[World], None], step: int, afterwards: dict[str, Outcome]
) -> None:
    """The database is that of a run in which it changed at the beginning of the tick; only how often a text was seen may differ."""
    found = theatre.tell(lambda place: place.server.faults.append(Happening(lambda: change(place), step)))
    if change.__name__ not in afterwards:
        afterwards[change.__name__] = theatre.tell(
            lambda place: place.server.faults.append(Happening(lambda: change(place), 1))
        )
    wanted = afterwards[change.__name__]
    is_going = change in (deleted, made_private, made_a_message)
    for part in ("threads", "posts", "states", "analyses", "queue", "unsent"):
        assert compared(found, part, is_going=is_going) == compared(wanted, part, is_going=is_going), part
    if is_going:
        (is_here,) = [row[-1] for row in found.stored["threads"] if row[0] == 201]
        needs_person = any(row[-1] for row in found.stored["analyses"] if row[0] == 201)
        assert not (is_here and needs_person), "nobody is sent to a thread that is not there"
    assert_once(found)


def compared(found: Outcome, part: str, *, is_going: bool) -> list[Any]:
    """Rows without the topic that goes, and without the forum's numbers of posts: the bot's own take some of them."""
    rows = [row for row in found.stored[part] if not (is_going and row[0] == 201)]
    return [(*row[:2], *row[3:]) for row in rows] if part == "posts" else rows


@pytest.fixture(scope="module")
def afterwards() -> dict[str, Outcome]:
    return {}


@pytest.mark.parametrize("step", some(range(8, 26), 11, 12, 14))
def test_an_alert_topic_that_is_opened_to_all_between_two_requests_gets_nothing_more(theatre: Stage, step: int) -> None:
    """No more than the one message that was on its way; that one is reported, and waits for a person."""
    with theatre.telling() as place:
        server, when_opened = place.server, []

        def opened() -> None:
            server.state.topics[TOPIC].fields["category_id"] = PUBLIC
            when_opened.append(len(place.posted()))

        server.faults.append(Happening(opened, step))
        place.tick()
        server.faults.clear()
        recover(place)
        assert len(place.posted()) - when_opened[0] <= 1
        if len(place.posted()) > when_opened[0]:
            assert place.store.undelivered() == 1
        server.state.topics[TOPIC].fields["category_id"] = STAFF_CATEGORY


GOING: dict[str, Any] = {
    "deleted": {"deleted_at": "2026-03-02T08:40:00Z"},
    "moved": {"category_id": 10},
    "made a message": {"archetype": "private_message"},
    "closed": {"closed": True},
}


@pytest.mark.parametrize(
    ("what", "step"),
    [
        pytest.param(what, step, marks=() if step == 9 + 2 * number else pytest.mark.soak, id=f"{what} at {step}")
        for number, what in enumerate(GOING)
        for step in range(8, 28)
    ],
)
def test_an_alert_topic_that_goes_between_two_requests_and_comes_back(theatre: Stage, what: str, step: int) -> None:
    def disturb(place: World) -> dict[str, Any]:
        fields = place.server.state.topics[TOPIC].fields
        place.server.state.permissions[10] = ("staff",)
        place.server.faults.append(Happening(lambda: fields.update(GOING[what]), step))
        return {name: fields.get(name) for name in GOING[what]}

    def calm(place: World, before: dict[str, Any]) -> None:
        place.server.faults.clear()
        place.server.state.topics[TOPIC].fields.update(before)

    assert_same(theatre.tell(disturb, calm), theatre.undisturbed)


# -- clocks, disk, locks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "jump", [timedelta(days=400), timedelta(days=-3), timedelta(hours=9), timedelta(hours=3), timedelta(minutes=40)]
)
def test_our_clock_jumps_and_comes_back(theatre: Stage, jump: timedelta) -> None:
    def disturb(place: World) -> Wall:
        truth = Wall(place.wall.now)
        place.server.state.now = truth
        place.wall.now += jump
        return truth

    def calm(place: World, truth: Wall) -> None:
        place.wall.now -= jump
        place.server.state.now = place.wall

    assert_same(theatre.tell(disturb, calm, ticks=2), theatre.undisturbed)


@pytest.mark.parametrize("pages", some((0, 1, 2, 3, 5, 8, 12, 16, 20, 24), 0, 12))
def test_the_disk_is_full(theatre: Stage, pages: int) -> None:
    with theatre.telling() as place:
        db = place.store.db
        db.run("CREATE TABLE filler (text TEXT)")
        in_use = db.value("PRAGMA page_count")
        db.run(f"PRAGMA max_page_count = {in_use + pages}")
        fill(place)
        first, _ = place.ticks(2)
        db.run("PRAGMA max_page_count = 1000000")
        db.run("DROP TABLE filler")
        told = [text for text in place.posted() if "no room left" in text]
        recover(place)
        assert (Trouble.DISK in first.met) == bool(told)
        assert len(told) == len([text for text in place.posted() if "no room left" in text and "well" not in text])
        if told:
            assert len([text for text in place.posted() if "well again" in text and "no room" in text]) == 1
        assert_same(outcome(place), theatre.undisturbed)


def fill(place: World) -> None:
    """Use up the free pages that the file has inside."""
    db = place.store.db
    for size in (3000, 300, 30):
        try:
            while True:
                db.run("INSERT INTO filler VALUES (?)", ("x" * size,))
        except DiskFull:
            continue


@pytest.mark.parametrize("step", some(range(STEPS), 0, 18))
def test_the_database_is_locked_by_another_program(theatre: Stage, step: int) -> None:
    """From before the tick, or from a request of it on."""
    with theatre.telling() as place:
        place.store.db.run("PRAGMA busy_timeout = 30")
        other = sqlite3.connect(place.settings.database, isolation_level=None, timeout=5, check_same_thread=False)

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")

        lock() if not step else place.server.faults.append(Happening(lock, step))
        first, second = place.ticks(2)
        assert Trouble.DATABASE in {**first.met, **second.met}
        other.execute("ROLLBACK")
        other.close()
        place.server.faults.clear()
        recover(place)
        assert_same(outcome(place), theatre.undisturbed)


def test_a_bot_that_is_started_again_after_every_tick_does_the_same(theatre: Stage) -> None:
    with theatre.telling() as place:
        place.tick()
        for pause in RECOVERY:
            place.bot.close()
            place.bot.open()
            place.tick(after=pause)
        assert_same(outcome(place), theatre.undisturbed)


@pytest.fixture(autouse=True)
def _short_busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("modassist.bot.forumbot.BUSY_MILLISECONDS", 30)
