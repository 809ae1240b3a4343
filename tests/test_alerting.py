"""Alerts from end to end, over real HTTP: staff is told once, only staff is told, and a crash changes neither."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from alerted import BOT, COMPLAINT, DISMISSAL, STAFF_CATEGORY, TOPIC, WRITE_KEY, Bench, bench, complaint, nasty
from forum import START, fault, json_reply, slow_down_json, slow_down_text, web_page
from modassist.alerting import Alerting
from modassist.alerts.layouts import Layout
from modassist.alerts.outbox import MOST_TRIES, Entry
from modassist.alerts.rivals import Rival
from modassist.alerts.rules import Desired, Kind, Wish
from modassist.channels.channel import Channel
from modassist.channels.opening import Channels
from modassist.errors import AlertRefused, StoreError
from modassist.forum.practice.exchange import DROPPED, Reply
from modassist.forum.practice.writing import WriteKey
from modassist.store.lock import locked
from modassist.store.outbox import Outbox
from modassist.store.store import Store
from test_alert_texts import assert_harmless

PLACES: dict[str, dict[str, Any]] = {
    "topic": {},
    "category": {"topic_id": 0, "new_topics": True},
    "group": {"topic_id": 0, "group": "team"},
    "author": {"first_look_hours": 2},
}
THREAD = complaint(208, ("mod_anna", DISMISSAL))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, THREAD) as made:
        yield made


def test_a_thread_that_needs_somebody_is_told_once_in_the_staff_topic(place: Bench) -> None:
    first, second = place.alert(), place.alert()
    assert (len(first.sent), first.failed, first.held) == (1, [], [])
    assert (second.planned, second.sent) == (0, [])
    (post,) = place.posted()
    assert "Dock grinds at night, part 208" in post
    assert f"`{place.server.url}/t/208`" in post
    assert "plays it down" in post
    assert "**Nobody else has reported**" in post
    assert "Adds up from: " in post
    assert re.search(r"Reference MA-[A-Z2-7]{10}$", post.strip())


def test_a_thread_is_told_again_only_when_it_gets_worse(place: Bench) -> None:
    place.alert()
    place.later(hours=10)
    assert place.alert().sent == []
    grown = place.say(208, "lightsleeper", "It is still broken! The grinding has not stopped. Please help.", THREAD)
    place.later(hours=30)
    assert len(place.alert().sent) == 1
    assert re.search("New since the last alert: .*came back unheard", place.posted()[1])
    place.say(208, "lightsleeper", "Hello? Still broken.", grown)
    place.later(hours=1)
    assert place.alert().sent == []


def test_a_settled_thread_is_said_to_be_settled_where_that_is_wanted(place: Bench) -> None:
    told = place.with_alerts(resolved=True)
    told.alert()
    solved = place.say(208, "lightsleeper", "Solved, it works now. Thank you!", THREAD)
    place.later(hours=1)
    assert len(told.alert().sent) == 1
    assert "Settled: Dock grinds at night" in place.posted()[1]
    assert told.alert().sent == []
    assert solved


def test_a_settled_thread_is_silently_settled_otherwise_and_a_new_trouble_is_told(place: Bench) -> None:
    place.alert()
    solved = place.say(208, "lightsleeper", "Solved, it works now. Thank you!", THREAD)
    place.later(hours=1)
    assert place.alert().sent == []
    place.say(208, "lightsleeper", COMPLAINT + " It broke again!", solved)
    place.later(hours=40)
    assert len(place.alert().sent) == 1


def test_a_thread_that_was_out_of_sight_and_comes_back_is_not_told_again_but_its_news_are(place: Bench) -> None:
    told = place.with_alerts(resolved=True)
    told.alert()
    place.store.mark_gone(208, place.server.url, place.later(minutes=10))
    assert told.alert().planned == 0
    place.save(THREAD)
    assert told.alert().planned == 0
    place.store.mark_gone(208, place.server.url, place.later(minutes=10))
    assert told.alert().planned == 0
    place.say(208, "lightsleeper", "It is still broken! The grinding has not stopped. Please help.", THREAD)
    place.later(hours=30)
    assert len(told.alert().sent) == 1
    assert re.search("New since the last alert: .*came back unheard", place.posted()[1])


def test_a_thread_that_was_settled_while_out_of_sight_is_said_to_be_settled(place: Bench) -> None:
    told = place.with_alerts(resolved=True)
    told.alert()
    place.store.mark_gone(208, place.server.url, place.later(minutes=10))
    told.alert()
    place.say(208, "lightsleeper", "Solved, it works now. Thank you!", THREAD)
    assert len(told.alert().sent) == 1
    assert "Settled: Dock grinds at night" in place.posted()[1]


@pytest.mark.parametrize("is_tried", [True, False], ids=["tried meanwhile", "not tried meanwhile"])
def test_a_thread_that_goes_while_its_alert_waits_is_told_once_when_it_is_back(place: Bench, is_tried: bool) -> None:
    place.server.faults.append(fault(json_reply({"errors": ["oops"]}, 500), times=None))
    assert place.alert().sent == []
    place.server.faults.clear()
    place.store.mark_gone(208, place.server.url, place.later(minutes=0 if not is_tried else 60))
    assert (place.alert().cancelled, place.posted()) == (int(is_tried), [])
    place.save(THREAD)
    place.later(hours=1)
    assert len(place.alert().sent) == 1
    assert place.alert().sent == []
    assert len(place.posted()) == 1


def test_a_thread_that_is_gone_when_the_gathered_message_is_sent_is_told_when_it_is_back(tmp_path: Path) -> None:
    threads = [complaint(200 + number) for number in range(4)]
    with bench(tmp_path, *threads, daily_cap=1) as made:
        made.server.faults.append(fault(json_reply({"errors": ["oops"]}, 500), times=None))
        assert made.alert().planned == 2
        made.server.faults.clear()
        made.store.mark_gone(202, made.server.url, made.later(hours=1))
        assert len(made.alert().sent) == 2
        assert "part 202" not in "".join(made.posted())
        made.save(threads[2])
        made.later(days=1)
        assert len(made.alert().sent) == 1
        assert [n for n in range(200, 204) if f"part {n}" in made.posted()[2]] == [202]
        assert made.alert().planned == 0


def test_snoozed_threads_are_silent_until_their_time_and_done_ones_until_the_customer_writes(place: Bench) -> None:
    place.store.snooze(place.key(208), place.wall.now.replace(hour=20))
    assert place.alert().sent == []
    place.later(hours=13)
    place.store.mark_done(place.key(208), place.wall.now)
    assert place.alert().sent == []
    place.later(hours=1)
    place.say(208, "lightsleeper", "It is still broken! Please help.", THREAD)
    place.later(hours=1)
    assert len(place.alert().sent) == 1
    place.store.unmark(place.key(208))
    assert place.alert().sent == []


def test_a_thread_put_aside_while_its_alert_waits_is_not_told(place: Bench) -> None:
    place.server.faults.append(fault(json_reply({"errors": ["?"]}, 422), "/posts.json", method="POST"))
    assert len(place.alert().failed) == 1
    place.store.mark_done(place.key(208), place.wall.now)
    place.later(hours=1)
    assert place.alert().cancelled == 1
    assert place.posted() == []


def test_quiet_hours_hold_everything_back(tmp_path: Path) -> None:
    week = tuple((day, 0, 12 * 60) for day in range(7))
    with bench(tmp_path, THREAD, quiet_hours=week) as place:
        report = place.alert()
        assert report.is_quiet
        assert place.posted() == []
        assert Outbox(place.store).counts() == {}
        place.later(hours=5)
        assert len(place.alert().sent) == 1


def test_what_is_over_the_daily_cap_comes_in_one_message(tmp_path: Path) -> None:
    threads = [complaint(number, ("mod_anna", DISMISSAL)) for number in range(201, 207)]
    with bench(tmp_path, *threads, daily_cap=2) as place:
        assert len(place.alert().sent) == 3
        gathered = place.posted()[2]
        assert "4 more threads need somebody" in gathered
        assert sum(f"/t/{number}`" in gathered for number in range(201, 207)) == 4
        assert all(any(f"/t/{number}`" in post for post in place.posted()) for number in range(201, 207))
        place.save(complaint(300, ("mod_anna", DISMISSAL)))
        place.later(hours=1)
        assert place.alert().sent == []
        place.later(hours=24)
        assert "part 300" in (place.alert(), place.posted()[-1])[1]


# -- only staff ------------------------------------------------------------------------------------------------------


def refused(made: Bench, words: str) -> None:
    """Nothing was written anywhere, and the report says why."""
    report = made.alert()
    ((_, _, why),) = report.failed
    assert words in why
    assert report.sent == []
    assert [request.path for request in made.server.log if request.method == "POST"] == []


def test_a_public_topic_is_refused(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, topic_id=5, category_id=1) as made:
        made.server.state.add_topic({"id": 5, "title": "Welcome", "posts": [{"username": "mod_lead", "raw": "Hello"}]})
        refused(made, "topic 5 can be read by everyone without an account")


def test_a_topic_that_was_moved_into_the_open_is_refused(place: Bench) -> None:
    place.server.state.topics[TOPIC].fields["category_id"] = 1
    refused(place, "can be read by everyone")


def test_a_topic_in_another_category_is_refused(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, server={"permissions": {9: ["staff"], 10: ["staff"]}}) as made:
        made.server.state.topics[TOPIC].fields["category_id"] = 10
        refused(made, "topic 777 lies in category 10, not in 9")


@pytest.mark.parametrize("group", ["trust_level_0", "trust_level_1", "fans", "everyone"])
def test_a_category_that_customers_read_is_refused(tmp_path: Path, group: str) -> None:
    with bench(tmp_path, THREAD, server={"permissions": {9: ["staff", group]}}) as made:
        refused(made, "everyone" if group == "everyone" else f"category 9 is open to {group}")


def test_a_group_of_customers_is_refused_even_if_somebody_lists_it(tmp_path: Path) -> None:
    with bench(
        tmp_path, THREAD, server={"permissions": {9: ["trust_level_1"]}}, reader_groups=("trust_level_1",)
    ) as made:
        refused(made, "category 9 is open to trust_level_1")


def test_a_group_of_customers_is_known_by_its_number_whatever_it_is_called(tmp_path: Path) -> None:
    server = {"permissions": {9: ["Stammkunden"]}, "group_settings": {"Stammkunden": {"id": 13}}}
    with bench(tmp_path, THREAD, server=server, reader_groups=("Stammkunden",)) as made:
        refused(made, "category 9 is open to Stammkunden")


def test_a_category_whose_groups_are_not_shown_needs_somebodys_word(tmp_path: Path) -> None:
    server = {"write_keys": {WRITE_KEY: WriteKey(BOT)}, "groups": {"team": [BOT]}}
    with bench(tmp_path, THREAD, server=server) as made:
        refused(made, "does not tell this key to which groups")
        made.later(hours=1)
        assert len(made.with_alerts(unverified_groups=True).alert().sent) == 1


def test_a_category_that_is_hidden_from_visitors_alone_is_refused(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, server={"login_required": True, "permissions": {}}) as made:
        refused(made, "category 9 is not restricted")


@pytest.mark.parametrize("answer", [web_page(403), web_page(200), json_reply({}, 200), json_reply([], 200)])
def test_what_a_wall_or_a_page_says_to_visitors_is_no_proof(place: Bench, answer: Reply) -> None:
    place.server.faults.append(fault(answer, "/t/777.json"))
    report = place.alert()
    assert len(report.failed) == 1
    assert place.posted() == []


def test_a_key_that_may_not_look_proves_nothing(tmp_path: Path) -> None:
    server = {"write_keys": {WRITE_KEY: WriteKey(BOT, reads=False, is_staff=True)}}
    with bench(tmp_path, THREAD, server=server) as made:
        refused(made, "cannot be looked at")


@pytest.mark.parametrize(
    ("group", "settings", "words"),
    [
        ("fans", {}, "group fans is no group of staff"),
        ("trust_level_1", {}, "is no group of staff"),
        ("boss@example.com", {}, "is no name of a group"),
        ("team,boss@example.com", {}, "is no name of a group"),
        ("team", {"public_admission": True}, "can be joined by anybody"),
        ("team", {"messageable": False}, "takes no messages"),
        ("team", {"id": 11}, "is another group"),
    ],
)
def test_a_message_to_anybody_but_a_group_of_staff_is_refused(
    tmp_path: Path, group: str, settings: dict[str, Any], words: str
) -> None:
    with bench(tmp_path, THREAD, server={"group_settings": {"team": settings}}, topic_id=0, group=group) as made:
        refused(made, words)


def test_a_post_that_visitors_can_read_after_all_is_held_and_never_sent_again(place: Bench) -> None:
    place.server.faults.append(fault(json_reply({"id": 1}), "/posts/*.json", times=None))
    report = place.alert()
    ((_, _, why),) = report.held
    assert "can be read by everyone" in why
    place.later(hours=99)
    assert place.alert().sent == []
    assert len(place.posted()) == 1


@pytest.mark.parametrize("name", ["group", "author"])
def test_a_message_that_visitors_can_read_after_all_is_held_and_never_sent_again(tmp_path: Path, name: str) -> None:
    """A forum whose answers to visitors are wrong, or a plugin that publishes messages."""
    with bench(tmp_path, THREAD, **PLACES[name]) as made:
        made.server.faults.append(fault(json_reply({"id": 778}), "/t/778.json"))
        ((_, _, why),) = made.alert().held
        assert "message 778 can be read by everyone" in why
        made.later(hours=1)
        made.with_alerts(topic_id=0).alert()
        assert arrived(made, name) == 1


def test_a_post_that_landed_elsewhere_is_held(place: Bench) -> None:
    place.server.faults.append(fault(json_reply({"id": 5, "topic_id": 208}), "/posts.json", method="POST"))
    assert "landed in topic 208" in place.alert().held[0][2]


def test_a_post_that_waits_for_approval_is_held(place: Bench) -> None:
    enqueued = json_reply({"success": True, "action": "enqueued"})
    place.server.faults.append(fault(enqueued, "/posts.json", method="POST"))
    assert "approval queue" in place.alert().held[0][2]


def test_a_key_limited_to_the_alert_topic_is_enough(tmp_path: Path) -> None:
    server = {"write_keys": {WRITE_KEY: WriteKey(BOT, frozenset({TOPIC}), is_staff=True)}}
    with bench(tmp_path, THREAD, server=server) as made:
        assert len(made.alert().sent) == 1


# -- other places ----------------------------------------------------------------------------------------------------


def test_a_topic_of_its_own_and_a_message_to_the_team_are_told_too(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, topic_id=0, new_topics=True, group="team") as made:
        assert [channel for channel, _, _ in made.alert().sent] == ["category", "group"]
        topics = [topic for key, topic in made.server.state.topics.items() if key not in (TOPIC, 208)]
        own, message = sorted(topics, key=lambda topic: str(topic.fields["archetype"]), reverse=True)
        assert own.fields["category_id"] == STAFF_CATEGORY
        assert re.fullmatch(r"\d+ · Dock grinds at night, part 208 · MA-\w{10}", own.fields["title"])
        assert message.fields["allowed_groups"] == ["team"]
        assert message.fields["allowed_users"] == [BOT]


def test_a_chat_hook_is_used_only_where_somebody_vouches_for_the_chat(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, topic_id=0, chat_hook="hook-key") as made:
        refused(made, "the hook does not tell who reads that chat")
        made.later(hours=1)
        assert len(made.with_alerts(chat_is_internal=True).alert().sent) == 1
        ((room, text),) = made.server.desk.chat
        assert room == "Team chat"
        assert text.splitlines()[1] == f"`{made.server.url}/t/208`"


def test_the_key_of_a_hook_stands_in_no_message(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, topic_id=0, chat_hook="very-secret", chat_is_internal=True) as made:
        ((_, _, why),) = made.alert().failed
        assert "very-secret" not in why
        made.server.faults.append(fault(DROPPED, "/chat/*"))
        made.later(hours=1)
        report = made.alert()
        assert "very-secret" not in str(report) + str([entry.error for entry in Outbox(made.store).claimed()])


def test_the_author_hears_first_and_the_team_after_the_set_time(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, first_look_hours=4) as made:
        assert [channel for channel, _, _ in made.alert().sent] == ["author"]
        (message,) = [topic for key, topic in made.server.state.topics.items() if key not in (TOPIC, 208)]
        assert message.fields["allowed_users"] == [BOT, "mod_anna"]
        text = message.posts[0]["raw"]
        assert "You may still edit it" in text
        assert "Adds up" not in text
        made.later(hours=3)
        assert made.alert().sent == []
        made.later(hours=2)
        assert [channel for channel, _, _ in made.alert().sent] == ["topic"]


def test_an_author_whom_the_forum_does_not_know_as_staff_is_not_written_to(tmp_path: Path) -> None:
    record = complaint(208, ("mod_stranger", DISMISSAL))
    server = {"groups": {"team": ["mod_lead"]}}
    with bench(tmp_path, record, server=server, first_look_hours=1) as made:
        made.server.state.topics[208].posts[1].update(staff=False, moderator=False)
        report = made.alert()
        assert "not known to the forum as staff" in report.held[0][2]
        made.later(hours=2)
        assert [channel for channel, _, _ in made.alert().sent] == ["topic"]


@pytest.mark.parametrize("place_of_alerts", ["topic", "category", "group", "author"])
def test_a_hostile_thread_notifies_nobody_and_fetches_nothing(tmp_path: Path, place_of_alerts: str) -> None:
    with bench(tmp_path, nasty(208), **PLACES[place_of_alerts]) as made:
        assert len(made.alert().sent) == 1
        own = [post for topic in made.server.state.topics.values() for post in topic.posts if post["username"] == BOT]
        (post,) = own
        assert_harmless(post["raw"].replace(made.server.url, "https://forum.example.com"), Layout.FORUM)
        tree = LexborHTMLParser(post["cooked"])
        assert not tree.css("a, img, aside, script, iframe")


# -- exactly once ----------------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The program ends here."""


