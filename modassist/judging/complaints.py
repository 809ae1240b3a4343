"""Complaints that only the thread shows: who presses after an unhelpful reply, joins in, or is understood later.

Everything here looks at one customer's post and what was read of the thread so far (`seen`, by post number).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from modassist.judging.cases import unsettled
from modassist.judging.findings import PRESENT, Found, score
from modassist.model import EMPTY, FLAGGING, JudgedPost, Role, Signal

Seen = Mapping[int, JudgedPost]

PRESSES = 0.6
"""Score of a complaint that shows only in context: an unsatisfied customer answers an unhelpful reply."""

JOINS = 0.8
"""Score of a complaint that is one because it says "same here" to another's."""

HINTED = 0.35
"""Score of a complaint that the words hint at: too little alone, enough where the thread says the same."""

SURE = 0.9
"""Score from which on the words leave no doubt."""

STRANGER = 0.69
"""Score from which on the words of a customer new to another one's thread are a complaint of their own."""

BUMPS = 0.8
"""Score of a chase that shows only in context: a word into the silence. On labelled threads 14 of 15 such posts were one."""

BUMP_AFTER, BUMP_WORDS = timedelta(hours=6), 12
"""A bump comes so long after the author's last post and has at most so many words: what comes sooner, or tells more,
adds to what was said."""

TROUBLED = (Signal.DISTRESS, Signal.REPEAT_CONTACT, Signal.CHURN_RISK)

HARMLESS = ("how_to", "wish", "peer_help")
"""Cues of a first post that is no complaint even if its author complains later."""


def by_hindsight(judged: Sequence[JudgedPost]) -> frozenset[int]:
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
    hinted = dict(opener.scores).get(Signal.COMPLAINT, 0.0) >= HINTED  # a post in a fourth language has no scores
    return hinted or opener.shows(*TROUBLED) or opener.has_cue("question", "since", "tried", "still_broken")


def in_context(judged: JudgedPost, found: Found, seen: Seen, told_later: frozenset[int]) -> str:
    """Why the post is a complaint in this thread, whatever its words alone would show; "" where it is not."""
    if judged.post.number in told_later:
        return "hindsight"
    if _joins_in(judged, found, seen):
        return "joins_in"
    return "presses" if _presses(judged, found, seen) else ""


def bumps(judged: JudgedPost, found: Found, seen: Seen) -> bool:
    """Whether the post only reminds of an earlier complaint of the author's that nobody of staff has answered since."""
    own = [p for p in seen.values() if p.post.author == judged.post.author]
    if not unsettled(own) or _is_content(judged, found) or _speaks_to_peer(judged, seen):
        return False
    if any(p.post.role is Role.STAFF and p.post.number > own[-1].post.number for p in seen.values()):
        return False
    text = judged.words.text
    is_short = 0 < len(text.split()) <= BUMP_WORDS and not any(char.isdigit() for char in text)
    return is_short and judged.post.created_at - own[-1].post.created_at >= BUMP_AFTER


def settle_help(judged: JudgedPost, found: Found, seen: Seen) -> None:
    """Advice among customers tells of trouble without complaining of it."""
    if judged.has_cue("peer_help") and not _own_complaints(judged, seen) and score(found, Signal.COMPLAINT) < SURE:
        found.pop(Signal.COMPLAINT, None)


def settle_stranger(judged: JudgedPost, found: Found, seen: Seen) -> None:
    """Who comes into another customer's thread mostly has advice or a question: hints of trouble are not enough there."""
    customers = [post for post in seen.values() if post.post.role is Role.CUSTOMER]
    if not customers or customers[0].post.author == judged.post.author or judged.has_cue("same_here"):
        return
    if not _own_complaints(judged, seen) and score(found, Signal.COMPLAINT) < STRANGER:
        found.pop(Signal.COMPLAINT, None)


def _own_complaints(judged: JudgedPost, seen: Seen) -> list[JudgedPost]:
    """The author's complaints so far that are not settled."""
    return unsettled([p for p in seen.values() if p.post.author == judged.post.author])


def _joins_in(judged: JudgedPost, found: Found, seen: Seen) -> bool:
    """Whether the post says "same here" to another customer's complaint (decision 10: that is one too)."""
    content = judged.has_cue("thanks", "solved", "peer_help") or score(found, Signal.PRAISE) >= PRESENT
    if not judged.has_cue("same_here") or content:
        return False
    return any(p.shows(Signal.COMPLAINT) for p in seen.values() if p.post.author != judged.post.author)


def _presses(judged: JudgedPost, found: Found, seen: Seen) -> bool:
    """Whether the author, having complained, answers an unhelpful reply with anything but contentment."""
    own = _own_complaints(judged, seen)
    if not own or not judged.words.text.strip() or _speaks_to_peer(judged, seen):
        return False
    if score(found, Signal.CHURN_RISK) >= PRESENT and not judged.has_cue("solved"):
        return True  # who thanks and leaves is not content
    if _is_content(judged, found) or score(found, Signal.ABUSE) >= PRESENT:
        return False
    if score(found, Signal.REPEAT_CONTACT) >= PRESENT:
        return True
    replies = [p for p in seen.values() if p.post.role is Role.STAFF and p.post.number > own[0].post.number]
    return bool(replies) and replies[-1].shows(*FLAGGING, *EMPTY)


def _is_content(judged: JudgedPost, found: Found) -> bool:
    return judged.has_cue("thanks", "solved", "waits") or score(found, Signal.PRAISE) >= PRESENT


def _speaks_to_peer(judged: JudgedPost, seen: Seen) -> bool:
    """Whether the post is addressed to another customer, by reply link or mention."""
    target = seen.get(judged.post.reply_to or -1)
    if target is not None:
        return target.post.role is Role.CUSTOMER and target.post.author != judged.post.author
    peers = {p.post.author.lower() for p in seen.values() if p.post.role is Role.CUSTOMER}
    return any(name.lower().lstrip("@") in peers - {judged.post.author.lower()} for name in judged.words.mentions)


def settle_praise(judged: JudgedPost, found: Found, *, is_first: bool) -> None:
    """Ironic thanks are a complaint; a customer who says that all is well does not complain by the way."""
    if judged.has_cue("ironic_thanks"):
        found.pop(Signal.PRAISE, None)
    complaint, praise = score(found, Signal.COMPLAINT), score(found, Signal.PRAISE)
    unhappy = judged.has_cue("still_broken", "chases", "ironic_thanks") or score(found, Signal.CHURN_RISK) >= PRESENT
    settled = judged.has_cue("solved") and complaint < (0.65 if is_first else 0.85)
    if not unhappy and (settled or (praise >= PRESENT and complaint < 0.7)):
        found.pop(Signal.COMPLAINT, None)
    elif complaint >= SURE and praise < 0.85:
        found.pop(Signal.PRAISE, None)
