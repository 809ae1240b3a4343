"""What a title says of its thread: people write [SOLVED] before it where the forum has no button for that."""

from __future__ import annotations

import re
from functools import cache

from modassist.resources import words_of_all


@cache
def _solved() -> re.Pattern[str]:
    words = "|".join(sorted(map(re.escape, words_of_all("solved_titles")), key=len, reverse=True))
    return re.compile(
        rf"[\[(*]\s*(?:{words})\s*[!.]?\s*[\])*]|^\s*(?:{words})\s*(?:[:–—]|-\s)|\s[-–—:]\s*(?:{words})\s*[!.]?\s*$"
    )


def says_solved(title: str) -> bool:
    """Whether the title is marked as solved: "[SOLVED] …", "Gelöst: …", ”… – ratkaistu“. The mere word is no mark."""
    return _solved().search(title.lower()) is not None
