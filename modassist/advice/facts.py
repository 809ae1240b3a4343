"""What a thread tells about one customer's case, in the customer's and the colleagues' own words.

Nothing is concluded here that the thread does not say; what it does not say stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from modassist.judging.cases import Case, is_satisfied, open_cases, with_answers
from modassist.model import (
    EMPTY,
    FLAGGING,
    WAITING,
    Finding,
    JudgedPost,
    Judgement,
    Role,
    Signal,
    Span,
    State,
    ThreadState,
)
from modassist.text.own_words import sentences

SHOWN = 150
"""Characters of a quote before it is cut at a word."""

SHORTEST_CLAIM = 4
"""Words below which a sentence does not tell what the trouble is."""

FULL_CLAIM = 12
"""Words from which on a sentence tells enough."""

_PRODUCT = re.compile(
    r"\b(?:[A-ZÄÖÜ][\w-]*\s)?(?=[\w-]*\d)(?=[\w-]*[A-Za-zÄÖÜäöü])[\w-]+(?:\.\d+)*\b|\b[A-ZÄÖÜ][\w-]{2,}\s\d+(?:\.\d+)*\b"
)
"""A name with a digit in or behind it: "Hub 2", "R8", "Frostfix K30"."""


@dataclass(frozen=True, slots=True)
class Said:
    """Exact words out of a post (cut ones end in "…"), and where they stand."""

    text: str
    post: JudgedPost


@dataclass(frozen=True, slots=True)
class Facts:
    """One customer's case, as far as the thread tells it."""

    customer: str
    claim: Said
    """The sentence that tells the trouble."""
    latest: Said | None = None
    """The customer's last words that nobody answered, where they are not the claim itself."""
    question: Said | None = None
    since: Said | None = None
    tried: Said | None = None
    repeat: Said | None = None
    harm: Said | None = None
    leaving: Said | None = None
    reply: Said | None = None
    """The flagged words of staff that weigh most in this case."""
    reply_signals: frozenset[Signal] = frozenset()
    promise: ThreadState | None = None
    waiting: ThreadState | None = None
    others: int = 0
    """Other customers with a case of their own in the thread."""
    product: str = ""
    repaired_by: JudgedPost | None = None
    replies: int = 0

    @property
    def since_when(self) -> datetime:
        return self.claim.post.post.created_at


def gather(judgement: Judgement) -> Facts | None:
    """The facts of the case that needs a person most; None where the thread holds no customer's words at all."""
    found = open_cases(judgement.posts)
    case = _case(judgement, found)
    if case is None:
        return None
    waiting = _longest_waiting(judgement)
    replies = [post for post in case.answers if post.flagged]
    reply, signals = _worst_words(replies or [post for post in judgement.posts if post.flagged])
    claim = _claim(case)
    question = _question(case)
    return Facts(
        customer=case.customer,
        claim=claim,
        latest=_latest(case, claim),
        question=question,
        since=_by_cue(case.posts, "since"),
        tried=_by_cue(case.posts, "tried", whole=True),
        repeat=_by_signal(case.posts, Signal.REPEAT_CONTACT),
        harm=_by_signal(case.posts, Signal.DISTRESS),
        leaving=_by_signal(case.posts, Signal.CHURN_RISK),
        reply=reply,
        reply_signals=signals,
        promise=judgement.state(State.BROKEN_PROMISE),
        waiting=waiting,
        others=len({other.customer for other in found} - {case.customer}),
        product=_product(judgement.thread.title),
        repaired_by=_repair(judgement, reply),
        replies=len(case.answers),
    )


def _case(judgement: Judgement, found: tuple[Case, ...]) -> Case | None:
    """The case that waits; else the one whose flagged answer stands; else the first; else a question alone."""
    waiting = {s.post_number for s in judgement.states if s.state in WAITING}
    flagged = {post.post.number for post in judgement.posts if post.flagged}
    by_need = (
        lambda c: waiting & {post.post.number for post in c.posts},
        lambda c: waiting & {post.post.number for post in c.answers},
        lambda c: c.solved_by is None and flagged & {post.post.number for post in c.answers},
        lambda c: flagged & {post.post.number for post in c.answers},
        lambda c: True,
    )
    for needs in by_need:
        for case in found:
            if needs(case):
                return case
    return _without_complaint(judgement, flagged | waiting)


def _without_complaint(judgement: Judgement, wanted: set[int]) -> Case | None:
    """A case made of the post that a flagged reply or a broken promise answered, though it was no complaint."""
    for reply in judgement.posts:
        if reply.post.number in wanted and reply.answers:
            answered = {post.post.number: post for post in judgement.posts}[reply.answers[-1]]
            own = tuple(
                p
                for p in judgement.posts
                if p.post.author == answered.post.author and p.post.number >= answered.post.number
            )
            return with_answers(Case(answered.post.author, own), judgement.posts)
    return None


