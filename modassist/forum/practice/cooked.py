"""Markdown of the sample forum -> HTML in the shapes that Discourse cooks it to. Enough for demo and tests, no more."""

from __future__ import annotations

import re
from html import escape

_QUOTE = re.compile(r'\[quote="([^"\]\n]{1,100})"\]\n?(.*?)\n?\[/quote\]', re.DOTALL)
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(`[^`\n]+`)|(\*\*[^*\n]+\*\*)|(?<![\w/])@(\w[\w.-]*\w)|(https?://[^\s<>()]+)")


def cook(raw: str) -> str:
    """Paragraphs, line breaks, lists, `> ` and `[quote]` quotes, code, bold, mentions, links. Everything is escaped."""
    html: list[str] = []
    rest = raw.replace("\r\n", "\n").strip("\n")
    while rest:
        matches = [match for match in (_QUOTE.search(rest), _FENCE.search(rest)) if match]
        block = min(matches, key=lambda match: match.start(), default=None)
        if block is None:
            html += _blocks(rest)
            break
        html += _blocks(rest[: block.start()])
        html.append(_quote(block[1], block[2]) if block.re is _QUOTE else _code(block[1]))
        rest = rest[block.end() :].lstrip("\n")
    return "\n".join(html)


def _blocks(text: str) -> list[str]:
    return [_block(part.splitlines()) for part in re.split(r"\n[ \t]*\n", text) if part.strip()]


def _block(lines: list[str]) -> str:
    if all(line.startswith(">") for line in lines):
        inner = cook("\n".join(line[1:].removeprefix(" ") for line in lines))
        return f"<blockquote>\n{inner}\n</blockquote>"
    if all(line.startswith(("- ", "* ")) for line in lines):
        return "<ul>\n" + "\n".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "\n</ul>"
    return "<p>" + "<br>\n".join(_inline(line) for line in lines) + "</p>"


def _quote(head: str, text: str) -> str:
    """`user, post:2, topic:5` as Discourse's quote box, which names author and post of the quoted words."""
    name, *details = (part.strip() for part in head.split(","))
    known = dict(detail.split(":", 1) for detail in details if ":" in detail)
    data = "".join(f' data-{key}="{escape(known[key])}"' for key in ("post", "topic") if key in known)
    return (
        f'<aside class="quote no-group" data-username="{escape(name)}"{data}>\n'
        f'<div class="title">\n<div class="quote-controls"></div>\n {escape(name)}:</div>\n'
        f"<blockquote>\n{cook(text)}\n</blockquote>\n</aside>"
    )


def _code(text: str) -> str:
    return f'<pre><code class="lang-auto">{escape(text, quote=False)}</code></pre>'


def _inline(line: str) -> str:
    html, place = [], 0
    for match in _INLINE.finditer(line):
        html.append(escape(line[place : match.start()], quote=False))
        html.append(_marked(match))
        place = match.end()
    return "".join((*html, escape(line[place:], quote=False)))


def _marked(match: re.Match[str]) -> str:
    code, bold, name, link = match.groups()
    if code:
        return f"<code>{escape(code[1:-1], quote=False)}</code>"
    if bold:
        return f"<strong>{escape(bold[2:-2], quote=False)}</strong>"
    if name:
        return f'<a class="mention" href="/u/{escape(name.lower())}">@{escape(name)}</a>'
    return f'<a href="{escape(link)}" rel="noopener nofollow ugc">{escape(link, quote=False)}</a>'
