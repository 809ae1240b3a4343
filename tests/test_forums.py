"""Several forums in one settings file: what holds for all, what for one, and what must never be shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from modassist.config.layers import load, load_all
from modassist.config.settings import Settings
from modassist.errors import ConfigError

TWO = """
language = "de"
[limits]
reply_hours = 8
[forums.de.forum]
url = "https://de.example.com"
[forums.fi]
language = "fi"
[forums.fi.forum]
url = "https://fi.example.com"
[forums.fi.alerts]
topic_id = 12
"""


def written(text: str, name: str = "modassist.toml") -> Path:
    file = Path(name)
    file.write_text(text, encoding="utf-8")
    return file


def both(text: str = TWO, env: dict[str, str] | None = None) -> dict[str, Settings]:
    return {settings.name: settings for settings in load_all(written(text), env or {}, {})}


def refused(text: str, env: dict[str, str] | None = None, forum: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        load_all(written(text), env or {}, {}, forum=forum)
    return str(caught.value)


def test_each_forum_has_its_own_part_and_what_holds_for_all() -> None:
    forums = both()
    assert [(s.language, s.forum.url, s.alerts.topic_id) for s in forums.values()] == [
        ("de", "https://de.example.com", 0),
        ("fi", "https://fi.example.com", 12),
    ]
    assert {s.waiting.reply_hours for s in forums.values()} == {8}
    assert forums["fi"].values["language"].origin == "modassist.toml forums.fi"


def test_each_forum_has_a_database_of_its_own() -> None:
    assert [s.database.name for s in both().values()] == ["modassist-de.sqlite", "modassist-fi.sqlite"]
    assert both('database = "team.sqlite"\n' + TWO)["fi"].database.name == "team-fi.sqlite"
    assert both(TWO.replace('language = "fi"', 'database = "suomi.sqlite"'))["fi"].database.name == "suomi.sqlite"


def test_two_forums_never_share_a_database() -> None:
    shared = TWO.replace('language = "fi"', 'database = "one.sqlite"')
    shared = shared.replace("[forums.de.forum]", '[forums.de]\ndatabase = "one.sqlite"\n[forums.de.forum]')
    assert "de and fi" in refused(shared)


def test_a_variable_sets_one_forum_or_all() -> None:
    env = {"MODASSIST_FORUMS_FI_FORUM_API_KEY": "abc", "MODASSIST_LIMITS_REPLY_HOURS": "3"}
    forums = both(env=env)
    assert (forums["fi"].forum.api_key, forums["de"].forum.api_key) == ("abc", "")
    assert {s.waiting.reply_hours for s in forums.values()} == {3}
    assert not forums["fi"].warnings
    assert not forums["de"].warnings


def test_a_hyphen_in_a_name_is_an_underscore_in_its_variables() -> None:
    text = TWO.replace("forums.fi", "forums.fi-help")
    assert both(text, {"MODASSIST_FORUMS_FI_HELP_RUN_EVERY_MINUTES": "5"})["fi-help"].run.every_minutes == 5


@pytest.mark.parametrize(
    ("line", "env"),
    [
        ('[forum]\nurl = "https://other.example.com"\n', {}),
        ('[alerts]\napi_key_file = "alerts.key"\n', {}),
        ("", {"MODASSIST_FORUM_API_KEY": "abc"}),
        ("", {"MODASSIST_ALERTS_CHAT_HOOK": "abc"}),
    ],
)
def test_what_belongs_to_one_forum_is_refused_for_all(line: str, env: dict[str, str]) -> None:
    text = TWO + line
    assert "is set for all forums, but belongs to one" in refused(text, env)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("forums = 3\n", "expected tables"),
        ("[forums]\nfi = 3\n", "expected tables"),
        ("[forums.Fi]\n", "no name of a forum"),
        ('[forums."../x"]\n', "no name of a forum"),
        ("[forums.fi.metrics]\nport = 9000\n", "holds for all forums"),
        ("[forums.fi.forums.de]\n", "not a setting"),
        ("[forums.fi.limits]\nreply_hour = 3\n", "did you mean limits.reply_hours"),
        ("[forums.fi.limits]\nreply_hours = -3\n", "forums.fi: limits.reply_hours = -3"),
    ],
)
def test_a_faulty_part_is_named(text: str, said: str) -> None:
    assert said in refused(text)


def test_a_command_on_several_forums_has_to_be_told_which() -> None:
    file = written(TWO)
    with pytest.raises(ConfigError, match="there are several forums: de, fi"):
        load(file, {}, {})
    assert load(file, {}, {}, forum="fi").language == "fi"
    assert "there are: de, fi" in refused(TWO, forum="f1")
    assert [s.name for s in load_all(file, {}, {}, forum="fi")] == ["fi"]


def test_a_single_forum_with_a_name_needs_no_choice() -> None:
    assert load(written('[forums.fi.forum]\nurl = "https://fi.example.com"\n'), {}, {}).name == "fi"


def test_a_choice_where_there_is_nothing_to_choose_is_refused() -> None:
    assert "there is no forum 'fi'" in refused('[forum]\nurl = "https://a.example.com"\n', forum="fi")
    with pytest.raises(ConfigError, match="there is no forum"):
        load(None, {}, {}, forum="fi")


def test_a_file_without_several_forums_is_as_it_was() -> None:
    (one,) = load_all(written('[forum]\nurl = "https://a.example.com"\n'), {"MODASSIST_FORUM_API_KEY": "k"}, {})
    assert (one.name, one.forum.api_key, one.database.name) == ("", "k", "modassist.sqlite")


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("", ()),
        ("07:30", tuple((day, 450) for day in range(7))),
        ("Mon-Fri 07:30", tuple((day, 450) for day in range(5))),
        ("Thu 16:00, mon 7:00", ((0, 420), (3, 960))),
    ],
)
def test_digest_times_are_read(text: str, times: tuple[tuple[int, int], ...]) -> None:
    assert load(None, {}, {"run.daily_digest": text}).run.daily_digest == times


@pytest.mark.parametrize("text", ["24:00", "Mon", "Fri-Mon 07:00", "07:60", "half past seven", "Mon 7"])
def test_digest_times_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected times such as"):
        load(None, {}, {"run.daily_digest": text})
