"""Forum text that may be printed: nothing in it can steer a terminal, reorder a line or hide."""

from __future__ import annotations

import unicodedata

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOINERS = "\u200c\u200d\u2060"
"""Letters of some scripts and emoji are made with these."""


def visible(text: str) -> str:
    """The text without control, bidi and other invisible characters; line feeds stay, tabs become blanks."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return kept if kept.isprintable() else "".join(mark for mark in kept if _is_visible(mark))


def _is_visible(mark: str) -> bool:
    return mark == "\n" or mark in _JOINERS or unicodedata.category(mark) not in _INVISIBLE


def one_line(text: str) -> str:
    """`visible` text on a single line."""
    return " ".join(visible(text).split())
