"""Discourse's `cooked` HTML -> a draft of the author's own words: text in lines, quotes set aside, code gone.

The tree is walked without recursion, and never gets deep enough to make the parser slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from modassist.text.emoji import emoji

BREAK = "\x1e"
"""Ends a line in the draft; a newline in HTML source is but a blank."""
QUOTE_MARK = "\x02"
"""Stands on a line of its own where a quote was taken out: mail headers are known by it."""


@dataclass(slots=True)
class Cited:
    """A quote that is being read, or has been."""

    parts: list[str] = field(default_factory=list)
    author: str | None = None
    post_number: int | None = None
    awaits_block: bool = False
    """A forum quote whose own <blockquote> has not begun: title and controls come before it."""


@dataclass(slots=True)
class Draft:
    """What one walk over a post finds. Mutable, and never leaves own_words()."""

    parts: list[str] = field(default_factory=list)
    quotes: list[Cited] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    links: int = 0
    images: int = 0
    has_code: bool = False
    open_quotes: list[Cited] = field(default_factory=list)

    def write(self, words: str) -> None:
        (self.open_quotes[-1].parts if self.open_quotes else self.parts).append(words)

    def open_quote(self, cited: Cited) -> None:
        self.write(BREAK + QUOTE_MARK + BREAK)
        self.quotes.append(cited)
        self.open_quotes.append(cited)

    def add_link(self) -> None:
        self.links += not self.open_quotes

    def add_mention(self, words: str) -> None:
        self.write(words)
        name = words.strip().lstrip("@")
        if name and not self.open_quotes:
            self.mentions.append(name)


_SKIP, _BLOCK, _LINE, _CELL = "skip", BREAK, "line", " "
_CLOSE_QUOTE = "close quote"
_DESCEND = ""
"""What a handler answers: a text to write after the children, _SKIP to leave them out, _CLOSE_QUOTE."""

_DROPPED_CLASSES = frozenset(
    "poll poll-container meta title quote-controls gmail_quote gmail_signature gmail_extra moz-signature moz-cite-prefix "
    "yahoo_quoted onebox signature footnotes-list footnotes chcklst-box footnote-ref footnote-backref hashtag-icon-placeholder".split()
)


def _classes(node: LexborNode) -> list[str]:
    return (node.attributes.get("class") or "").split()


def _link(node: LexborNode, draft: Draft) -> str:
    attributes = node.attributes
    href = attributes.get("href") or ""
    classes = (attributes.get("class") or "").split()
    if not classes:
        if href and href[0] != "#" and not href.startswith("mailto:"):
            draft.add_link()
        return _DESCEND
    if "mention" in classes or "mention-group" in classes:
        draft.add_mention(node.text())
        return _SKIP
    if "hashtag-cooked" in classes:
        draft.write("#" + (attributes.get("data-ref") or attributes.get("data-slug") or node.text().strip()))
        return _SKIP
    if "onebox" in classes or "inline-onebox" in classes:
        draft.add_link()
        draft.write(href)  # the page's title is not the author's word; the address is what was typed
        return _SKIP
    if "anchor" in classes or "footnote-backref" in classes:
        return _SKIP
    if href and not {"lightbox", "hashtag"} & set(classes):
        draft.add_link()
    return _DESCEND


def _image(node: LexborNode, draft: Draft) -> str:
    attributes = node.attributes
    classes = (attributes.get("class") or "").split()
    if "emoji" in classes:
        name = attributes.get("title") or attributes.get("alt") or ""
        draft.write(emoji(name) if name.isascii() else name[:8])
    elif "avatar" not in classes and not draft.open_quotes:
        draft.images += 1
        draft.write(" ")
    return _SKIP


def _aside(node: LexborNode, draft: Draft) -> str:
    attributes = node.attributes
    classes = (attributes.get("class") or "").split()
    if "onebox" in classes:
        draft.add_link()
        draft.write(BREAK)
        return _SKIP
    if "quote" not in classes:
        draft.write(BREAK)
        return _BLOCK
    number = attributes.get("data-post") or ""
    post_number = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None
    draft.open_quote(Cited([], attributes.get("data-username") or None, post_number, awaits_block=True))
    return _CLOSE_QUOTE


def _blockquote(node: LexborNode, draft: Draft) -> str:
    if draft.open_quotes and draft.open_quotes[-1].awaits_block:
        draft.open_quotes[-1].awaits_block = False
        draft.write(BREAK)
        return _BLOCK
    draft.open_quote(Cited())
    return _CLOSE_QUOTE


def _code(node: LexborNode, draft: Draft) -> str:
    if not draft.open_quotes:
        draft.has_code = True
    draft.write(" ")
    return _SKIP


def _code_block(node: LexborNode, draft: Draft) -> str:
    _code(node, draft)
    draft.write(BREAK)
    return _SKIP


def _division(node: LexborNode, draft: Draft) -> str:
    draft.write(BREAK)
    classes = _classes(node)
    if not classes:
        return _BLOCK
    if "title" in classes and not (draft.open_quotes and draft.open_quotes[-1].awaits_block):
        return _BLOCK
    return _SKIP if not _DROPPED_CLASSES.isdisjoint(classes) else _BLOCK


def _inline(node: LexborNode, draft: Draft) -> str:
    attributes = node.attributes
    classes = (attributes.get("class") or "").split()
    if "mention" in classes:
        draft.add_mention(node.text())
        return _SKIP
    if "discourse-local-date" in classes:
        draft.write(f"{attributes.get('data-date') or ''} {(attributes.get('data-time') or '')[:5]}".strip())
        return _SKIP
    return _SKIP if classes and not _DROPPED_CLASSES.isdisjoint(classes) else _DESCEND


def _details(node: LexborNode, draft: Draft) -> str:
    draft.write(BREAK)
    return _SKIP if "elided" in _classes(node) else _BLOCK


def _ordered_item(node: LexborNode, draft: Draft) -> str:
    """Markdown reads „3. Februar“ at the head of a line as item 3 of a list: such a number is a word."""
    draft.write(BREAK)
    parent = node.parent
    if parent is None or parent.tag != "ol":
        return _BLOCK
    start = parent.attributes.get("start") or ""
    first = parent.css_first("li") if start.isdigit() and start != "1" else None
    if first is not None and first.mem_id == node.mem_id:
        draft.write(f"{start[:9]}. ")
    return _BLOCK


_Handler = Callable[[LexborNode, Draft], str]


def _block(node: LexborNode, draft: Draft) -> str:
    draft.write(BREAK)
    return _BLOCK


def _line_break(node: LexborNode, draft: Draft) -> str:
    draft.write(BREAK)
    return _SKIP


def _cell(node: LexborNode, draft: Draft) -> str:
    return _CELL


def _leave_out(node: LexborNode, draft: Draft) -> str:
    return _SKIP


_HANDLERS: dict[str, _Handler] = {
    **dict.fromkeys(
        "p h1 h2 h3 h4 h5 h6 ul ol dl dt dd tr table caption summary address center article "
        "header footer figure figcaption fieldset form main nav".split(),
        _block,
    ),
    **dict.fromkeys(("br", "hr"), _line_break),
    **dict.fromkeys(("td", "th"), _cell),
    **dict.fromkeys(
        "script style iframe video audio object embed svg math select button noscript template canvas textarea".split(),
        _leave_out,
    ),
    **dict.fromkeys(("code", "samp", "tt"), _code),
    **dict.fromkeys(("span", "sup"), _inline),
    **dict.fromkeys(("div", "section"), _division),
    "pre": _code_block,
    "a": _link,
    "img": _image,
    "aside": _aside,
    "blockquote": _blockquote,
    "details": _details,
    "li": _ordered_item,
}


def _by_tag_id() -> dict[int, _Handler]:
    """Handlers by lexbor's number of the tag, read off a document: comparing numbers spares a string per node."""
    handlers = {}
    for tag, handler in _HANDLERS.items():
        node = LexborHTMLParser("").create_node(tag)
        handlers[node.tag_id] = handler
    return handlers


