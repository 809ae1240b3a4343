"""The commands: what they print where, and how they end."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
from click.testing import CliRunner, Result

from modassist import __version__, sample
from modassist.cli import group
from modassist.commands import reading
from modassist.errors import ModassistError
from modassist.forum.practice.exchange import Fault, Reply
from modassist.forum.practice.server import ForumServer

STORY = sample.load()
NOW = STORY.now.isoformat()
ROOT = Path(__file__).parent.parent


def run(*args: object, input: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(group, [str(arg) for arg in args], input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.fixture
def forum() -> Iterator[ForumServer]:
    names = {row["id"]: row["name"] for row in STORY.categories}
    with ForumServer(STORY.records, now=lambda: STORY.now, title="Zwirbel", categories=names) as server:
        yield server


@pytest.fixture
def settings(forum: ForumServer) -> Path:
    """Settings for the sample forum, in the current folder."""
    file = Path("modassist.toml")
    file.write_text(
        f'language = "en"\n[forum]\nurl = "{forum.url}"\nrequests_per_minute = 200\nbackfill_days = 60\n',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def polled(settings: Path) -> Path:
    result = run("poll", "--now", NOW)
    assert result.exit_code == 0, result.stderr
    return Path("modassist.sqlite")


def written(records: list[dict[str, Any]], name: str = "threads.jsonl") -> Path:
    file = Path(name)
    text = "".join(json.dumps(record) + "\n" for record in records)
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (resources.files("modassist") / "schema" / f"{name}.json").read_text(encoding="utf-8")
    )
    return loaded


# -- the program -----------------------------------------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    found = {name: command for name, command in group.commands.items() if not isinstance(command, click.Group)}
    rules = group.commands["rules"]
    assert isinstance(rules, click.Group)
    return found | {f"rules {name}": command for name, command in rules.commands.items()}


def test_there_are_the_commands_of_the_contract_and_no_stubs() -> None:
    expected = (
        "demo init poll digest show alert review run status analyse import export train evaluate rules config doctor "
        "schema forget purge"
    )
    assert list(group.commands) == expected.split()


@pytest.mark.parametrize("name", commands())
def test_every_command_takes_the_common_options_and_shows_an_example(name: str) -> None:
    text = run(*name.split(), "--help").stdout
    for option in ("--config", "--db", "--now", "-v, --verbose", "-q, --quiet"):
        assert option in text
    assert re.search(rf"Example:\n  .*modassist {name}", text)


def test_the_version_is_said() -> None:
    assert run("--version").stdout == f"modassist {__version__}\n"


def test_starting_loads_nothing_heavy() -> None:
    heavy = "requests, rich, yaml, sqlite_utils, sqlite3, jinja2, numpy, selectolax, holidays, py3langid, zstandard"
    code = f"import sys, modassist.cli; print([name for name in '{heavy}'.split(', ') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_launcher_of_the_checkout_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, ROOT / "cli.py", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"modassist {__version__}\n"


@pytest.mark.parametrize(
    "args", [("nonsense",), ("digest", "--format", "pdf"), ("digest", "--since", "soon"), ("show",), ("show", "x")]
)
def test_wrong_usage_is_exit_code_2(args: tuple[str, ...]) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error:" in result.stderr


def test_an_instant_that_is_none_is_wrong_usage() -> None:
    Path("modassist.sqlite").touch()
    result = run("analyse", "-", "--now", "yesterday", input="")
    assert result.exit_code == 2
    assert "2026-03-05T08:00:00Z" in result.stderr


def failing(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def fail(*args: object) -> None:
        raise fault

    monkeypatch.setattr(reading, "open_store", fail)


def test_an_error_of_ours_is_one_line_with_its_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ModassistError("the thing\x1b[31m is\nbroken", "mend it"))
    result = run("digest")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "modassist: the thing[31m is broken (mend it)\n"


def test_a_bug_is_one_line_too_and_shows_its_traceback_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyError("oops"))
    result = run("digest")
    assert result.exit_code == 1
    assert len(lines(result.stderr)) == 1
    assert "-vv" in result.stderr
    assert "Traceback" in run("digest", "-vv").stderr


def test_an_interruption_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    result = run("digest")
    assert result.exit_code == 130
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes as in POSIX")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    file = written([dict(record) for record in STORY.records] * 20)
    command = [sys.executable, "-m", "modassist", "analyse", str(file.resolve()), "--with-text", "--now", NOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline().startswith(b"{")
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait(timeout=60) == 0


# -- init, config, schema, doctor ------------------------------------------------------------------------------------


def test_init_writes_commented_settings_and_sees_the_forum_answer(forum: ForumServer) -> None:
    result = run(
        "init", "--url", forum.url, "--language", "fi", "--timezone", "Europe/Helsinki", "--staff-group", "team"
    )
    assert result.exit_code == 0
    assert "Zwirbel" in result.stdout
    text = Path("modassist.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    assert (content["language"], content["forum"]) == ("fi", {"url": forum.url, "staff_groups": ["team"]})
    assert "# reply_hours = 24" in text


def test_init_does_not_replace_a_file_unless_told_to(settings: Path, forum: ForumServer) -> None:
    before = settings.read_text(encoding="utf-8")
    result = run("init", "--url", forum.url)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert settings.read_text(encoding="utf-8") == before
    assert run("init", "--url", forum.url, "--force").exit_code == 0
    assert settings.read_text(encoding="utf-8") != before


def test_init_without_an_address_and_a_terminal_is_wrong_usage() -> None:
    result = run("init")
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_init_leaves_no_file_when_the_forum_does_not_answer_and_works_once_it_does(forum: ForumServer) -> None:
    forum.faults.append(Fault(Reply(404, b"<html>no forum</html>", {"Content-Type": "text/html"}), times=None))
    result = run("init", "--url", forum.url)
    assert result.exit_code == 1
    (said,) = lines(result.stderr)
    assert "modassist.toml was not written: " in said
    assert "--offline" in said
    assert (result.stdout, list(Path().iterdir())) == ("", [])
    forum.faults.clear()
    assert run("init", "--url", forum.url).exit_code == 0


def test_init_that_replaces_a_file_keeps_the_old_one_when_the_forum_does_not_answer(
    settings: Path, forum: ForumServer
) -> None:
    before = settings.read_text(encoding="utf-8")
    forum.faults.append(Fault(Reply(404, b"<html>no forum</html>", {"Content-Type": "text/html"}), times=None))
    assert run("init", "--url", forum.url, "--force").exit_code == 1
    assert settings.read_text(encoding="utf-8") == before


def test_init_writes_the_file_without_asking_where_that_is_wanted(forum: ForumServer) -> None:
    assert run("init", "--url", forum.url, "--offline").exit_code == 0
    assert Path("modassist.toml").exists()
    assert forum.paths() == []


def test_init_refuses_what_poll_would_refuse() -> None:
    assert run("init", "--url", "community.example.com").exit_code == 1
    assert not Path("modassist.toml").exists()


def test_config_shows_values_origins_and_no_secret(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODASSIST_FORUM_API_KEY", "topsecret")
    monkeypatch.setenv("MODASSIST_LIMITS_REPLY_HOURS", "48")
    text = run("config").stdout
    assert re.search(r"reply_hours = 48 +# MODASSIST_LIMITS_REPLY_HOURS", text)
    assert re.search(r"url = .* # modassist.toml", text)
    assert "***" in text
    assert "topsecret" not in text
    assert tomllib.loads(text)["limits"]["reply_hours"] == 48


def test_a_misspelt_setting_is_one_line_with_the_nearest_name() -> None:
    Path("modassist.toml").write_text("[limits]\nreply_hour = 3\n", encoding="utf-8")
    result = run("config")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "did you mean limits.reply_hours?" in result.stderr


def test_both_schemas_are_valid_and_printed() -> None:
    for name in ("thread", "result"):
        content = json.loads(run("schema", name).stdout)
        jsonschema.Draft202012Validator.check_schema(content)
    assert set(json.loads(run("schema").stdout)) == {"thread", "result"}


def test_doctor_finds_a_sound_installation_sound(polled: Path) -> None:
    result = run("doctor", "--now", NOW)
    assert result.exit_code == 0, result.stdout
    assert "FAULT" not in result.stdout
    for what in ("settings", "rules", "database", "forum", "reading", "staff"):
        assert f" {what}: " in result.stdout


def test_doctor_says_what_to_do_about_each_fault(forum: ForumServer, settings: Path) -> None:
    forum.login_required = True
    settings.write_text(settings.read_text() + 'staff_groups = ["nobody"]\n', encoding="utf-8")
    result = run("doctor")
    assert result.exit_code == 1
    assert "FAULT  reading" in result.stdout
    assert "API key" in result.stdout


def test_doctor_without_a_forum_names_init() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "modassist init" in result.stdout


def test_doctor_reports_broken_settings_as_a_fault() -> None:
    Path("modassist.toml").write_text("nonsense = 1\n", encoding="utf-8")
    result = run("doctor")
    assert result.exit_code == 1
    assert "FAULT  settings" in result.stdout


# -- poll, digest, show ----------------------------------------------------------------------------------------------


def test_poll_reads_the_forum_and_judges_it_and_again_changes_nothing(settings: Path) -> None:
    first = run("poll", "--now", NOW)
    again = run("poll", "--now", NOW)
    assert (first.exit_code, first.stdout, again.exit_code) == (0, "", 0)
    assert f"{len(STORY.records)} threads judged" in first.stderr
    assert "0 threads read" in again.stderr
    assert "judged" not in again.stderr


def test_poll_without_a_forum_names_init() -> None:
    result = run("poll")
    assert result.exit_code == 1
    assert "modassist init" in result.stderr


def test_poll_takes_an_address_in_place_of_the_configured_one(forum: ForumServer) -> None:
    assert run("poll", "--url", forum.url, "--now", NOW).exit_code == 0
    assert Path("modassist.sqlite").exists()


def test_poll_of_a_forum_that_fails_is_one_line_and_keeps_what_was_there(polled: Path, forum: ForumServer) -> None:
    before = run("digest", "--now", NOW, "--format", "json").stdout
    page = Reply(403, b"<html>Just a moment</html>", {"Content-Type": "text/html"})
    forum.faults.append(Fault(page, times=None))
    result = run("poll", "--now", NOW)
    assert result.exit_code == 1
    assert len([line for line in lines(result.stderr) if line.startswith("modassist: ")]) == 1
    assert run("digest", "--now", NOW, "--format", "json").stdout == before


def test_the_digest_shows_the_worst_first_on_standard_output_alone(polled: Path) -> None:
    result = run("digest", "--now", NOW)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    scores = [int(found) for found in re.findall(r"^ {0,2}(\d+)  \S", result.stdout, re.MULTILINE)]
    assert scores
    assert scores == sorted(scores, reverse=True)


def test_the_json_digest_is_that_of_the_contract(polled: Path) -> None:
    content = json.loads(run("digest", "--now", NOW, "--format", "json").stdout)
    assert set(content) == {"generated_at", "since", "forum", "items", "kudos", "stats"}
    assert content["items"]
    validator = jsonschema.Draft202012Validator(schema("result"))
    for item in content["items"]:
        validator.validate(item)
        assert item["first_flagged_at"]
        assert item["url"].startswith("http://127.0.0.1")
        assert item["judged_at"] == content["generated_at"]
    for one in content["kudos"]:
        assert {"topic_id", "post_number", "username", "signals"} <= set(one)


def test_the_digest_tells_the_hours_as_of_now(polled: Path) -> None:
    def longest(now: str) -> float:
        items = json.loads(run("digest", "--now", now, "--format", "json").stdout)["items"]
        return max(state["hours"] for item in items for state in item["states"])

    assert longest("2026-03-16T18:00:00Z") == pytest.approx(longest("2026-03-16T08:00:00Z") + 10)


def test_the_digest_goes_to_a_file_in_any_format(polled: Path) -> None:
    for form, start in (("html", "<!doctype html>"), ("markdown", "# "), ("json", "{"), ("terminal", "Who")):
        result = run("digest", "--now", NOW, "--format", form, "--output", f"out.{form}")
        assert (result.exit_code, result.stdout) == (0, "")
        assert Path(f"out.{form}").read_text(encoding="utf-8").startswith(start)


def test_a_limit_hides_and_says_so(polled: Path) -> None:
    every = json.loads(run("digest", "--now", NOW, "--format", "json").stdout)
    one = json.loads(run("digest", "--now", NOW, "--format", "json", "--limit", "1").stdout)
    assert one["items"] == every["items"][:1]
    assert one["stats"]["hidden"]["limit"] == len(every["items"]) - 1
    assert "--limit" in run("digest", "--now", NOW, "--limit", "1").stdout


def test_only_severe_threads_are_shown_where_asked(polled: Path) -> None:
    every = json.loads(run("digest", "--now", NOW, "--format", "json").stdout)["items"]
    floor = every[1]["severity"]["score"]
    some = json.loads(run("digest", "--now", NOW, "--format", "json", "--min-severity", floor).stdout)
    assert {item["severity"]["score"] >= floor for item in some["items"]} == {True}
    assert some["stats"]["hidden"]["below"] == len(every) - len(some["items"])


def test_threads_without_news_are_hidden_by_since_and_old_ones_until_asked_for(polled: Path) -> None:
    late = "2026-09-01T08:00:00Z"
    assert (
        json.loads(run("digest", "--now", NOW, "--since", "1m", "--format", "json").stdout)["stats"]["hidden"]["older"]
        == 0
    )
    quiet = json.loads(run("digest", "--now", late, "--format", "json").stdout)
    everything = json.loads(run("digest", "--now", late, "--format", "json", "--stale").stdout)
    assert quiet["stats"]["hidden"]["stale"] == len(everything["items"]) - len(quiet["items"])
    assert everything["items"]


def test_fail_on_is_exit_code_3_where_something_is_as_severe(polled: Path) -> None:
    worst = json.loads(run("digest", "--now", NOW, "--format", "json").stdout)["items"][0]["severity"]["score"]
    assert run("digest", "--now", NOW, "--fail-on", worst).exit_code == 3
    if worst < 100:
        assert run("digest", "--now", NOW, "--fail-on", worst + 1).exit_code == 0


def test_a_digest_without_a_database_names_poll() -> None:
    result = run("digest", "--db", "nowhere.sqlite")
    assert result.exit_code == 1
    assert "nowhere.sqlite" in result.stderr
    assert not Path("nowhere.sqlite").exists()


def test_show_shows_one_thread_with_every_post(polled: Path) -> None:
    result = run("show", "101", "--now", NOW)
    assert result.exit_code == 0
    for number in (1, 2, 3):
        assert f"#{number}" in result.stdout
    assert "Adds up from" in result.stdout
    missing = run("show", "99999", "--now", NOW)
    assert missing.exit_code == 1
    assert "99999" in missing.stderr


# -- analyse ---------------------------------------------------------------------------------------------------------


def test_analyse_gives_one_valid_result_for_each_record_in_order() -> None:
    result = run(
        "analyse", written(list(STORY.records), "threads.jsonl.gz"), "--now", NOW, "--all-scores", "--with-text"
    )
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert [record["topic_id"] for record in records] == [record["id"] for record in STORY.records]
    validator = jsonschema.Draft202012Validator(schema("result"))
    for record in records:
        validator.validate(record)
        for post in record["posts"]:
            for finding in post["signals"]:
                for piece in finding["evidence"]:
                    assert post["text"][piece["start"] : piece["end"]] == piece["text"]


def test_analyse_reads_standard_input_and_writes_an_array() -> None:
    text = json.dumps(STORY.records[0]) + "\n"
    for args in ((), ("-",)):
        result = run("analyse", *args, "--format", "json", "--now", NOW, input=text)
        assert [record["topic_id"] for record in json.loads(result.stdout)] == [STORY.records[0]["id"]]
    assert json.loads(run("analyse", "--format", "json", input="").stdout) == []


def test_analyse_says_what_is_wrong_with_a_record_and_does_the_others() -> None:
    good = json.dumps(STORY.records[0])
    Path("some.jsonl").write_text(f'{good}\nnot json\n{{"id": 5, "posts": "none"}}\n{good}\n', encoding="utf-8")
    result = run("analyse", "some.jsonl", "missing.jsonl", "--now", NOW)
    assert result.exit_code == 1
    assert len(lines(result.stdout)) == 2
    assert [place for place in ("some.jsonl:2", "some.jsonl:3", "missing.jsonl") if place not in result.stderr] == []
    assert "Traceback" not in result.stderr


def test_a_record_is_judged_at_its_own_instant() -> None:
    file = written([{**STORY.records[0], "now": "2026-03-20T08:00:00Z"}, STORY.records[1]])
    records = [json.loads(line) for line in run("analyse", file, "--now", NOW).stdout.splitlines()]
    assert [record["judged_at"] for record in records] == ["2026-03-20T08:00:00Z", "2026-03-16T08:00:00Z"]


def test_the_table_has_a_line_for_each_thread_without_control_characters() -> None:
    hostile = {**STORY.records[0], "title": "\x1b[2Jcleared\nsecond line"}
    result = run("analyse", written([hostile, STORY.records[1]]), "--format", "table", "--now", NOW)
    assert len(result.stdout.splitlines()) == 2
    assert "\x1b" not in result.stdout
    assert "[2Jcleared second line" in result.stdout


def test_an_instant_without_offset_is_meant_in_the_forums_zone() -> None:
    Path("modassist.toml").write_text('timezone = "Europe/Helsinki"\n', encoding="utf-8")
    (record,) = map(
        json.loads, run("analyse", written([STORY.records[0]]), "--now", "2026-03-16T10:00").stdout.splitlines()
    )
    assert record["judged_at"] == "2026-03-16T08:00:00Z"


def test_input_that_the_forum_gives_fits_the_thread_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema("thread"))
    for record in STORY.records:
        validator.validate(json.loads(json.dumps(record)))
    assert not validator.is_valid({"id": "x", "posts": []})
    assert not validator.is_valid({"id": 1})


# -- import, export, forget, purge -----------------------------------------------------------------------------------


def test_import_then_digest_needs_no_forum() -> None:
    file = written(list(STORY.records))
    result = run("import", file, "--now", NOW)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{len(STORY.records)} threads stored" in result.stderr
    assert "0 new posts" in run("import", file, "--now", NOW).stderr
    assert json.loads(run("digest", "--now", NOW, "--format", "json").stdout)["items"]


def test_import_reports_bad_records_and_stores_the_others() -> None:
    Path("some.jsonl").write_text(json.dumps(STORY.records[0]) + "\n{]\n", encoding="utf-8")
    result = run("import", "some.jsonl", "--now", NOW)
    assert result.exit_code == 1
    assert "some.jsonl:2" in result.stderr
    assert run("show", STORY.records[0]["id"], "--now", NOW).exit_code == 0


def test_export_writes_a_row_for_each_piece_of_evidence(polled: Path) -> None:
    result = run("export", "--now", NOW)
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"topic_id", "post_number", "signal", "words"} <= set(rows[0])
    assert run("export", "--format", "csv", "--output", "out.csv", "--now", NOW).stdout == ""
    assert len(Path("out.csv").read_text(encoding="utf-8").splitlines()) > 1


def test_forget_asks_first_and_then_leaves_nothing_of_the_person(polled: Path) -> None:
    person = STORY.records[0]["posts"][0]["username"]
    refused = run("forget", person, input="n\n")
    assert refused.exit_code == 1
    assert run("forget", person).exit_code == 1
    assert person in run("show", STORY.records[0]["id"], "--now", NOW).stdout
    assert run("forget", person, "--yes").exit_code == 0
    assert person not in run("show", STORY.records[0]["id"], "--now", NOW).stdout
    assert person not in run("digest", "--now", NOW, "--format", "json").stdout


def test_purge_removes_threads_that_are_old_enough(polled: Path) -> None:
    assert "0 threads" in run("purge", "--older-than", "180d", "--now", NOW).stdout
    assert f"{len(STORY.records)} threads" in run("purge", "--older-than", "1d", "--now", "2027-01-01").stdout


# -- rules -----------------------------------------------------------------------------------------------------------


def test_rules_are_listed_by_language_and_signal() -> None:
    result = run("rules", "list", "--lang", "de", "--signal", "dismissal")
    assert result.exit_code == 0
    assert all(line.startswith("de/dismissal/") for line in lines(result.stdout))
    unknown = run("rules", "list", "--signal", "sarcasm")
    assert unknown.exit_code == 2
    assert "dismissal" in unknown.stderr


def test_a_rule_is_shown_and_a_misspelt_one_named() -> None:
    rule = lines(run("rules", "list", "--lang", "fi").stdout)[0].split()[0]
    text = run("rules", "show", rule).stdout
    for part in (rule, "why:", "phrases:", "must_match:", "must_not_match:"):
        assert part in text
    wrong = run("rules", "show", rule + "x")
    assert wrong.exit_code == 1
    assert rule in wrong.stderr


PACK = """signal: dismissal
lang: en
rules:
  - id: shrug
    title: Shrugs it off
    why: The customer hears that nobody cares.
    phrases: ["meh whatever"]
    must_match: ["<<Meh whatever>>, said the team."]
    must_not_match: ["We care about it."]
