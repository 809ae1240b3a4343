"""From the layers to `Settings`: defaults < TOML file < `MODASSIST_SECTION_NAME` < flags.

`load` is given everything it reads: it fetches neither the environment nor the current folder.
"""

from __future__ import annotations

import dataclasses
import stat
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from modassist.config import kinds
from modassist.config.forums import (
    FORUM_VARIABLES,
    Found,
    check_shared,
    forum_names,
    own_database,
    parted,
    variable_of,
    variable_prefix,
)
from modassist.config.settings import KNOWN, Known, Settings, Value
from modassist.errors import ConfigError

FILE_NAME = "modassist.toml"
NOT_SETTINGS = ("MODASSIST_CONFIG",)
"""Variables of ours that are no settings."""

_SECRET = (kinds.secret, kinds.secret_names)
_TABLES = (
    kinds.pairs,
    kinds.hours_by_id,
    kinds.severities_by_id,
    kinds.severities_by_name,
    kinds.chances,
    kinds.strictness_by_id,
)
_KEYS = ("forum.api_key", "alerts.api_key", "alerts.chat_hook")
"""Secrets that may stand in a file of their own."""
_SECTIONS = {name.partition(".")[0] for name in KNOWN if "." in name}


def load(file: Path | None, env: Mapping[str, str], flags: Mapping[str, object], *, forum: str = "") -> Settings:
    """The settings in force; `forum` chooses where the file has several (see `config.forums`).

    `file` is a TOML file or None; `flags` maps full names ("forum.url") to values, None meaning "not given". Relative
    paths in the file count from the file's folder. Raises `ConfigError` for whatever is unknown, of the wrong type or
    out of range, naming the layer, the setting and the nearest valid name.
    """
    found: Found = dict(_defaults(file.parent if file is not None else Path()))
    shared, own = parted(_parse(file) if file is not None else {}, str(file or "no settings file"), forum)
    if file is not None:
        found.update(_from_file(file, shared, str(file), file.name))
    found.update(_from_env(env))
    if own.name and file is not None:
        check_shared(found)
        found["database"] = own_database(found["database"], own)
        found.update(_from_file(file, own.table, f"{file}: forums.{own.name}", f"{file.name} forums.{own.name}"))
        found.update(_from_env(env, own.name))
    found.update(_from_flags(flags))
    warnings = list(_misspelt(env, own.name))
    for name in _KEYS:
        warnings += _read_key(found, name)
    values = {name: Value(_shown(KNOWN[name], value), origin) for name, (value, origin) in found.items()}
    built: Settings = _build(Settings, "", found)
    return dataclasses.replace(built, values=values, warnings=tuple(warnings), file=file, name=own.name)


def load_all(
    file: Path | None, env: Mapping[str, str], flags: Mapping[str, object], *, forum: str = ""
) -> tuple[Settings, ...]:
    """The settings of every forum of the file, or of the chosen one; one where it does not know several.

    Raises `ConfigError` as `load` does, and where two forums would share a database.
    """
    names = forum_names(_parse(file), str(file)) if file is not None and not forum else ()
    every = tuple(load(file, env, flags, forum=name) for name in names or (forum,))
    databases: dict[Path, str] = {}
    for settings in every:
        other = databases.setdefault(settings.database.absolute(), settings.name)
        if other != settings.name:
            raise ConfigError(
                f"{settings.database}: the database of two forums, {other} and {settings.name}",
                "leave --db out, or choose one with --forum",
            )
    return every


def _defaults(folder: Path) -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, known in KNOWN.items():
        value = folder / known.default if name == "database" else known.default
        yield name, (value, "default")


