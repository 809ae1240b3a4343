"""`modassist run` and `status` as programs: signals, locks, log lines, metrics, one poll for cron."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from alerted import BOT, TOPIC, WRITE_KEY, complaint
from botbench import READ_KEY, READER, forum_of, settings_for
from forum import START, Wall, fault
from modassist.bot.loglines import LogLines
from modassist.bot.metrics import Board
from modassist.bot.watch import watched
from modassist.cli import group
from modassist.errors import ConfigError
from modassist.forum.practice.exchange import DROPPED, Reply
from modassist.forum.practice.server import ForumServer
from modassist.store.lock import holder

ROOT = Path(__file__).parent.parent
STALLED = Reply(200, b"{", stall=True)


def run(*args: str, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(group, list(args), env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def configured(server: ForumServer, more: str = "") -> dict[str, str]:
    """Settings in the current folder, and the environment with the keys."""
    text = f'[forum]\nurl = "{server.url}"\napi_username = "{READER}"\nstaff_groups = ["team"]\n'
    text += f'[alerts]\nmin_severity = 10\ntopic_id = {TOPIC}\ncategory_id = 9\napi_username = "{BOT}"\n{more}'
    Path("modassist.toml").write_text(text, encoding="utf-8")
    return {"MODASSIST_FORUM_API_KEY": READ_KEY, "MODASSIST_ALERTS_API_KEY": WRITE_KEY}


def posted(server: ForumServer) -> int:
    return sum(post["username"] == BOT for post in server.state.topics[TOPIC].living())


# -- once ------------------------------------------------------------------------------------------------------------


def test_once_polls_alerts_and_ends(tmp_path: Path) -> None:
    with forum_of(Wall(), complaint(200)) as server:
        env = configured(server)
        first = run("run", "--once", "--now", START.isoformat(), env=env)
        assert first.exit_code == 0, first.stderr
        assert posted(server) == 1
        assert re.search(r"^\S+Z info tick forum=127\.0\.0\.1:\d+ result=ok threads=1 ", first.stderr, re.MULTILINE)
        assert first.stdout == ""
        again = run("run", "--once", "--now", (START + timedelta(minutes=10)).isoformat(), env=env)
        assert (again.exit_code, posted(server)) == (0, 1)


def test_log_lines_as_json_have_the_figures_beside_each_other(tmp_path: Path) -> None:
    with forum_of(Wall(), complaint(200)) as server:
        result = run("run", "--once", "--log-format", "json", "--now", START.isoformat(), env=configured(server))
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    (tick,) = [line for line in lines if line["event"] == "tick"]
    assert (tick["result"], tick["threads"], tick["sent"], tick["level"]) == ("ok", 1, 1, "info")


def test_once_on_a_forum_that_is_down_is_exit_code_1_and_counts_towards_the_trouble(tmp_path: Path) -> None:
    with forum_of(Wall(), complaint(200)) as server:
        env = configured(server)
        server.faults.append(fault(Reply(500, b"{}"), times=None))
        for number in range(2):
            now = (START + timedelta(minutes=10 * number)).isoformat()
            result = run("run", "--once", "--now", now, env=env)
            assert result.exit_code == 1
            assert "1 of 1 forums could not be done wholly: 127.0.0.1:" in result.stderr
            assert re.search(r'trouble=forum why="/\S+: the forum failed on this request \(HTTP 500\)"', result.stderr)
        status = json.loads(run("status", "--format", "json", "--now", now, env=env).stdout)
    assert status[0]["troubles"][0]["ticks"] == 2


def test_cron_is_told_why_in_one_line(tmp_path: Path) -> None:
    with forum_of(Wall(), complaint(200)) as server:
        env = configured(server)
        server.state.permissions[9] = ("everyone",)
        result = run("run", "--once", "--quiet", "--now", START.isoformat(), env=env)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert "topic: alert 1, thread 200: topic 777 can be read by everyone without an account" in line
        server.state.permissions[9] = ("staff",)
        assert run("run", "--once", "--quiet", "--now", (START + timedelta(hours=1)).isoformat(), env=env).stderr == ""


def test_a_bot_that_goes_on_takes_no_invented_time() -> None:
    result = run("run", "--now", START.isoformat())
    assert result.exit_code == 2
    assert "--now needs --once" in result.stderr


def test_without_a_forum_nothing_is_run() -> None:
    result = run("run", "--once")
    assert result.exit_code == 1
    assert "no forum is configured" in result.stderr


def test_several_forums_are_run_and_shown_from_one_file(tmp_path: Path) -> None:
    with forum_of(Wall(), complaint(200)) as one, forum_of(Wall(), complaint(300)) as other:
        Path("modassist.toml").write_text(
            f'[forums.de.forum]\nurl = "{one.url}"\n[forums.fi.forum]\nurl = "{other.url}"\n', encoding="utf-8"
        )
        result = run("run", "--once", "--now", START.isoformat())
        assert result.exit_code == 0, result.stderr
        assert "forum=de result=ok" in result.stderr
        assert "forum=fi result=ok" in result.stderr
        assert Path("modassist-de.sqlite").exists()
        status = run("status", "--now", START.isoformat()).stdout
        assert "de (modassist-de.sqlite)\n  bot        not running\n  last poll  2026-03-02T08:00:00Z" in status
        only = run("digest", "--forum", "fi", "--now", START.isoformat())
        assert "part 300" in only.stdout
        assert "--forum NAME chooses one" in run("digest").stderr


# -- a process -------------------------------------------------------------------------------------------------------


class Process:
    """A bot as a process of its own; what it says on standard error, line by line."""

    def __init__(self, env: dict[str, str], *options: str) -> None:
        command = [sys.executable, str(ROOT / "cli.py"), "run", *options]
        self.errors = Path("stderr.txt").open("w", encoding="utf-8")  # noqa: SIM115
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MODASSIST_")}
        self.process = subprocess.Popen(command, env=inherited | env, stderr=self.errors, stdout=subprocess.DEVNULL)

    def said(self) -> str:
        return Path("stderr.txt").read_text(encoding="utf-8")

    def until(self, happened: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.02)

    def until_said(self, words: str) -> None:
        self.until(lambda: words in self.said())

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """The exit code, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - began