class DyingOutbox(Outbox):
    """An outbox whose program dies at one of its steps."""

    at = ""

    def claim(self, entry: Entry, *args: Any) -> bool:
        if self.at == "before the claim":
            raise Crash
        done = super().claim(entry, *args)
        if self.at == "after the claim":
            raise Crash
        return done

    def complete(self, entry: Entry, *args: Any) -> None:
        if self.at == "before completion":
            raise Crash
        super().complete(entry, *args)
        if self.at == "after completion":
            raise Crash


STEPS = ("before the claim", "after the claim", "before completion", "after completion")


def arrived(made: Bench, name: str) -> int:
    if name == "topic":
        return len(made.posted())
    return sum(topic.posts[0]["username"] == BOT for topic in made.server.state.topics.values())


def crash(made: Bench, step: str) -> None:
    """A run that dies at the step."""
    with made.channels() as channels:
        desk = made.desk()
        outbox = DyingOutbox(desk.store)
        outbox.at = step
        alerting = Alerting(desk, channels, outbox)
        alerting.plan()
        with pytest.raises(Crash):
            alerting.deliver()


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(tmp_path: Path, name: str, step: str) -> None:
    with bench(tmp_path, THREAD, **PLACES[name]) as made:
        crash(made, step)
        for _ in range(3):
            made.later(minutes=30)
            made.alert()
        assert arrived(made, name) == 1
        assert set(Outbox(made.store).counts()) == {"sent"}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("answer", [DROPPED, web_page(502), json_reply({}, 500), Reply(200, b'{"id": 12', cut=9)])