def _longest_waiting(judgement: Judgement) -> ThreadState | None:
    kinds = (State.UNANSWERED, State.ONLY_PEERS, State.DROPPED)
    return max((s for s in judgement.states if s.state in kinds), key=lambda s: s.hours, default=None)


def shorten(text: str, limit: int = SHOWN) -> str:
    """One line of at most `limit` characters, cut behind a word with "…"."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:-–") + "…"


def _sentence_at(post: JudgedPost, start: int, end: int) -> str:
    spans = [s for s in sentences(post.words.text) if s.overlaps(Span(start, end))]
    return post.words.text[spans[0].start : spans[-1].end] if spans else post.words.text[start:end]


def _claim(case: Case) -> Said:
    """The sentence of the first complaint that tells the trouble best: evidence in it, much said, early, no question."""
    post = case.opened
    text = post.words.text
    marks = [Span(e.start, e.end) for f in post.findings if f.signal is Signal.COMPLAINT for e in f.evidence]

    def worth(item: tuple[int, Span]) -> float:
        place, span = item
        sentence = text[span.start : span.end]
        words = len(sentence.split())
        told = min(words, FULL_CLAIM) / FULL_CLAIM
        marked = any(span.overlaps(mark) for mark in marks)
        return 2 * marked + 2 * told - 0.3 * place - sentence.rstrip().endswith("?") - 3 * (words < SHORTEST_CLAIM)

    best = max(enumerate(sentences(text)), key=worth, default=None)
    return Said(shorten(text[best[1].start : best[1].end] if best else text), post)


def _latest(case: Case, claim: Said) -> Said | None:
    waiting = [post for post in case.waiting if not is_satisfied(post) and post.words.text.strip()]
    if not waiting or waiting[-1].post.number == claim.post.post.number:
        return None
    post = waiting[-1]
    spans = [s for s in sentences(post.words.text) if len(post.words.text[s.start : s.end].split()) >= SHORTEST_CLAIM]
    text = post.words.text[spans[-1].start : spans[-1].end] if spans else post.words.text
    return Said(shorten(text), post)


def _question(case: Case) -> Said | None:
    """The customer's last question that nobody answered; a reproach in the form of one wants no answer."""
    for post in reversed(case.waiting or case.posts):
        reproaches = [Span(cue.start, cue.end) for cue in post.cues if cue.name == "rhetorical"]
        for span in reversed(sentences(post.words.text)):
            text = post.words.text[span.start : span.end]
            asks = text.rstrip(' )"“”»').endswith("?") and not any(span.overlaps(words) for words in reproaches)
            if asks and len(text.split()) >= SHORTEST_CLAIM:
                return Said(shorten(text), post)
    return None


def _by_cue(posts: Iterable[JudgedPost], name: str, *, whole: bool = False) -> Said | None:
    """The first words with this cue; `whole` gives the sentence they stand in."""
    for post in posts:
        for cue in post.cues:
            if cue.name == name:
                text = _sentence_at(post, cue.start, cue.end) if whole else post.words.text[cue.start : cue.end]
                return Said(shorten(text), post)
    return None


def _by_signal(posts: Iterable[JudgedPost], signal: Signal) -> Said | None:
    for post in posts:
        for finding in post.findings:
            if finding.signal is signal and finding.evidence:
                evidence = finding.evidence[0]
                return Said(shorten(_sentence_at(post, evidence.start, evidence.end)), post)
    return None


def _worst_words(replies: Iterable[JudgedPost]) -> tuple[Said | None, frozenset[Signal]]:
    """The sentence of the weightiest finding among flagged replies, and every bad signal of that reply."""
    found: list[tuple[JudgedPost, Finding]] = [
        (post, finding)
        for post in replies
        for finding in post.findings
        if finding.signal in FLAGGING | EMPTY and finding.evidence
    ]
    if not found:
        return None, frozenset()
    post, finding = max(found, key=lambda item: (item[1].signal in FLAGGING, item[1].score, item[0].post.number))
    evidence = finding.evidence[0]
    said = Said(shorten(_sentence_at(post, evidence.start, evidence.end)), post)
    return said, post.signals & (FLAGGING | EMPTY)


def _product(title: str) -> str:
    match = _PRODUCT.search(title)
    return " ".join(match[0].split()) if match else ""


def _repair(judgement: Judgement, reply: Said | None) -> JudgedPost | None:
    if reply is None or not judgement.repaired:
        return None
    after = reply.post.post.number
    good = (Signal.OWNS, Signal.APOLOGIZES, Signal.ACKNOWLEDGES)
    later = (p for p in judgement.posts if p.post.role is Role.STAFF and p.post.number > after and not p.flagged)
    return next((post for post in later if post.shows(*good)), None)
