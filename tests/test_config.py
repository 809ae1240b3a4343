"""Settings: layers, messages, secrets."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.config.layers import as_toml, explained, kinds, load
from modassist.config.settings import KNOWN
from modassist.errors import ConfigError

CONTRACT = """
language = "de"
timezone = "Europe/Berlin"
[forum]
url = "https://community.example.com"
api_username = "modbot"
staff_groups = ["team"]
staff_usernames = []
ignore_usernames = ["zapier"]
categories = []
[limits]
reply_hours = 24
promise_days = 7
[alerts]
min_severity = 40
topic_id = 777
category_id = 9
urls = []
"""


def written(text: str, name: str = "modassist.toml") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


def refused(text: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(text), env or {}, {})
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_without_any_layer_the_defaults_hold() -> None:
    settings = load(None, {}, {})
    assert (settings.language, settings.timezone, settings.forum.url) == ("en", "UTC", "")
    assert settings.limits.reply == timedelta(hours=24)
    assert {value.origin for value in settings.values.values()} == {"default"}


def test_the_file_of_the_contract_is_read_whole() -> None:
    settings = load(written(CONTRACT), {}, {})
    assert settings.forum.staff_groups == ("team",)
    assert settings.staff.ignored == {"zapier"}
    assert (settings.alerts.topic_id, settings.alerts.category_id) == (777, 9)
    assert settings.limits.timezone == "Europe/Berlin"


def test_a_variable_beats_the_file_and_a_flag_beats_both() -> None:
    file = written('language = "de"\n[digest]\nlimit = 5\nmin_severity = 10\n')
    env = {"MODASSIST_DIGEST_LIMIT": "6", "MODASSIST_LANGUAGE": "fi"}
    settings = load(file, env, {"digest.limit": 7, "digest.min_severity": None})
    assert (settings.language, settings.digest.limit, settings.digest.min_severity) == ("fi", 7, 10)
    origins = {name: settings.values[name].origin for name in ("language", "digest.limit", "digest.min_severity")}
    assert origins == {
        "language": "MODASSIST_LANGUAGE",
        "digest.limit": "command line",
        "digest.min_severity": "modassist.toml",
    }


layer = st.none() | st.integers(1, 1000)


@given(layer, layer, layer)
def test_no_layer_loses_against_a_lower_one(file: int | None, variable: int | None, flag: int | None) -> None:
    text = f"[digest]\nlimit = {file}\n" if file else ""
    env = {"MODASSIST_DIGEST_LIMIT": str(variable)} if variable else {}
    settings = load(written(text, "layers.toml"), env, {"digest.limit": flag})
    expected = next((value for value in (flag, variable, file) if value is not None), KNOWN["digest.limit"].default)
    assert settings.digest.limit == expected


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(written('language = "de"\n'), {"MODASSIST_LANGUAGE": ""}, {}).language == "de"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[forum]\nulr = "https://a.example"', ("modassist.toml", "forum.ulr", "did you mean forum.url?")),
        ("reply_hours = 3", ("reply_hours", "did you mean limits.reply_hours?")),
        ("[limit]\nreply_hours = 3", ("limit", "did you mean limits?")),
        ('[limits]\nreply_hours = "soon"', ('limits.reply_hours = "soon"', "a number from 0.1 to 8760")),
        ("[limits]\nreply_hours = -1", ("limits.reply_hours = -1", "from 0.1")),
        ("[limits]\nreply_hours = nan", ("limits.reply_hours", "a number")),
        ("[limits]\nreply_hours = true", ("limits.reply_hours = true", "a number")),
        ("[digest]\nlimit = 2.5", ("digest.limit = 2.5", "a whole number from 1 to 1000")),
        ("[digest]\nlimit = 0", ("digest.limit = 0", "from 1")),
        ('language = "sv"', ('language = "sv"', "de | en | fi")),
        ('timezone = "Europe/Berlinn"', ("timezone", "a time zone such as")),
        ('timezone = "../../etc/passwd"', ("timezone", "a time zone such as")),
        ('[forum]\nurl = "community.example.com"', ("forum.url", "https://")),
        ('[forum]\nurl = "https://me:secret@a.example"', ("forum.url", "without user name")),
        ('[forum]\nstaff_groups = "team", ""', ("not a TOML file",)),
        ("[forum]\nstaff_groups = [1]", ("forum.staff_groups = [1]", "a list of texts")),
        ('[forum]\ncategories = ["a"]', ("forum.categories", "a list of ids")),
        ("[forum]\naliases = 5", ("forum.aliases = 5", "a table such as")),
        ('forum = "https://a.example"', ("forum", "write [forum]")),
        ('[limits]\nbusiness_hours = "nine to five"', ("limits.business_hours", "Mon-Fri 09:00-17:00")),
        ('[limits]\nbusiness_hours = "Fri-Mon 09:00-17:00"', ("limits.business_hours",)),
        ('[limits]\nbusiness_hours = "Mon 17:00-09:00"', ("limits.business_hours",)),
        ('[limits]\nholidays = "ZZ"', ("limits.holidays", '"DE-BY"')),
        ("[limits.categories]\nfive = 48", ("limits.categories", "hours by category id")),
        ('[privacy]\nnames = "secret"', ("privacy.names", "named | initials | hidden")),
        ("language = ", ("modassist.toml", "not a TOML file")),
    ],
)
def test_a_bad_setting_is_named_with_file_key_value_and_way_out(text: str, parts: tuple[str, ...]) -> None:
    message = refused(text)
    assert [part for part in parts if part not in message] == []


def test_a_bad_variable_is_named_as_variable() -> None:
    message = refused("", {"MODASSIST_LIMITS_REPLY_HOURS": "soon"})
    assert message.startswith('MODASSIST_LIMITS_REPLY_HOURS = "soon": expected a number')


def test_a_misspelt_variable_is_a_warning_and_a_foreign_one_is_not() -> None:
    env = {"MODASSIST_FORUM_ULR": "x", "MODASSIST_SERVICE_PORT": "tcp://10.0.0.1:80", "MODASSIST_CONFIG": "x"}
    (warning,) = load(None, env, {}).warnings
    assert "MODASSIST_FORUM_ULR" in warning
    assert "MODASSIST_FORUM_URL" in warning


def test_lists_and_tables_can_be_set_by_variables() -> None:
    env = {
        "MODASSIST_FORUM_STAFF_GROUPS": "team, support",
        "MODASSIST_FORUM_CATEGORIES": "5,9",
        "MODASSIST_FORUM_ALIASES": "Second=first",
        "MODASSIST_LIMITS_CATEGORIES": "5=48",
        "MODASSIST_FORUM_GROUP_MODERATORS": "no",
    }
    settings = load(None, env, {})
    assert settings.forum.staff_groups == ("team", "support")
    assert settings.forum.categories == (5, 9)
    assert settings.staff.aliases == (("second", "first"),)
    assert settings.limits.reply_for(5) == timedelta(hours=48)
    assert settings.staff.group_moderators is False


def test_business_hours_become_minutes_of_each_weekday() -> None:
    week = kinds.week("Mon-Thu 08:00-17:00, Fri 08:00-14:30")
    assert week == ((480, 1020),) * 4 + ((480, 870), (0, 0), (0, 0))
    assert kinds.week("") == ()


def test_holidays_name_a_country_or_a_part_of_it() -> None:
    assert kinds.holidays("de-by") == "DE-BY"
    with pytest.raises(ValueError, match="country"):
        kinds.holidays("DE-XX")


def test_paths_in_the_file_count_from_its_folder() -> None:
    folder = Path("elsewhere")
    folder.mkdir()
    settings = load(written('[rules]\nfolders = ["packs"]\n', "elsewhere/modassist.toml"), {}, {})
    assert settings.rules.folders == (folder / "packs",)
    assert settings.database == folder / "modassist.sqlite"


def test_the_database_flag_counts_from_the_current_folder() -> None:
    Path("elsewhere").mkdir()
    settings = load(written("", "elsewhere/modassist.toml"), {}, {"database": Path("here.sqlite")})
    assert settings.database == Path("here.sqlite")


# -- secrets ---------------------------------------------------------------------------------------------------------

KEY = "0123456789abcdef" * 4


def test_a_key_in_the_settings_file_is_refused_without_showing_it() -> None:
    message = refused(f'[forum]\napi_key = "{KEY}"')
    assert "MODASSIST_FORUM_API_KEY" in message
    assert "forum.api_key_file" in message
    assert KEY not in message


def test_a_key_is_never_shown() -> None:
    settings = load(None, {"MODASSIST_FORUM_API_KEY": KEY, "MODASSIST_ALERTS_API_KEY": KEY}, {})
    assert settings.forum.api_key == KEY
    assert settings.values["forum.api_key"].shown == "***"
    assert KEY not in repr(settings)
    assert KEY not in explained(settings)


def test_a_broken_key_is_refused_without_showing_it() -> None:
    message = refused("", {"MODASSIST_FORUM_API_KEY": f"{KEY}\r\nX-Evil: 1"})
    assert KEY not in message


def test_addresses_of_alert_channels_are_not_shown() -> None:
    settings = load(written('[alerts]\nurls = ["mailto://user:hunter2@mail.example"]\n'), {}, {})
    assert "hunter2" not in repr(settings) + explained(settings)
    assert settings.alerts.urls == ("mailto://user:hunter2@mail.example",)


def key_file(mode: int) -> Path:
    file = written(KEY + "\n", "key.txt")
    file.chmod(mode)
    return written('[forum]\napi_key_file = "key.txt"\n')


def test_a_key_file_is_read_and_its_name_is_the_origin() -> None:
    settings = load(key_file(0o600), {}, {})
    assert settings.forum.api_key == KEY
    assert settings.values["forum.api_key"].origin == "key.txt"
    assert settings.warnings == ()


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_a_key_file_that_others_can_read_is_a_warning() -> None:
    (warning,) = load(key_file(0o644), {}, {}).warnings
    assert "chmod 600" in warning
    assert stat.S_IMODE(Path("key.txt").stat().st_mode) == 0o644


def test_the_environment_beats_the_key_file() -> None:
    assert load(key_file(0o600), {"MODASSIST_FORUM_API_KEY": "other"}, {}).forum.api_key == "other"


def test_a_missing_or_empty_key_file_is_named() -> None:
    assert "nokey.txt" in refused('[forum]\napi_key_file = "nokey.txt"\n')
    written("\n", "empty.txt")
    assert "holds no key" in refused('[forum]\napi_key_file = "empty.txt"\n')


# -- files that we write ---------------------------------------------------------------------------------------------


def test_a_new_settings_file_holds_what_was_given_and_comments_on_the_rest() -> None:
    text = as_toml({"forum.url": "https://a.example", "forum.staff_groups": ["team"], "language": "fi"})
    settings = load(written(text), {}, {})
    assert (settings.forum.url, settings.forum.staff_groups, settings.language) == (
        "https://a.example",
        ("team",),
        "fi",
    )
    assert [name for name in KNOWN if name.rpartition(".")[2] not in text] == []


def test_the_commented_defaults_are_valid_when_uncommented() -> None:
    lines = [line.removeprefix("# ") if "=" in line else line for line in as_toml({}).splitlines()]
    text = "\n".join(
        line for line in lines if not re.match(r"\w+(_file|_checkpoint) ", line) and not line.startswith("#")
    )
    settings = load(written(text), {}, {})
    plain = load(None, {}, {})
    assert (settings.forum, settings.waiting, settings.digest) == (plain.forum, plain.waiting, plain.digest)


def test_the_explanation_is_toml_that_gives_the_same_settings() -> None:
    settings = load(written(CONTRACT), {}, {})
    text = explained(settings)
    again = load(written(text, "again.toml"), {}, {})
    assert (again.forum, again.limits, again.alerts) == (settings.forum, settings.limits, settings.alerts)
    assert tomllib.loads(text)["forum"]["url"] == "https://community.example.com"


def test_every_setting_has_a_line_about_it() -> None:
    assert [name for name, known in KNOWN.items() if not known.about] == []