def _from_file(file: Path, table: Mapping[str, Any], source: str, origin: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, value in _flatten(table, source):
        known = KNOWN[name]
        if known.kind in _SECRET and known.kind is not kinds.secret_names:
            raise ConfigError(
                f"{source}: {name} must not stand in the file",
                f'set {known.variable}, or {name}_file = "…" to a file that only you can read',
            )
        yield name, (_below(_read(known, value, source), file.parent), origin)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file", "`modassist init` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{file}: not a TOML file: {fault}", "texts stand in quotes, lists in []") from fault
    except OSError as fault:
        raise ConfigError(f"{file}: cannot be read: {fault.strerror}") from fault


def _flatten(table: Mapping[str, Any], source: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = prefix + key
        if name in KNOWN:
            yield name, value
        elif not prefix and key in _SECTIONS:
            if not isinstance(value, dict):
                raise ConfigError(f"{source}: {key} = {_brief(value)}: expected a section", f"write [{key}]")
            yield from _flatten(value, source, key + ".")
        else:
            raise ConfigError(f"{source}: {name} is not a setting", _nearest(name))


def _nearest(name: str) -> str:
    candidates = [*KNOWN, *_SECTIONS]
    close = get_close_matches(name, candidates, n=1, cutoff=0.6)
    if not close:  # the right word under the wrong heading
        close = [known for known in KNOWN if known.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    return f"did you mean {close[0]}?" if close else "`modassist config` lists all settings"


def _from_env(env: Mapping[str, str], forum: str = "") -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, known in KNOWN.items():
        variable = variable_of(known, forum)
        value = env.get(variable, "").strip()
        if value:
            yield name, (_read(known, value, variable), variable)


def _misspelt(env: Mapping[str, str], forum: str) -> Iterator[str]:
    """Warnings, not errors: container tools set variables of their own with such names."""
    variables = [variable_of(known, part) for part in {"", forum} for known in KNOWN.values()]
    for name in sorted(env):
        is_other = bool(forum) and name.startswith(FORUM_VARIABLES) and not name.startswith(variable_prefix(forum))
        if name.startswith("MODASSIST_") and name not in variables and name not in NOT_SETTINGS and not is_other:
            close = get_close_matches(name, variables, n=1, cutoff=0.87)
            if close:
                yield f"{name} is not a setting and does nothing; did you mean {close[0]}?"


def _from_flags(flags: Mapping[str, object]) -> Iterator[tuple[str, tuple[Any, str]]]:
    for name, value in flags.items():
        if value is not None:
            yield name, (_read(KNOWN[name], value, "command line"), "command line")


def _read(known: Known, value: Any, source: str) -> Any:
    try:
        return known.kind(value)
    except ValueError as fault:
        where = source if source.startswith("MODASSIST_") else f"{source}: {known.name}"
        shown = "***" if known.kind in _SECRET else _brief(value)
        raise ConfigError(f"{where} = {shown}: expected {fault}") from None


def _below(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple) and value and isinstance(value[0], Path):
        return tuple(folder / part for part in value)
    return value


def _read_key(found: Found, name: str) -> list[str]:
    """Fills in the key from its file where the environment did not give it; returns what is unsafe about the file."""
    file = found[f"{name}_file"][0]
    if found[name][0] or file is None:
        return []
    try:
        key = file.read_text(encoding="utf-8").strip()
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "not a text"
        raise ConfigError(f"{name}_file = {file}: cannot be read: {reason}", "one line with the key") from fault
    if not key or any(mark.isspace() or not mark.isprintable() for mark in key):
        raise ConfigError(f"{name}_file = {file}: holds no key", "one line with the key and nothing else")
    found[name] = (key, file.name)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [f"{file} can be read by others on this machine: chmod 600 {file}"]
    return []


def _build(owner: type, prefix: str, found: Found) -> Any:
    values: dict[str, Any] = {}
    for part in dataclasses.fields(owner):
        if "section" in part.metadata:
            name = part.metadata["section"] + "."
            values[part.name] = _build(part.default_factory, name, found)  # type: ignore[arg-type]
        elif "kind" in part.metadata:
            values[part.name] = found[prefix + part.name][0]
    return owner(**values)


def _brief(value: Any) -> str:
    written = _written(value)
    return written if len(written) <= 60 else written[:57] + "…"


def _written(value: Any) -> str:
    """A value as it would stand in the TOML file."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_written(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(part)}" for key, part in value.items()) + " }"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(mark if mark.isprintable() else "?" for mark in escaped) + '"'


def _shown(known: Known, value: Any) -> str:
    if known.kind in _SECRET:
        return "***" if value else '""'
    if known.kind is kinds.week:
        return _written(_hours(value))
    if known.kind is kinds.quiet:
        return _written(_quiet(value))
    if known.kind is kinds.times:
        return _written(_times(value))
    if known.kind in _TABLES:
        return _written(dict(value))
    return _written(value)


def _hours(week: kinds.Week) -> str:
    clock = "{:02d}:{:02d}".format
    days = [
        f"{kinds.DAYS[day].capitalize()} {clock(*divmod(begin, 60))}-{clock(*divmod(end, 60))}"
        for day, (begin, end) in enumerate(week)
        if end
    ]
    return ", ".join(days)


def _times(times: kinds.Times) -> str:
    clock = "{:02d}:{:02d}".format
    return ", ".join(f"{kinds.DAYS[day].capitalize()} {clock(*divmod(minute, 60))}" for day, minute in times)


def _quiet(spans: kinds.Quiet) -> str:
    clock = "{:02d}:{:02d}".format
    return ", ".join(
        f"{kinds.DAYS[day].capitalize()} {clock(*divmod(begin, 60))}-{clock(*divmod(end, 60))}"
        for day, begin, end in spans
    )


def as_toml(values: Mapping[str, object]) -> str:
    """A commented settings file: what is in `values` (by full name) set, every other setting commented out."""
    lines = ["# Settings of modassist. Lines that begin with # show the defaults.", ""]
    section = ""
    for name, known in KNOWN.items():
        if known.kind is kinds.secret:
            continue
        head, _, short = name.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        value = values.get(name)
        shown = _shown(known, known.default) if value is None else _written(value)
        lines.append(f"{'# ' if value is None else ''}{short} = {shown}".ljust(42) + f"  # {known.about}")
    return "\n".join(lines) + "\n"


def explained(settings: Settings) -> str:
    """Every setting in force with its origin, as TOML; keys are not shown, files not set stay commented out."""
    lines = [f"# file: {settings.file}" if settings.file else f"# file: none ({FILE_NAME} is not there)"]
    section = ""
    for name, value in settings.values.items():
        head, _, short = name.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        is_key = KNOWN[name].kind in (kinds.secret, kinds.secret_names, kinds.path) and value.shown in ("***", '""')
        hidden = "# " if is_key else ""
        lines.append(f"{hidden}{short} = {value.shown}".ljust(42) + f"  # {value.origin}")
    return "\n".join(lines) + "\n"
