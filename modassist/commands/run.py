"""What every command shares: the common options, the settings in force, the clock, and where messages go."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modassist.digest.printable import one_line

if TYPE_CHECKING:
    from modassist.config.settings import Settings

Function = Callable[..., None]


@dataclass(slots=True)
class Run:
    """One run of the program: what the common options said."""

    config: Path | None = None
    database: Path | None = None
    forum: str = ""
    now_text: str | None = None
    verbosity: int = 0
    """-1 with -q, 0, 1 with -v, 2 with -vv."""

    def settings(self, **flags: object) -> Settings:
        """The settings in force; `flags` are values given on the command line, as `forum__url=…`. Prints warnings."""
        from modassist.config.layers import load

        settings = load(self.config_file(), os.environ, self._flags(flags), forum=self.forum)
        for warning in settings.warnings:
            self.tell(f"warning: {warning}")
        return settings

    def every_forum(self, **flags: object) -> tuple[Settings, ...]:
        """The settings of each forum of the file, or of the one that --forum chose."""
        from modassist.config.layers import load_all

        return load_all(self.config_file(), os.environ, self._flags(flags), forum=self.forum)

    def _flags(self, flags: dict[str, object]) -> dict[str, object]:
        named = {name.replace("__", "."): value for name, value in flags.items()}
        return {"database": self.database, **named}

    def config_file(self) -> Path | None:
        """--config, else MODASSIST_CONFIG, else modassist.toml in the current folder if it is there."""
        given = self.config or os.environ.get("MODASSIST_CONFIG")
        if given:
            return Path(given)
        here = Path("modassist.toml")
        return here if here.exists() else None

    def now(self, timezone: str = "UTC") -> datetime:
        """The instant of this run: --now, else the clock. Without an offset it is meant in `timezone`."""
        from datetime import UTC
        from zoneinfo import ZoneInfo

        if self.now_text is None:
            return datetime.now(UTC)
        try:
            moment = datetime.fromisoformat(self.now_text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(timezone))
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise click.BadParameter(
                f"{self.now_text!r} is no instant; write 2026-03-05T08:00:00Z", param_hint="--now"
            ) from None

    def tell(self, message: str) -> None:
        """A message for the person at the terminal; silent with -q."""
        if self.verbosity >= 0:
            self.complain(message)

    def complain(self, message: str) -> None:
        """What went wrong, on standard error, in one line."""
        click.echo(one_line(message), err=True)


def command(name: str, example: str) -> Callable[[Function], click.Command]:
    """Makes a command of a function: with the common options, an example in its help, and `Run` as first argument."""

    def decorate(function: Function) -> click.Command:
        @wraps(function)
        def called(
            config: Path | None,
            db: Path | None,
            forum: str | None,
            now: str | None,
            verbose: int,
            quiet: bool,
            **values: Any,
        ) -> None:
            run: Run = click.get_current_context().find_root().obj
            run.config, run.database, run.forum, run.now_text = config, db, forum or "", now
            run.verbosity = -1 if quiet else min(verbose, 2)
            _log_to_stderr(run.verbosity)
            function(run, **values)

        decorated: Function = called
        for option in reversed(_COMMON):
            decorated = option(decorated)
        return click.command(name, epilog=f"\b\nExample:\n  {example}")(decorated)

    return decorate


_COMMON = (
    click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings [modassist.toml]."),
    click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Database [modassist.sqlite]."),
    click.option("--forum", metavar="NAME", help="Which of several forums of the settings."),
    click.option("--now", metavar="INSTANT", help="Judge as of this instant [the clock]."),
    click.option("-v", "--verbose", count=True, help="Say more; twice: with tracebacks."),
    click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors."),
)


def _log_to_stderr(verbosity: int) -> None:
    logger = logging.getLogger("modassist")
    logger.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    logger.handlers = [_Handler()]
    logger.propagate = False


class _Handler(logging.Handler):
    """Log lines as messages: cleaned, on standard error as it is now (tests replace it)."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(one_line(f"{record.levelname.lower()}: {record.getMessage()}"), err=True)


def duration(value: str) -> timedelta:
    """A length of time: 90m, 24h, 7d, 2w; the type of options."""
    units = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    figure, unit = value.strip()[:-1], value.strip()[-1:].lower()
    if not (figure.isascii() and figure.isdigit() and len(figure) < 6 and unit in units):
        raise click.BadParameter(f"{value!r} is no length of time; write 90m, 24h, 7d or 2w")
    return int(figure) * units[unit]


def language(value: str) -> str:
    """A language of the first rank; the type of options. The names are looked up late, for a quick start."""
    from modassist.model import LANGUAGES

    if value not in LANGUAGES:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(LANGUAGES)}")
    return value


def shows_colour() -> bool:
    """Whether standard output is a terminal that wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Columns for results: the terminal's up to 100, and 80 where there is none."""
    import shutil

    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 100)) if sys.stdout.isatty() else 80


def write_output(text: str, output: Path | None) -> None:
    """A result to standard output, or whole into a file."""
    if output is None or str(output) == "-":
        click.echo(text, nl=not text.endswith("\n"))
        return
    from modassist.errors import ModassistError

    try:
        output.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
    except OSError as fault:
        raise ModassistError(f"{output}: cannot be written: {fault.strerror}", "--output another file") from fault
