"""Refuses drafts that say what nobody can know: promises, dates, compensation, admissions of liability, guarantees.

What must not stand in a draft is language: `rules/<lang>/cue-unfit_for_draft.yaml`. Words quoted from the thread are not ours and are
left out before looking. A draft must also pass our own rules: nothing we propose may be flagged by them.
"""

from __future__ import annotations

from collections.abc import Sequence

from modassist.judging.detectors import Detectors
from modassist.judging.due import due
from modassist.judging.findings import PRESENT
from modassist.model import EMPTY, FLAGGING, Role
from modassist.rules.rulebook import Answered, combine

GAP = "[…]"


def faults(
    text: str, lang: str, detectors: Detectors, answered: Answered | None, *, quotes: Sequence[str] = ()
) -> tuple[str, ...]:
    """What is wrong with a draft, one phrase each: ids of rules it breaks, or the words of a date it invents."""
    own = without_quotes(text, quotes)
    hits = detectors.packs.find_again(own, lang=lang, role=Role.STAFF, answered=answered)
    found = [hit.rule.id for hit in hits if hit.rule.cue == "unfit_for_draft"]
    for signal in FLAGGING | EMPTY:
        its = [hit for hit in hits if hit.rule.signal is signal]
        if combine(its) >= PRESENT:
            found += [hit.rule.id for hit in its]
    when = due(own, detectors.epoch, detectors.times[lang])
    if when is not None:
        found.append(f"date: {own[when.start : when.end]}")
    return tuple(found)


def without_quotes(text: str, quotes: Sequence[str]) -> str:
    """The draft without the thread's own words, so that only what we wrote is judged."""
    for quote in sorted(quotes, key=len, reverse=True):
        if len(quote) > 3:
            text = text.replace(quote, GAP)
    return text
