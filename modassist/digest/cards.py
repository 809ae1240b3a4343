"""Result records -> what a digest says about each thread, in finished words; the formats only lay it out.

Everything that came from the forum passes `visible` here, once. Colleagues are spoken of by their reply's number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modassist.digest.excerpt import Piece, evidence_spans, excerpt, telling, whole
from modassist.digest.printable import one_line, visible
from modassist.digest.wording import Wording
from modassist.instants import parse_instant
from modassist.model import FLAGGING, WAITING, Signal, State

Record = Mapping[str, Any]

EXCERPT = 240
PAIRS = 3
"""More quotes than this make nobody read the digest; the rest is in `modassist show`."""
_BANDS = ((70, "high"), (40, "medium"), (0, "low"))
_WAITED = re.compile(r"waiting ([0-9.]+) h")
_AGAIN = re.compile(r"flagged replies: ([0-9]+) more")
_GOOD, _CUT = "good practice: ", "cut at "


@dataclass(frozen=True, slots=True)
class Quote:
    """Exact words of one post. `who` reads "Customer · post #1"; `labels` are the signals that it shows."""

    who: str
    role: str
    labels: tuple[str, ...]
    pieces: tuple[Piece, ...]
    lang: str
    url: str
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """What the customer said, and what staff said to it. Where that side has not spoken, `silence` says so."""

    customer: Quote | None
    staff: Quote | None
    silence: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What staff promised: the words, in which reply, and when it was due."""

    words: str
    who: str
    due: str
    lang: str


@dataclass(frozen=True, slots=True)
class Card:
    """One thread that needs a person."""

    topic_id: int
    title: str
    url: str
    lang: str
    category: str
    score: int
    band: str
    band_words: str
    states: tuple[str, ...]
    addends: tuple[tuple[str, int], ...]
    pairs: tuple[Pair, ...]
    more: str
    promises: tuple[Promise, ...]
    summary: str
    note: str
    actions: tuple[str, ...]
    channel: str
    due: str
    draft: str
    draft_lang: str
    posts: tuple[Quote, ...]


def safe_url(url: str) -> str:
    """The address if it is one of the web, else nothing."""
    address = "".join(visible(url).split())
    return address if address.startswith(("https://", "http://")) else ""


def named(username: str, names: str) -> str:
    """A person's name as the privacy setting wants it: "named", "initials" or "hidden"."""
    name = one_line(username)
    if names == "hidden" or not name:
        return ""
    return name if names == "named" else name[0].upper() + "."


def card(record: Record, wording: Wording, names: str = "named", *, colleagues: bool = False) -> Card:
    """What there is to say about one result record (made with the texts of its posts).

    With `colleagues` the authors of staff replies are named too, as far as `names` allows.
    """
    score = record["severity"]["score"]
    band = next(name for least, name in _BANDS if score >= least)
    teller = _Teller(record, wording, names, colleagues=colleagues)
    pairs = teller.pairs()
    extra = len(pairs) - PAIRS
    escalation = record.get("escalation") or {}
    draft = escalation.get("draft") or {}
    return Card(
        topic_id=record["topic_id"],
        title=one_line(record["title"]),
        url=teller.url,
        lang=record["lang"],
        category=wording.say("category", id=record["category_id"]) if record.get("category_id") else "",
        score=score,
        band=band,
        band_words=wording.say(f"bands.{band}"),
        states=tuple(_state_words(state, wording) for state in record["states"]),
        addends=tuple((_addend_words(part["what"], wording), part["points"]) for part in record["severity"]["addends"]),
        pairs=tuple(pairs[:PAIRS]),
        more=wording.count("more_quotes", extra, topic=record["topic_id"]) if extra > 0 else "",
        promises=teller.promises(),
        summary=visible(escalation.get("summary", "")),
        note=visible(escalation.get("note", "")),
        actions=tuple(one_line(action) for action in escalation.get("actions", ())),
        channel=one_line(escalation.get("channel", "")),
        due=_when(escalation.get("due"), wording),
        draft=visible(draft.get("text", "")),
        draft_lang=draft.get("lang", ""),
        posts=tuple(teller.quote(post, everything=True) for post in record["posts"]),
    )


def _when(instant: str | datetime | None, wording: Wording) -> str:
    if not instant:
        return ""
    return wording.when(parse_instant(instant) if isinstance(instant, str) else instant)


def _state_words(state: Record, wording: Wording) -> str:
    return wording.say(f"states.{state['state']}", span=wording.span(state["hours"]))


def _addend_words(what: str, wording: Wording) -> str:
    """An addend's name (see severity.py) in the moderators' language; one that is not known stays as it is."""
    if what in frozenset(Signal):
        return wording.say(f"signals.{what}")
    if what in frozenset(State):
        return wording.say(f"addends.{what}")
    if found := _WAITED.fullmatch(what):
        return wording.say("addends.waiting", span=wording.span(float(found[1])))
    if found := _AGAIN.fullmatch(what):
        return wording.count("addends.again", int(found[1]))
    if what.startswith(_GOOD):
        shown = ", ".join(wording.say(f"signals.{name}") for name in what.removeprefix(_GOOD).split(", "))
        return wording.say("addends.good", signals=shown)
    if what.startswith(_CUT):
        return wording.say("addends.cut", end=one_line(what.removeprefix(_CUT)))
    return one_line(what)


