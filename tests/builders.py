"""Threads built in words: `thread(customer("It broke"), staff("Not true", after=hours(3)))`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from modassist.judging.context import Pending
from modassist.model import Cue, Finding, JudgedPost, OwnWords, Post, PostKind, Role, Signal, Thread

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday."""


def hours(amount: float) -> timedelta:
    return timedelta(hours=amount)


def days(amount: float) -> timedelta:
    return timedelta(days=amount)


@dataclass(frozen=True)
class Said:
    """A post to come: `after` is counted from the post before it."""

    role: Role
    text: str
    by: str
    after: timedelta = timedelta(hours=1)
    shows: tuple[Signal, ...] = ()
    cues: tuple[str, ...] = ()
    reply_to: int | None = None
    accepted: bool = False
    action: str | None = None


def customer(text: str, *, by: str = "winni", **more: object) -> Said:
    return Said(Role.CUSTOMER, text, by, **more)  # type: ignore[arg-type]


def staff(text: str, *, by: str = "mod_a", **more: object) -> Said:
    return Said(Role.STAFF, text, by, **more)  # type: ignore[arg-type]


def automatic(text: str, **more: object) -> Said:
    return Said(Role.AUTOMATIC, text, "system", **more)  # type: ignore[arg-type]


def thread(*said: Said, title: str = "A thread", **more: object) -> Thread:
    """A thread whose posts follow each other at the intervals said, the first one at START."""
    posts, at = [], START
    for number, one in enumerate(said, start=1):
        at = at if number == 1 else at + one.after
        kind = PostKind.SMALL_ACTION if one.action else PostKind.REGULAR
        posts.append(
            Post(
                number,
                one.by,
                one.role,
                at,
                raw=one.text,
                reply_to=one.reply_to,
                accepted=one.accepted,
                action=one.action,
                kind=kind,
            )
        )
    return Thread(4711, title, tuple(posts), **more)  # type: ignore[arg-type]


def judged(*said: Said, **more: object) -> tuple[Thread, tuple[JudgedPost, ...]]:
    """The same with the posts' signals and cues given by hand instead of found: for what comes after finding."""
    made = thread(*said, **more)
    pending, found = Pending(), []
    for post, one in zip(made.posts, said, strict=True):
        words = OwnWords(one.text)
        joined = [p.post.number for p in found if p.has_cue("same_here")]
        answers = pending.answered_by(post, words, joined) if post.role is Role.STAFF else ()
        pending.add(post)
        found.append(_as_judged(post, words, one, answers))
    return made, tuple(found)


def _as_judged(post: Post, words: OwnWords, one: Said, answers: Iterable[int]) -> JudgedPost:
    findings = tuple(Finding(signal, 0.9) for signal in one.shows)
    cues = tuple(Cue(name, 0, len(one.text)) for name in one.cues)
    flagged = one.role is Role.STAFF and any(s.value in FLAGS for s in one.shows)
    return JudgedPost(post, words, "en", findings, cues, flagged, tuple(answers))


FLAGS = {"contradiction", "dismissal", "condescension", "blame", "deflection"}


def with_flag(post: JudgedPost) -> JudgedPost:
    return replace(post, flagged=True)
