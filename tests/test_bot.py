"""The scheduled bot in a simulated world: ticks, back-off, digests, health, several forums, reloading, locks."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from alerted import BOT, DISMISSAL, STAFF_CATEGORY, TOPIC, WRITE_KEY, complaint
from botbench import MINUTE, World, complain, forum_of, settings_for, world
from forum import START, Wall, fault, json_reply, reply, slow_down_json, web_page
from modassist.bot.forumbot import ForumBot, Tools
from modassist.bot.health import Health, Trouble, trouble_of
from modassist.bot.loop import Bot
from modassist.bot.report import TickReport
from modassist.bot.schedule import Timetable, next_tick
from modassist.bot.status import status_of
from modassist.bot.stopping import Stop, Stopping
from modassist.config.kinds import times
from modassist.errors import (
    BudgetSpent,
    ConfigError,
    DiskFull,
    ForumRefused,
    ForumUnavailable,
    RateLimited,
    RuleError,
    StoreBusy,
    StoreError,
)
from modassist.forum.practice.exchange import DROPPED
from modassist.forum.practice.state import Json
from modassist.forum.practice.writing import WriteKey
from modassist.pipeline import Desk, Wanted, gather
from modassist.store.lock import holder, locked

NO_KEY = json_reply({"errors": ["no"], "error_type": "invalid_access"}, 403)
REVOKED = reply(403, '{"errors":["invalid_api_credentials"],"error_type":"invalid_access"}')


@pytest.fixture
def place(tmp_path: Path) -> object:
    with world(tmp_path, complaint(200)) as made:
        yield made


# -- one tick --------------------------------------------------------------------------------------------------------


def test_a_tick_reads_judges_and_tells_once(place: World) -> None:
    report = place.tick()
    assert (report.polled.topics_read, report.judged.analysed, len(report.alerts.sent)) == (1, 1, 1)
    assert report.is_complete
    assert "part 200" in place.posted()[0]
    later = place.tick()
    assert (later.polled.topics_read, len(later.alerts.sent), len(place.posted())) == (0, 0, 1)


def test_a_tick_is_one_line_of_figures(place: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "modassist.bot"):
        place.tick()
    (record,) = [record for record in caplog.records if getattr(record, "event", "") == "tick"]
    assert record.fields["threads"] == 1
    assert "result=ok" in record.getMessage()
    assert "part 200" not in record.getMessage()


def test_time_alone_makes_a_thread_due(tmp_path: Path) -> None:
    with world(tmp_path) as place:
        complain(place.server, 300)
        assert not place.tick().alerts.sent
        place.ticks(3, after=timedelta(hours=10))
        assert len(place.posted()) == 1


def test_requests_of_all_clients_count_against_one_budget(tmp_path: Path) -> None:
    with world(
        tmp_path, *(complaint(number) for number in range(200, 230)), forum={"requests_per_minute": 20}
    ) as place:
        place.tick()
        assert len(place.posted()) == 30
        moments = place.waits[1:]
        assert sum(moments) >= (len(place.server.log) / 20 - 2) * 60


def test_a_tick_sends_no_more_than_its_share_and_goes_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modassist.bot.forumbot.LEAST_REQUESTS", 20)
    with world(
        tmp_path,
        *(complaint(number) for number in range(200, 250)),
        alerts={"topic_id": 0, "category_id": 0},
        run={"every_minutes": 1},
        forum={"requests_per_minute": 10},
    ) as place:
        first = place.tick(after=MINUTE)
        assert isinstance(first.polled.stopped, BudgetSpent)
        assert not first.met
        reports = place.ticks(5, after=MINUTE)
        assert place.store.counts()["threads"] == 50
        assert reports[-1].is_complete


# -- time ------------------------------------------------------------------------------------------------------------


def test_the_interval_is_kept_with_jitter_and_doubled_by_failures() -> None:
    every = timedelta(minutes=10)
    assert next_tick(START, every, failures=0, chance=0.5) == START + every
    assert START + 9 * MINUTE <= next_tick(START, every, failures=0, chance=0.0) < START + every
    assert START + every < next_tick(START, every, failures=0, chance=1.0) <= START + 11 * MINUTE
    assert next_tick(START, every, failures=2, chance=0.5) == START + 40 * MINUTE
    assert next_tick(START, every, failures=50, chance=0.5) == START + 60 * MINUTE
    assert next_tick(START, 2 * 60 * MINUTE, failures=9, chance=0.5) == START + 120 * MINUTE
    assert next_tick(START, every, failures=0, chance=0.5, wait=7200) == START + 120 * MINUTE


def test_the_loop_ticks_at_once_and_then_at_its_interval(place: World) -> None:
    moments = place.run_for(timedelta(hours=1))
    assert moments[0] == START
    assert [b - a for a, b in pairwise(moments)] == [10 * MINUTE] * (len(moments) - 1)
    assert len(moments) in (6, 7)


def test_the_loop_waits_longer_while_the_forum_is_down(place: World) -> None:
    place.server.faults.append(fault(DROPPED, times=None))
    moments = place.run_for(timedelta(hours=4))
    gaps = [round((b - a) / MINUTE) for a, b in pairwise(moments)]
    assert gaps == sorted(gaps)
    assert (gaps[0] < 25, gaps[-1]) == (True, 60)


def test_the_loop_leaves_the_forum_alone_for_as_long_as_it_asks(place: World) -> None:
    place.server.faults.append(fault(slow_down_json(3000)))
    first, second, *_ = place.run_for(timedelta(hours=2))
    assert second - first >= timedelta(seconds=3000)


@pytest.mark.parametrize("jump", [timedelta(hours=3), -timedelta(hours=3), timedelta(minutes=45)])
def test_a_clock_that_is_set_changes_no_interval(place: World, jump: timedelta) -> None:
    place.run_for(timedelta(minutes=25))
    asked = len(place.server.log)
    place.wall.now += jump  # the forum's clock goes with it: it was ours that had been wrong
    moments = place.run_for(timedelta(minutes=25))
    assert 2 <= len(moments) <= 3
    assert len(place.server.log) > asked


def test_set_times_are_meant_in_the_forums_zone() -> None:
    timetable = Timetable(times("Mon-Fri 07:30"), "Europe/Berlin")
    friday = datetime(2026, 3, 27, 6, 30, tzinfo=UTC)
    assert timetable.next_after(friday - MINUTE) == friday
    assert timetable.next_after(friday) == datetime(2026, 3, 30, 5, 30, tzinfo=UTC), "summer time since Sunday"
    assert timetable.latest(friday - timedelta(days=1), friday) == friday
    assert timetable.latest(friday, friday + timedelta(hours=5)) is None
    assert timetable.latest(friday - timedelta(days=1), friday + timedelta(hours=7)) is None, "too late to be useful"
    assert Timetable((), "UTC").next_after(friday) is None


@pytest.mark.parametrize(("day", "hours"), [(28, 24), (29, 24)])
def test_a_time_that_summer_time_skips_comes_once_all_the_same(day: int, hours: int) -> None:
    timetable = Timetable(times("02:30"), "Europe/Berlin")
    begin = datetime(2026, 3, day, 12, tzinfo=UTC)
    found = timetable.next_after(begin)
    assert found is not None
    assert found - begin < timedelta(hours=hours)


# -- digests ---------------------------------------------------------------------------------------------------------


def test_a_digest_goes_to_the_channels_at_its_time_and_once_a_day(tmp_path: Path) -> None:
    settings = {"timezone": "Europe/Berlin", "run": {"daily_digest": times("10:00"), "every_minutes": 120}}
    with world(tmp_path, complaint(200), **settings) as place:
        moments = place.run_for(timedelta(hours=20))
        place.server.state.add_topic(complaint(201, hours=10))
        place.run_for(timedelta(hours=10))
        first, second = [text for text in place.posted() if "Today's digest" in text]
        assert ("part 200" in first, "part 201" in first) == (True, False)
        assert ("part 200" in second, "part 201" in second) == (False, True)
        assert "1 thread of earlier days still waits" in second
    assert any(timedelta() <= moment - START.replace(hour=9) < MINUTE for moment in moments)


def test_a_digest_of_a_bot_that_was_down_is_made_up_for_unless_it_is_stale(tmp_path: Path) -> None:
    with world(
        tmp_path, complaint(200), run={"daily_digest": times("10:00"), "weekly_digest": times("Mon 10:00")}
    ) as place:
        place.tick()
        report = place.tick(after=timedelta(hours=4))
        assert sorted(report.digests) == ["daily:topic", "weekly:topic"]
        assert not place.tick(after=timedelta(minutes=1)).digests
        assert not place.tick(after=timedelta(hours=29)).digests


def test_a_digest_with_nothing_in_it_is_not_sent(tmp_path: Path) -> None:
    with world(tmp_path, run={"daily_digest": times("10:00"), "every_minutes": 60}) as place:
        place.run_for(timedelta(hours=5))
        assert not place.posted()


def test_a_wrong_clock_that_is_mended_costs_no_digest(tmp_path: Path) -> None:
    with world(tmp_path, complaint(200), run={"weekly_digest": times("10:00")}) as place:
        place.tick()
        place.bot.watched[0].bot.notes = place.bot.watched[0].bot.notes.__class__(
            digests={"weekly": START + timedelta(days=400)}, last_tick=place.wall.now
        )
        place.tick()
        assert place.tick(after=timedelta(hours=2)).digests == ["weekly:topic"]


# -- health ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (ForumUnavailable("x"), Trouble.FORUM),
        (RateLimited("x"), Trouble.FORUM),
        (BudgetSpent("x"), None),
        (ForumRefused("x"), Trouble.REFUSED),
        (DiskFull("x"), Trouble.DISK),
        (StoreBusy("x"), Trouble.DATABASE),
        (RuleError("x"), Trouble.SETTINGS),
        (ConfigError("x"), Trouble.SETTINGS),
        (ZeroDivisionError("x"), Trouble.PROGRAM),
    ],
)
def test_faults_are_troubles_by_their_kind(error: Exception, trouble: Trouble | None) -> None:
    assert trouble_of(error) is trouble


def test_a_trouble_is_told_after_its_patience_once_and_its_end_once() -> None:
    health, told = Health(), []
    script = [True] * 5 + [False] * 3 + [True, False] + [True] * 3
    for number, is_down in enumerate(script):
        met = {Trouble.FORUM: "gone"} if is_down else {}
        health, words = health.after(met, set() if is_down else {Trouble.FORUM}, START + number * MINUTE, 3)
        told += [(number, word.is_over) for word in words]
        assert Health.parse(health.text()) == health
    assert told == [(2, False), (5, True), (12, False)]


def test_what_a_tick_has_not_looked_at_stays_as_it_was() -> None:
    health, _ = Health().after({Trouble.FORUM: "gone"}, set(), START, 1)
    same, words = health.after({Trouble.DISK: "full"}, set(), START, 1)
    assert [word.trouble for word in words] == [Trouble.DISK]
    assert same.episodes[Trouble.FORUM] == health.episodes[Trouble.FORUM]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"forum": 3}', '{"nonsense": ["x", 1, "", true, true]}'])
def test_notes_that_cannot_be_read_are_a_fresh_start(text: str) -> None:
    assert Health.parse(text) == Health()


def test_a_forum_that_is_down_is_told_once_when_it_can_be_told_and_its_end_once(place: World) -> None:
    place.tick()
    place.server.faults.append(fault(DROPPED, times=None, method="GET", path="/posts.json"))
    place.ticks(6)
    told = [text for text in place.posted() if "cannot reach the forum" in text]
    assert len(told) == 1
    place.server.faults.clear()
    place.ticks(3)
    assert len([text for text in place.posted() if "well again" in text]) == 1
    assert len(place.posted()) == 3


def test_a_trouble_that_passed_before_anybody_could_be_told_is_not_told(place: World) -> None:
    place.tick()
    place.server.faults.append(fault(DROPPED, times=None))
    place.ticks(6)
    place.server.faults.clear()
    place.ticks(20)
    assert len(place.posted()) == 1


def test_a_revoked_key_is_told_at_once_and_empties_nothing(place: World) -> None:
    place.tick()
    del place.server.keys["r" * 32]
    report = place.tick()
    assert Trouble.REFUSED in report.met
    assert len([text for text in place.posted() if "no longer let into" in text]) == 1
    assert place.store.counts()["threads"] == 1
    place.ticks(3)
    assert len(place.posted()) == 2


def test_a_fault_of_our_own_is_survived_and_told(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **more: object) -> None:
        raise ZeroDivisionError("SECRET POST")

    with monkeypatch.context() as patch:
        patch.setattr("modassist.bot.forumbot.poll", broken)
        report = place.tick()
    assert Trouble.PROGRAM in report.met
    assert "fault of its own" in place.posted()[0]
    assert "SECRET" not in place.posted()[0]
    assert place.tick().is_complete


def test_a_clock_far_from_the_forums_stops_everything_until_it_is_set(place: World) -> None:
    place.tick()
    truth = place.wall.now + 10 * MINUTE
    place.server.state.now = lambda: truth
    place.wall.now += timedelta(days=400)
    report = place.tick()
    assert Trouble.CLOCK in report.met
    assert (report.polled, report.judged, report.purged) == (None, None, None)
    assert "clock is wrong" in place.posted()[-1]
    place.tick()
    assert len(place.posted()) == 2
    place.wall.now, place.server.state.now = truth, place.wall
    assert place.tick().is_complete
    assert place.store.counts()["threads"] == 1
    assert "well again" in place.posted()[-1]


# -- retention -------------------------------------------------------------------------------------------------------


def test_old_threads_are_removed_once_a_day(tmp_path: Path) -> None:
    with world(tmp_path, complaint(200), privacy={"retention_days": 3}) as place:
        assert place.tick().purged.threads == 0
        assert place.tick().purged is None
        reports = place.ticks(4, after=timedelta(days=1))
        assert sum(report.purged.threads for report in reports) >= 1


# -- one database, one bot -------------------------------------------------------------------------------------------


def test_a_second_bot_on_the_same_database_is_refused_by_name(place: World) -> None:
    with pytest.raises(StoreBusy, match=r"process \d+, running since 2026-03-02T08:00:00Z is at it already"):
        ForumBot.open(place.settings, place.bot.tools)
    assert holder(place.settings.database, "run").startswith("process ")
    place.bot.close()
    assert holder(place.settings.database, "run") == ""
    ForumBot.open(place.settings, place.bot.tools).close()


def test_a_lock_says_nothing_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "none.sqlite", "run") == ""
    with locked(tmp_path / "a.sqlite", "run", "since noon"):
        assert holder(tmp_path / "a.sqlite", "run").endswith(", since noon")
        assert holder(tmp_path / "a.sqlite", "alerts") == ""


# -- several forums --------------------------------------------------------------------------------------------------


def test_several_forums_are_ticked_each_with_its_own_database(tmp_path: Path) -> None:
    wall = Wall()
    with forum_of(wall, complaint(200)) as one, forum_of(wall, complaint(300), complaint(301)) as other:
        place = World(one, wall, settings_for(one, tmp_path / "a.sqlite"))
        both = (place.settings, settings_for(other, tmp_path / "b.sqlite"))
        place.bot.load = lambda: both
        place.bot.open()
        try:
            other.faults.append(fault(web_page(500), times=None))
            first, second = place.bot.once()
            assert (first.is_complete, second.is_complete) == (True, False)
            other.faults.clear()
            place.wait(600)
            _, second = place.bot.once()
            assert second.polled.topics_read == 2
            assert [one.bot.store.counts()["threads"] for one in place.bot.watched] == [1, 2]
        finally:
            place.bot.close()


def test_if_one_forums_database_is_taken_none_is_held(tmp_path: Path) -> None:
    wall = Wall()
    with forum_of(wall) as server, locked(tmp_path / "b.sqlite", "run"):
        place = World(server, wall, settings_for(server, tmp_path / "a.sqlite"))
        place.bot.load = lambda: (place.settings, settings_for(server, tmp_path / "b.sqlite"))
        with pytest.raises(StoreBusy):
            place.bot.open()
        assert not place.bot.watched
        assert holder(tmp_path / "a.sqlite", "run") == ""


# -- settings anew ---------------------------------------------------------------------------------------------------


def test_changed_settings_are_taken_over_between_ticks(place: World) -> None:
    place.tick()
    store = place.store
    place.use(run={"every_minutes": 30})
    assert place.store is store
    assert len(place.run_for(timedelta(hours=2))) in (4, 5)


def test_faulty_settings_are_refused_and_the_old_ones_stay(place: World, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> tuple[()]:
        raise ConfigError("modassist.toml: not a TOML file")

    place.bot.load = broken
    assert not place.bot.reload()
    assert "the old ones stay" in caplog.text
    assert place.tick().is_complete


def test_settings_under_which_nobody_could_be_told_are_refused(place: World) -> None:
    place.settings = settings_for(place.server, place.settings.database, alerts={"api_key": ""})
    assert not place.bot.reload()
    assert place.tick().alerts is not None


def test_a_reload_opens_new_databases_and_closes_those_that_are_gone(place: World, tmp_path: Path) -> None:
    place.tick()
    old = place.settings.database
    place.settings = settings_for(place.server, tmp_path / "other.sqlite")
    assert place.bot.reload()
    assert (holder(old, "run"), holder(tmp_path / "other.sqlite", "run") != "") == ("", True)
    assert place.tick().is_complete


def test_a_reload_onto_a_database_in_other_hands_is_refused(place: World, tmp_path: Path) -> None:
    place.settings = settings_for(place.server, tmp_path / "other.sqlite")
    with locked(tmp_path / "other.sqlite", "run"):
        assert not place.bot.reload()
    assert holder(tmp_path / "bot.sqlite", "run") != ""
    assert place.tick().is_complete


# -- ending ----------------------------------------------------------------------------------------------------------


def test_being_told_to_end_ends_a_tick_in_the_middle_and_keeps_what_is_stored(place: World) -> None:
    def end_soon(done: int, total: int) -> None:
        if done == 1:
            place.stop.requested = "SIGTERM"
        place.stop.check()

    for number in range(201, 206):
        complain(place.server, number)
    place.bot.watched[0].bot._watch = end_soon  # type: ignore[method-assign]
    with pytest.raises(Stopping):
        place.tick()
    assert place.store.counts()["threads"] == 1
    place.stop.requested = ""
    del place.bot.watched[0].bot._watch
    place.tick()
    assert place.store.counts()["threads"] == 6


def test_a_wait_for_the_forum_ends_when_the_bot_is_told_to() -> None:
    stop = Stop(lambda seconds: setattr(stop, "requested", "SIGTERM"))
    with pytest.raises(Stopping):
        stop.sleep(60)


def test_a_second_request_ends_it_wherever_it_is() -> None:
    stop = Stop()
    stop.request("SIGTERM")
    with pytest.raises(Stopping):
        stop.request("SIGTERM")


def test_in_the_midst_of_reading_one_request_is_enough() -> None:
    stop = Stop()
    with pytest.raises(Stopping), stop.interruptible():
        stop.request("SIGINT")
    assert stop.requested == "SIGINT"


# -- status ----------------------------------------------------------------------------------------------------------


def test_the_status_tells_what_a_moderator_would_ask(place: World) -> None:
    place.run_for(timedelta(minutes=25))
    record = status_of(place.settings, place.wall.now).record()
    assert record["process"].startswith("process ")
    assert record["lag_seconds"] <= 600
    assert record["outbox"] == {"sent": 1}
    assert (record["threads"], record["escalated"], record["queue"], record["troubles"]) == (1, 1, 0, [])
    assert record["next_tick"] > record["last_poll"]
    json.dumps(record)
    text = "\n".join(status_of(place.settings, place.wall.now).lines())
    assert "1 need somebody" in text


def test_the_queue_is_what_waits_now_and_not_what_time_alone_may_change_one_day(tmp_path: Path) -> None:
    with world(tmp_path, complaint(200), complaint(201, hours=2)) as place:
        place.tick()
        assert place.store.counts()["queued"] >= 1
        assert status_of(place.settings, place.wall.now).queue == 0
        assert re.search(r"modassist_queue\{[^}]*\} 0", place.bot.board.metrics())
        assert status_of(place.settings, place.wall.now + timedelta(days=3)).queue >= 1


@pytest.mark.parametrize("names", ["named", "hidden"])
def test_no_figure_anywhere_is_about_a_person(tmp_path: Path, names: str, caplog: pytest.LogCaptureFixture) -> None:
    record = complaint(200, ("mod_anna", DISMISSAL), ("mod_lead", "You must have used it wrongly."))
    with caplog.at_level(logging.INFO, "modassist"), world(tmp_path, record, privacy={"names": names}) as place:
        place.tick()
        desk = Desk(place.store, place.settings, place.wall.now)
        figures = {
            "status": json.dumps(status_of(place.settings, place.wall.now).record()),
            "metrics": place.bot.board.metrics(),
            "digest": json.dumps(gather(desk, Wanted()).stats),
            "store": json.dumps(place.store.stats(None, place.wall.now)),
            "log": caplog.text,
        }
    for name in ("mod_anna", "mod_lead", "lightsleeper"):
        assert not [where for where, text in figures.items() if name in text]


def test_the_status_names_troubles_and_the_last_error(place: World) -> None:
    place.server.faults.append(fault(NO_KEY, times=None, path="/posts.json"))
    place.tick()
    place.bot.close()
    status = status_of(place.settings, place.wall.now)
    assert status.process == ""
    assert status.troubles[0]["kind"] == "refused"
    text = "\n".join(status.lines())
    assert "not running" in text
    assert "TROUBLE" in text
    assert "never to the end" in text


def test_the_status_of_a_database_that_is_not_there_says_so(tmp_path: Path) -> None:
    with forum_of(Wall()) as server:
        status = status_of(settings_for(server, tmp_path / "none.sqlite"), START)
    assert "there is no database" in status.fault
    assert "there is no database" in "\n".join(status.lines())


# -- who writes ------------------------------------------------------------------------------------------------------


def test_words_about_the_bot_go_where_only_staff_reads(tmp_path: Path) -> None:
    open_to_all: Json = {"permissions": {STAFF_CATEGORY: ["everyone"]}, "write_keys": {WRITE_KEY: WriteKey(BOT)}}
    with world(tmp_path, server=open_to_all) as place:
        place.server.faults.append(fault(REVOKED, times=None, path="/posts.json", method="GET"))
        place.ticks(4)
        assert not place.posted(TOPIC)


def test_a_report_says_in_which_ticks_something_was_wrong() -> None:
    report = TickReport("forum", START)
    report.meet(BudgetSpent("enough"))
    assert not report.met
    report.meet(RateLimited("slow down", wait_seconds=90))
    assert (report.wait, report.fields()["trouble"]) == (90, "forum")


def test_tools_and_bot_are_made_of_plain_parts() -> None:
    tools = Tools(Stop(), Wall(), lambda: 0.0, lambda: 0.5)
    bot = Bot(lambda: (), tools)
    bot.open()
    assert bot.once() == []
    with pytest.raises(StoreError):
        ForumBot.open(settings_for_nowhere(), tools)


def settings_for_nowhere() -> object:
    from modassist.config.settings import Settings

    return Settings(database=Path("no/such/folder/db.sqlite"))
