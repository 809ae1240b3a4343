"""A message in finished, inert words; the layouts only arrange it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from modassist.alerts.inert import inert_line, inert_pieces, shortened, without_names
from modassist.alerts.rules import Kind
from modassist.digest.cards import Card, Quote, card
from modassist.digest.wording import Wording
from modassist.model import State

Record = Mapping[str, Any]

TITLE, LINE, QUOTE, NOTE = 120, 300, 700, 900
"""Characters at most: of a title, a line, one quote, the note. What a thread holds has no limit; a message has."""

GATHERED = 25
"""More threads than this are counted only."""

STEPS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """Quoted words; `marked` where they are evidence."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Quoted:
    """Words of one post: whose, what they show."""

    who: str
    labels: str
    pieces: tuple[Piece, ...]

    @property
    def evidence(self) -> str:
        return " … ".join(piece.text for piece in self.pieces if piece.marked)


@dataclass(frozen=True, slots=True)
class Item:
    """One thread in a list of several."""

    heading: str
    facts: str
    link: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Everything a message says. `link` is the one address in it; all other text is inert."""

    subject: str
    lang: str
    link_label: str
    reference: str
    footer: str
    badge: str = ""
    link: str = ""
    intro: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    quotes: tuple[Quoted, ...] = ()
    steps_label: str = ""
    steps: tuple[str, ...] = ()
    note: tuple[tuple[str, str], ...] = ()
    plan: tuple[tuple[str, str], ...] = ()
    """Where the answer should be given and by when, each with its label."""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Composes messages in the team's language; `names` is the privacy setting."""

    wording: Wording
    names: str = "named"

    def notice(
        self, kind: Kind, record: Record, *, reference: str, reasons: Sequence[str] = (), post_number: int | None = None,
        first_look: timedelta = timedelta(0),
    ) -> Notice:  # fmt: skip
        """A message about one result record (made with the texts of its posts)."""
        about = _About(record, self.wording, self.names)
        if kind is Kind.RESOLVED:
            return about.resolved(reference)
        if kind is Kind.FIRST_LOOK:
            return about.first_look(reference, post_number or 0, first_look)
        return about.alert(reference, reasons)

    def gathered(self, records: Sequence[Record], *, reference: str) -> Notice:
        """One message about several threads, the worst first."""
        ranked = sorted(records, key=lambda record: (-record["severity"]["score"], record["topic_id"]))
        say = self.wording
        more = len(ranked) - GATHERED
        return Notice(
            subject=say.count("alerts.gathered", len(ranked)),
            intro=(say.say("alerts.gathered_why"),),
            items=tuple(_About(record, say, self.names).item() for record in ranked[:GATHERED]),
            facts=(say.count("alerts.gathered_more", more),) if more > 0 else (),
            lang=say.language,
            link_label=say.say("alerts.link"),
            reference=say.say("alerts.reference", code=reference),
            footer=say.say("alerts.footer"),
        )


def thread_link(record: Record) -> str:
    """The address of a thread by its number alone: the slug is forum text."""
    source = str(record.get("source") or "")
    return f"{source}/t/{int(record['topic_id'])}" if source.startswith(("https://", "http://")) else ""


class _About:
    """What there is to say about one thread."""

    def __init__(self, record: Record, wording: Wording, names: str) -> None:
        self.record, self.wording = record, wording
        self.people = {str(post.get("username") or "") for post in record["posts"]}
        self.names = names
        self.card: Card = card(record, wording, names, colleagues=True)
        self.title = self.line(self.card.title, TITLE) or f"{record['topic_id']}"

    def line(self, text: str, length: int = LINE) -> str:
        return shortened(inert_line(without_names(text, self.people, self.names)), length)

    def item(self) -> Item:
        heading = f"{self.card.score} · {self.title}"
        return Item(heading, self.line(" · ".join(self.card.states)), thread_link(self.record))

    def alert(self, reference: str, reasons: Sequence[str]) -> Notice:
        card, say = self.card, self.wording.say
        addends = ", ".join(f"{self.line(what)} {points:+d}" for what, points in card.addends)
        news = ", ".join(_reason(reason, self.wording) for reason in reasons)
        facts = [self.line(state) for state in card.states]
        facts += [f"{say('alerts.new')}: {news}"] if news else []
        facts += [f"{say('adds_up')}: {addends}"] if addends else []
        facts += [self.line(f"{say('promises')}: {one.words} · {one.who} · {one.due}") for one in card.promises]
        return self._notice(
            reference,
            subject=f"{card.score} · {self.title}",
            badge=" · ".join(part for part in (card.band_words, card.category) if part),
            facts=tuple(facts),
            quotes=self.quotes(),
            steps_label=say("actions"),
            steps=tuple(self.line(action) for action in card.actions[:STEPS]),
            note=self.labelled(note=(" ".join(part for part in (card.summary, card.note) if part), NOTE)),
            plan=self.labelled(channel=(card.channel, LINE), due=(card.due, LINE)),
        )

    def resolved(self, reference: str) -> Notice:
        say = self.wording.say
        subject = say("alerts.resolved", title=self.title)
        return self._notice(reference, subject=subject, intro=(say("alerts.resolved_why"),))

    def first_look(self, reference: str, number: int, after: timedelta) -> Notice:
        """To the author of one reply: that reply and what it answers, no severity, no sum."""
        say = self.wording.say
        hours = after.total_seconds() / 3600
        lead = say("alerts.first_look_lead", span=say("spans.hours", n=self.wording.number(hours)))
        chosen = [pair for pair in self.card.pairs if pair.staff and pair.staff.url.endswith(f"/{number}")]
        quotes = [quote for pair in chosen for quote in (pair.customer, pair.staff) if quote]
        return self._notice(
            reference,
            subject=say("alerts.first_look", number=number, title=self.title).replace("#", "＃"),
            link=f"/{number}",
            intro=(say("alerts.first_look_why"), lead),
            quotes=tuple(self.quoted(quote) for quote in quotes),
            steps_label=say("actions"),
            steps=tuple(self.line(action) for action in self.card.actions[:STEPS]),
        )

    def quotes(self) -> tuple[Quoted, ...]:
        pairs = self.card.pairs
        return tuple(self.quoted(quote) for pair in pairs for quote in (pair.customer, pair.staff) if quote)

    def quoted(self, quote: Quote) -> Quoted:
        words = inert_pieces([without_names(piece.text, self.people, self.names) for piece in quote.pieces])
        room, pieces = QUOTE, []
        for text, piece in zip(words, quote.pieces, strict=True):
            if room > 0:
                pieces.append(Piece(shortened(text, room), piece.marked))
            room -= len(text)
        return Quoted(inert_line(quote.who), self.line(", ".join(quote.labels)), tuple(pieces))

    def labelled(self, **texts: tuple[str, int]) -> tuple[tuple[str, str], ...]:
        """Texts of at most so many characters behind the label of their name; without those that are empty."""
        found = ((name, self.line(text, length)) for name, (text, length) in texts.items())
        return tuple((self.wording.say(name), text) for name, text in found if text)

    def _notice(self, reference: str, *, link: str = "", **parts: Any) -> Notice:
        say, address = self.wording.say, thread_link(self.record)
        return Notice(
            lang=self.wording.language,
            link_label=say("alerts.link"),
            link=address + link if address else "",
            reference=say("alerts.reference", code=reference),
            footer=say("alerts.footer"),
            **parts,
        )


def _reason(reason: str, wording: Wording) -> str:
    if reason == "severity":
        return wording.say("alerts.more_urgent")
    return wording.say(f"addends.{reason}" if reason in frozenset(State) else f"signals.{reason}")
