"""The sample forum: 24 threads, eight in each language, that tell what modassist is for.

Served by `modassist.forumserver` for the demo and the tests; written for the purpose, nobody in them exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import yaml

NOW = datetime(2026, 3, 16, 8, 0, tzinfo=UTC)
"""The instant at which the sample forum is judged: a Monday morning."""

STAFF_PREFIX = "zwirbel_"
TEAM_CATEGORY = {"id": 9, "name": "Team", "slug": "team", "read_restricted": True}
LANGUAGES = ("de", "en", "fi")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an attentive reader would say of a sample thread."""

    states: frozenset[str]
    flagged: tuple[int, ...]
    escalate: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """Thread records of the contract, categories, and the reader's verdict on each thread."""

    records: tuple[dict[str, Any], ...]
    categories: tuple[dict[str, Any], ...]
    expected: dict[int, Expected]
    now: datetime = NOW


def load() -> Sample:
    """The sample forum from the package's own files."""
    records: list[dict[str, Any]] = []
    categories: list[dict[str, Any]] = []
    expected: dict[int, Expected] = {}
    for lang in LANGUAGES:
        text = resources.files(__name__).joinpath(f"{lang}.yaml").read_text(encoding="utf-8")
        table = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  both are safe
        categories.append({**table["category"], "read_restricted": False})
        for thread in table["threads"]:
            says = thread["expect"]
            expected[thread["id"]] = Expected(frozenset(says["states"]), tuple(says["flagged"]), says["escalate"])
            records.append(_record(thread, table["category"]["id"]))
    return Sample(tuple(records), (*categories, TEAM_CATEGORY), expected)


def _record(thread: dict[str, Any], category_id: int) -> dict[str, Any]:
    posts = [_post(thread["id"], number, post) for number, post in enumerate(thread["posts"], start=1)]
    return {
        "id": thread["id"],
        "title": thread["title"],
        "slug": f"sample-{thread['id']}",
        "category_id": category_id,
        "tags": [],
        "closed": thread.get("closed", False),
        "archived": False,
        "posts": posts,
    }


def _post(thread_id: int, number: int, post: dict[str, Any]) -> dict[str, Any]:
    name = post["by"]
    staff = name.startswith(STAFF_PREFIX)
    at = post["at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "id": thread_id * 100 + number,
        "post_number": number,
        "post_type": 3 if "action" in post else 1,
        "action_code": post.get("action"),
        "username": name,
        "user_id": -1 if name == "system" else thread_id * 10 + number,
        "staff": staff,
        "moderator": staff,
        "admin": False,
        "created_at": at,
        "updated_at": at,
        "raw": post["text"].strip(),
        "reply_to_post_number": post.get("reply_to"),
        "accepted_answer": False,
    }
