"""A judgement -> what staff could do: summary, kind internal note, actions, channel, due time, and a reply draft.

Drafts and notes are composed from facts of the thread; the texts stand in `rules/<lang>/replies.yaml` and `notes.yaml`.
Where a fact is not known, the draft leaves a visible gap `[…]` for the person who sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from modassist.advice import draftlint
from modassist.advice.facts import Facts, Said, gather
from modassist.advice.wordbook import Wordbook
from modassist.judging import worktime
from modassist.judging.detectors import Detectors
from modassist.model import (
    CUSTOMER_SIGNALS,
    LANGUAGES,
    Draft,
    Escalation,
    Judgement,
    Limits,
    Role,
    Signal,
)
from modassist.rules.rulebook import Answered
from modassist.text.forms_of_address import address

DUE_HOURS = ((70, 4), (40, 12), (0, 24))
"""(severity, counted hours until somebody should have reacted)."""

DRAFT_PARTS = ("greeting", "case", "since", "harm", "letdown", "tried", "question", "own", "next", "closing")
OWN_WORDS = ("since", "tried", "repeat", "harm", "leaving", "latest", "question")
"""Facts in the customer's own words, beside the claim."""
NOTE_PARTS = ("felt", "went_wrong", "good", "helps", "care")


@dataclass(frozen=True, slots=True)
class _Telling:
    """Facts as conditions and as words, in the language of one wordbook."""

    conditions: frozenset[str]
    words: dict[str, str]


def suggest(judgement: Judgement, detectors: Detectors, limits: Limits, *, note_lang: str) -> Escalation:
    """The escalation of a thread that needs a person. `note_lang` is the moderators' language."""
    facts = gather(judgement)
    notes = detectors.notes[note_lang]
    telling = _tell(judgement, facts, notes, limits)
    choice = judgement.thread.id

    def note(part: str) -> str:
        return notes.say(part, telling.conditions, telling.words, register="", choice=choice)

    return Escalation(
        summary=" ".join(filter(None, (note("summary_who"), note("summary_state")))),
        note="\n".join(filter(None, (note(part) for part in NOTE_PARTS))),
        actions=notes.say_all("actions", telling.conditions, telling.words, register="", choice=choice),
        channel=note("channel"),
        due=_due(judgement, limits),
        draft=_draft(judgement, facts, detectors, limits) if facts is not None else None,
    )


def _due(judgement: Judgement, limits: Limits) -> datetime:
    hours = next(hours for floor, hours in DUE_HOURS if judgement.severity.score >= floor)
    return worktime.reached(judgement.judged_at, timedelta(hours=hours), limits)


def _tell(judgement: Judgement, facts: Facts | None, book: Wordbook, limits: Limits) -> _Telling:
    conditions = {state.state.value for state in judgement.states}
    shown = {s for post in judgement.posts if post.post.role is Role.CUSTOMER for s in post.signals}
    conditions |= {signal.value for signal in shown & CUSTOMER_SIGNALS}
    conditions |= {"repaired"} if judgement.repaired else set()
    conditions |= {"closed"} if judgement.thread.closed or judgement.thread.archived else set()
    conditions |= {"severe"} if judgement.severity.score >= DUE_HOURS[0][0] else set()
    conditions |= {"many_flagged"} if sum(post.flagged for post in judgement.posts) > 2 else set()
    words = {"title": judgement.thread.title, "product": ""}
    if facts is not None:
        conditions |= {signal.value for signal in facts.reply_signals}
        words |= _words(facts, book, limits)
    conditions |= {name for name, text in words.items() if text}
    return _Telling(frozenset(conditions), words)


