"""What a moderator should see now, worst first: result records -> terminal, Markdown, HTML or JSON.

Reads no database and no clock: the caller passes records that were judged at `generated_at`, with the texts of their
posts (`--with-text`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modassist.digest.cards import Card, card, named, safe_url
from modassist.digest.printable import one_line
from modassist.digest.wording import Wording
from modassist.instants import instant_text

ALERTS_SHOWN = 10
"""Undelivered alerts that are listed; all of them are counted, and `doctor` lists all."""

FORMATS = ("terminal", "markdown", "html", "json")
_COUNTS = ("threads_read", "waiting", "flagged", "undelivered")
_HIDDEN = ("limit", "older", "stale", "below", "snoozed", "done")


@dataclass(frozen=True, slots=True)
class Digest:
    """Everything that a digest shows. `items` and `kudos` are dicts as in the JSON form.

    `stats`: `threads_read`, `waiting`, `flagged` are counts of threads; `shown` are in `items`; `hidden` says by reason
    (`limit`, `older`, `stale`, `below`, `snoozed`, `done`) how many more there are; `undelivered`, where there are any,
    counts the alerts that wait for a person, which are in the field of that name; `abuse_by_detoxify` are the languages in which detoxify looked for insults.
    """

    generated_at: datetime
    since: datetime | None
    forum: str
    items: Sequence[Mapping[str, Any]]
    kudos: Sequence[Mapping[str, Any]] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)
    undelivered: Sequence[Mapping[str, Any]] = ()

    def worst(self) -> int:
        """The highest severity that is shown; -1 where nothing is."""
        return max((item["severity"]["score"] for item in self.items), default=-1)


@dataclass(frozen=True, slots=True)
class Kudos:
    """A good reply: where, by whom (as far as names are shown), and what was good."""

    what: str
    title: str
    url: str
    signals: str


@dataclass(frozen=True, slots=True)
class Page:
    """A digest in finished words: what the formats lay out."""

    lang: str
    title: str
    forum: str
    generated: str
    since: str
    counts: tuple[str, ...]
    hidden: tuple[str, ...]
    undelivered: tuple[str, ...]
    empty: str
    cards: tuple[Card, ...]
    kudos: tuple[Kudos, ...]
    abuse: str
    """What finds insults, in one line."""
    wording: Wording


def page(digest: Digest, wording: Wording, names: str = "named") -> Page:
    """The digest in the words of a language; `names` is the privacy setting."""
    items = sorted(digest.items, key=_rank)
    hidden = {reason: count for reason, count in digest.stats.get("hidden", {}).items() if count}
    everything = len(items) + hidden.get("limit", 0)
    return Page(
        lang=wording.language,
        title=wording.say("title"),
        forum=one_line(digest.forum),
        generated=wording.say("generated", when=wording.when(digest.generated_at, "long")),
        since=wording.say("since", when=wording.when(digest.since, "long")) if digest.since else "",
        counts=tuple(wording.count(f"counts.{name}", digest.stats[name]) for name in _COUNTS if name in digest.stats),
        hidden=tuple(wording.count(f"hidden.{r}", hidden[r], all=everything) for r in _HIDDEN if r in hidden),
        undelivered=tuple(one_line(wording.lost_alert(alert)) for alert in digest.undelivered[:ALERTS_SHOWN]),
        empty="" if items else wording.say("empty_hidden" if hidden else "empty"),
        cards=tuple(card(item, wording, names) for item in items),
        kudos=tuple(_kudos(one, wording, names) for one in digest.kudos),
        abuse=_abuse(digest, wording),
        wording=wording,
    )


def _abuse(digest: Digest, wording: Wording) -> str:
    by_detoxify = ", ".join(digest.stats.get("abuse_by_detoxify", ()))
    return wording.say("abuse_by_detoxify", languages=by_detoxify) if by_detoxify else wording.say("abuse_by_rules")


def _rank(item: Mapping[str, Any]) -> tuple[float, float, int]:
    longest = max((state["hours"] for state in item["states"]), default=0.0)
    return -item["severity"]["score"], -longest, item["topic_id"]


def _kudos(one: Mapping[str, Any], wording: Wording, names: str) -> Kudos:
    name = named(one["username"], names)
    what = wording.say("reply", number=one["post_number"])
    url = safe_url(one.get("url", ""))
    return Kudos(
        what=f"{what} · {name}" if name else what,
        title=one_line(one.get("title", "")),
        url=f"{url}/{one['post_number']}" if url else "",
        signals=", ".join(wording.say(f"signals.{signal}") for signal in one["signals"]),
    )


def to_json(digest: Digest, names: str = "named") -> str:
    """The digest for other programs, as the contract has it; `names` is the privacy setting."""
    content: dict[str, Any] = {
        "generated_at": instant_text(digest.generated_at),
        "since": instant_text(digest.since) if digest.since else None,
        "forum": digest.forum,
        "items": [_reduced(item, names) for item in sorted(digest.items, key=_rank)],
        "kudos": [{**one, "username": named(one["username"], names)} for one in digest.kudos],
        "stats": digest.stats,
    }
    if digest.undelivered:
        content["undelivered"] = list(digest.undelivered)
    return json.dumps(content, ensure_ascii=False, indent=1)


def _reduced(item: Mapping[str, Any], names: str) -> dict[str, Any]:
    """Without whole texts: the evidence is what other programs need, and personal texts should not travel."""
    posts = [
        {**{key: value for key, value in post.items() if key != "text"}, "username": named(post["username"], names)}
        for post in item["posts"]
    ]
    return {**item, "posts": posts}


def render(
    digest: Digest, form: str, wording: Wording, *, names: str = "named", width: int = 80, colour: bool = False
) -> str:
    """The digest as text of one of `FORMATS`; `width` and `colour` matter to the terminal only."""
    if form == "json":
        return to_json(digest, names)
    shown = page(digest, wording, names)
    if form == "html":
        from modassist.digest.webpage import render_page as html  # jinja2 is loaded only where it is used

        return html(shown)
    if form == "markdown":
        from modassist.digest.markdown import render_page as markdown

        return markdown(shown)
    from modassist.digest.terminal import render_page as terminal

    return terminal(shown, width=width, colour=colour)
