"""A person's traces in other people's posts: quotes of that person go, mentions become mentions of nobody.

Found are the forum's own quotes and mentions, in HTML and in Markdown. A name that somebody merely typed, and words
repeated without a quote block, carry no mark and stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

NOBODY = "deleted"

IsGone = Callable[[str], bool]

_NAME = r"[\w][\w.\-]{0,99}"
_MENTION = re.compile(rf"@({_NAME})")
_PROFILE = re.compile(r"""/u(?:sers)?/([^"'/?\#\s<>]{1,300})""")
_QUOTED = re.compile(r"""data-username=["']?([^"'<>]{1,100})|\[quote="?'?([^,\]"']{1,100})""", re.IGNORECASE)
_OLD_TITLE = re.compile(rf"({_NAME})[^<>:]{{0,20}}:", re.DOTALL)
_TAG = re.compile(r"\[(/?)quote\b([^\]]{0,300})\]", re.IGNORECASE)


def scrub(text: str, is_gone: IsGone) -> str:
    """The post's text (HTML or Markdown) without quotes and mentions of the people for whom `is_gone` is true.

    A text without any of them comes back as it was, to the letter.
    """
    gone = {name for name in _named(text) if is_gone(name)}
    if not gone:
        return text
    without_quotes = _without_markdown_quotes(_without_html_quotes(text, gone), gone)
    return _without_mentions(without_quotes, gone)


def _named(text: str) -> set[str]:
    """Every name that the text quotes, mentions or links to."""
    names = {name for match in _QUOTED.finditer(text) for name in match.groups() if name}
    names |= {unquote(match.group(1)) for match in _PROFILE.finditer(text)}
    names |= {_stripped(match.group(1)) for match in _MENTION.finditer(text)}
    if _has_aside(text):
        names |= {_speaker(aside) for aside in LexborHTMLParser(text).css("aside.quote")}
    return {_plain(name) for name in names}


def _has_aside(text: str) -> bool:
    return "<aside" in text or "<ASIDE" in text


def _plain(name: str) -> str:
    return name.strip().strip("\"'")


def _stripped(name: str) -> str:
    """A mention without the full stop or dash of the sentence behind it."""
    return name.rstrip(".-")


def _without_html_quotes(text: str, gone: set[str]) -> str:
    if not _has_aside(text):
        return text
    tree = LexborHTMLParser(text)
    found = [aside for aside in tree.css("aside.quote") if _speaker(aside) in gone]
    if not found or tree.body is None:
        return text
    for aside in found:
        aside.decompose()
    return tree.body.inner_html or ""


def _speaker(aside: LexborNode) -> str:
    name = aside.attributes.get("data-username")
    if name:
        return _plain(name)
    # Posts cooked before 2015 name the speaker in the title alone.
    title = aside.css_first("div.title")
    match = _OLD_TITLE.search(title.text()[:200]) if title else None
    return match.group(1) if match else ""


def _without_markdown_quotes(text: str, gone: set[str]) -> str:
    if "[quote" not in text.lower():
        return text
    kept, at = [], 0
    for start, end in _quotes_of(text, gone):
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])


def _quotes_of(text: str, gone: set[str]) -> Iterator[tuple[int, int]]:
    """The outermost ranges from `[quote="name…"]` of somebody gone to its `[/quote]`, or to the end without one."""
    depth, start, inside = 0, 0, 0
    for match in _TAG.finditer(text):
        if match.group(1):
            depth = max(depth - 1, 0)
            if inside and depth < inside:
                yield start, match.end()
                inside = 0
            continue
        depth += 1
        if not inside and _plain(match.group(2).lstrip("=").strip("\"'").split(",")[0]) in gone:
            start, inside = match.start(), depth
    if inside:
        yield start, len(text)


def _without_mentions(text: str, gone: set[str]) -> str:
    def mention(match: re.Match[str]) -> str:
        name = _stripped(match.group(1))
        rest = match.group(1)[len(name) :]
        return f"@{NOBODY}{rest}" if name in gone else match.group()

    def profile(match: re.Match[str]) -> str:
        is_of_gone = _plain(unquote(match.group(1))) in gone
        return match.group().replace(match.group(1), NOBODY) if is_of_gone else match.group()

    return _PROFILE.sub(profile, _MENTION.sub(mention, text))
