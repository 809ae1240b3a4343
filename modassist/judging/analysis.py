"""analyse(): a thread at an instant -> what staff should know. The steps of the core in a straight line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from modassist.advice.suggestion import suggest
from modassist.instants import instant_text
from modassist.judging.boilerplate import Boilerplate
from modassist.judging.detectors import Detectors
from modassist.judging.severity import rate
from modassist.judging.signals import REPAIRING, judge_posts
from modassist.judging.state import thread_states
from modassist.model import (
    FLAGGING,
    WAITING,
    Analysis,
    Escalation,
    JudgedPost,
    Judgement,
    Limits,
    Role,
    State,
    Thread,
    ThreadState,
)

VERSION = 1
"""Raised when the same thread may be judged differently than before: stored analyses of older versions are redone."""


def analyse(
    thread: Thread,
    detectors: Detectors,
    limits: Limits,
    *,
    now: datetime,
    note_lang: str = "en",
    boilerplate: Boilerplate | None = None,
) -> Analysis:
    """Judges the thread at `now` and, where a person is needed, composes the escalation.

    `note_lang` is the moderators' language (de, en, fi). `boilerplate` remembers staff wording across threads; without
    it only this thread is looked at. Pure but for that memory: nothing is read from outside.
    """
    judgement = judge(thread, detectors, limits, now=now, boilerplate=boilerplate)
    if not judgement.needs_person:
        return Analysis(judgement)
    return Analysis(judgement, suggest(judgement, detectors, limits, note_lang=note_lang))


def judge(
    thread: Thread, detectors: Detectors, limits: Limits, *, now: datetime, boilerplate: Boilerplate | None = None
) -> Judgement:
    lang, posts = judge_posts(thread, detectors, limits, now=now, boilerplate=boilerplate)
    standing = thread_states(thread, posts, limits, detectors.times, now=now)
    return Judgement(
        thread=thread,
        lang=lang,
        judged_at=now,
        posts=posts,
        states=standing.states,
        severity=rate(posts, standing.states),
        needs_person=_needs_person(posts, standing.states),
        repaired=_is_repaired(posts),
        next_change=standing.next_change,
    )


def _needs_person(posts: Sequence[JudgedPost], states: Sequence[ThreadState]) -> bool:
    """Somebody waits, or a flagged reply stands in a thread that is not resolved (decisions 4 and 9)."""
    held = {state.state for state in states}
    if held & WAITING:
        return True
    return State.RESOLVED not in held and any(post.flagged for post in posts)


def _is_repaired(posts: Sequence[JudgedPost]) -> bool:
    """Whether staff took the last flagged reply back, or took the case on, in a later one."""
    flagged = [post.post.number for post in posts if post.flagged]
    if not flagged:
        return False
    later = (p for p in posts if p.post.role is Role.STAFF and p.post.number > flagged[-1] and not p.shows(*FLAGGING))
    return any(post.has_cue("retraction") or len(post.signals & REPAIRING) >= 2 for post in later)


def to_record(analysis: Analysis, *, with_text: bool = False, all_scores: bool = False) -> dict[str, Any]:
    """The result record of the contract, ready for JSON."""
    judgement = analysis.judgement
    thread = judgement.thread
    return {
        "topic_id": thread.id,
        "title": thread.title,
        "url": thread.url,
        "lang": judgement.lang,
        "judged_at": instant_text(judgement.judged_at),
        "states": [_state(state) for state in judgement.states],
        "posts": [_post(post, with_text, all_scores) for post in judgement.posts],
        "severity": {
            "score": judgement.severity.score,
            "addends": [{"what": a.what, "points": a.points} for a in judgement.severity.addends],
        },
        "repaired": judgement.repaired,
        "escalation": _escalation(analysis.escalation),
    }


def _state(state: ThreadState) -> dict[str, Any]:
    record: dict[str, Any] = {
        "state": state.state.value,
        "since": instant_text(state.since),
        "hours": state.hours,
        "post_number": state.post_number,
    }
    if state.due is not None:
        record |= {"words": state.words, "due": instant_text(state.due)}
    return record


def _post(judged: JudgedPost, with_text: bool, all_scores: bool) -> dict[str, Any]:
    post = judged.post
    record: dict[str, Any] = {
        "post_number": post.number,
        "username": post.author,
        "role": post.role.value,
        "created_at": instant_text(post.created_at),
        "lang": judged.lang,
        "flagged": judged.flagged,
        "signals": [
            {
                "signal": finding.signal.value,
                "score": finding.score,
                "evidence": [{"text": e.text, "start": e.start, "end": e.end} for e in finding.evidence],
                "by": list(finding.by),
            }
            for finding in judged.findings
        ],
    }
    if post.role is Role.STAFF:
        record["answers"] = list(judged.answers)
    if all_scores:
        record["scores"] = {signal.value: score for signal, score in judged.scores}
    if with_text:
        record["text"] = judged.words.text
    return record


def _escalation(escalation: Escalation | None) -> dict[str, Any] | None:
    if escalation is None:
        return None
    draft = escalation.draft
    return {
        "summary": escalation.summary,
        "note": escalation.note,
        "actions": list(escalation.actions),
        "channel": escalation.channel,
        "due": instant_text(escalation.due),
        "draft": {"lang": draft.lang, "register": draft.register, "text": draft.text} if draft is not None else None,
    }