@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_is_looked_for_before_anything_is_sent_again(
    tmp_path: Path, name: str, answer: Reply, after: bool
) -> None:
    with bench(tmp_path, THREAD, **PLACES[name]) as made:
        made.server.faults.append(fault(answer, "/posts.json", method="POST", after=after))
        assert "may have arrived" in made.alert().failed[0][2]
        assert arrived(made, name) == int(after)
        made.later(minutes=1)
        made.alert()
        assert arrived(made, name) == int(after)
        made.later(minutes=2)
        made.alert()
        assert arrived(made, name) == 1
        assert set(Outbox(made.store).counts()) == {"sent"}


def test_a_message_that_cannot_be_looked_for_is_not_sent_again(place: Bench) -> None:
    place.server.faults.append(fault(DROPPED, "/posts.json", method="POST", after=True))
    place.alert()
    place.later(minutes=10)
    place.server.faults.append(fault(json_reply({"errors": ["?"], "error_type": "invalid_access"}, 403), "/t/777.json"))
    assert "could not be looked for" in place.alert().failed[0][2]
    place.later(minutes=10)
    place.alert()
    assert len(place.posted()) == 1


def test_a_message_that_cannot_be_looked_for_for_a_day_is_left_to_a_person(place: Bench) -> None:
    crash(place, "after the claim")
    no = json_reply({"errors": ["?"], "error_type": "invalid_access"}, 403)
    place.server.faults.append(fault(no, "/t/777.json", times=None))
    place.later(hours=20)
    assert len(place.alert().failed) == 1
    place.later(hours=5)
    assert "could not be looked for" in place.alert().held[0][2]
    assert place.posted() == []


