"""A thread's posts -> what each of them shows, judged in context.

Rules give hits; here the context decides what they are worth: whom the reply answers and what that customer said,
whether the words are only an echo or a correction of oneself, what good the same reply does, and whether it is the
only answer the complaint got. See signals.md for the meaning of every label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from modassist import cases, context
from modassist.boilerplate import Boilerplate, Wording, wording
from modassist.detectors import Detectors
from modassist.model import (
    CUSTOMER_SIGNALS,
    EMPTY,
    FLAGGING,
    GOOD_PRACTICE,
    LANGUAGES,
    STAFF_SIGNALS,
    UNDETERMINED,
    Cue,
    Evidence,
    Finding,
    JudgedPost,
    Limits,
    OwnWords,
    Post,
    Role,
    Signal,
    Span,
    Thread,
)
from modassist.rules import Answered, Hit, combine
from modassist.text import own_words, sentences

PRESENT = 0.5
"""A signal is present from this score on."""

PRESSES = 0.6
"""Score of a complaint that shows only in context: an unsatisfied customer answers an unhelpful reply."""

JOINS = 0.8
"""Score of a complaint that is one because it says "same here" to another's."""

TOGETHER = 0.6
"""Score that weak hits on different bad signals must reach together."""

HINTED = 0.35
"""Score of a complaint that the words hint at: too little alone, enough where the thread says the same."""

SURE = 0.9
"""Score from which on the words leave no doubt."""

COVERED = 0.7
"""Share of a reply's words that stand in other threads too, from which on it is boilerplate."""

GOOD_WEIGHT = {1: 1.0, 2: 0.85, 3: 0.6}
"""What bad signals are worth beside so many kinds of good practice (more than three: as three): a reply that takes the
case on rarely belittles it, so a single weak hit in it is more likely a false alarm. A strong one still stands."""

OF_STAFF = tuple(signal for signal in Signal if signal in STAFF_SIGNALS)
OF_CUSTOMERS = tuple(signal for signal in Signal if signal in CUSTOMER_SIGNALS)

TROUBLED = (Signal.DISTRESS, Signal.REPEAT_CONTACT, Signal.CHURN_RISK)

HARMLESS = ("how_to", "wish", "peer_help")
"""Cues of a first post that is no complaint even if its author complains later."""

LONG_REPLY, LONG_WEIGHT = 70, 0.7
"""What bad signals are worth in a reply of more than so many words: who writes that much mostly explains, and one
doubtful phrase in it is chance. A strong one still stands."""

STILL_MEANT = 3
"""A complaint colours what staff answers as long as it stands in one of the customer's so many last posts."""

REPAIRING = frozenset({Signal.ACKNOWLEDGES, Signal.APOLOGIZES, Signal.OWNS})

_LEADING_LANGUAGE_POSTS = 3


def thread_language(thread: Thread, words: Sequence[OwnWords], detectors: Detectors) -> str:
    """The language most of a thread's beginning is written in."""
    opening = "\n".join(w.text[:1000] for w in words[:_LEADING_LANGUAGE_POSTS])
    return detectors.identifier.identify(f"{thread.title}\n{opening}")


def judge_posts(
    thread: Thread,
    detectors: Detectors,
    limits: Limits,
    *,
    now: datetime,
    boilerplate: Boilerplate | None = None,
) -> tuple[str, tuple[JudgedPost, ...]]:
    """The thread's language and its posts up to `now`, each with findings, cues and whether it is flagged."""
    posts = [post for post in thread.posts if post.created_at <= now]
    words = [own_words(post.html, post.raw) for post in posts]
    lang = thread_language(thread, words, detectors)
    reading = _Reading(thread, lang, detectors, limits, now, boilerplate)
    judged = [reading.judge(post, own) for post, own in zip(posts, words, strict=True)]
    told_later = _complaints_by_hindsight(judged)
    if told_later:
        again = _Reading(thread, lang, detectors, limits, now, boilerplate, told_later)
        judged = [again.judge(post, own) for post, own in zip(posts, words, strict=True)]
        reading = again
    reading.remember()
    return lang, tuple(_flag_empty(judged))


