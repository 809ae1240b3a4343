"""Discourse's `raw` Markdown -> HTML for markup_html.read_html(), so that both forms of a post give the same words.

It follows what Discourse's cooking does (CommonMark with hard line breaks, BBCode, HTML), with one exception: a line
right below a `>` line is the author's own, although CommonMark would draw it into the quote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape

from modassist.text.markup_inline import Inline

_QUOTE_TAG = re.compile(r"\[(/?)quote(?:=([^\[\]\n]{0,300}))?\]", re.IGNORECASE)
_MARKS = re.compile(r"(?: {0,3}>)+ ?")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+|$)")
_RULE = re.compile(r" {0,3}(?:-[ \t]*){3,}+$| {0,3}(?:\*[ \t]*){3,}+$| {0,3}(?:_[ \t]*){3,}+$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-|-{3,})[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|(\d{1,9})[.)])(?:[ \t]+|$)(?:\[[ xX]?\][ \t]+)?")
_REFERENCE = re.compile(r" {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*\S+[ \t]*(?:\"[^\"\n]*\")?[ \t]*$")
_DETAILS = re.compile(r"[ \t]*\[details(?:=\"?([^\"\]\n]*)\"?)?(?: open)?\][ \t]*$", re.IGNORECASE)
_DETAILS_END = re.compile(r"[ \t]*\[/details\][ \t]*$", re.IGNORECASE)
_CLOSE_TAG = re.compile(r"</([a-z][a-z0-9-]*)", re.IGNORECASE)
_CELL = re.compile(r"(?<!\\)\|")
_AUTHOR = re.compile(r"^(?:username:)?([^,:]+)")
_POST = re.compile(r"\bpost:\s*(\d{1,9})")


@dataclass(slots=True)
class _Reader:
    inline: Inline
    out: list[str] = field(default_factory=list)
    paragraph: list[str] = field(default_factory=list)
    marks: int = 0
    """How many `>` deep the current line is."""
    quotes: list[tuple[int, int]] = field(default_factory=list)
    """Open [quote] tags: where in `out` they stand, and the `>` depth outside."""
    fence: str = ""
    """What ends the code block or poll being skipped."""
    fence_marks: int = 0
    in_list: bool = False
    counting: bool = False
    """Inside an ordered list, whose later numbers are no words."""
    after_blank: bool = True
    in_table: bool = False

    def flush(self) -> None:
        if self.paragraph:
            quoted = bool(self.marks or self.quotes)
            html = self.inline.html("\n".join(self.paragraph), in_quote=quoted)
            self.out.append(html.replace("\n", "<br>") + "<br>")
            self.paragraph.clear()

    def set_marks(self, depth: int) -> None:
        if depth == self.marks:
            return
        self.flush()
        while self.marks < depth:
            self.out.append("<blockquote>")
            self.marks += 1
        while self.marks > depth:
            self.out.append("</blockquote>")
            self.marks -= 1
        self.in_list = self.counting = self.in_table = False
        self.after_blank = True

    def open_quote(self, argument: str | None) -> None:
        self.flush()
        words = (argument or "").strip().strip("\"'“”")
        author = _AUTHOR.match(words)
        post = _POST.search(words)
        attributes = f' data-username="{escape(author[1].strip())}"' if author and author[1] != "post" else ""
        attributes += f' data-post="{post[1]}"' if post else ""
        self.quotes.append((len(self.out), self.marks))
        self.out.append(f'<aside class="quote"{attributes}><blockquote>')
        self.marks = 0

    def close_quote(self) -> None:
        self.flush()
        if self.quotes:
            self.set_marks(0)
            self.out.append("</blockquote></aside>")
            self.marks = self.quotes.pop()[1]

    def finish(self) -> str:
        self.flush()
        for index, _ in self.quotes:  # never closed: the forum shows the tag as text, and what follows is the author's
            self.out[index] = ""
        return "".join(self.out)


def to_html(raw: str) -> str:
    """HTML with the same words, quotes, links and images as the cooked post; for read_html() alone, not for display."""
    raw = _without_comments(raw.replace("\r\n", "\n").replace("\r", "\n"))
    closed = frozenset(tag.lower() for tag in _CLOSE_TAG.findall(raw)) if "</" in raw else frozenset()
    refs = (
        frozenset(m[1].lower() for line in raw.split("\n") if (m := _REFERENCE.match(line)))
        if "]:" in raw
        else frozenset()
    )
    reader = _Reader(Inline(refs, closed))
    lines = raw.split("\n")
    for number, line in enumerate(lines):
        _read_line(line, lines[number + 1] if number + 1 < len(lines) else "", reader)
    return reader.finish()


def _without_comments(raw: str) -> str:
    start = raw.find("<!--")
    if start < 0:
        return raw
    kept, at = [], 0
    while start >= 0 and (end := raw.find("-->", start + 4)) >= 0:
        kept.append(raw[at:start])
        at = end + 3
        start = raw.find("<!--", at)
    return "".join(kept) + raw[at:]


def _read_line(line: str, following: str, reader: _Reader) -> None:
    marks = _MARKS.match(line) if ">" in line else None
    depth = marks[0].count(">") if marks else 0
    if reader.fence:
        if depth >= reader.fence_marks:
            _skip_line(line[marks.end() :] if marks and reader.fence_marks else line, reader)
            return
        reader.fence = ""  # the quote that held the code is over, and so is the code
    reader.set_marks(min(depth, 100))
    if marks:
        line = line[marks.end() :]
        following = following.lstrip("> ")
    if "[" in line and _QUOTE_TAG.search(line):
        _read_quote_tags(line, reader)
        return
    _read_block(line, following, reader)


def _skip_line(line: str, reader: _Reader) -> None:
    words = line.strip()
    if reader.fence[0] == "[":
        if reader.fence in words.lower():
            reader.fence = ""
    elif words.startswith(reader.fence) and not words.strip(reader.fence[0]):
        reader.fence = ""


def _read_quote_tags(line: str, reader: _Reader) -> None:
    at = 0
    for tag in _QUOTE_TAG.finditer(line):
        if words := line[at : tag.start()].strip():
            reader.paragraph.append(words)
        if tag[1]:
            reader.close_quote()
        else:
            reader.open_quote(tag[2])
        at = tag.end()
    if words := line[at:].strip():
        reader.paragraph.append(words)
    reader.after_blank = not reader.paragraph


def _read_block(line: str, following: str, reader: _Reader) -> None:
    if not line.strip():
        reader.flush()
        reader.after_blank, reader.in_table = True, False
        return
    was_after_blank, reader.after_blank = reader.after_blank, False
    if line[0] in " \t" and _is_indented_code(line, was_after_blank, reader):
        return
    if _is_leaf(line, reader) or _is_table(line, following, reader) or _is_item(line, was_after_blank, reader):
        return
    if was_after_blank and line[0] not in " \t":
        reader.in_list = reader.counting = False
    reader.paragraph.append(line.strip())


def _is_indented_code(line: str, after_blank: bool, reader: _Reader) -> bool:
    indented = line[0] == "\t" or line.startswith("    ")
    if not indented or reader.in_list or reader.paragraph or not after_blank:
        return False
    reader.out.append("<pre></pre>")
    reader.after_blank = True  # the next indented line is code, too
    return True


def _is_leaf(line: str, reader: _Reader) -> bool:
    """Takes a line that is a block by itself: fence, heading, rule, link definition, BBCode block."""
    first = line.lstrip()[0]
    if first in "`~" and (fence := _FENCE.match(line)):
        _open_fence(fence[1], reader, "<pre></pre>")
    elif first == "#" and (heading := _HEADING.match(line)):
        reader.flush()
        reader.paragraph.append(line[heading.end() :].rstrip().rstrip("#").strip())
        reader.flush()
    elif first in "-=" and reader.paragraph and _UNDERLINE.match(line):
        reader.flush()
    elif first in "-*_" and _RULE.match(line):
        reader.flush()
        reader.out.append("<hr>")
        reader.in_list = reader.counting = False
    elif first == "[":
        return _is_bracket_block(line, reader)
    else:
        return False
    return True


def _open_fence(end: str, reader: _Reader, html: str) -> None:
    reader.flush()
    reader.fence, reader.fence_marks = end, reader.marks
    reader.out.append(html)


def _is_bracket_block(line: str, reader: _Reader) -> bool:
    lowered = line.strip().lower()
    if lowered.startswith("[poll"):
        _open_fence("[/poll]", reader, "")
    elif lowered.startswith("[code") and "]" in lowered and "[/code]" not in lowered:
        _open_fence("[/code]", reader, "<pre></pre>")
    elif details := _DETAILS.match(line):
        reader.flush()
        reader.paragraph.append(details[1] or "")
        reader.flush()
    elif _DETAILS_END.match(line):
        reader.flush()
    else:
        return _REFERENCE.match(line) is not None and not lowered.startswith("[^")
    return True


def _is_table(line: str, following: str, reader: _Reader) -> bool:
    if "|" not in line:
        reader.in_table = False
        return False
    if _is_delimiter_row(line) and reader.in_table:
        return True
    if not reader.in_table and not _is_delimiter_row(following):
        return False
    reader.in_table = True
    reader.flush()
    reader.paragraph.append(_CELL.sub(" ", line.strip()).replace("\\|", "|"))
    reader.flush()
    return True


def _is_delimiter_row(line: str) -> bool:
    return "|" in line and "-" in line and not line.strip(" \t|:-")


def _is_item(line: str, after_blank: bool, reader: _Reader) -> bool:
    item = _ITEM.match(line)
    if not item or (item[1] and item[1] != "1" and reader.paragraph and not reader.in_list):
        return False
    if line[0] not in " \t" or not reader.in_list:
        number = "" if reader.counting or item[1] in (None, "1") else f"{int(item[1])}. "
        reader.counting = item[1] is not None
    else:
        number = ""
    reader.flush()
    reader.in_list = True
    content = line[item.end() :]
    if content and not _is_leaf(content, reader):
        reader.paragraph.append(number + content.strip())
    return True
