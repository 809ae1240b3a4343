"""Markdown inside a paragraph -> HTML for markup_html.read_html(): one pass over the tokens, linear in the length."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from modassist.text.emoji import EMOTICONS, emoji

_TOKEN = re.compile(
    r"""(?=[`\\<!\[\]hHwW@:;*_~&>])(?:
      (?P<code>`{1,30})
    | \\(?P<escaped>[!-/:-@\[-`{-~])
    | <(?P<auto>(?:https?|ftp|mailto):[^\s<>]*+|[^\s<>@]++@[^\s<>@]++)>
    | <(?P<slash>/?)(?P<tag>[A-Za-z][A-Za-z0-9-]*+)(?P<rest>(?:\s[^<>]*+)?/?)>
    | (?P<image>!\[)
    | \[date=(?P<date>[^\[\]\n]{1,300})\]
    | \[code\](?P<bbcode>[^\[]{0,2000}+)\[/code\]
    | \[(?P<img>img)\][^\[\]\s]*+\[/img\]
    | (?P<bb>\[/?(?:b|i|u|s|url|email|color|size|small|big|left|center|right|spoiler|wrap|grid|details|quote|hide|floatl|floatr)
         (?:[=\ ][^\[\]\n]{0,400}+)?\])
    | (?P<note>\[\^[^\[\]\s]{1,40}+\])
    | (?P<open>\[)
    | \](?P<target>\(\s*+(?:<[^<>\n]*+>|[^\s()<>]*+(?:\([^\s()<>]*+\)[^\s()<>]*+)*+)
         (?:\s++(?:"[^"\n]*+"|'[^'\n]*+'))?\s*+\)|\[(?P<ref>[^\[\]\n]{0,200}+)\])?
    | (?<![\w@/.])@(?P<mention>\w(?:[\w.-]{0,70}\w)?)
    | (?<!\w)(?P<url>(?:https?://|www\.)[^\s<>\[\]"`]*[^\W_](?:[/=]++)?)
    | (?<![\w:]):(?P<emoji>(?:[A-Za-z][A-Za-z0-9_+-]{0,60}|[+-]1|100)(?::t[1-6])?):(?![\w])
    | (?<!\S)(?P<emoticon>:-?[)(DPpo|/]|;-?\)|:'\()(?![^\s.,!?])
    | (?P<run>\*+|_+|~~)
    | (?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)
    | (?P<sign>[&<>])
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SPECIAL = re.compile(r"[`\\<\[\]@:;*_~&>]|www\.", re.IGNORECASE)

_PASSED = frozenset(
    "a abbr b big br center dd del div dl dt em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p s section small span "
    "strike strong sub summary sup table tbody td tfoot th thead tr u ul".split()
)
_PASSED_IF_CLOSED = frozenset("aside blockquote code details pre samp script style tt video audio iframe".split())
"""Tags that take their content out of the text: one that is never closed must not swallow the rest of a post."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LONGEST_NAME = 20
"""Tokens in the name of a link definition."""
_DATE_TIME = re.compile(r"time=(\d\d:\d\d)")


@dataclass(slots=True)
class _Run:
    """A run of `*`, `_` or `~~` at `out[index]`, some of which may turn out to be emphasis."""

    index: int
    char: str
    length: int
    can_open: bool
    can_close: bool


@dataclass(slots=True)
class Inline:
    """Reads paragraphs of one post. `refs` are its link definitions, `closed` the tags that have an end somewhere."""

    refs: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    out: list[str] = field(default_factory=list)
    runs: list[_Run] = field(default_factory=list)
    brackets: list[tuple[int, bool]] = field(default_factory=list)

    def html(self, text: str, *, in_quote: bool = False) -> str:
        """One paragraph as HTML. Inside a quote the post's own tags are left out, so that none can end the quote."""
        if not _SPECIAL.search(text):
            return text
        self.out, self.runs, self.brackets = [], [], []
        at = 0
        while match := _TOKEN.search(text, at):
            self.out.append(text[at : match.start()])
            at = self._take(match, text, in_quote)
        self.out.append(text[at:])
        self._strip_emphasis()
        return "".join(self.out)

    def _take(self, match: re.Match[str], text: str, in_quote: bool) -> int:
        kind = match.lastgroup or "close"
        if kind in ("target", "ref") or match[0][0] == "]":
            self._close_bracket(match)
        elif kind == "code":
            return self._code(match, text)
        elif kind in ("rest", "tag", "slash"):
            self.out.append(self._tag(match, in_quote))
        elif kind in ("open", "image"):
            self.brackets.append((len(self.out), kind == "image"))
            self.out.append(match[0])
        elif kind == "run":
            self.runs.append(_run(match, text, len(self.out)))
            self.out.append(match[0])
        else:
            self.out.append(_plain_token(kind, match))
        return match.end()

    def _code(self, match: re.Match[str], text: str) -> int:
        ticks = match[0]
        at = match.end()
        while (end := text.find(ticks, at)) >= 0:
            after = end + len(ticks)
            if text[after : after + 1] != "`":
                self.out.append("<code></code>")
                return after
            at = after
            while text[at : at + 1] == "`":
                at += 1
        self.out.append(ticks)
        return match.end()

    def _tag(self, match: re.Match[str], in_quote: bool) -> str:
        tag = match["tag"].lower()
        if in_quote:
            return "<br>" if tag in ("br", "p", "li", "tr") else ""
        passed = tag in _PASSED or (tag in _PASSED_IF_CLOSED and tag in self.closed)
        return match[0] if passed else ""

    def _close_bracket(self, match: re.Match[str]) -> None:
        if not self.brackets:
            self.out.append(_escape(match[0]))
            return
        index, is_image = self.brackets.pop()
        if not self._is_link(match, index):
            self.out.append(_escape(match[0]))
            return
        if is_image:
            self._drop_from(index)
            self.out.append("<img>")
            return
        self.out[index] = '<a href="x">'
        label = self.out[-1]
        if label.endswith("|attachment"):
            self.out[-1] = label.removesuffix("|attachment")
        self.out.append("</a>")

    def _drop_from(self, index: int) -> None:
        del self.out[index:]
        while self.runs and self.runs[-1].index >= index:
            self.runs.pop()

    def _is_link(self, match: re.Match[str], index: int) -> bool:
        if match["target"] is not None and match["ref"] is None:
            return True
        if not self.refs or len(self.out) - index > _LONGEST_NAME:
            return False
        name = match["ref"] or "".join(self.out[index + 1 :])
        return name.lower() in self.refs

    def _strip_emphasis(self) -> None:
        """Pairs the runs as CommonMark does (the nearest opener of the same sign) and takes the pairs out."""
        openers: dict[str, list[_Run]] = {}
        for run in self.runs:
            stack = openers.setdefault(run.char, [])
            while run.can_close and stack and run.length:
                opener = stack[-1]
                used = min(opener.length, run.length)
                opener.length -= used
                run.length -= used
                if not opener.length:
                    stack.pop()
            if run.can_open and run.length:
                stack.append(run)
        for run in self.runs:
            self.out[run.index] = run.char * run.length


def _run(match: re.Match[str], text: str, index: int) -> _Run:
    before = text[match.start() - 1 : match.start()] or " "
    after = text[match.end() : match.end() + 1] or " "
    left = not after.isspace() and (after.isalnum() or not before.isalnum())
    right = not before.isspace() and (before.isalnum() or not after.isalnum())
    if match[0][0] == "_":
        left, right = left and not before.isalnum(), right and not after.isalnum()
    return _Run(index, match[0][0], len(match[0]), left, right)


def _plain_token(kind: str, match: re.Match[str]) -> str:
    """HTML of a token that needs nothing but itself."""
    token = match[kind]
    match kind:
        case "escaped" | "sign":
            return _ESCAPES.get(token, token)
        case "auto" | "url":
            return f'<a href="{"mailto:" if "://" not in token and "@" in token else "x"}">{_escape(token)}</a>'
        case "mention":
            return f'<a class="mention">@{token}</a>'
        case "emoji":
            return emoji(token)
        case "emoticon":
            return EMOTICONS.get(token, token)
        case "bbcode":
            return "<code></code>"
        case "img":
            return "<img>"
        case "date":
            time = _DATE_TIME.search(token)
            return f"{_escape(token.split()[0])} {time[1] if time else ''}".strip()
        case "entity":
            return token
    return ""


def _escape(text: str) -> str:
    for sign, entity in _ESCAPES.items():
        text = text.replace(sign, entity)
    return text