_BY_TAG_ID = _by_tag_id()
_TEXT_ID = 2
"""lexbor's fixed number of a text node (LXB_TAG__TEXT)."""


def read_html(html: str) -> Draft:
    """The draft of one post. Broken markup is read as a browser would; never raises, linear in the length."""
    draft = Draft()
    body = LexborHTMLParser(_without_abyss(html).encode("utf-8", "ignore")).body
    if body is not None:
        _walk(body.first_child, draft)
    return draft


def _walk(node: LexborNode | None, draft: Draft) -> None:
    ahead: list[tuple[LexborNode | None, str]] = []
    handlers, write = _BY_TAG_ID, draft.parts.append
    while True:
        while node is None:
            if not ahead:
                return
            node, after = ahead.pop()
            if after == _CLOSE_QUOTE:
                draft.open_quotes.pop()
                write = draft.open_quotes[-1].parts.append if draft.open_quotes else draft.parts.append
            elif after:
                write(after)
        tag = node.tag_id
        if tag == _TEXT_ID:
            write(node.text_content or "")
            node = node.next
            continue
        handler = handlers.get(tag)
        after = handler(node, draft) if handler else _DESCEND
        if after == _CLOSE_QUOTE:
            write = draft.open_quotes[-1].parts.append
        child = None if after == _SKIP else node.first_child
        if child is None and after != _CLOSE_QUOTE:
            node = node.next
            continue
        ahead.append((node.next, after))
        node = child


_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>")
_UNCOUNTED = frozenset(
    "p li td th tr dd dt br hr img input meta link col source wbr area base embed option tbody thead tfoot".split()
)
_LONG_TAG = re.compile(r"<(/?[A-Za-z][A-Za-z0-9-]*)[^<>]{4000,}+>?")
_MANY_TAGS, _DEEP, _LONG = 800, 150, 20_000


def _without_abyss(html: str) -> str:
    """The same HTML with tags below a depth of 150 left out, and giant tags without their attributes.

    Tree building costs time in proportion to the depth (50,000 open <div> take lexbor 9 s) and to the square of
    the number of attributes; no person writes so.
    """
    if len(html) > _LONG:
        html = _LONG_TAG.sub(r"<\1>", html)
    if html.count("<") < _MANY_TAGS:
        return html
    kept: list[bool] = []

    def keep(match: re.Match[str]) -> str:
        if match[2].lower() in _UNCOUNTED:
            return match[0]
        if match[1]:
            return match[0] if not kept or kept.pop() else ""
        kept.append(len(kept) < _DEEP)
        return match[0] if kept[-1] else ""

    return _TAG.sub(keep, html)