@contextmanager
def process(env: dict[str, str], *options: str) -> Iterator[Process]:
    started = Process(env, *options)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
        started.errors.close()


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def live_forum(more: str = "") -> Iterator[tuple[ForumServer, dict[str, str]]]:
    """A forum by the real clock, with a complaint of two days ago."""
    record = complaint(200)
    for post in record["posts"]:
        post["created_at"] = (now() - timedelta(hours=48)).isoformat()
    with forum_of(now, record) as server:  # type: ignore[arg-type]
        yield server, configured(server, more)


def test_a_bot_is_watched_told_to_reload_refuses_a_second_and_ends_cleanly() -> None:
    with live_forum("[metrics]\nport = PORT\n".replace("PORT", str(free_port()))) as (server, env), process(env) as bot:
        bot.until_said("result=ok")
        assert posted(server) == 1
        port = re.search(r"port = (\d+)", Path("modassist.toml").read_text(encoding="utf-8"))
        assert port
        assert 'modassist_alerts_total{forum="' in fetched(f"http://127.0.0.1:{port[1]}/metrics")
        assert json.loads(fetched(f"http://127.0.0.1:{port[1]}/healthz"))["ok"] is True
        second = run("run", "--once", env=env)
        assert second.exit_code == 1
        assert re.search(rf"process {bot.process.pid}, running since \S+Z is at it already", second.stderr)
        status = json.loads(run("status", "--format", "json", env=env).stdout)[0]
        assert str(bot.process.pid) in status["process"]
        assert status["next_tick"]
        good = Path("modassist.toml").read_text(encoding="utf-8")
        Path("modassist.toml").write_text("[forum", encoding="utf-8")
        bot.process.send_signal(signal.SIGHUP)
        bot.until_said("the old ones stay: modassist.toml: not a TOML file")
        Path("modassist.toml").write_text(good, encoding="utf-8")
        bot.process.send_signal(signal.SIGHUP)
        bot.until_said("the settings were read anew")
        code, seconds = bot.end(signal.SIGTERM)
        assert (code, seconds < 5) == (0, True)
        assert "ended by SIGTERM" in bot.said()
        assert holder(Path("modassist.sqlite"), "run") == ""


