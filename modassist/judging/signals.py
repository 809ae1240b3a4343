"""A thread's posts -> what each of them shows, judged in context.

Rules give hits; here the context decides what they are worth: whom the reply answers and what that customer said,
whether the words are only an echo or a correction of oneself, what good the same reply does, and whether it is the
only answer the complaint got. See signals.md for the meaning of every label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from modassist.judging import cases, complaints, context
from modassist.judging.boilerplate import Boilerplate, Wording, wording
from modassist.judging.detectors import Detectors
from modassist.judging.findings import (
    OF_CUSTOMERS,
    OF_STAFF,
    PRESENT,
    Found,
    cues,
    evidence,
    promote,
    raised,
    score,
    scored,
    with_findings,
)
from modassist.judging.insults import with_abuse
from modassist.learned.features import View, customer_features, staff_features
from modassist.model import (
    EMPTY,
    FLAGGING,
    GOOD_PRACTICE,
    LANGUAGES,
    UNDETERMINED,
    Cue,
    JudgedPost,
    Limits,
    OwnWords,
    Post,
    Role,
    Signal,
    Span,
    Thread,
)
from modassist.rules.rulebook import Answered, Hit
from modassist.text.own_words import own_words, sentences

COVERED = 0.7
"""Share of a reply's words that stand in other threads too, from which on it is boilerplate."""

GOOD_WEIGHT = {1: 1.0, 2: 0.85, 3: 0.6}
"""What bad signals are worth beside so many kinds of good practice (more than three: as three): a reply that takes the
case on rarely belittles it, so a single weak hit in it is more likely a false alarm. A strong one still stands."""


LONG_REPLY, LONG_WEIGHT = 70, 0.7
"""What bad signals are worth in a reply of more than so many words: who writes that much mostly explains, and one
doubtful phrase in it is chance. A strong one still stands."""

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
    told_later = complaints.by_hindsight(judged)
    if told_later:
        again = _Reading(thread, lang, detectors, limits, now, boilerplate, told_later, reading.searched)
        judged = [again.judge(post, own) for post, own in zip(posts, words, strict=True)]
        reading = again
    reading.remember()
    if detectors.toxicity is not None:
        judged = with_abuse(judged, detectors.toxicity)
    return lang, tuple(_flag_empty(judged))