def _complaints_by_hindsight(judged: Sequence[JudgedPost]) -> frozenset[int]:
    """First posts that the words alone did not show as complaints, but what follows does.

    The author goes on to complain, or staff apologizes for what it tells. A question of use, a wish or praise stays one.
    """
    first: dict[str, JudgedPost] = {}
    found: set[int] = set()
    for post in judged:
        if post.post.role is Role.CUSTOMER:
            opener = first.setdefault(post.post.author, post)
            if opener is not post and post.shows(Signal.COMPLAINT) and not post.has_cue("same_here"):
                found.add(opener.post.number)
        elif post.shows(Signal.APOLOGIZES):
            found.update(p.post.number for p in first.values() if p.post.number in post.answers)
    openers = (post for post in first.values() if post.post.number in found and not post.shows(Signal.COMPLAINT))
    return frozenset(post.post.number for post in openers if _could_complain(post))


def _could_complain(opener: JudgedPost) -> bool:
    """Whether a first post says anything that what follows may turn into a complaint."""
    if opener.shows(Signal.PRAISE, Signal.ABUSE) or opener.has_cue(*HARMLESS):
        return False
    hinted = dict(opener.scores)[Signal.COMPLAINT] >= HINTED
    return hinted or opener.shows(*TROUBLED) or opener.has_cue("question", "since", "tried", "still_broken")


