"""`modassist`: the group of all commands, and what every error becomes: one line on standard error and an exit code.

0 done, 1 not or not wholly done, 2 wrong usage, 3 `digest --fail-on`, 130 interrupted. Starting costs no more than
click: whatever is heavy is imported inside the commands.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import click

from modassist import __version__
from modassist.commands import COMMANDS
from modassist.commands.run import Run
from modassist.digest.printable import one_line
from modassist.errors import ModassistError

INTERRUPTED = 130

RARELY = (100_000, 50, 100)
"""When the collector of circular garbage runs. The rules are a million objects that live as long as the program; looking
through them at Python's own pace took a seventh of the time of an analysis, and next to nothing here is circular."""


class Commands(click.Group):
    """A group that ends the program with the exit codes of the contract, in whatever way a command ends."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        gc.set_threshold(*RARELY)
        run = Run()
        extra["standalone_mode"] = False
        extra["obj"] = run
        try:
            code = _exit_code(lambda: super(Commands, self).main(*args, **extra), run)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read our output has seen enough
            _forget_output()
            code = 0
        sys.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are used, not that of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as pipe:  # click would make it exit code 1
            raise _OutputClosed from pipe


class _OutputClosed(Exception):
    """Standard output was closed by its reader."""


def _exit_code(action: Callable[[], Any], run: Run) -> int:
    try:
        result = action()
        return result if isinstance(result, int) else 0
    except _OutputClosed:
        raise BrokenPipeError from None
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except ModassistError as fault:
        _report(str(fault), run)
    except OSError as fault:
        _report(_system_fault(fault), run)
    except Exception as fault:  # noqa: BLE001  (a bug: said in one line, shown whole with -vv)
        _report(
            f"a fault in modassist itself: {type(fault).__name__}: {fault} (-vv shows where; please report it)", run
        )
    return 1


def _system_fault(fault: OSError) -> str:
    reason = fault.strerror or str(fault)
    return f"{fault.filename}: {reason}" if fault.filename else reason


def _report(message: str, run: Run) -> None:
    if run.verbosity >= 2:
        import traceback

        click.echo(traceback.format_exc(), err=True)
    click.echo(f"modassist: {one_line(message)}", err=True)


def _forget_output() -> None:
    """Nothing may be written at exit either: Python would complain about the closed pipe."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=Commands,
    commands={command.name: command for command in COMMANDS if command.name},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: modassist demo. Then, for a forum of yours: modassist init, modassist poll, modassist digest.",
)
@click.version_option(__version__, prog_name="modassist", message="%(prog)s %(version)s")
def group() -> None:
    """Finds the customers a community forum let down, and helps staff to make it good.

    Reads a forum (Discourse). Writes nothing there but alerts, where only staff reads.
    """


def main() -> NoReturn:
    """The program `modassist`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter must not stop us
    group.main(prog_name="modassist")