def test_a_message_half_sent_into_a_channel_that_is_gone_is_left_to_a_person(place: Bench) -> None:
    crash(place, "after the claim")
    place.later(minutes=10)
    others = place.with_alerts(topic_id=0, group="team")
    assert "the channel is configured no more" in others.alert().held[0][2]


def test_a_forum_that_never_answers_a_write_is_given_up_in_the_end(place: Bench) -> None:
    place.server.faults.append(fault(DROPPED, "/posts.json", method="POST", times=None))
    for _ in range(3 * MOST_TRIES):
        place.alert()
        place.later(hours=13)
        if Outbox(place.store).waiting_for_a_person():
            break
    (entry,) = Outbox(place.store).waiting_for_a_person()
    assert entry.attempts == MOST_TRIES
    tries = [request for request in place.server.log if request.method == "POST"]
    assert len(tries) == MOST_TRIES


def test_a_customer_who_writes_the_reference_is_not_taken_for_the_bot(place: Bench) -> None:
    crash(place, "after the claim")
    (entry,) = Outbox(place.store).claimed()
    place.server.state.add_post(TOPIC, "mod_lead", f"I saw {entry.reference} somewhere.")
    place.later(minutes=10)
    place.alert()
    assert len(place.posted()) == 1


def test_a_message_is_found_behind_many_later_posts(place: Bench) -> None:
    crash(place, "before completion")
    for number in range(130):
        place.server.state.add_post(TOPIC, "mod_lead", f"Talk number {number}")
    place.later(minutes=10)
    place.alert()
    assert len(place.posted()) == 1


