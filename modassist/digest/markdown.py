"""The digest as Markdown: forum text cannot become markup, and nobody is mentioned by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modassist.digest.cards import Card, Pair, Quote
from modassist.digest.digest import Page
from modassist.digest.excerpt import Piece
from modassist.digest.wording import Wording

WORD_JOINER = "\u2060"
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~$^&])")
_LINE_START = re.compile(r"^(\s*)([-+=])", re.MULTILINE)
_LIST_NUMBER = re.compile(r"^(\s*\d+)([.)])", re.MULTILINE)
_EMOJI = re.compile(r":(?=[\w+-]+:)")
_MENTION = re.compile(r"@(?=\S)")
_BARE_LINK = re.compile(r"(?i)\b(https?|ftp|www)(?=:|\.)")


def escaped(text: str) -> str:
    """Text that every Markdown dialect shows as it is. Behind @ stands U+2060, so that nobody is notified."""
    plain = _MARKUP.sub(r"\\\1", text)
    plain = _LINE_START.sub(r"\1\\\2", plain)
    plain = _LIST_NUMBER.sub(r"\1\\\2", plain)
    plain = _EMOJI.sub(r"\\:", plain)
    plain = _BARE_LINK.sub(r"\1" + WORD_JOINER, plain)
    return _MENTION.sub("@" + WORD_JOINER, plain)


def render_page(page: Page) -> str:
    """The digest as a Markdown document."""
    return "\n".join(_lines(page)).rstrip() + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {escaped(page.title)}"
    yield ""
    yield from _block(" · ".join(part for part in (page.forum, page.generated, page.since) if part))
    yield from _block(" · ".join(page.counts))
    for line in (*page.undelivered, *page.hidden):
        yield f"- {escaped(line)}"
    if page.undelivered or page.hidden:
        yield ""
    yield from _block(page.empty)
    for card in page.cards:
        yield from _card(card, page.wording)
    yield from _kudos(page)
    yield f"*{escaped(page.wording.say('footer'))}*"
    yield ""
    yield f"*{escaped(page.abuse)}*"


def _block(text: str) -> Iterator[str]:
    if text:
        yield escaped(text)
        yield ""


def _card(card: Card, wording: Wording) -> Iterator[str]:
    yield f"## {card.score} · {_link(card.title, card.url)}"
    yield ""
    yield from _block(" · ".join(part for part in (card.band_words, f"#{card.topic_id}", card.category) if part))
    for state in card.states:
        yield f"- {escaped(state)}"
    if card.addends:
        addends = ", ".join(f"{what} {points:+d}" for what, points in card.addends)
        yield f"- {escaped(wording.say('adds_up'))}: {escaped(addends)}"
    yield ""
    for pair in card.pairs:
        yield from _pair(pair)
    yield from _block(card.more)
    yield from _facts(card, wording)
    yield from _draft(card, wording)


def _link(text: str, url: str) -> str:
    # Angle brackets hold an address with parentheses; blanks and < > cannot occur in one.
    usable = url and not re.search(r"[<>\s]", url)
    return f"[{escaped(text)}](<{url}>)" if usable else escaped(text)


def _pair(pair: Pair) -> Iterator[str]:
    for quote in (pair.customer, pair.staff):
        if quote is not None:
            yield from _quote(quote)
    yield from _block(pair.silence)


def _quote(quote: Quote) -> Iterator[str]:
    labels = f" ({escaped(', '.join(quote.labels))})" if quote.labels else ""
    yield f"**{_link(quote.who, quote.url)}**{labels}"
    yield ""
    for line in _pieces(quote.pieces).splitlines():
        yield f"> {line}"
    yield ""


def _pieces(pieces: Sequence[Piece]) -> str:
    return "".join(_bold(piece.text) if piece.marked else escaped(piece.text) for piece in pieces)


def _bold(text: str) -> str:
    """Bold line by line: the sign must touch the words, and does not reach over a line's end."""
    lines = [line.strip() for line in text.split("\n")]
    return "\n".join(f"**{escaped(line)}**" if line else "" for line in lines)


def _facts(card: Card, wording: Wording) -> Iterator[str]:
    for promise in card.promises:
        words = f"{wording.quoted(promise.words)} · {promise.who} · {promise.due}"
        yield f"- **{escaped(wording.say('promises'))}**: {escaped(words)}"
    for name, text in (("why", card.summary), ("note", card.note)):
        if text:
            yield f"- **{escaped(wording.say(name))}**: {escaped(' '.join(text.split()))}"
    if card.actions:
        yield f"- **{escaped(wording.say('actions'))}**:"
        yield from (f"    - {escaped(action)}" for action in card.actions)
    for name, text in (("channel", card.channel), ("due", card.due)):
        if text:
            yield f"- **{escaped(wording.say(name))}**: {escaped(text)}"
    yield ""


def _draft(card: Card, wording: Wording) -> Iterator[str]:
    """In a fenced block: to be copied as it is. The fence is longer than any in the draft."""
    if not card.draft:
        return
    longest = max((len(run) for run in re.findall(r"`+", card.draft)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"**{escaped(wording.say('draft'))}** ({escaped(wording.say('draft_note'))})"
    yield ""
    yield f"{fence}text"
    yield _MENTION.sub("@" + WORD_JOINER, card.draft.rstrip())
    yield fence
    yield ""


def _kudos(page: Page) -> Iterator[str]:
    if not page.kudos:
        return
    yield f"## {escaped(page.wording.say('kudos'))}"
    yield ""
    for one in page.kudos:
        line = escaped(page.wording.say("kudos_line", what=one.what, signals=one.signals))
        yield f"- {_link(one.title, one.url)} · {line}" if one.title else f"- {line}"
    yield ""