@dataclass(frozen=True, slots=True)
class _Searched:
    """What a post was searched as, and the hits."""

    lang: str
    spans: Sequence[Span]
    answered: Answered | None
    hits: Sequence[Hit]


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
        searched: dict[int, _Searched] | None = None,
    ) -> None:
        self._told_later = told_later
        self.searched: dict[int, _Searched] = {} if searched is None else searched
        """What was found in posts, by number: a second pass takes it over where the post answers the same."""
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
        before = self.searched.get(post.number)
        lang = before.lang if before else self._detectors.identifier.identify(words.text, self._lang)
        if post.role is Role.CUSTOMER and not self._judged and self._lang not in (*LANGUAGES, UNDETERMINED):
            # nobody here can read it as a complaint or not: that it waits can be seen all the same
            return JudgedPost(post, words, lang, cues=(Cue("unread", 0, 0),))
        if post.role is Role.CUSTOMER:
            return self._customer(post, words, lang)
        return self._staff(post, words, lang)

    # -- customers ---------------------------------------------------------------------------------------------

    def _customer(self, post: Post, words: OwnWords, lang: str) -> JudgedPost:
        searched = self._find(post, words, lang, self._replied_to(post))
        judged = JudgedPost(post, words, lang, cues=cues(searched.hits))
        found = dict(scored(searched.hits, words))
        if complaints.bumps(judged, found, self._judged):
            was = found.get(Signal.REPEAT_CONTACT)
            found[Signal.REPEAT_CONTACT] = raised(was, Signal.REPEAT_CONTACT, complaints.BUMPS, "context:bumps")
        reason = complaints.in_context(judged, found, self._judged, self._told_later)
        if reason:
            weight = complaints.JOINS if reason == "joins_in" else complaints.PRESSES
            found[Signal.COMPLAINT] = raised(found.get(Signal.COMPLAINT), Signal.COMPLAINT, weight, f"context:{reason}")
        is_first = all(p.post.author != post.author for p in self._judged.values())
        complaints.settle_praise(judged, found, is_first=is_first)
        complaints.settle_help(judged, found, self._judged)
        complaints.settle_stranger(judged, found, self._judged)
        if self._detectors.learned is not None and lang in LANGUAGES:
            title = {} if self._judged else self._title_says(lang)
            dense = customer_features(judged, found, self._judged, searched.spans, title)
            return self._weighed(judged, found, searched, dense)
        return with_findings(judged, found, OF_CUSTOMERS)

    def _title_says(self, lang: str) -> Found:
        """What rules find in the title: many write the trouble, or their thanks, there and only the details below."""
        words = OwnWords(self._thread.title)
        hits = self._detectors.packs.find(words.text, lang=lang, role=Role.CUSTOMER)
        return dict(scored(hits, words))

    # -- staff -------------------------------------------------------------------------------------------------

    def _staff(self, post: Post, words: OwnWords, lang: str) -> JudgedPost:
        joined_in = [n for n, p in self._judged.items() if p.has_cue("same_here")]
        answers = self._pending.answered_by(post, words, joined_in)
        judged = JudgedPost(post, words, lang, answers=answers)
        if self._now - post.created_at < self._limits.settle:
            return judged
        searched = self._find(post, words, lang, self._answered(answers))
        judged = replace(judged, cues=cues(searched.hits))
        found = dict(scored(self._own_hits(searched.hits, judged, searched.spans), words))
        self._weigh(found, judged)
        promote(found)
        self._compare(found, judged)
        if self._detectors.learned is not None and lang in LANGUAGES:
            title = self._thread.title
            dense = staff_features(judged, found, self._judged, searched.spans, title=title)
            return self._weighed(judged, found, searched, dense)
        return with_findings(judged, found, OF_STAFF)

    def _weighed(self, judged: JudgedPost, found: Found, searched: _Searched, dense: Sequence[float]) -> JudgedPost:
        """The post as the trained model sees it."""
        assert self._detectors.learned is not None
        post, text = judged.post, judged.words.text
        nearest = self._judged[judged.answers[0]].words.text if judged.answers else ""
        spans = tuple(searched.spans)
        view = View(self._thread.id, post.number, post.role, judged.lang, text, spans, tuple(dense), nearest)
        return self._detectors.learned.judge(view, judged, found)

    def _answered(self, answers: tuple[int, ...]) -> Answered | None:
        """What the reply answers: the words of those posts, and all that their authors' case shows so far."""
        if not answers:
            return None
        posts = [self._judged[number] for number in answers]
        shown = frozenset().union(*map(_shown, posts))
        if any(self._is_complaining(author) for author in {post.post.author for post in posts}):
            shown |= {Signal.COMPLAINT}
        return Answered("\n".join(post.words.text for post in reversed(posts)), shown)

    def _replied_to(self, post: Post) -> Answered | None:
        """The staff post that a customer's post comes after: the one it links to, else the last one."""
        replies = {number: p for number, p in self._judged.items() if p.post.role is Role.STAFF}
        reply = replies.get(post.reply_to or -1) or next(reversed(replies.values()), None)
        return None if reply is None else Answered(reply.words.text, _shown(reply))

    def _is_complaining(self, author: str) -> bool:
        """Whether a customer's complaint is still what the talk is about: in one of the last few posts, and not settled."""
        own = [p for p in self._judged.values() if p.post.author == author]
        return bool(cases.unsettled(own[-cases.STILL_MEANT :]))

    def _own_hits(self, hits: Sequence[Hit], judged: JudgedPost, spans: Sequence[Span]) -> Iterator[Hit]:
        """Hits without those on bad signals that only repeat others' words or take own words back."""
        quoted = context.inline_quotes(judged.words.text)
        to_staff = self._pending.speaks_to_staff(judged.post) or not judged.answers
        for hit in hits:
            if hit.rule.signal not in FLAGGING | EMPTY or (
                not to_staff and not self._is_echo(hit, judged, spans, quoted)
            ):
                yield hit

    def _is_echo(self, hit: Hit, judged: JudgedPost, spans: Sequence[Span], quoted: Sequence[tuple[int, int]]) -> bool:
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

    def _weigh(self, found: Found, judged: JudgedPost) -> None:
        """Good practice in the same reply makes a lone weak hit unlikely; a correction of oneself lifts it."""
        good = sum(score(found, signal) >= PRESENT for signal in GOOD_PRACTICE)
        factor = GOOD_WEIGHT.get(good, GOOD_WEIGHT[3]) if good else 1.0
        if len(judged.words.text.split()) > LONG_REPLY:
            factor *= LONG_WEIGHT
        for signal in FLAGGING | EMPTY:
            if signal in found and factor < 1.0:
                found[signal] = replace(found[signal], score=round(found[signal].score * factor, 3))
        if score(found, Signal.NEXT_STEP) >= PRESENT and Signal.NON_ANSWER in found:
            del found[Signal.NON_ANSWER]

    def _compare(self, found: Found, judged: JudgedPost) -> None:
        """Wording that staff uses in other threads too is boilerplate, whatever it says."""
        if self._boilerplate is None:
            return
        reply = wording(judged.words.text, {p.post.author for p in self._judged.values()})
        self._wordings.append(reply)
        coverage = self._boilerplate.coverage(reply, self._thread.id)
        helps = any(score(found, s) >= PRESENT for s in (Signal.NEXT_STEP, Signal.OWNS, Signal.COMMITS_TIME))
        if coverage >= COVERED and not helps:
            whole = evidence(judged.words, 0, len(judged.words.text))
            found[Signal.CANNED] = raised(
                found.get(Signal.CANNED), Signal.CANNED, round(min(0.95, coverage), 3), "context:boilerplate", (whole,)
            )

    def _find(self, post: Post, words: OwnWords, lang: str, answered: Answered | None) -> _Searched:
        before = self.searched.get(post.number)
        if before is not None and before.answered == answered:
            return before
        spans = before.spans if before else sentences(words.text)
        hits: Sequence[Hit] = ()
        if lang in LANGUAGES:
            packs = self._detectors.packs
            hits = packs.find(words.text, lang=lang, role=post.role, answered=answered, spans=spans)
        found = self.searched[post.number] = _Searched(lang, spans, answered, hits)
        return found


def _shown(post: JudgedPost) -> frozenset[str]:
    """Names of all signals and cues of a post."""
    return frozenset({*post.signals, *(cue.name for cue in post.cues)})


def _sentence_of(hit: Hit, spans: Sequence[Span]) -> Span:
    whole = Span(hit.start, hit.end)
    touched = [span for span in spans if span.overlaps(whole)]
    return Span(touched[0].start, touched[-1].end) if touched else whole


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