@pytest.mark.parametrize(("setting", "count"), [("hold", 0), ("resend", 1)])
def test_what_cannot_be_asked_is_held_or_sent_again_as_the_setting_says(
    tmp_path: Path, setting: str, count: int
) -> None:
    options = {"topic_id": 0, "chat_hook": "hook-key", "chat_is_internal": True, "after_crash": setting}
    with bench(tmp_path, THREAD, **options) as made:
        crash(made, "after the claim")
        made.later(minutes=10)
        report = made.alert()
        assert len(made.server.desk.chat) == count
        assert len(report.held) == 1 - count
        if report.held:
            (entry,) = Outbox(made.store).waiting_for_a_person()
            assert len(made.alert(retry=entry.id).sent) == 1


def test_a_forum_that_asks_to_wait_is_waited_for_and_told_once(place: Bench) -> None:
    waits = [slow_down_text(4), slow_down_json(9.0)]
    place.server.faults += [fault(answer, "/posts.json", method="POST") for answer in waits]
    assert len(place.alert().sent) == 1
    assert place.ticks.slept == [4.0, 9.0]
    assert len(place.posted()) == 1


def test_what_fails_is_tried_less_and_less_often_and_then_left_to_a_person(place: Bench) -> None:
    place.server.faults.append(fault(json_reply({"errors": ["?"]}, 422), "/posts.json", method="POST", times=None))
    pauses: list[float] = []
    place.alert()
    while (waiting := Outbox(place.store)._entries("status = 'due'")) and len(pauses) < 2 * MOST_TRIES:
        next_try = waiting[0].next_try_at
        assert next_try is not None
        pauses.append((next_try - place.wall.now).total_seconds() / 60)
        if len(pauses) <= 3:
            place.wall.now = next_try - timedelta(seconds=1)
            assert place.alert().failed == []
        place.wall.now = next_try
        assert place.alert().sent == []
    assert pauses[:3] == [1, 5, 15]
    assert pauses == sorted(pauses)
    assert len(pauses) == MOST_TRIES - 1
    assert 6 * 24 * 60 < sum(pauses) < 8 * 24 * 60, "about a week"
    (entry,) = Outbox(place.store).waiting_for_a_person()
    assert entry.attempts == MOST_TRIES
    assert "HTTP 422" in entry.error
    assert place.alert().sent == []
    place.server.faults.clear()
    assert len(place.alert(retry=entry.id).sent) == 1
    with pytest.raises(AlertRefused, match=f"no held or undelivered alert {entry.id}"):
        place.alert(retry=entry.id)


