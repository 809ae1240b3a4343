"""Forum text that does nothing wherever it is shown: nobody is mentioned, nothing is fetched, no markup works.

The signs that Markdown, BBCode, HTML and chat programs act on are replaced by others that look like them, one for one,
so that places in the text stay the same. Escaping would not do: each channel escapes differently, and some show it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from modassist.digest.printable import visible

_LOOK_ALIKE = str.maketrans({
    "@": "＠", "#": "＃", "*": "∗", "_": "＿", "~": "∼", "`": "ˋ", "|": "∣", "<": "‹", ">": "›",
    "[": "［", "]": "］", "{": "｛", "}": "｝", "\\": "＼", "$": "＄", "^": "ˆ", "&": "＆",
})  # fmt: skip
_SCHEME = re.compile(r"(?<![0-9]):(?=\S|\Z)|:(?=[^\s0-9])")
"""Addresses, :emoji:, mailto:x, smileys; not the one in 08:30. At the end too: nobody knows what comes to stand behind."""
_SLASHES = re.compile(r"/(?=/)|(?<=/)/")
_DOMAIN = re.compile(r"(?<=\w)\.(?=[^\W\d_])")
"""A dot inside a name, as in example.com: programs make links of it. Not the one in 1.9."""
_LINE_START = re.compile(r"^[ \t]*([-+=])", re.MULTILINE)
_LIST = re.compile(r"^[ \t]*([0-9]+)[.)](?=\s)", re.MULTILINE)
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r"\n\s*\n+")
_WORD = re.compile(r"\w[\w.\-]*")
_STARTS = {"-": "‐", "+": "＋", "=": "＝"}
_JOINERS = str.maketrans("", "", "\u200c\u200d\u2060")


def inert(text: str) -> str:
    """The text without control, format and bidi characters, with look-alikes of every sign that could act."""
    shown = _EMPTY_LINES.sub("\n", _BLANKS.sub(" ", _dead(_clean(text).strip()))).strip()
    shown = _LINE_START.sub(lambda found: _STARTS[found[1]], shown)
    return _LIST.sub(r"\1․", shown)


def _clean(text: str) -> str:
    return visible(text).translate(_JOINERS)


def _dead(text: str) -> str:
    """Look-alikes, one for one."""
    shown = _SLASHES.sub("∕", _SCHEME.sub("∶", text.translate(_LOOK_ALIKE)))
    return _DOMAIN.sub("․", shown)


def inert_pieces(texts: Sequence[str]) -> list[str]:
    """The same for the pieces of one line, where an address may begin in one piece and end in the next."""
    cleaned = [_clean(text).replace("\n", " ") for text in texts]
    rest = _dead("".join(cleaned))
    pieces = []
    for text in cleaned:
        pieces.append(_BLANKS.sub(" ", rest[: len(text)]))
        rest = rest[len(text) :]
    for place, text in enumerate(pieces):
        pieces[place] = first = text.lstrip()
        if first:
            pieces[place] = _LIST.sub(r"\1․", _STARTS.get(first[0], first[0]) + first[1:])
            break
    return pieces


def inert_line(text: str) -> str:
    """The same on one line."""
    return " ".join(inert(text).split())


def shortened(text: str, length: int) -> str:
    """At most so many characters, an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def without_names(text: str, usernames: Collection[str], names: str) -> str:
    """The text with the names of these people as the privacy setting wants them: "named", "initials" or "hidden"."""
    known = {name.casefold() for name in usernames if name}
    if names == "named" or not known:
        return text

    def shown(found: re.Match[str]) -> str:
        word = found[0].rstrip(".-")
        if word.casefold() not in known:
            return found[0]
        return (f"{word[0].upper()}." if names == "initials" else "…") + found[0][len(word) :]

    return _WORD.sub(shown, text)
