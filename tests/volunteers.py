"""The simulated forum of a volunteers' project (`forums/volunteers-*.yaml`) as thread records, with what its own moderator says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from builders import START

FORUM = Path(__file__).parent / "forums"


def records() -> list[dict[str, Any]]:
    """The threads, a day apart; each staff post bears `gold`, its bad signals."""
    made = []
    for file in sorted(FORUM.glob("volunteers-*.yaml")):
        for thread in yaml.safe_load(file.read_text(encoding="utf-8")):
            made.append(_record(len(made) + 1, thread))
    return made


def _record(number: int, thread: dict[str, Any]) -> dict[str, Any]:
    begin = START + timedelta(days=number)
    posts = [_post(number, place, post, begin) for place, post in enumerate(thread["posts"], 1)]
    return {"id": number, "title": thread["title"], "slug": f"t{number}", "posts": posts}


def _post(number: int, place: int, post: dict[str, Any], begin: Any) -> dict[str, Any]:
    staff = "staff" in post
    fields = {
        "post_number": place,
        "username": "maintainer" if staff else f"user{number}",
        "staff": staff,
        "created_at": (begin + timedelta(hours=place)).isoformat(),
        "raw": post["staff" if staff else "customer"],
    }
    return fields | ({"gold": {"signals": post.get("shows", [])}} if staff else {})