def test_one_channel_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD, topic_id=5, group="team") as made:
        report = made.alert()
        assert [channel for channel, _, _ in report.failed] == ["topic"]
        assert [channel for channel, _, _ in report.sent] == ["group"]


def test_the_same_first_look_is_planned_once(place: Bench) -> None:
    outbox, (thread,) = Outbox(place.store), place.desk().store.db.rows("SELECT id FROM threads")
    wish = Desired((Wish(Kind.FIRST_LOOK, (thread[0],), post_number=2),))
    assert [outbox.plan("author", wish, place.wall.now) for _ in range(2)] == [1, 0]


def test_two_programs_do_not_send_at_once(place: Bench) -> None:
    with locked(place.store.db.path, "alerts"), pytest.raises(StoreError, match=r"process \d+ is at it already"):
        place.alert()
    assert len(place.alert().sent) == 1


def test_a_channel_that_is_configured_no_more_gets_nothing(place: Bench) -> None:
    crash(place, "before the claim")
    with place.channels() as channels:
        others: Callable[[Channel], bool] = lambda channel: channel.name != "topic"  # noqa: E731
        alerting = Alerting(place.desk(), Channels(tuple(filter(others, channels.team))))
        alerting.deliver()
    assert alerting.report.cancelled == 1
    assert place.posted() == []


