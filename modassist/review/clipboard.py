"""Text into the clipboard: by a tool of the desktop where there is one, else by the terminal itself."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence

TOOLS: tuple[tuple[str, Sequence[str]], ...] = (
    ("", ("pbcopy",)),
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("WSL_DISTRO_NAME", ("clip.exe",)),
    ("SYSTEMROOT", ("clip",)),
)
"""A variable that says that the tool could work here, and how it is called."""

SECONDS = 5
LONGEST_SEQUENCE = 74_994
"""Bytes that terminals take by OSC 52 at most (xterm and tmux cut longer ones)."""


def copy(text: str, env: Mapping[str, str], write: Callable[[str], None]) -> str:
    """How the text was copied: "copied" by a tool, "sent" to the terminal, "printed" where neither is possible.

    `write` writes to the terminal. Whether a terminal keeps what it was sent cannot be known.
    """
    if any(_works(command, text) for variable, command in TOOLS if not variable or env.get(variable)):
        return "copied"
    sequence = base64.b64encode(text.encode("utf-8")).decode("ascii")
    if env.get("TERM", "dumb") in ("dumb", "linux") or len(sequence) > LONGEST_SEQUENCE:
        return "printed"
    write(f"\x1b]52;c;{sequence}\x07")
    return "sent"


def _works(command: Sequence[str], text: str) -> bool:
    program = shutil.which(command[0])
    if program is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 -- one of TOOLS, found on the path; the text goes to its standard input
            [program, *command[1:]],
            input=text.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
