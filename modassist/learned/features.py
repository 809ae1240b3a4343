"""A post in its thread as numbers: what rules and context say of it, for the model to weigh.

Nothing here knows a language: words become numbers in `words`, and hits on them come from the rules. Every feature is
of the order of 0..1 (counts are log1p), so that one regularisation fits them all.

Left out on purpose: who writes, and which of several staff replies a reply is. In invented threads a poor first reply
is made good by a colleague far more often than in life, and a model would learn that plot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log1p

from modassist.judging.cases import STILL_MEANT
from modassist.judging.findings import OF_CUSTOMERS, OF_STAFF, Found, score
from modassist.model import EMPTY, FLAGGING, GOOD_PRACTICE, JudgedPost, OwnWords, Role, Signal, Span
from modassist.text.own_words import content_words

Seen = Mapping[int, JudgedPost]

_content = lru_cache(maxsize=256)(content_words)
"""A claim is asked for again by each of its answers."""

STAFF_CUES = ("promise", "delivers", "interim", "retraction", "echo", "agrees", "closing", "explains", "asks_back",
              "handled_privately", "ironic_thanks")  # fmt: skip
CUSTOMER_CUES = ("solved", "thanks", "waits", "still_broken", "chases", "same_here", "peer_help", "question", "how_to",
                 "wish", "silent_return", "since", "tried", "ironic_thanks")  # fmt: skip
ANSWERED_CUES = ("question", "how_to", "wish", "thanks", "solved", "same_here", "still_broken", "peer_help")

_SHAPE = ("words", "short", "long", "sentences", "questions", "asks_last", "exclaims", "digits", "shouts", "links",
          "images", "code", "quotes")  # fmt: skip

STAFF_FEATURES = (
    *(f"rule:{signal}" for signal in OF_STAFF),
    "rules:bad",
    *(f"cue:{name}" for name in STAFF_CUES),
    *_SHAPE,
    *(f"answered:{signal}" for signal in OF_CUSTOMERS),
    *(f"answered:{name}" for name in ANSWERED_CUES),
    "answers", "opens", "overlap_reply", "overlap_claim", "overlap_title", "names_customer", "customer_posts",
    "to_staff", "case:complaint",
)  # fmt: skip
CUSTOMER_FEATURES = (
    *(f"rule:{signal}" for signal in OF_CUSTOMERS),
    *(f"cue:{name}" for name in CUSTOMER_CUES),
    *_SHAPE,
    "opens", "first_own", "is_opener", "complained", "others_complain", "own_posts", "staff_before",
    "reply:bad", "reply:empty", "reply:good", "reply:asks_back", "reply:promise", "reply:explains", "to_staff",
    "to_peer", "staff_since",
    "title:complaint", "title:praise",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """A post as the model sees it: its words, its sentences, and `dense`, the features of its role in their order."""

    thread_id: int
    number: int
    role: Role
    lang: str
    text: str
    spans: tuple[Span, ...]
    dense: tuple[float, ...]
    answered: str = ""
    """The words of the post that a staff post answers, the nearest where there are several."""


def staff_features(judged: JudgedPost, found: Found, seen: Seen, spans: Sequence[Span], *, title: str) -> list[float]:
    """The features of a staff post, in the order of STAFF_FEATURES.

    `found` is what rules and context gave it (boilerplate too), `seen` the posts before it by number.
    """
    cues = {cue.name for cue in judged.cues}
    answered = [seen[number] for number in judged.answers]
    bad = [found[signal].score for signal in FLAGGING if signal in found]
    said = [dict(p.scores) for p in answered]
    told = {cue.name for p in answered for cue in p.cues}
    return [
        *[score(found, signal) for signal in OF_STAFF],
        sum(bad),
        *[float(name in cues) for name in STAFF_CUES],
        *_shape(judged.words, spans),
        *[max([scores.get(signal, 0.0) for scores in said], default=0.0) for signal in OF_CUSTOMERS],
        *[float(name in told) for name in ANSWERED_CUES],
        *_staff_context(judged, answered, seen, title),
    ]


def _staff_context(judged: JudgedPost, answered: Sequence[JudgedPost], seen: Seen, title: str) -> list[float]:
    reply = _content(judged.words.text)
    claim: frozenset[str] = frozenset().union(*[_content(p.words.text) for p in answered])
    shared = len(reply & claim)
    customers = {p.post.author for p in answered}
    low = judged.words.text.lower()
    target = seen.get(judged.post.reply_to or -1)
    return [
        float(bool(answered)),
        float(not seen),
        shared / len(reply) if reply else 0.0,
        shared / len(claim) if claim else 0.0,
        len(reply & _content(title)) / 4,
        float(any(name.lower() in low for name in customers)),
        log1p(sum(p.post.role is Role.CUSTOMER and p.post.author in customers for p in seen.values())),
        float(target is not None and target.post.role is Role.STAFF),
        max([_complaint_meant(customer, seen) for customer in customers], default=0.0),
    ]


def _complaint_meant(customer: str, seen: Seen) -> float:
    """How surely the customer complains in one of the last few posts: what a question back and its answer are about."""
    own = [p for p in seen.values() if p.post.author == customer][-STILL_MEANT:]
    return max([dict(p.scores).get(Signal.COMPLAINT, 0.0) for p in own], default=0.0)


def customer_features(judged: JudgedPost, found: Found, seen: Seen, spans: Sequence[Span], title: Found) -> list[float]:
    """The features of a customer post, in the order of CUSTOMER_FEATURES; arguments as for `staff_features`.

    `title` is what rules found in the thread's title, for the post that it stands over; nothing for others.
    """
    cues = {cue.name for cue in judged.cues}
    return [
        *[score(found, signal) for signal in OF_CUSTOMERS],
        *[float(name in cues) for name in CUSTOMER_CUES],
        *_shape(judged.words, spans),
        *_customer_context(judged, seen),
        score(title, Signal.COMPLAINT),
        score(title, Signal.PRAISE),
    ]


def _customer_context(judged: JudgedPost, seen: Seen) -> list[float]:
    author = judged.post.author
    customers = [p for p in seen.values() if p.post.role is Role.CUSTOMER]
    own = [p for p in customers if p.post.author == author]
    replies = [p for p in seen.values() if p.post.role is Role.STAFF]
    last = replies[-1] if replies else None
    target = seen.get(judged.post.reply_to or -1)
    own_last = own[-1].post.number if own else 0
    return [
        float(not seen),
        float(not own),
        float(bool(customers) and customers[0].post.author == author),
        float(any(p.shows(Signal.COMPLAINT) for p in own)),
        float(any(p.shows(Signal.COMPLAINT) for p in customers if p.post.author != author)),
        log1p(len(own)),
        log1p(len(replies)),
        float(last is not None and last.shows(*FLAGGING)),
        float(last is not None and last.shows(*EMPTY)),
        float(last is not None and last.shows(*GOOD_PRACTICE)),
        *[float(last is not None and last.has_cue(name)) for name in ("asks_back", "promise", "explains")],
        float(target is not None and target.post.role is Role.STAFF),
        float(target is not None and target.post.role is Role.CUSTOMER and target.post.author != author),
        float(last is not None and last.post.number > own_last),
    ]


def _shape(words: OwnWords, spans: Sequence[Span]) -> list[float]:
    """What a text looks like from afar."""
    text = words.text
    tokens = text.split()
    beginnings = [token[0] for token in tokens]
    marks = [text[span.start : span.end].rstrip()[-1:] for span in spans]
    letters = [token for token in tokens if len(token) > 3 and token.isalpha()]
    return [
        log1p(len(tokens)) / 4,
        float(len(tokens) < 9),
        float(len(tokens) > 80),
        log1p(len(spans)) / 2,
        marks.count("?") / len(marks) if marks else 0.0,
        float(marks[-1:] == ["?"]),
        marks.count("!") / len(marks) if marks else 0.0,
        log1p(sum(map(str.isdigit, beginnings))) / 2,
        sum(map(str.isupper, letters)) / len(letters) if letters else 0.0,
        float(words.links > 0),
        float(words.images > 0),
        float(words.has_code),
        float(bool(words.quotes)),
    ]
