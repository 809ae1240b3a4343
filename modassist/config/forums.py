"""Several forums in one file: `[forums.NAME]` holds what is different for one of them, under the names of all settings.

    [forums.fi]             language = "fi"
    [forums.fi.forum]       url = "https://fi.example.com"

What stands outside holds for all. Each forum has a database of its own, named after it where none is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modassist.config.settings import KNOWN, Known
from modassist.errors import ConfigError

Found = dict[str, tuple[Any, str]]
"""Value and origin by the full name of a setting."""

FORUM_VARIABLES = "MODASSIST_FORUMS_"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ONE_FORUM_ONLY = (
    "forum.url",
    "forum.api_key",
    "forum.api_key_file",
    "alerts.api_key",
    "alerts.api_key_file",
    "alerts.chat_hook",
    "alerts.chat_hook_file",
)
"""Set for all forums, these would send one forum's key to the others."""

_WHOLE_PROGRAM = ("metrics",)


@dataclass(frozen=True, slots=True)
class Own:
    """What the file says about one of several forums; without a name where there is only one."""

    name: str = ""
    table: Mapping[str, Any] = field(default_factory=dict)


def forum_names(table: Mapping[str, Any], source: str) -> tuple[str, ...]:
    """The names of the forums in a parsed settings file; empty where it knows one forum only. Raises ConfigError."""
    forums = table.get("forums", {})
    if not isinstance(forums, dict) or not all(isinstance(part, dict) for part in forums.values()):
        raise ConfigError(f"{source}: forums: expected tables", "write [forums.NAME.forum] and url = … below it")
    for name in forums:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{source}: forums.{name[:60]!r}: no name of a forum", "small letters, digits and -")
    return tuple(forums)


def parted(table: dict[str, Any], source: str, chosen: str) -> tuple[dict[str, Any], Own]:
    """A parsed file as what holds for all forums and what holds for the chosen one. Raises ConfigError.

    Where the file has one forum under a name, that is chosen; where it has several, somebody has to.
    """
    names = forum_names(table, source)
    shared = {key: value for key, value in table.items() if key != "forums"}
    if not names:
        if chosen:
            raise ConfigError(f"{source}: there is no forum {chosen!r}", "the file has no [forums.NAME]")
        return shared, Own()
    name = chosen or (names[0] if len(names) == 1 else "")
    if not name:
        raise ConfigError(f"{source}: there are several forums: {', '.join(names)}", "--forum NAME chooses one")
    if name not in names:
        raise ConfigError(f"{source}: there is no forum {name!r}", f"there are: {', '.join(names)}")
    own = table["forums"][name]
    for key in _WHOLE_PROGRAM:
        if key in own:
            raise ConfigError(f"{source}: forums.{name}.{key}: holds for all forums", f"write it as [{key}]")
    return shared, Own(name, own)


def check_shared(shared: Found) -> None:
    """Refuses what is one forum's alone, but set for all of them, in the file or the environment. Raises ConfigError."""
    for name in _ONE_FORUM_ONLY:
        value, origin = shared.get(name, (None, ""))
        if not value:
            continue
        hint = f"write it under [forums.NAME.{name.partition('.')[0]}]"
        if origin == KNOWN[name].variable:
            hint = f"set {FORUM_VARIABLES}NAME_{name.replace('.', '_').upper()}"
        raise ConfigError(f"{origin}: {name} is set for all forums, but belongs to one", hint)


def own_database(found: tuple[Any, str], own: Own) -> tuple[Any, str]:
    """What is set for all forums, with the name of this one: the database, unless the forum names one itself."""
    path, origin = found
    return path.with_stem(f"{path.stem}-{own.name}"), origin


def variable_prefix(forum: str) -> str:
    """How the variables of one forum begin."""
    return f"{FORUM_VARIABLES}{forum.replace('-', '_').upper()}_"


def variable_of(known: Known, forum: str = "") -> str:
    """The environment variable of a setting, for one of several forums or for all."""
    return known.variable.replace("MODASSIST_", variable_prefix(forum), 1) if forum else known.variable
