"""The promise ledger: what staff said it would come back with, by when, and whether it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modassist.judging.due import TimeWords, due
from modassist.model import EMPTY, Cue, JudgedPost, Limits, Role, Span
from modassist.text.own_words import sentences

PROMISING = ("promise", "delivers")

SMALL_TALK = 12
"""Words up to which a staff post without findings or a cue OF_USE is small talk. On 481 labelled threads that finds 3
of the 15 broken promises that were missed, and one that is none."""
OF_USE = ("explains", "closing", "handled_privately", *PROMISING)
ADDITION = timedelta(hours=1)
"""What the promiser adds so soon is no news. With this, and as a question back is none, 8 of the 14 broken promises that
were missed on 745 labelled threads are found, and no other."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise in a staff post. `due` is the default limit after it where no time was named (`is_dated` False)."""

    post: JudgedPost
    words: str
    due: datetime
    is_dated: bool
    is_of_word: bool = True
    """Whether staff said that it would come back itself; else that a thing would be there, which needs no further word."""
    kept_by: JudgedPost | None = None


def ledger(posts: Sequence[JudgedPost], limits: Limits, times: Mapping[str, TimeWords]) -> tuple[Promise, ...]:
    """Every promise of the thread in order, each with the post that kept it, where one did."""
    promises: list[Promise] = []
    for index, post in enumerate(posts):
        if post.post.role is not Role.STAFF:
            continue
        promises += [_with_keeper(made, posts[index + 1 :]) for made in _promised(post, limits, times)]
    return tuple(promises)


def _promised(post: JudgedPost, limits: Limits, times: Mapping[str, TimeWords]) -> list[Promise]:
    """The sentences that promise, one promise each.

    That a thing will be there ("delivers") is a promise only with a time in it; to come back is one without, too.
    """
    text = post.words.text
    cues = [cue for cue in post.cues if cue.name in PROMISING] if post.lang in times else []
    spans = sentences(text) if cues else ()
    of_word = {_around(cue, spans) for cue in cues if cue.name == "promise"}
    found: dict[Span, Promise] = {}
    for cue in cues:
        span = _around(cue, spans)
        words = text[span.start : span.end]
        when = due(words, post.post.created_at, times[post.lang], limits.timezone)
        if when is not None or cue.name == "promise":
            at = when.at if when else post.post.created_at + limits.promise
            found[span] = Promise(post, words, at, when is not None, span in of_word)
    return list(found.values())


def _around(cue: Cue, spans: Sequence[Span]) -> Span:
    touched = [span for span in spans if span.start < cue.end and cue.start < span.end]
    return Span(touched[0].start, touched[-1].end) if touched else Span(cue.start, cue.end)


def _with_keeper(promise: Promise, later: Sequence[JudgedPost]) -> Promise:
    for index, post in enumerate(later):
        if _keeps(promise, post) and not _is_chased(promise, later[index + 1 :]):
            return replace(promise, kept_by=post)
    return promise


def _keeps(promise: Promise, post: JudgedPost) -> bool:
    """Whether this post is the news that was promised: the promiser's own, or a colleague's that takes the case on.

    An interim report, a canned reply, a few kind words and a further promise without anything else leave it open.
    """
    if post.post.role is not Role.STAFF or post.shows(*EMPTY) or _is_small_talk(post):
        return False
    if post.post.author == promise.post.post.author:
        return post.post.created_at > promise.due or not _is_only_an_addition(promise, post)
    same_customers = set(post.answers) & set(promise.post.answers) or not post.answers
    return bool(same_customers) and not post.flagged and post.has_cue("explains", "promise", "closing")


def _is_only_an_addition(promise: Promise, post: JudgedPost) -> bool:
    """Whether the promiser only says how far things are, asks for something, or adds what was forgotten a moment ago."""
    said_at = promise.post.post.created_at
    asks = post.has_cue("asks_back") and not post.has_cue(*OF_USE)
    return post.has_cue("interim") or asks or post.post.created_at - said_at < ADDITION


def _is_small_talk(post: JudgedPost) -> bool:
    """Whether the post is a word or two in which nothing of use was found: "No worries, speak soon!" is no news."""
    return len(post.words.text.split()) <= SMALL_TALK and not post.findings and not post.has_cue(*OF_USE)


def _is_chased(promise: Promise, later: Sequence[JudgedPost]) -> bool:
    """Whether a customer asks where the promised thing is after it was due: then nothing before had kept it."""
    return any(
        post.post.role is Role.CUSTOMER and post.has_cue("chases") and post.post.created_at > promise.due
        for post in later[:1]
    )


def open_promises(promises: Sequence[Promise]) -> tuple[Promise, ...]:
    return tuple(promise for promise in promises if promise.kept_by is None)