"""


def pack(text: str) -> Path:
    folder = Path("mine/en")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dismissal.yaml").write_text(text, encoding="utf-8")
    return Path("mine")


def test_rules_of_ones_own_are_proved_and_faults_are_named_with_path_and_line() -> None:
    assert run("rules", "check", pack(PACK)).exit_code == 0
    wrong = run("rules", "check", pack(PACK.replace("<<Meh whatever>>", "<<Meh>> whatever")))
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert re.search(r"^mine/en/dismissal.yaml:\d+: .*shrug", wrong.stderr, re.MULTILINE)


def test_rules_of_ones_own_are_in_force_by_a_setting() -> None:
    Path("modassist.toml").write_text(f'[rules]\nfolders = ["{pack(PACK)}"]\n', encoding="utf-8")
    result = run("rules", "test", "Meh whatever, said the team.", "--lang", "en")
    assert "en/dismissal/shrug: Meh whatever" in result.stdout


def test_rules_test_finds_the_language_and_shows_the_words() -> None:
    result = run("rules", "test", "Das ist leider ein bedauerlicher Einzelfall, mehr können wir dazu nicht sagen.")
    assert result.exit_code == 0
    assert "de/dismissal/" in result.stdout
    assert "Einzelfall" in result.stdout


# -- demo ------------------------------------------------------------------------------------------------------------


def test_the_demo_tells_the_whole_story_and_leaves_only_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODASSIST_FORUM_URL", "https://somewhere.example.com")
    result = run("demo")
    assert result.exit_code == 0, result.stderr
    assert "24 threads read" in result.stdout
    assert "demo-digest.html" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["demo-digest.html"]
    page = Path("demo-digest.html").read_text(encoding="utf-8")
    expected = {topic for topic, says in STORY.expected.items() if says.escalate}
    shown = {int(found) for found in re.findall(r'id="topic-(\d+)"', page)}
    assert shown == expected


def test_the_demo_says_that_settings_and_database_of_ones_own_are_not_used() -> None:
    result = run("demo", "--config", "mine.toml", "--db", "mine.sqlite", "--language", "de")
    assert result.exit_code == 0
    assert result.stdout.startswith("Wer jetzt ein Wort von uns braucht")
    assert "a database of its own: --config, --db are not used" in result.stderr
    assert not Path("mine.sqlite").exists()


@pytest.mark.parametrize("lang", ["en", "fi"])
def test_the_demo_speaks_the_language_asked_for(lang: str) -> None:
    title = {"de": "Wer jetzt ein Wort von uns braucht", "en": "Who needs a word from us", "fi": "Kuka kaipaa"}[lang]
    assert run("demo", "--language", lang).stdout.startswith(title)
