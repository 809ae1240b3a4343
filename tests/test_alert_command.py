"""`modassist alert`, what `doctor`, `digest` and `demo` say about alerts, and the settings of channels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerted import BOT, DISMISSAL, STAFF_CATEGORY, TOPIC, WRITE_KEY, Bench, bench, complaint
from forum import fault, json_reply
from modassist.alerts.rivals import Rival
from modassist.channels.opening import opened
from modassist.cli import group
from modassist.config.layers import load
from modassist.config.settings import AlertSettings, ForumSettings, Settings
from modassist.errors import ConfigError
from modassist.forum.practice.exchange import DROPPED
from modassist.store.outbox import Outbox

THREAD = complaint(208, ("mod_anna", DISMISSAL))


def run(made: Bench, *arguments: str, topic: int = TOPIC, **env: str) -> Result:
    """The command on the bench's database and forum, at the bench's time."""
    Path("modassist.toml").write_text(
        f'[forum]\nurl = "{made.server.url}"\nstaff_groups = ["team"]\n'
        f'[alerts]\nmin_severity = 10\ntopic_id = {topic}\ncategory_id = {STAFF_CATEGORY}\napi_username = "{BOT}"\n'
    )
    usual = {"MODASSIST_ALERTS_API_KEY": WRITE_KEY} | env
    command = [*arguments, "--db", str(made.store.db.path), "--now", made.wall.now.isoformat()]
    return CliRunner().invoke(group, command, env=usual)


def test_alerts_are_sent_and_said(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        first = run(made, "alert")
        assert (first.exit_code, first.stdout) == (0, "sent: topic: alert 1, thread 208: /t/777/2\n")
        assert "1 alert sent" in first.stderr
        second = run(made, "alert")
        assert (second.exit_code, second.stdout) == (0, "")
        assert len(made.posted()) == 1


def test_a_dry_run_shows_everything_and_changes_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        result = run(made, "alert", "--dry-run")
        assert result.exit_code == 0
        assert result.stdout.startswith("== topic: 34 · Dock grinds at night, part 208")
        assert "topic 777: category 9 is open to staff, team alone" in result.stderr
        assert made.posted() == []
        assert Outbox(made.store).counts() == {}
        shown = result.stdout.rpartition("Reference ")[2].split()[0]
        run(made, "alert")
        assert shown in made.posted()[0]


def test_a_dry_run_says_which_channel_is_not_staffs_alone(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        result = run(made, "alert", "--dry-run", topic=208)
        assert result.exit_code == 1
        assert "nothing would be sent: topic 208 can be read by everyone" in result.stderr


def test_what_is_not_delivered_is_said_listed_and_sent_again(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        enqueued = json_reply({"success": True, "action": "enqueued"})
        made.server.faults.append(fault(enqueued, "/posts.json", method="POST"))
        failed = run(made, "alert")
        assert failed.exit_code == 1
        assert "alert 1, thread 208 needs a person: the forum put the alert into its approval queue" in failed.stderr
        digest = run(made, "digest")
        assert "1 alert could not be delivered" in " ".join(digest.stdout.split())
        assert "alert 1 (topic, #208): modassist alert --retry 1" in digest.stdout
        content = json.loads(run(made, "digest", "--format", "json").stdout)
        (alert,) = content["undelivered"]
        assert (alert["id"], alert["channel"], alert["threads"], alert["status"]) == (1, "topic", [208], "held")
        assert (content["stats"]["undelivered"], "approval queue" in alert["error"]) == (1, True)
        for form in ("markdown", "html"):
            assert "modassist alert --retry 1" in run(made, "digest", "--format", form).stdout
        doctor = run(made, "doctor")
        assert doctor.exit_code == 1
        assert "FAULT  alerts: topic: alert 1, thread 208: held" in doctor.stdout
        assert "`modassist alert --retry 1` sends it again" in doctor.stdout
        assert run(made, "alert", "--retry", "1").exit_code == 0
        assert len(made.posted()) == 1
        assert "could not be delivered" not in " ".join(run(made, "digest").stdout.split())
        assert run(made, "alert", "--retry", "1").exit_code == 1


def test_doctor_proves_that_only_staff_reads_there(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        assert (
            "ok     alerts to topic: topic 777: category 9 is open to staff, team alone" in run(made, "doctor").stdout
        )
        made.server.state.permissions[STAFF_CATEGORY] = ("staff", "everyone")
        result = run(made, "doctor")
        assert result.exit_code == 1
        assert "FAULT  alerts to topic: topic 777 can be read by everyone without an account" in result.stdout
        assert not [request for request in made.server.log if request.method != "GET"]


@pytest.mark.parametrize(
    ("after", "risk"), [("hold", "waits for you, and may be missed"), ("resend", "may come twice")]
)
def test_doctor_says_where_an_alert_may_come_twice_or_be_missed(tmp_path: Path, after: str, risk: str) -> None:
    env = {"MODASSIST_ALERTS_CHAT_HOOK": "hook-key", "MODASSIST_ALERTS_CHAT_IS_INTERNAL": "yes"}
    with bench(tmp_path, THREAD) as made:
        said = run(made, "doctor", **env, MODASSIST_ALERTS_AFTER_CRASH=after).stdout.splitlines()
    (chat,) = [line for line in said if "alerts to chat" in line]
    (topic,) = [line for line in said if "alerts to topic" in line]
    assert f"after a crash an alert {risk}" in chat
    assert "crash" not in topic


def test_doctor_names_a_second_database_that_was_seen_lately(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        Outbox(made.store).note_rival(Rival("/t/777/5", 208), made.wall.now)
        made.later(days=6)
        result = run(made, "doctor")
        assert result.exit_code == 0, result.stdout
        assert "note   alerts: /t/777/5 on the forum tells of thread 208 in our name" in result.stdout
        made.later(days=2)
        assert "in our name" not in run(made, "doctor").stdout


def test_keys_stand_in_no_output(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        made.server.faults.append(fault(DROPPED, "/posts.json", method="POST"))
        hook = {"MODASSIST_ALERTS_CHAT_HOOK": "hook-secret", "MODASSIST_ALERTS_CHAT_IS_INTERNAL": "yes"}
        shown = [
            run(made, *words.split(), **hook) for words in ("alert -vv", "alert --dry-run -vv", "doctor -vv", "config")
        ]
        text = "".join(result.output for result in shown)
        assert "hook-secret" not in text
        assert WRITE_KEY not in text


def test_without_a_channel_there_is_nothing_to_do(tmp_path: Path) -> None:
    with bench(tmp_path, THREAD) as made:
        result = run(made, "alert", topic=0)
        assert result.exit_code == 1
        assert "no channel for alerts is configured" in result.stderr


@pytest.mark.parametrize(
    ("alerts", "words"),
    [
        ({"topic_id": 7, "category_id": 9}, "no key to write alerts with"),
        ({"topic_id": 7, "category_id": 9, "api_key": "read-key"}, "is the key that reads the forum"),
        ({"topic_id": 7, "api_key": "other"}, "alerts.category_id is missing"),
        ({"new_topics": True, "api_key": "other"}, "alerts.category_id is missing"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_sent(
    alerts: dict[str, object], words: str
) -> None:
    forum = ForumSettings(url="https://forum.example.com", api_username="bot", api_key="read-key")
    settings = Settings(forum=forum, alerts=AlertSettings(**alerts))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=words), opened(settings):
        pass


def test_addresses_in_a_variable_may_hold_commas() -> None:
    urls = "mailto://a:b@example.com?to=x@example.com,y@example.com, slack://T1/B2/c3 json://127.0.0.1/x"
    settings = load(None, {"MODASSIST_ALERTS_URLS": urls}, {})
    assert settings.alerts.urls == (
        "mailto://a:b@example.com?to=x@example.com,y@example.com", "slack://T1/B2/c3", "json://127.0.0.1/x"
    )  # fmt: skip
    assert settings.values["alerts.urls"].shown == "***"


def test_a_chat_hook_may_stand_in_a_file_of_its_own_but_not_in_the_settings() -> None:
    Path("hook").write_text("abc123\n")
    Path("hook").chmod(0o600)
    Path("modassist.toml").write_text('[alerts]\nchat_hook_file = "hook"\n')
    settings = load(Path("modassist.toml"), {}, {})
    assert settings.alerts.chat_hook == "abc123"
    assert "abc123" not in repr(settings)
    Path("modassist.toml").write_text('[alerts]\nchat_hook = "abc123"\n')
    with pytest.raises(ConfigError, match="must not stand in the file"):
        load(Path("modassist.toml"), {}, {})


def test_the_tables_of_severities_are_read_and_shown() -> None:
    text = '[alerts]\nchannels = { mailto = 70 }\ncategories = { 5 = 60 }\nlanguages = { fi = 30 }\nquiet_hours = "Sun 22:00-07:00"\n'
    Path("modassist.toml").write_text(text)
    settings = load(Path("modassist.toml"), {"MODASSIST_ALERTS_LANGUAGES": "de = 20, en = 30"}, {})
    alerts = settings.alerts
    assert (alerts.channels, alerts.categories, alerts.languages) == (
        (("mailto", 70),), ((5, 60),), (("de", 20), ("en", 30))
    )  # fmt: skip
    assert settings.values["alerts.quiet_hours"].shown == '"Mon 00:00-07:00, Sun 22:00-24:00"'
    for wrong in ("channels = { mailto = 101 }", "categories = { x = 5 }", "languages = [1]"):
        Path("modassist.toml").write_text(f"[alerts]\n{wrong}\n")
        with pytest.raises(ConfigError, match="a table of severities"):
            load(Path("modassist.toml"), {}, {})


def test_the_demo_ends_with_one_alert_where_no_customer_reads() -> None:
    result = CliRunner().invoke(group, ["demo"])
    assert result.exit_code == 0
    sent = [line for line in result.stdout.splitlines() if line.startswith("sent: ")]
    assert len(sent) == 1
    assert sent[0].startswith("sent: category: alert 1, thread ")
