"""Forum HTML or Markdown -> the author's own words; their sentences and tokens.

Everything that judges a post sees it through own_words(): offsets of evidence count characters of its `text`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from modassist.model import OwnWords, Quote
from modassist.text.markup_html import BREAK, QUOTE_MARK, Cited, read_html
from modassist.text.markup_raw import to_html
from modassist.text.sentences import sentences
from modassist.text.trimming import trim

__all__ = ["clean", "content_words", "own_words", "sentences", "tokens"]

_UNSEEN = re.compile(
    "[\x00\x01\x03-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
"""Characters without a shape: controls, zero width, direction marks, variation selectors, tags, lone surrogates."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STEM = 5
"""Letters of a word that its inflected forms share, roughly: Pumpe and Pumpen, lasku and laskussa, tilaus and tilauksen."""
_SHORTEST = 3


def own_words(html: str | None, raw: str | None = None) -> OwnWords:
    """What the author of a post wrote: without quotes, code, logs, oneboxes, polls, signature and mail footers.

    `html` (Discourse's cooked) wins over `raw` (its Markdown); both give the same words. Lines end in one "\\n" each,
    the last in none; blanks are single; the text is NFC and free of characters nobody sees. Never raises.
    """
    if html is None and raw is None:
        return OwnWords("")
    draft = read_html(html if html is not None else to_html(raw or ""))
    lines, has_logs = trim(_lines(draft.parts))
    return OwnWords(
        text="\n".join(lines),
        quotes=tuple(_quotes(draft.quotes)),
        mentions=tuple(dict.fromkeys(map(clean, draft.mentions))),
        links=draft.links,
        images=draft.images,
        has_code=draft.has_code or has_logs,
    )


def _lines(parts: Iterable[str]) -> list[str]:
    """The lines of a draft that hold something. Inside a line any run of white space is one blank."""
    lines = [" ".join(line.split()) for line in "".join(parts).split(BREAK) if line]
    flat = "".join(lines)
    if not flat.isprintable() or not (flat.isascii() or unicodedata.is_normalized("NFC", flat)) or _has_unseen(flat):
        lines = [line if line == QUOTE_MARK else _visible(line) for line in lines]
    return [line for line in lines if line]


def _has_unseen(text: str) -> bool:
    return not text.isascii() and _UNSEEN.search(text) is not None


def _visible(line: str) -> str:
    seen = _UNSEEN.sub("", line).replace(QUOTE_MARK, "")
    return " ".join(unicodedata.normalize("NFC", seen).split())


def clean(text: str) -> str:
    """A single line of hostile text (title, name) with the same treatment as a post's words."""
    return " ".join(_lines([text.replace(BREAK, " ")])).replace(QUOTE_MARK, "")


def _quotes(cited: Iterable[Cited]) -> Iterable[Quote]:
    for quote in cited:
        words = "\n".join(line for line in _lines(quote.parts) if line != QUOTE_MARK)
        if words or quote.author:
            yield Quote(words, clean(quote.author) if quote.author else None, quote.post_number)


def tokens(text: str) -> list[str]:
    """The words of a text in order, in lower case; hyphenated words count as several."""
    return _WORD.findall(text.lower())


def content_words(text: str, stop_words: Collection[str] = frozenset()) -> frozenset[str]:
    """What a text is about, for comparing two of them: words but the stop words, cut to their first five letters."""
    return frozenset(
        [word[:_STEM] for word in _WORD.findall(text.lower()) if len(word) >= _SHORTEST and word not in stop_words]
    )