class _Reading:
    """One pass through a thread from its beginning; what was read so far is the context of what comes."""

    def __init__(
        self,
        thread: Thread,
        lang: str,
        detectors: Detectors,
        limits: Limits,
        now: datetime,
        boilerplate: Boilerplate | None,
        told_later: frozenset[int] = frozenset(),
    ) -> None:
        self._told_later = told_later
        self._thread = thread
        self._lang = lang
        self._detectors = detectors
        self._limits = limits
        self._now = now
        self._boilerplate = boilerplate
        self._pending = context.Pending()
        self._earlier = context.Earlier()
        self._judged: dict[int, JudgedPost] = {}
        self._wordings: list[Wording] = []

    def remember(self) -> None:
        """Notes the staff replies' wording for the threads that come after this one."""
        if self._boilerplate is not None:
            for reply in self._wordings:
                self._boilerplate.learn(reply, self._thread.id)

    def judge(self, post: Post, words: OwnWords) -> JudgedPost:
        judged = self._read(post, words)
        self._pending.add(post)
        self._earlier.add(words.text)
        self._judged[post.number] = judged
        return judged

    def _read(self, post: Post, words: OwnWords) -> JudgedPost:
        if post.role is Role.AUTOMATIC:
            return JudgedPost(post, words, UNDETERMINED)
        lang = self._detectors.identifier.identify(words.text, self._lang)
        if post.role is Role.CUSTOMER and not self._judged and self._lang not in (*LANGUAGES, UNDETERMINED):
            # nobody here can read it as a complaint or not: that it waits can be seen all the same
            return JudgedPost(post, words, lang, cues=(Cue("unread", 0, 0),))
        if post.role is Role.CUSTOMER:
            return self._customer(post, words, lang)
        return self._staff(post, words, lang)

    # -- customers ---------------------------------------------------------------------------------------------

    def _customer(self, post: Post, words: OwnWords, lang: str) -> JudgedPost:
        spans = sentences(words.text)
        hits = self._find(words, lang, Role.CUSTOMER, spans)
        judged = JudgedPost(post, words, lang, cues=_cues(hits))
        found = dict(_scored(hits, words))
        reason = self._complains_in_context(judged, found)
        if reason:
            score = JOINS if reason == "joins_in" else PRESSES
            found[Signal.COMPLAINT] = _raised(found.get(Signal.COMPLAINT), Signal.COMPLAINT, score, f"context:{reason}")
        is_first = all(p.post.author != post.author for p in self._judged.values())
        _settle_praise(judged, found, is_first=is_first)
        self._settle_help(judged, found)
        return _with_findings(judged, found, OF_CUSTOMERS)

    def _complains_in_context(self, judged: JudgedPost, found: dict[Signal, Finding]) -> str:
        """Why the post is a complaint in this thread, whatever its words alone would show; "" where it is not."""
        if judged.post.number in self._told_later:
            return "hindsight"
        if self._joins_in(judged, found):
            return "joins_in"
        return "presses" if self._presses(judged, found) else ""

    def _settle_help(self, judged: JudgedPost, found: dict[Signal, Finding]) -> None:
        """Advice among customers tells of trouble without complaining of it."""
        if judged.has_cue("peer_help") and not self._own_complaints(judged) and _score(found, Signal.COMPLAINT) < SURE:
            found.pop(Signal.COMPLAINT, None)

    def _own_complaints(self, judged: JudgedPost) -> list[JudgedPost]:
        author = judged.post.author
        return [p for p in self._judged.values() if p.post.author == author and p.shows(Signal.COMPLAINT)]

    def _joins_in(self, judged: JudgedPost, found: dict[Signal, Finding]) -> bool:
        """Whether the post says "same here" to another customer's complaint (decision 10: that is one too)."""
        content = judged.has_cue("thanks", "solved", "peer_help") or _score(found, Signal.PRAISE) >= PRESENT
        if not judged.has_cue("same_here") or content:
            return False
        return any(p.shows(Signal.COMPLAINT) for p in self._judged.values() if p.post.author != judged.post.author)

    def _presses(self, judged: JudgedPost, found: dict[Signal, Finding]) -> bool:
        """Whether the author, having complained, answers an unhelpful reply with anything but contentment."""
        own = self._own_complaints(judged)
        if not own or judged.has_cue("thanks", "solved", "waits") or _score(found, Signal.PRAISE) >= PRESENT:
            return False
        if not judged.words.text.strip() or self._speaks_to_peer(judged) or _score(found, Signal.ABUSE) >= PRESENT:
            return False
        if any(_score(found, signal) >= PRESENT for signal in (Signal.CHURN_RISK, Signal.REPEAT_CONTACT)):
            return True
        replies = [p for p in self._judged.values() if p.post.role is Role.STAFF and p.post.number > own[0].post.number]
        return bool(replies) and self._is_pressed(replies[-1], found)

    def _is_pressed(self, reply: JudgedPost, found: dict[Signal, Finding]) -> bool:
        """Whether what follows this staff reply is an objection: it helped nobody, or the words hint at one."""
        if reply.shows(*FLAGGING, *EMPTY):
            return True
        if reply.has_cue("asks_back"):
            return False
        if _score(found, Signal.COMPLAINT) >= HINTED:
            return True
        return not reply.shows(*GOOD_PRACTICE) and not reply.has_cue("explains", "handled_privately")

    def _speaks_to_peer(self, judged: JudgedPost) -> bool:
        """Whether the post is addressed to another customer, by reply link or mention."""
        target = self._judged.get(judged.post.reply_to or -1)
        if target is not None:
            return target.post.role is Role.CUSTOMER and target.post.author != judged.post.author
        peers = {p.post.author.lower() for p in self._judged.values() if p.post.role is Role.CUSTOMER}
        return any(name.lower().lstrip("@") in peers - {judged.post.author.lower()} for name in judged.words.mentions)

    # -- staff -------------------------------------------------------------------------------------------------

    def _staff(self, post: Post, words: OwnWords, lang: str) -> JudgedPost:
        joined_in = [n for n, p in self._judged.items() if p.has_cue("same_here")]
        answers = self._pending.answered_by(post, words, joined_in)
        judged = JudgedPost(post, words, lang, answers=answers)
        if self._now - post.created_at < self._limits.settle:
            return judged
        spans = sentences(words.text)
        hits = self._find(words, lang, Role.STAFF, spans, self._answered(answers))
        judged = replace(judged, cues=_cues(hits))
        found = dict(_scored(self._own_hits(hits, judged, spans), words))
        self._weigh(found, judged)
        _promote(found)
        self._compare(found, judged)
        return _with_findings(judged, found, OF_STAFF)

    def _answered(self, answers: tuple[int, ...]) -> Answered | None:
        """What the reply answers: the words of those posts, and every signal of their authors' case so far."""
        if not answers:
            return None
        posts = [self._judged[number] for number in answers]
        signals = {signal for post in posts for signal in post.signals}
        if any(self._is_complaining(author) for author in {post.post.author for post in posts}):
            signals.add(Signal.COMPLAINT)
        return Answered("\n".join(post.words.text for post in reversed(posts)), frozenset(signals))

    def _is_complaining(self, author: str) -> bool:
        """Whether a customer's complaint is still what the talk is about: it stands in one of the last few posts."""
        own = [p for p in self._judged.values() if p.post.author == author]
        return any(p.shows(Signal.COMPLAINT) for p in own[-STILL_MEANT:])

    def _own_hits(self, hits: Sequence[Hit], judged: JudgedPost, spans: Sequence[Span]) -> Iterator[Hit]:
        """Hits without those on bad signals that only repeat others' words or take own words back."""
        quoted = context.inline_quotes(judged.words.text)
        to_staff = self._pending.speaks_to_staff(judged.post) or not judged.answers
        for hit in hits:
            if hit.rule.signal not in FLAGGING | EMPTY or (not to_staff and not self._is_echo(hit, judged, spans, quoted)):
                yield hit

    def _is_echo(
        self, hit: Hit, judged: JudgedPost, spans: Sequence[Span], quoted: Sequence[tuple[int, int]]
    ) -> bool:
        if any(start <= hit.start and hit.end <= end for start, end in quoted):
            return True
        sentence = _sentence_of(hit, spans)
        passage = judged.words.text[sentence.start : sentence.end]
        if self._earlier.holds(passage):
            return True
        near = [cue for cue in judged.cues if sentence.overlaps(Span(cue.start, cue.end))]
        names = {cue.name for cue in near}
        if hit.rule.signal is Signal.CONTRADICTION and "agrees" in names:
            return True
        return bool(names & {"retraction", "echo"})

    def _weigh(self, found: dict[Signal, Finding], judged: JudgedPost) -> None:
        """Good practice in the same reply makes a lone weak hit unlikely; a correction of oneself lifts it."""
        good = sum(_score(found, signal) >= PRESENT for signal in GOOD_PRACTICE)
        factor = GOOD_WEIGHT.get(good, GOOD_WEIGHT[3]) if good else 1.0
        if len(judged.words.text.split()) > LONG_REPLY:
            factor *= LONG_WEIGHT
        for signal in FLAGGING | EMPTY:
            if signal in found and factor < 1.0:
                found[signal] = replace(found[signal], score=round(found[signal].score * factor, 3))
        if _score(found, Signal.NEXT_STEP) >= PRESENT and Signal.NON_ANSWER in found:
            del found[Signal.NON_ANSWER]

    def _compare(self, found: dict[Signal, Finding], judged: JudgedPost) -> None:
        """Wording that staff uses in other threads too is boilerplate, whatever it says."""
        if self._boilerplate is None:
            return
        reply = wording(judged.words.text, {p.post.author for p in self._judged.values()})
        self._wordings.append(reply)
        coverage = self._boilerplate.coverage(reply, self._thread.id)
        helps = any(_score(found, s) >= PRESENT for s in (Signal.NEXT_STEP, Signal.OWNS, Signal.COMMITS_TIME))
        if coverage >= COVERED and not helps:
            whole = _evidence(judged.words, 0, len(judged.words.text))
            found[Signal.CANNED] = _raised(
                found.get(Signal.CANNED), Signal.CANNED, round(min(0.95, coverage), 3), "context:boilerplate", (whole,)
            )

    def _find(
        self, words: OwnWords, lang: str, role: Role, spans: Sequence[Span], answered: Answered | None = None
    ) -> Sequence[Hit]:
        if lang not in LANGUAGES:
            return ()
        return self._detectors.packs.find(words.text, lang=lang, role=role, answered=answered, spans=spans)


