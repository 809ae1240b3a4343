"""The digest and a single thread on a terminal: readable at 80 columns, with or without colour."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from modassist.digest.cards import Card, Pair, Quote
from modassist.digest.digest import Page
from modassist.digest.excerpt import Piece
from modassist.digest.wording import Wording

DRAFT_LINES = 3
_INDENT = (0, 0, 0, 5)
_BAND_STYLES = {"high": "bold red", "medium": "bold yellow", "low": "bold cyan"}
_SIDE_BY_SIDE = 64
"""Narrower terminals get the two quotes below each other."""


def render_page(page: Page, *, width: int = 80, colour: bool = False) -> str:
    """The digest as lines of at most `width` columns."""
    parts: list[RenderableType] = [*_header(page), Text()]
    for card in page.cards:
        parts += [*_card(card, page.wording, width, colour), Text()]
    if page.empty:
        parts += [Text(page.empty), Text()]
    parts += _kudos(page)
    parts += [Text(page.wording.say("footer"), style="dim"), Text(page.abuse, style="dim")]
    return _printed(parts, width, colour)


def render_thread(card: Card, wording: Wording, *, width: int = 80, colour: bool = False) -> str:
    """One thread in full: every post with its evidence marked, the sum of the severity, the whole escalation."""
    parts: list[RenderableType] = [*_head(card), Text()]
    for quote in card.posts:
        parts += [_quote_heading(quote), Padding(_pieces(quote.pieces, colour), (0, 0, 0, 2)), Text()]
    if card.addends:
        parts += [Text(wording.say("adds_up"), style="bold"), _sum(card), Text()]
    parts.append(_facts(card, wording, draft=card.draft))
    return _printed(parts, width, colour)


def render_posts(card: Card, indexes: Sequence[int], *, width: int = 80, colour: bool = False) -> str:
    """What heads a thread, and these posts of it in full with their evidence marked."""
    parts: list[RenderableType] = [*_head(card), Text()]
    for index in indexes:
        quote = card.posts[index]
        parts += [_quote_heading(quote), Padding(_pieces(quote.pieces, colour), (0, 0, 0, 2)), Text()]
    return _printed(parts, width, colour)


def render_card(card: Card, wording: Wording, *, width: int = 80, colour: bool = False) -> str:
    """One thread as the digest shows it."""
    return _printed(_card(card, wording, width, colour), width, colour)


def render_lines(lines: Iterable[str], *, width: int = 80, colour: bool = False) -> str:
    """Plain lines, cut to the width; what stands in brackets is a key."""
    return _printed([_keyed(line, colour) for line in lines], width, colour)


def _keyed(line: str, colour: bool) -> Text:
    text = Text(line)
    if colour:
        text.highlight_regex(r"\[.\]", "bold cyan")
    return text


def _printed(parts: Iterable[RenderableType], width: int, colour: bool) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _header(page: Page) -> list[RenderableType]:
    lines = [Text.assemble((page.title, "bold"), f" · {page.forum}" if page.forum else "")]
    lines.append(Text(" · ".join(part for part in (page.generated, page.since) if part), style="dim"))
    if page.counts:
        lines.append(Text(" · ".join(page.counts)))
    lines += [Text(f"  {line}") for line in page.undelivered]
    lines += [Text(line, style="dim") for line in page.hidden]
    return list(lines)


def _head(card: Card) -> list[RenderableType]:
    style = _BAND_STYLES[card.band]
    title = Table.grid(padding=(0, 2))
    title.add_column(justify="right", width=3, no_wrap=True)
    title.add_column(ratio=1)
    title.add_row(Text(str(card.score), style=style), Text(card.title, style="bold"))
    below = " · ".join(part for part in (card.band_words, f"#{card.topic_id}", card.category) if part)
    head: list[RenderableType] = [Rule(style="dim"), title, Padding(Text(below, style="dim"), _INDENT)]
    if card.url:
        head.append(Padding(Text(card.url, style="dim", overflow="fold"), _INDENT))
    return head + [Padding(Text(state), _INDENT) for state in card.states]


def _card(card: Card, wording: Wording, width: int, colour: bool) -> list[RenderableType]:
    parts = _head(card)
    if card.addends:
        parts.append(Padding(Text(" ".join(_addend(*part) for part in card.addends), style="dim"), _INDENT))
    for pair in card.pairs:
        parts += [Text(), Padding(_pair(pair, width, colour), _INDENT)]
    if card.more:
        parts.append(Padding(Text(card.more, style="dim"), _INDENT))
    parts += [Text(), Padding(_facts(card, wording, draft=_shortened(card, wording)), _INDENT)]
    return parts


def _addend(what: str, points: int) -> str:
    return f"{points:+d} {what}".replace("-", "−", 1)


def _sum(card: Card) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", width=5)
    table.add_column(ratio=1)
    for what, points in card.addends:
        table.add_row(f"{points:+d}".replace("-", "−"), Text(what))
    table.add_row(Text(f"= {card.score}", style="bold"), Text(card.band_words))
    return table


def _pair(pair: Pair, width: int, colour: bool) -> RenderableType:
    customer = _quote(pair.customer, colour) if pair.customer else None
    staff = _quote(pair.staff, colour) if pair.staff else Text(pair.silence, style="dim italic")
    sides = [side for side in (customer, staff) if side is not None]
    if len(sides) == 1 or pair.staff is None or width < _SIDE_BY_SIDE:
        return Group(*sides)
    table = Table.grid(padding=(0, 3, 0, 0), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(*sides)
    return table


def _quote_heading(quote: Quote) -> Text:
    heading = Text(quote.who, style="bold" if quote.flagged else "")
    if quote.labels:
        heading.append("\n" + ", ".join(quote.labels), style="yellow" if quote.flagged else "dim")
    return heading


def _quote(quote: Quote, colour: bool) -> RenderableType:
    words = Table.grid(padding=0, expand=True)
    words.add_column(width=2, no_wrap=True)
    words.add_column(ratio=1)
    words.add_row(Text("> ", style="dim"), _pieces(quote.pieces, colour))
    return Group(_quote_heading(quote), words)


def _pieces(pieces: Sequence[Piece], colour: bool) -> Text:
    """Evidence in bold; where there is no colour, between asterisks."""
    text = Text()
    for piece in pieces:
        if piece.marked and not colour:
            text.append(f"*{piece.text}*")
        else:
            text.append(piece.text, style="bold underline" if piece.marked else "")
    return text


def _facts(card: Card, wording: Wording, draft: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    for promise in card.promises:
        table.add_row(wording.say("promises"), Text(f"{wording.quoted(promise.words)} · {promise.who} · {promise.due}"))
    rows = (("why", card.summary), ("note", card.note), *(("actions", f"– {action}") for action in card.actions))
    rows += (("channel", card.channel), ("due", card.due), ("draft", draft))
    shown = ""
    for name, text in rows:
        if text:
            table.add_row(wording.say(name) if name != shown else "", Text(text))
            shown = name
    return table


def _shortened(card: Card, wording: Wording) -> str:
    """The draft's beginning, and how to see the rest."""
    lines = [line for line in card.draft.splitlines() if line.strip()]
    if not lines:
        return ""
    start = " ".join(lines[:DRAFT_LINES])
    if len(start) > 180:
        start = start[:180].rpartition(" ")[0]
    return f"{start} …\n({wording.say('draft_more', topic=card.topic_id)})"


def _kudos(page: Page) -> list[RenderableType]:
    if not page.kudos:
        return []
    parts: list[RenderableType] = [Rule(style="dim"), Text(page.wording.say("kudos"), style="bold green")]
    for one in page.kudos:
        line = page.wording.say("kudos_line", what=one.what, signals=one.signals)
        parts.append(Padding(Text.assemble(one.title, ("\n" if one.title else "") + line), (0, 0, 0, 2)))
        parts += [Padding(Text(one.url, style="dim"), (0, 0, 0, 2))] if one.url else []
    return [*parts, Text()]
