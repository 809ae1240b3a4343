"""Messages that the scheduled bot sends: the digest, and words about itself. Labels stand in `texts/<lang>.toml`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modassist.alerts.inert import inert_line, shortened
from modassist.alerts.notice import LINE, Notice, Record, Writer
from modassist.alerts.outbox import Entry, as_record
from modassist.digest.wording import Wording
from modassist.instants import parse_instant

ALERTS_SHOWN = 5
"""Undelivered alerts that a digest lists."""

DIRECT = "told directly"
"""Stands among the reasons of a message about a trouble that was told past the outbox."""


def digest_notice(
    writer: Writer, records: Sequence[Record], reference: str, reasons: Sequence[str], *, undelivered: Sequence[Entry]
) -> Notice:
    """The digest as a message; `reasons` are "daily" or "weekly", how many more threads there are, and how many that
    wait without any news."""
    say = writer.wording
    which, more, older = (*reasons, "0", "0")[:3]
    base = writer.gathered(records, reference=reference)
    facts = list(base.facts)
    facts += [say.count("bot.digest_more", int(more))] if int(more) else []
    facts += [say.count("bot.digest_older", int(older))] if int(older) else []
    facts += [say.count("bot.undelivered", len(undelivered))] if undelivered else []
    facts += [inert_line(say.lost_alert(as_record(entry))) for entry in undelivered[:ALERTS_SHOWN]]
    subject = say.count(f"bot.{which}", len(records))
    return replace(base, subject=subject, intro=(say.say(f"bot.{which}_why"),), facts=tuple(facts))


def health_notice(wording: Wording, reasons: Sequence[str], reference: str, *, is_over: bool) -> Notice:
    """A word about the bot itself; `reasons` are the kind of trouble, since when it lasts, and what was said."""
    trouble, since, detail = (*reasons, "", "", "")[:3]
    say = wording.say
    subject = say("bot.well", what=say(f"bot.troubles.{trouble}")) if is_over else say(f"bot.troubles.{trouble}")
    when = say("bot.since", when=wording.when(parse_instant(since), "long"))
    return Notice(
        subject=subject,
        lang=wording.language,
        link_label=say("alerts.link"),
        reference=say("alerts.reference", code=reference),
        footer=say("alerts.footer"),
        intro=() if is_over else (say(f"bot.todo.{trouble}"),),
        facts=tuple(part for part in (when, "" if is_over else shortened(inert_line(detail), LINE)) if part),
    )


def troubles(notes: Mapping[str, str]) -> frozenset[str]:
    """The troubles that last now, as "kind/since", from what the bot noted."""
    try:
        rows: dict[str, Any] = json.loads(notes.get("health") or "{}")
        return frozenset(f"{name}/{row[0]}" for name, row in rows.items())
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return frozenset()
