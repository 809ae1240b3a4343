"""kill -9 at any instant: the next start goes on, nothing is lost, and no alert comes twice."""

from __future__ import annotations

import base64
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerted import DISMISSAL, complaint
from botbench import MINUTE, World, complain, forum_of, settings_for
from forum import Wall
from modassist.forum.practice.server import ForumServer
from story import RECOVERY, SERIAL, Outcome, outcome, records

# Many processes one after the other: on a machine with other work to do they take minutes.
pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"), pytest.mark.timeout(900)]

CHAPTERS = 8
"""In the long run four stories with seven kills in each chapter: 224 of them."""

ALERTS = {"group": "team", "worse_by": 100, "resolved": True}


@dataclass
class Victim:
    """The process that forks ticks, and what has to be said to it."""

    process: subprocess.Popen[str]

    def tick(self, place: World, kill_after: float | None = None) -> bool:
        """One tick, killed after so many seconds if it still runs; whether it came to its end."""
        forum = replace(place.settings.forum, requests_per_minute=100_000)
        job = kill_after, replace(place.settings, forum=forum), place.wall.now
        assert self.process.stdin
        self.process.stdin.write(base64.b64encode(pickle.dumps(job)).decode() + "\n")
        self.process.stdin.flush()
        code = int(self.read())
        assert code in (0, -signal.SIGKILL), code
        return code == 0

    def read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    script = Path(__file__).with_name("victim.py")
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    made = Victim(process)
    assert made.read() == "ready"
    yield made
    assert process.stdin
    process.stdin.close()
    process.wait(30)
    assert process.stdout
    process.stdout.close()


def chapters(server: ForumServer) -> Iterator[Any]:
    """What happens on the forum, one after the other; each is over before the next begins."""
    state = server.state
    yield lambda: None
    yield lambda: state.add_post(201, "mod_anna", DISMISSAL, staff=True)
    yield lambda: state.edit_post(
        20201, "The dock of my R3 leaks oil on the floor every day. I want this repaired now."
    )
    yield lambda: complain(server, 300)
    yield lambda: state.add_post(203, "mod_lead", "User error. You must have used it wrongly.", staff=True)
    yield lambda: state.close_topic(200, "mod_lead")
    yield lambda: state.add_topic(complaint(301, ("mod_anna", SERIAL), ("lightsleeper", "Still broken."), hours=20))
    yield lambda: state.delete_topic(300)


@contextmanager
def play(folder: Path, name: str) -> Iterator[World]:
    wall = Wall()
    with forum_of(wall, *records()) as server:
        settings = settings_for(server, folder / f"{name}.sqlite", alerts=ALERTS)
        yield World(server, wall, settings)


def told(victim: Victim, folder: Path, name: str, chance: random.Random | None, kills: int) -> tuple[Outcome, int]:
    """The whole story; with `chance`, each tick is killed so often before it may end. Returns how many kills struck."""
    struck = 0
    with play(folder, name) as place:
        longest = 0.3
        for happens in chapters(place.server):
            happens()
            place.wall.pass_(minutes=10)
            struck += struck_down(victim, place, chance, kills, longest) if chance else 0
            began = time.monotonic()
            assert victim.tick(place)
            longest = max(0.15, min(1.0, 1.3 * (time.monotonic() - began)))
            victim.tick(place_later(place, 5 * MINUTE))
        for pause in RECOVERY:
            assert victim.tick(place_later(place, pause))
        place.bot.open()
        try:
            return without_ports(outcome(place), place.server.url), struck
        finally:
            place.bot.close()


def struck_down(victim: Victim, place: World, chance: random.Random, kills: int, longest: float) -> int:
    """Ticks at the same instant, until so many of them were killed before they ended."""
    struck = 0
    for _ in range(10 * kills):
        if struck < kills:
            struck += not victim.tick(place, chance.uniform(0, longest))
    return struck


def place_later(place: World, pause: timedelta) -> World:
    place.wall.pass_(seconds=pause.total_seconds())
    return place


def without_ports(found: Outcome, url: str) -> Outcome:
    """Two stories are told on two forums; references depend on their addresses and on the database's salt."""
    found.stored["unsent"] = json.loads(json.dumps(found.stored["unsent"]).replace(url, "forum"))
    twice = {reference for reference, count in found.written.items() if count > 1}
    missing = {row[4] for row in found.alerts} - set(found.written)
    assert not twice
    assert not missing
    found.alerts = [(row[0].replace(url, "forum"), *row[1:4]) for row in found.alerts]
    found.written.clear()
    return found


@pytest.mark.parametrize(
    ("seed", "kills"), [(1, 1), *(pytest.param(seed, 7, marks=pytest.mark.soak) for seed in (2, 3, 4, 5))]
)
def test_a_bot_that_is_killed_at_any_instant_loses_nothing_and_says_nothing_twice(
    victim: Victim, tmp_path: Path, seed: int, kills: int
) -> None:
    undisturbed, _ = told(victim, tmp_path, "undisturbed", None, 0)
    assert len(undisturbed.alerts) >= 10
    found, struck = told(victim, tmp_path, "killed", random.Random(seed), kills)
    assert struck == CHAPTERS * kills
    found_ids, wanted_ids = (_without_ids(one) for one in (found, undisturbed))
    assert found_ids.alerts == wanted_ids.alerts
    for name, rows in wanted_ids.stored.items():
        assert found_ids.stored[name] == rows, name


def _without_ids(found: Outcome) -> Outcome:
    """The forum's numbers of posts differ: the bot's own take some of them, earlier or later."""
    found.stored["posts"] = [(*row[:2], *row[3:]) for row in found.stored["posts"]]
    return found