def _sentence_of(hit: Hit, spans: Sequence[Span]) -> Span:
    whole = Span(hit.start, hit.end)
    touched = [span for span in spans if span.overlaps(whole)]
    return Span(touched[0].start, touched[-1].end) if touched else whole


def _cues(hits: Iterable[Hit]) -> tuple[Cue, ...]:
    return tuple(Cue(hit.rule.cue, hit.start, hit.end, hit.rule.id) for hit in hits if hit.rule.cue)


def _evidence(words: OwnWords, start: int, end: int) -> Evidence:
    return Evidence(words.text[start:end], start, end)


def _scored(hits: Iterable[Hit], words: OwnWords) -> Iterator[tuple[Signal, Finding]]:
    by_signal: dict[Signal, list[Hit]] = {}
    for hit in hits:
        if hit.rule.signal is not None:
            by_signal.setdefault(hit.rule.signal, []).append(hit)
    for signal, its in by_signal.items():
        spans = sorted({(hit.start, hit.end) for hit in its})
        shown = tuple(_evidence(words, start, end) for start, end in spans)
        by = tuple(dict.fromkeys(f"rule:{hit.rule.id}" for hit in its))
        yield signal, Finding(signal, round(combine(its), 3), shown, by)


def _score(found: dict[Signal, Finding], signal: Signal) -> float:
    return found[signal].score if signal in found else 0.0