def test_forgetting_and_purging_leave_no_trace_of_an_alert(place: Bench) -> None:
    place.alert()
    place.store.forget("lightsleeper", now=place.wall.now)
    dump = "\n".join(place.store.db._connection.iterdump())
    assert "lightsleeper" not in dump
    place.store.purge(place.wall.now.replace(year=2030))
    assert Outbox(place.store).counts() == {}


def test_a_thread_that_was_purged_and_comes_back_is_told_again(place: Bench) -> None:
    place.alert()
    place.store.purge(place.wall.now.replace(year=2030))
    place.save(THREAD)
    assert len(place.alert().sent) == 1


def test_what_modassist_wrote_itself_is_never_alerted_about(tmp_path: Path) -> None:
    own = complaint(500)
    own["posts"][0]["username"] = BOT
    with bench(tmp_path, THREAD, own) as made:
        made.save(complaint(TOPIC))
        assert len(made.alert().sent) == 1
        assert "part 208" in made.posted()[0]


# -- two databases ---------------------------------------------------------------------------------------------------


@contextmanager
def a_second_one(made: Bench, folder: Path) -> Iterator[Bench]:
    """The same settings and forum with a database of its own, as on another machine."""
    with Store.open(folder / "second.sqlite") as store:
        other = replace(made, store=store)
        other.save(THREAD)
        yield other


def test_a_second_database_that_alerts_for_the_same_thread_is_noticed_and_said_once(
    tmp_path: Path, place: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with a_second_one(place, tmp_path) as other:
        place.alert()
        assert not caplog.records
        place.later(minutes=5)
        assert len(other.alert().sent) == 1
        (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert "/t/777/2 on the forum tells of thread 208 in our name, and this database did not send it" in said
        assert Outbox(place.store).rival(place.wall.now) is None
        other.save(complaint(300, ("mod_anna", DISMISSAL)))
        place.later(minutes=5)
        assert len(other.alert().sent) == 1
        assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
        assert Outbox(other.store).rival(place.later(days=6))
        assert Outbox(other.store).rival(place.later(days=2)) is None


def test_a_quiet_run_does_not_look_for_a_second_database(place: Bench) -> None:
    place.alert()
    place.server.log.clear()
    place.alert()
    assert place.server.paths() == []


def test_what_others_write_and_what_is_about_other_threads_is_no_second_database(place: Bench) -> None:
    alert = f"`{place.server.url}/t/208` Reference MA-AAAAAAAAAA"
    place.server.state.add_post(TOPIC, "mod_lead", alert)
    place.server.state.add_post(TOPIC, BOT, alert.replace("/208", "/209"))
    place.server.state.add_post(TOPIC, BOT, "No code here.")
    place.alert()
    assert Outbox(place.store).rival(place.wall.now) is None


def test_an_alert_topic_that_cannot_be_looked_at_afterwards_changes_nothing(place: Bench) -> None:
    place.server.faults.append(fault(DROPPED, "/t/777/posts.json", times=None))
    assert len(place.alert().sent) == 1
    assert set(Outbox(place.store).counts()) == {"sent"}


@pytest.mark.parametrize("text", [None, "", "[]", "[1, 2]", '["/t/7", "x", "2026"]', '["/t/7", 1, 2]'])
def test_a_note_of_a_second_database_that_cannot_be_read_is_none(text: str | None) -> None:
    assert Rival.parse(text, START) is None
