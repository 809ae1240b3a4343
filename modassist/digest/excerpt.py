"""From a long post to the words that matter: the sentences round the evidence, with the evidence marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modassist.model import Span
from modassist.text.own_words import sentences

GAP = " … "

LITTLE = 5
"""Characters: shorter evidence („my“, "now") tells something beside other words only."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a post's words; `marked` where it is evidence."""

    text: str
    marked: bool = False


def evidence_spans(post: Mapping[str, Any], signals: Iterable[str] | None = None) -> list[Span]:
    """Where the evidence of these signals (default: of all) stands in the post's text, merged and in order."""
    text = post.get("text") or ""
    spans = [
        Span(shown["start"], shown["end"])
        for finding in post["signals"]
        if signals is None or finding["signal"] in signals
        for shown in finding["evidence"]
        if text[shown["start"] : shown["end"]] == shown["text"]
    ]
    return _merged(sorted(spans, key=lambda span: (span.start, span.end)))


def telling(text: str, spans: Sequence[Span]) -> list[Span]:
    """Evidence as a reader wants it marked: neighbours as one, and no stray little words where there are longer ones."""
    joined: list[Span] = []
    for span in spans:
        if joined and not any(mark.isalnum() for mark in text[joined[-1].end : span.start]):
            span = Span(joined.pop().start, span.end)
        joined.append(span)
    longer = [span for span in joined if span.end - span.start >= LITTLE]
    return longer or joined


def _merged(spans: Sequence[Span], gap: int = 0) -> list[Span]:
    merged: list[Span] = []
    for span in spans:
        if merged and span.start <= merged[-1].end + gap:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def whole(text: str, marks: Sequence[Span]) -> tuple[Piece, ...]:
    """The whole text in pieces, the marks marked."""
    return tuple(_marked(text, Span(0, len(text)), marks))


def excerpt(text: str, marks: Sequence[Span], limit: int) -> tuple[Piece, ...]:
    """About `limit` characters of the text: the sentences that hold the marks, else its beginning.

    Marked words are never cut; where something was left out, an ellipsis stands.
    """
    if len(text) <= limit:
        return whole(text, marks)
    chosen = _around(text, marks, limit) if marks else [_cut(text, Span(0, len(text)), Span(0, 0), limit)]
    pieces: list[Piece] = []
    end = 0
    for window in chosen:
        if window.start > end or (not pieces and window.start > 0):
            pieces.append(Piece(GAP.lstrip() if not pieces else GAP))
        pieces += _marked(text, window, marks)
        end = window.end
    if end < len(text.rstrip()):
        pieces.append(Piece(GAP.rstrip()))
    return tuple(pieces)


def _around(text: str, marks: Sequence[Span], limit: int) -> list[Span]:
    whole_sentences = sentences(text)
    windows: list[Span] = []
    room = limit
    for mark in marks:
        if windows and room <= 0 and not windows[-1].overlaps(mark):
            break
        holding = [mark, *(sentence for sentence in whole_sentences if sentence.overlaps(mark))]
        around = Span(min(part.start for part in holding), max(part.end for part in holding))
        window = _cut(text, around, mark, max(room, limit // 3))
        windows.append(window)
        room -= window.end - window.start
    return _merged(sorted(windows, key=lambda window: window.start), gap=1)


def _cut(text: str, around: Span, mark: Span, limit: int) -> Span:
    """At most `limit` characters of `around` that hold the mark, ending at word boundaries."""
    if around.end - around.start <= limit:
        return around
    spare = max(0, limit - (mark.end - mark.start))
    start = max(around.start, mark.start - spare // 2)
    end = min(around.end, max(mark.end, start + limit))
    if start > around.start:
        blank = text.find(" ", start, mark.start)
        start = blank + 1 if blank >= 0 else mark.start
    if end < around.end:
        blank = text.rfind(" ", mark.end, end)
        end = blank if blank > mark.end else max(mark.end, end)
    return Span(start, end)


def _marked(text: str, window: Span, marks: Sequence[Span]) -> Iterable[Piece]:
    at = window.start
    for mark in marks:
        start, end = max(mark.start, at), min(mark.end, window.end)
        if start >= end:
            continue
        if start > at:
            yield Piece(text[at:start])
        yield Piece(text[start:end], marked=True)
        at = end
    if at < window.end:
        yield Piece(text[at : window.end])
