"""A result record as something to ask a person about: which posts are in question, and what was said of them before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modassist.alerts.rules import Mark
from modassist.model import CUSTOMER_SIGNALS, EMPTY, FLAGGING, WAITING, Role, Signal
from modassist.review.verdict import Verdict, text_hash

Key = tuple[str, int]
"""A thread: its source and its number there."""

STAFF_CHOICES = tuple(signal for signal in Signal if signal in FLAGGING | EMPTY)
CUSTOMER_CHOICES = tuple(signal for signal in Signal if signal in CUSTOMER_SIGNALS)


@dataclass(frozen=True, slots=True)
class Question:
    """A post to be judged, and where it and the posts that it is read beside stand among the record's posts."""

    post_number: int
    role: Role
    found: tuple[str, ...]
    text_sha: bytes
    beside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A thread as it is gone through. `record` is the result record with the texts of its posts."""

    key: Key
    record: Mapping[str, Any]
    questions: tuple[Question, ...]
    """What is still to be judged: flagged replies, and customers' posts at which a clock is running."""
    replies: tuple[Question, ...] = ()
    """Staff replies that were not flagged: one of them may have been missed."""
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    """What was said before, as far as the posts still read the same."""
    mark: Mark = field(default_factory=Mark)
    is_open: bool = True
    """Whether anybody has to look at it at all."""

    @property
    def draft(self) -> str:
        escalation = self.record.get("escalation") or {}
        return str((escalation.get("draft") or {}).get("text", ""))

    def role_of(self, post_number: int) -> Role:
        return next(Role(post["role"]) for post in self.record["posts"] if post["post_number"] == post_number)

    def is_settled_by(self, verdicts: Mapping[int, Verdict]) -> bool:
        """Whether nothing is left of why the thread was shown, by these verdicts and the earlier ones."""
        known = {**self.verdicts, **verdicts}
        concerned = [question.post_number for question in _questions(self.record)]
        silent = {state["post_number"] for state in self.record["states"] if state["state"] in WAITING}
        return (
            bool(concerned)
            and silent <= set(concerned)
            and all(number in known and _is_clear(known[number], self.role_of(number)) for number in concerned)
        )


def _is_clear(verdict: Verdict, role: Role) -> bool:
    bad = {str(signal) for signal in FLAGGING | EMPTY} if role is Role.STAFF else {str(Signal.COMPLAINT)}
    return bad.isdisjoint(verdict.labels(role))


def case_of(
    source: str, record: Mapping[str, Any], verdicts: Mapping[int, Verdict], mark: Mark, *, again: bool = False
) -> Case:
    """The case of a result record (made with texts). With `again`, what was judged before is asked once more."""
    shas = {post["post_number"]: text_hash(post.get("text", "")) for post in record["posts"]}
    held = {number: verdict for number, verdict in verdicts.items() if shas.get(number) == verdict.text_sha}
    questions = tuple(_questions(record))
    open_ones = questions if again else tuple(q for q in questions if q.post_number not in held)
    replies = [post for post in record["posts"] if post["role"] == "staff" and not post.get("flagged")]
    return Case(
        key=(source, record["topic_id"]),
        record=record,
        questions=open_ones,
        replies=tuple(_question(record, post) for post in replies),
        verdicts=held,
        mark=mark,
        is_open=again or bool(open_ones) or not questions,
    )


def _questions(record: Mapping[str, Any]) -> Iterator[Question]:
    clocks = {state["post_number"] for state in record["states"] if state["state"] in WAITING}
    for post in record["posts"]:
        waits = post["role"] == "customer" and post["post_number"] in clocks
        if waits or (post["role"] == "staff" and post.get("flagged")):
            yield _question(record, post)


def _question(record: Mapping[str, Any], post: Mapping[str, Any]) -> Question:
    return Question(
        post_number=post["post_number"],
        role=Role(post["role"]),
        found=tuple(finding["signal"] for finding in post["signals"]),
        text_sha=text_hash(post.get("text", "")),
        beside=_beside(record["posts"], post),
    )


def _beside(posts: Iterable[Mapping[str, Any]], post: Mapping[str, Any]) -> tuple[int, ...]:
    """The post, behind what it answers: for a reply the customer's post, for a customer staff's last word."""
    numbered = list(enumerate(posts))
    own = next(index for index, one in numbered if one is post)
    answered = [index for index, one in numbered if one["post_number"] in post.get("answers", ())[:1]]
    other = "customer" if post["role"] == "staff" else "staff"
    before = [index for index, one in numbered[:own] if one["role"] == other][-1:]
    return (*(answered or before), own)


def choices(role: Role) -> tuple[Signal, ...]:
    """What a person can say that a post of this role shows: good practice is not asked for."""
    return STAFF_CHOICES if role is Role.STAFF else CUSTOMER_CHOICES
