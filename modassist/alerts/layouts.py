"""A notice as each kind of channel shows it: Markdown for Discourse, HTML for mail, a few lines for chats.

All forum text in a notice is inert already. The address of the thread is a link in mail alone: a link in a post of
Discourse notifies the author of what it leads to, and chat programs fetch what they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from modassist.alerts.inert import shortened
from modassist.alerts.notice import Notice, Quoted

CHAT_LENGTH = 1000
"""Characters: what every chat takes in one piece."""

CHAT_ITEMS = 5

CHAT_WIDTHS = (160, 80)
"""Characters of one quote or step: at first, and where the facts would not fit."""


class Layout(StrEnum):
    """How a channel shows a message."""

    FORUM = "forum"
    MAIL = "mail"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to be sent: `title` where the channel has titles, and the body in its layout."""

    title: str
    body: str
    reference: str


def laid_out(notice: Notice, layout: Layout, reference: str) -> Message:
    """The notice in a channel's layout; `reference` is the code alone."""
    body = {Layout.FORUM: forum_markdown, Layout.MAIL: mail_html, Layout.CHAT: chat_text}[layout](notice)
    return Message(notice.subject, body, reference)


# -- Discourse -------------------------------------------------------------------------------------------------------


def forum_markdown(notice: Notice) -> str:
    """Markdown for a post. Nothing stands alone on a line that a forum could unfold."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_forum_lines(notice))).strip() + "\n"


def _forum_lines(notice: Notice) -> Iterator[str]:
    yield f"**{notice.subject}**"
    place = f"{notice.link_label}: `{notice.link}`" if notice.link else ""
    yield from _paragraph(" · ".join(part for part in (notice.badge, place) if part))
    for line in notice.intro:
        yield from _paragraph(line)
    for item in notice.items:
        address = f" · `{item.link}`" if item.link else ""
        yield f"- **{item.heading}**{address}"
        yield f"  {item.facts}" if item.facts else ""
    yield from (f"- {fact}" for fact in notice.facts)
    for quote in notice.quotes:
        yield from _forum_quote(quote)
    if notice.steps:
        yield ""
        yield f"**{notice.steps_label}**"
        yield ""
        yield from (f"- {step}" for step in notice.steps)
    for label, text in (*notice.note, *notice.plan):
        yield from _paragraph(f"**{label}**: {text}")
    yield from _paragraph(f"{notice.footer} {notice.reference}")


def _paragraph(text: str) -> Iterator[str]:
    if text:
        yield ""
        yield text
        yield ""


def _forum_quote(quote: Quoted) -> Iterator[str]:
    labels = f" ({quote.labels})" if quote.labels else ""
    yield from _paragraph(f"**{quote.who}**{labels}")
    yield "> " + "".join(_bold(piece.text) if piece.marked else piece.text for piece in quote.pieces).strip()


def _bold(text: str) -> str:
    """The signs must touch the words."""
    words = text.strip()
    return text.replace(words, f"**{words}**", 1) if words else text


# -- mail ------------------------------------------------------------------------------------------------------------


def mail_html(notice: Notice) -> str:
    """HTML for a mail: no pictures, no style that is fetched, one link."""
    return "\n".join(_mail_lines(notice))


def _mail_lines(notice: Notice) -> Iterator[str]:
    yield f'<div lang="{escape(notice.lang)}" style="font-family:sans-serif;max-width:42em">'
    yield f"<h2>{escape(notice.subject)}</h2>"
    link = _anchor(notice.link, notice.link_label)
    head = " · ".join(part for part in (escape(notice.badge), link) if part)
    yield f"<p>{head}</p>" if head else ""
    yield from (f"<p>{escape(line)}</p>" for line in notice.intro)
    items = [f"<b>{escape(item.heading)}</b> {_anchor(item.link, notice.link_label)}<br>{escape(item.facts)}" for item in notice.items]  # fmt: skip
    yield from _list([*items, *(escape(fact) for fact in notice.facts)])
    for quote in notice.quotes:
        yield from _mail_quote(quote)
    if notice.steps:
        yield f"<p><b>{escape(notice.steps_label)}</b></p>"
        yield from _list([escape(step) for step in notice.steps])
    yield from (f"<p><b>{escape(label)}</b>: {escape(text)}</p>" for label, text in (*notice.note, *notice.plan))
    yield f'<p style="color:#666">{escape(notice.footer)} {escape(notice.reference)}</p>'
    yield "</div>"


def _anchor(link: str, label: str) -> str:
    return f'<a href="{escape(link)}">{escape(label)}</a>' if link else ""


def _list(lines: list[str]) -> Iterator[str]:
    if lines:
        yield "<ul>"
        yield from (f"<li>{line}</li>" for line in lines)
        yield "</ul>"


def _mail_quote(quote: Quoted) -> Iterator[str]:
    labels = f" ({escape(quote.labels)})" if quote.labels else ""
    yield f"<p><b>{escape(quote.who)}</b>{labels}</p>"
    words = "".join(f"<b>{escape(piece.text)}</b>" if piece.marked else escape(piece.text) for piece in quote.pieces)
    yield f"<blockquote>{words.strip()}</blockquote>"


# -- chats -----------------------------------------------------------------------------------------------------------


def chat_text(notice: Notice) -> str:
    """A few plain lines, whatever a chat makes of them. Head, evidence, next step and end always have room; facts and
    lists get the rest."""
    head = [notice.subject, *([f"`{notice.link}`"] if notice.link else [])]
    room = CHAT_LENGTH - sum(len(line) + 1 for line in (*head, notice.reference))
    facts = [line for line in _chat_facts(notice) if line]
    for width in CHAT_WIDTHS:
        tail = list(_chat_tail(notice, width))
        left = room - _length(tail)
        if _length(facts) <= left:
            break
    return "\n".join((*head, *_fitting(facts, left), *tail, notice.reference))


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _fitting(lines: Iterable[str], room: int) -> Iterator[str]:
    """As many lines as there is room for. An address is never cut: without its last sign a chat would fetch it."""
    for line in lines:
        if len(line) >= room:
            if "`" not in line and room > 2:
                yield shortened(line, room - 1)
            return
        yield line
        room -= len(line) + 1


def _chat_facts(notice: Notice) -> Iterator[str]:
    yield from notice.intro
    for item in notice.items[:CHAT_ITEMS]:
        heading = shortened(item.heading, CHAT_WIDTHS[0] // 2)
        yield f"{heading} `{item.link}`" if item.link else heading
    if len(notice.items) > CHAT_ITEMS:
        yield f"… +{len(notice.items) - CHAT_ITEMS}"
    yield from notice.facts


def _chat_tail(notice: Notice, width: int) -> Iterator[str]:
    """Evidence of the last two posts that have some, the next step, and by when."""
    shown = [quote for quote in notice.quotes if quote.evidence][-2:]
    yield from (f"{shortened(quote.who, 60)}: “{shortened(quote.evidence, width)}”" for quote in shown)
    first = [f"{notice.steps_label}: {shortened(notice.steps[0], width)}"] if notice.steps else []
    yield from (*first, *(f"{label}: {shortened(text, width // 2)}" for label, text in notice.plan))