def test_a_bot_that_hangs_on_a_stalled_answer_ends_within_seconds() -> None:
    with live_forum() as (server, env):
        server.faults.append(fault(STALLED, times=None, path="/posts.json"))
        with process(env) as bot:
            bot.until(lambda: "/posts.json" in server.paths())
            code, seconds = bot.end(signal.SIGTERM)
        assert (code, seconds < 5) == (0, True)


def test_a_single_poll_that_hangs_ends_within_seconds_too() -> None:
    with live_forum() as (server, env):
        server.faults.append(fault(STALLED, times=None, path="/posts.json"))
        with process(env, "--once") as bot:
            bot.until(lambda: "/posts.json" in server.paths())
            code, seconds = bot.end(signal.SIGTERM)
            assert "Traceback" not in bot.said()
        assert (code, seconds < 5) == (0, True)


def test_a_bot_that_waits_for_a_forum_that_asked_it_to_is_interrupted() -> None:
    slow = Reply(429, b"{}", {"Retry-After": "100"})
    with live_forum() as (server, env):
        server.faults.append(fault(slow, times=None, path="/posts.json"))
        with process(env) as bot:
            bot.until(lambda: "/posts.json" in server.paths())
            code, seconds = bot.end(signal.SIGINT)
        assert (code, seconds < 5) == (130, True)


def test_a_killed_bot_leaves_no_lock_behind() -> None:
    with live_forum() as (_, env):
        with process(env) as bot:
            bot.until_said("running: ")
            assert holder(Path("modassist.sqlite"), "run")
            bot.end(signal.SIGKILL)
        assert holder(Path("modassist.sqlite"), "run") == ""
        assert run("run", "--once", env=env).exit_code == 0


# -- metrics and log lines -------------------------------------------------------------------------------------------


def free_port() -> int:
    import socket

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_metrics_are_in_the_format_of_prometheus_whatever_a_forum_is_called(tmp_path: Path) -> None:
    from botbench import world

    with world(tmp_path, complaint(200)) as place:
        place.tick()
        place.server.faults.append(fault(DROPPED, times=None, path="/posts.json"))
        place.tick()
        report = place.tick()
        report.forum = 'a"b\\c\nd'
        board = place.bot.board
        board.show(report, place.bot.watched[0].bot)
        text = board.metrics()
        assert not board.healthz(place.wall.now)[0]
    sample = re.compile(r'[a-z_]+\{forum="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="[a-z_]+")*\} -?[0-9.e+]+')
    lines = text.splitlines()
    assert not [line for line in lines if not line.startswith("#") and not sample.fullmatch(line)]
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {line.partition("{")[0] for line in lines if not line.startswith("#")} <= typed
    assert re.search(r'modassist_trouble\{forum="127[^}]*kind="forum"\} 2', text)
    assert re.search(r'modassist_ticks_total\{[^}]*result="ok"\} 1', text)


def test_a_bot_that_hangs_is_not_healthy(tmp_path: Path) -> None:
    board = Board(START)
    with forum_of(Wall()) as server:
        board.add("forum", settings_for(server, tmp_path / "x.sqlite"))
    assert board.healthz(START + timedelta(minutes=20))[0]
    is_well, text = board.healthz(START + timedelta(hours=2))
    assert not is_well
    assert json.loads(text)["forums"]["forum"]["is_silent"]


def test_the_watchers_listen_on_loopback_alone_and_say_what_they_have() -> None:
    with watched(0, Board(START), lambda: START) as port:
        assert fetched(f"http://127.0.0.1:{port}/metrics").startswith("# HELP modassist_")
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetched(f"http://127.0.0.1:{port}/else")
        refused.value.close()
        assert refused.value.code == 404
        with pytest.raises(ConfigError, match="cannot be opened"), watched(port, Board(), lambda: START):
            pass


def test_a_log_line_cannot_steer_a_terminal_or_break_a_line() -> None:
    import logging

    lines: list[str] = []
    for form in ("text", "json"):
        record = logging.LogRecord("modassist", logging.WARNING, "", 0, "a\x1b[2J%s", ("\nforged",), None)
        LogLines(form, lines.append).emit(record)
    assert not [line for line in lines if "\n" in line or "\x1b" in line]
    loaded: dict[str, Any] = json.loads(lines[1])
    assert loaded["level"] == "warning"
