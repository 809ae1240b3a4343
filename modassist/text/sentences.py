"""Where a sentence ends, in German, English and Finnish at once: a thread mixes them, and the writer's language is not known yet."""

from __future__ import annotations

import re
from functools import cache

from modassist.model import Span
from modassist.resources import words_of_all

_CLOSERS = r"[\"'”“’»«)\]}*]*+"
_EMOJI = "[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_STOP = re.compile(
    rf"[\n.!?…](?:(?<=\n)|[.!?…]*+(?P<closers>{_CLOSERS})(?P<smile>(?:[ ]?{_EMOJI}|[ ][:;]-?[)(DP](?!\w))*+)(?=\s|$))"
)
"""Begins with a set of characters, which `re` skips to; groups are None at a line break."""
_WORD_BEFORE = re.compile(r"[^\s(\[\"„“”'‚‘»«/-]*$")
_OPENERS = "\"'„“”‚‘»«([{*-–— "
_WRAPPED = 40
"""A line shorter than this is not wrapped by a mail program: its end is meant."""
_LOOK_BACK = 40


@cache
def _lists() -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    return (
        words_of_all("abbreviations", "inner"),
        words_of_all("abbreviations", "final"),
        words_of_all("abbreviations", "before_number"),
        words_of_all("ordinals", "before"),
        words_of_all("ordinals", "after"),
        words_of_all("stop_words"),
    )


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of a text in order: no two overlap, none begins or ends with a blank, none but blanks is left out."""
    spans: list[Span] = []
    start = 0
    for match in _STOP.finditer(text):
        at, end = match.span()
        if match["closers"] is not None:
            if not _stop_ends(text, match):
                continue
        elif not _line_ends(text, start, at):
            continue
        else:
            end = at
        if span := _stripped(text, start, end):
            spans.append(span)
        start = end
    if span := _stripped(text, start, len(text)):
        spans.append(span)
    return tuple(spans)


def _stripped(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None


def _next_char(text: str, at: int) -> str:
    """The first letter or digit of what follows on the same line, past quotation marks; "" at the end of the line."""
    for char in text[at : at + 6]:
        if char == "\n":
            return ""
        if char not in _OPENERS:
            return char
    return ""


def _stop_ends(text: str, match: re.Match[str]) -> bool:
    end = match.end()
    following = _next_char(text, end)
    if not following:
        return True
    if match["smile"]:
        return True
    stops, lower = text[match.start() : match.start("closers")], following.islower()
    if stops != ".":
        if "?" in stops or "!" in stops:
            return not (match["closers"] and lower)
        return not lower
    if match["closers"]:
        return not lower
    return _dot_ends(text, match.start(), end, following)


def _dot_ends(text: str, dot: int, end: int, following: str) -> bool:
    inner, final, before_number, ordinal_before, ordinal_after, _ = _lists()
    before = _WORD_BEFORE.search(text, max(0, dot - _LOOK_BACK), dot)
    word = before[0].lower() if before else ""
    if not word:
        return not following.islower()
    if word in inner:
        return False
    if word in final:
        return following.isupper()
    if word in before_number:
        return not following.isdigit()
    if word.isdigit():
        return _number_ends(text, dot, end, word, following, ordinal_before, ordinal_after)
    if len(word) == 1:
        return not word.isalpha()
    if "." in word:  # "z.B", "e.g", "d.h" and their like, known or not
        return not following.islower() and not all(len(part) <= 2 and part.isalpha() for part in word.split("."))
    return True


def _number_ends(
    text: str, dot: int, end: int, word: str, following: str, before: frozenset[str], after: frozenset[str]
) -> bool:
    """„am 3. Februar“, ”2. maaliskuuta“, "1. Open the lid" go on; „Es waren 12. Dann …“ does not."""
    if len(word) > 2:
        return not following.islower()
    head = text[max(0, dot - _LOOK_BACK) : dot - len(word)]
    last_line = head[head.rfind("\n") + 1 :]
    if not last_line.strip() and (len(head) < _LOOK_BACK or "\n" in head):
        return False
    if following.islower() or following.isdigit():
        return False
    next_word = re.match(r"\s*(\w+)", text[end : end + _LOOK_BACK])
    if next_word and next_word[1].lower() in after:
        return False
    words = last_line.split()
    return not (words and words[-1].lower().strip('(,„"') in before)


def _line_ends(text: str, start: int, at: int) -> bool:
    """Whether a line break ends the sentence: not where a mail program has merely wrapped a long line."""
    line_start = max(start, text.rfind("\n", start, at) + 1)
    if at - line_start < _WRAPPED:
        return True
    last = text[at - 1]
    if last in ".!?…:;":
        return last != "." or _dot_ends(text, at - 1, at + 1, text[at + 1 : at + 2] or " ")
    following = text[at + 1 : at + 2]
    if following.islower():
        return False
    if not following.isupper():
        return True
    if last == ",":
        return False
    word = text[max(line_start, at - _LOOK_BACK) : at].split()[-1:]
    return not (word and word[0] in _lists()[5])