def _raised(
    old: Finding | None, signal: Signal, score: float, by: str, evidence: tuple[Evidence, ...] = ()
) -> Finding:
    if old is None:
        return Finding(signal, score, evidence, (by,))
    return Finding(signal, max(old.score, score), old.evidence or evidence, (*old.by, by))


def _promote(found: dict[Signal, Finding]) -> None:
    """Several weak signs of letting the customer down are one strong one, by the name of the likeliest."""
    bad = [found[signal] for signal in FLAGGING if signal in found]
    if len(bad) < 2 or any(finding.score >= PRESENT for finding in bad):
        return
    missing = 1.0
    for finding in bad:
        missing *= 1.0 - finding.score
    best = max(bad, key=lambda finding: finding.score)
    if 1.0 - missing >= TOGETHER:
        found[best.signal] = replace(best, score=round(1.0 - missing, 3), by=(*best.by, "context:several"))


def _settle_praise(judged: JudgedPost, found: dict[Signal, Finding], *, is_first: bool) -> None:
    """Ironic thanks are a complaint; a customer who says that all is well does not complain by the way."""
    if judged.has_cue("ironic_thanks"):
        found.pop(Signal.PRAISE, None)
    complaint, praise = _score(found, Signal.COMPLAINT), _score(found, Signal.PRAISE)
    unhappy = judged.has_cue("still_broken", "chases", "ironic_thanks") or _score(found, Signal.CHURN_RISK) >= PRESENT
    settled = judged.has_cue("solved") and complaint < (0.65 if is_first else 0.85)
    if not unhappy and (settled or (praise >= PRESENT and complaint < 0.7)):
        found.pop(Signal.COMPLAINT, None)
    elif complaint >= SURE and praise < 0.85:
        found.pop(Signal.PRAISE, None)


def _with_findings(judged: JudgedPost, found: dict[Signal, Finding], all_signals: Iterable[Signal]) -> JudgedPost:
    present = tuple([found[signal] for signal in all_signals if signal in found and found[signal].score >= PRESENT])
    scores = tuple([(signal, _score(found, signal)) for signal in all_signals])
    flagged = any(finding.signal in FLAGGING for finding in present)
    return replace(judged, findings=present, scores=scores, flagged=flagged)


def is_empty(reply: JudgedPost) -> bool:
    """Whether a staff reply has no substance: canned or no answer, and nothing else that could be called one."""
    return reply.shows(*EMPTY) and not reply.shows(*FLAGGING, Signal.NEXT_STEP, Signal.OWNS)


def _flag_empty(judged: list[JudgedPost]) -> list[JudgedPost]:
    """Flags canned replies and non-answers where they are all that staff had for a complaint."""
    empty: set[int] = set()
    for case in cases.open_cases(judged):
        if case.answers and all(is_empty(reply) for reply in case.answers):
            empty.update(reply.post.number for reply in case.answers)
    return [replace(post, flagged=True) if post.post.number in empty else post for post in judged]