class _Teller:
    """Picks the words of one record that belong on its card."""

    def __init__(self, record: Record, wording: Wording, names: str, *, colleagues: bool) -> None:
        self.colleagues = colleagues
        self.posts: Sequence[Record] = record["posts"]
        self.states: Sequence[Record] = record["states"]
        self.by_number: dict[int, Record] = {post["post_number"]: post for post in self.posts}
        self.url = safe_url(record["url"])
        self.wording = wording
        self.names = names

    def pairs(self) -> list[Pair]:
        """Flagged replies beside the words they answer; then what waits unheard, behind the reply that it follows."""
        replies = [post for post in self.posts if post.get("flagged")]
        waiting = self._waiting()
        for post in waiting:
            last = self._staff_before(post)
            if last is not None and last not in replies:
                replies.append(last)
        found = [(self._answered(reply), reply) for reply in replies]
        shown = [customer for customer, _ in found]
        pairs = [Pair(self.quote(customer) if customer else None, self.quote(reply)) for customer, reply in found]
        return pairs + [self._unheard(post) for post in waiting if post not in shown]

    def _waiting(self) -> list[Record]:
        """Customer posts at which a clock is running, in order."""
        numbers = sorted({state["post_number"] for state in self.states if state["state"] in WAITING})
        posts = [self.by_number[number] for number in numbers if number in self.by_number]
        return [post for post in posts if post["role"] == "customer"]

    def _unheard(self, post: Record) -> Pair:
        spoken = any(one["role"] == "staff" for one in self.posts)
        return Pair(self.quote(post), None, self.wording.say("silent_since" if spoken else "no_staff_word"))

    def _answered(self, reply: Record) -> Record | None:
        """The customer post that the reply answers, else the last complaint before it, else the last customer post."""
        for number in reply.get("answers", ()):
            if number in self.by_number:
                return self.by_number[number]
        earlier = [post for post in self.posts if post["post_number"] < reply["post_number"]]
        before = [post for post in earlier if post["role"] == "customer"]
        complaints = [post for post in before if any(finding["signal"] == "complaint" for finding in post["signals"])]
        found = complaints or before
        return found[-1] if found else None

    def _staff_before(self, post: Record) -> Record | None:
        before = [one for one in self.posts if one["post_number"] < post["post_number"] and one["role"] == "staff"]
        return before[-1] if before else None

    def promises(self) -> tuple[Promise, ...]:
        """What was promised and not kept."""
        return tuple(self._promise(state) for state in self.states if state.get("words"))

    def _promise(self, state: Record) -> Promise:
        say = self.wording.say
        due = _when(state.get("due"), self.wording)
        post = self.by_number.get(state["post_number"], {})
        return Promise(
            words=one_line(state["words"]),
            who=say("reply", number=state["post_number"]),
            due=say("promise_due", when=due) if due else say("promise_open"),
            lang=post.get("lang", "und"),
        )

    def quote(self, post: Record, *, everything: bool = False) -> Quote:
        """The post's words: those that matter, or every one."""
        role = post["role"]
        labels = tuple(self.wording.say(f"signals.{finding['signal']}") for finding in post["signals"])
        number = post["post_number"]
        return Quote(
            who=self._who(post),
            role=role,
            labels=labels,
            pieces=self._pieces(post, everything),
            lang=post["lang"] if post["lang"] != "und" else "",
            url=f"{self.url}/{number}" if self.url else "",
            flagged=bool(post.get("flagged")),
        )

    def _who(self, post: Record) -> str:
        word = "reply" if post["role"] == "staff" else "post"
        parts = [self.wording.say(post["role"]), self.wording.say(word, number=post["post_number"])]
        is_named = post["role"] == "customer" or (self.colleagues and post["role"] == "staff")
        name = named(post["username"], self.names) if is_named else ""
        return " · ".join([*parts, name] if name else parts)

    def _pieces(self, post: Record, everything: bool) -> tuple[Piece, ...]:
        if not post.get("text"):
            shown = [one["text"] for finding in post["signals"] for one in finding["evidence"]]
            pieces: tuple[Piece, ...] = tuple(Piece(text, marked=True) for text in shown[:1])
        elif everything:
            pieces = whole(post["text"], evidence_spans(post))
        else:
            matters = evidence_spans(post, _shown_signals(post)) or evidence_spans(post)
            pieces = excerpt(post["text"], telling(post["text"], matters), EXCERPT)
        cleaned = (Piece(visible(piece.text), piece.marked) for piece in pieces)
        return tuple(piece for piece in cleaned if piece.text) or (Piece(self.wording.say("no_words")),)


def _shown_signals(post: Record) -> frozenset[str]:
    """Signals whose words a moderator must see: what flags a reply, or what the customer suffers."""
    if post["role"] == "staff":
        return frozenset(FLAGGING)
    return frozenset({"complaint", "distress", "churn_risk", "repeat_contact", "abuse"})