def _words(facts: Facts, book: Wordbook, limits: Limits) -> dict[str, str]:
    words = {"customer": facts.customer, "product": facts.product}
    words |= {"claim": facts.claim.text, "claim_post": f"#{facts.claim.post.post.number}"}
    words["claim_date"] = book.date(facts.since_when, limits.timezone)
    words |= {name: _text(getattr(facts, name)) for name in ("since", "tried", "repeat", "harm", "leaving", "question")}
    words |= _said("latest", facts.latest, book, limits) | _said("reply", facts.reply, book, limits)
    words["question"] = "" if words["question"] in words["claim"] else words["question"]
    for name in ("repeat", "harm", "leaving", "latest", "question"):
        words[name] = "" if words[name] == facts.claim.text else words[name]
    if facts.promise is not None:
        words |= {"promise": " ".join(facts.promise.words.split()), "promise_post": f"#{facts.promise.post_number}"}
        words["promise_due"] = book.date(facts.promise.since, limits.timezone)
    if facts.waiting is not None:
        words["waited"] = book.duration(facts.waiting.hours)
        words["waiting_post"] = f"#{facts.waiting.post_number}"
    words["others"] = str(facts.others) if facts.others else ""
    words["one_other"] = "1" if facts.others == 1 else ""
    words["replies"] = str(facts.replies) if facts.replies > 1 else ""
    return words


def _text(said: Said | None) -> str:
    return said.text if said is not None else ""


def _said(name: str, said: Said | None, book: Wordbook, limits: Limits) -> dict[str, str]:
    if said is None:
        return {name: ""}
    date = book.date(said.post.post.created_at, limits.timezone)
    return {name: said.text, f"{name}_post": f"#{said.post.post.number}", f"{name}_date": date}


# -- the draft -------------------------------------------------------------------------------------------------


def _draft(judgement: Judgement, facts: Facts, detectors: Detectors, limits: Limits) -> Draft | None:
    """The reply draft in the customer's language and form of address; None for languages without texts."""
    lang = facts.claim.post.lang if facts.claim.post.lang in LANGUAGES else judgement.lang
    if lang not in LANGUAGES:
        return None
    book = detectors.replies[lang]
    register = _register(judgement, facts, book)
    telling = _tell(judgement, facts, book, limits)
    answered = Answered(facts.claim.post.words.text, frozenset({Signal.COMPLAINT}))
    paragraphs: list[str] = []
    for part in DRAFT_PARTS:
        rest = _untold(telling, "\n".join(paragraphs))
        text = book.say(part, rest.conditions, rest.words, register=register, choice=judgement.thread.id)
        if text and not draftlint.faults(text, lang, detectors, answered, quotes=tuple(telling.words.values())):
            paragraphs.append(text)
    return Draft(lang, register, _join(paragraphs))


def _untold(telling: _Telling, so_far: str) -> _Telling:
    """What is still to be told: nobody wants to read their own sentence twice. "x_told" stands for what was."""
    said = so_far.lower()
    told = {name for name in OWN_WORDS if telling.words[name] and telling.words[name].lower() in said}
    conditions = telling.conditions - told | {f"{name}_told" for name in told}
    return _Telling(conditions, telling.words | dict.fromkeys(told, ""))


def _register(judgement: Judgement, facts: Facts, book: Wordbook) -> str:
    """How the customer addresses staff; else how staff addressed the customer; else the language's usual form."""
    if not book.registers:
        return ""
    own = [p for p in judgement.posts if p.post.author == facts.customer]
    staff = [p for p in judgement.posts if p.post.role is Role.STAFF]
    for posts in (own, staff):
        text = "\n".join(post.words.text for post in posts if post.lang == book.lang)
        found = address(text, book.lang) if text else ""
        if found in book.registers:
            return found
    return book.default_register


def _join(paragraphs: list[str]) -> str:
    """Greeting and closing stand alone; what lies between reads as running text in two or three paragraphs."""
    if len(paragraphs) < 3:
        return "\n\n".join(paragraphs)
    greeting, *body, closing = paragraphs
    middle = (len(body) + 1) // 2
    blocks = [" ".join(body[:middle]), " ".join(body[middle:])]
    return "\n\n".join([greeting, *filter(None, blocks), closing])
