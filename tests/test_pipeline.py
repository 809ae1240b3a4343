"""From what is stored to what is shown: what is due is judged once, one failure stops nobody, and counts add up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modassist import sample
from modassist.config.settings import ForumSettings, LimitSettings, Settings
from modassist.model import Analysis, Role
from modassist.pipeline import Desk, Wanted, gather
from modassist.store.store import Store, ThreadKey

STORY = sample.load()
SOURCE = "https://forum.example.com"
SETTINGS = Settings(forum=ForumSettings(url=SOURCE))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "some.sqlite") as opened:
        for record in STORY.records:
            opened.save_topic(record, source=SOURCE, seen_at=STORY.now)
        yield opened


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, SETTINGS, STORY.now)


def test_every_thread_is_judged_once_and_then_nothing_is_due(desk: Desk) -> None:
    told: list[tuple[int, int]] = []
    first = desk.analyse_due(lambda done, total: told.append((done, total)))
    assert (first.analysed, first.failed) == (len(STORY.records), ())
    assert told[-1] == (len(STORY.records), len(STORY.records))
    assert desk.analyse_due().analysed == 0


def test_a_thread_that_fails_is_reported_and_left_for_the_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse = Desk.analyse
    bad = STORY.records[3]["id"]

    def failing(self: Desk, key: ThreadKey) -> Analysis:
        if key.topic_id == bad:
            raise ZeroDivisionError("oops")
        return analyse(self, key)

    monkeypatch.setattr(Desk, "analyse", failing)
    report = desk.analyse_due()
    assert report.analysed == len(STORY.records) - 1
    ((topic_id, fault),) = report.failed
    assert topic_id == bad
    assert "ZeroDivisionError: oops" in fault
    monkeypatch.undo()
    assert desk.analyse_due().analysed == 1


@pytest.mark.parametrize(
    "change",
    [
        {"language": "fi"},
        {"waiting": LimitSettings(reply_hours=48)},
        {"forum": ForumSettings(url=SOURCE, staff_usernames=("somebody",))},
        {"timezone": "Europe/Berlin"},
    ],
)
def test_a_setting_that_may_change_a_verdict_makes_all_due_again(desk: Desk, change: dict[str, Any]) -> None:
    desk.analyse_due()
    changed = Desk(desk.store, replace(SETTINGS, **change), STORY.now)
    assert changed.version != desk.version
    assert changed.analyse_due().analysed == len(STORY.records)


def test_a_setting_that_changes_no_verdict_makes_nothing_due(desk: Desk) -> None:
    desk.analyse_due()
    changed = replace(
        SETTINGS, digest=replace(SETTINGS.digest, limit=3), privacy=replace(SETTINGS.privacy, names="hidden")
    )
    assert Desk(desk.store, changed, STORY.now).analyse_due().analysed == 0


def test_the_version_is_the_same_in_every_run_of_the_program() -> None:
    code = (
        "from modassist.pipeline import Desk; from modassist.config.settings import *\n"
        "print(Desk(None, Settings(forum=ForumSettings(staff_usernames=tuple('abcdefgh'))), None).version)"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1


def test_members_of_staff_groups_are_staff(store: Store) -> None:
    name = next(post["username"] for post in STORY.records[0]["posts"] if not post["staff"])
    store.save_members(SOURCE, [name], STORY.now)
    thread = Desk(store, SETTINGS, STORY.now).thread(ThreadKey(SOURCE, STORY.records[0]["id"]))
    assert {post.role for post in thread.posts if post.author == name} == {Role.STAFF}


def test_the_counts_of_the_digest_add_up(desk: Desk) -> None:
    desk.analyse_due()
    whole = gather(desk, Wanted(limit=1000, stale=True))
    assert len(whole.items) > 3
    floor = sorted(item["severity"]["score"] for item in whole.items)[2]
    wanted = Wanted(since=STORY.now - timedelta(days=1), min_severity=floor, limit=1)
    some = gather(desk, wanted)
    assert len(some.items) + sum(some.stats["hidden"].values()) == len(whole.items)
    assert whole.stats["hidden"] == dict.fromkeys(("limit", "older", "stale", "below", "snoozed", "done"), 0)
    assert whole.stats["threads_read"] == len(STORY.records)


def test_what_is_shown_is_judged_at_now_and_what_is_settled_meanwhile_is_left_out(desk: Desk) -> None:
    desk.analyse_due()
    later = Desk(desk.store, SETTINGS, STORY.now + timedelta(hours=10))
    before, after = gather(desk, Wanted()), gather(later, Wanted())
    shown = after.items[0]
    earlier = next(item for item in before.items if item["topic_id"] == shown["topic_id"])
    assert shown["states"][0]["hours"] == pytest.approx(earlier["states"][0]["hours"] + 10)
    assert shown["first_flagged_at"] == earlier["first_flagged_at"]
    assert shown["url"].startswith(SOURCE)


def test_kudos_name_no_thread_that_is_shown_above(desk: Desk) -> None:
    desk.analyse_due()
    digest = gather(desk, Wanted())
    shown = {item["topic_id"] for item in digest.items}
    for one in digest.kudos:
        assert one["topic_id"] not in shown
        assert one["title"]
        assert one["url"].startswith(SOURCE)
