"""The language of a post, and the form of address it uses.

German, English and Finnish are told by their function words at once; what these do not decide goes to py3langid
(97 languages), and what has no language is `und`.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any

from modassist.model import LANGUAGES, UNDETERMINED
from modassist.resources import words_of
from modassist.text.forms_of_address import address

__all__ = ["Identifier", "address", "load"]

_NO_SPEECH = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|@\w[\w.-]*|\S*\w[/\\_]\w\S*|\b\w*\d\w*\b")
"""Addresses, names, paths and anything with a digit say nothing about the language."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FIRST_CHARS, _ENOUGH_CHARS = 800, 1500
"""What the beginning of a post does not show, its end does not either."""
_FEW_LETTERS = 25
"""Below this a text is too short for statistics."""
_CLEAR_HITS, _CLEAR_SHARE, _CLEAR_LEAD = 2, 0.12, 3
_SURE, _LIKELY, _GUESS = 0.9, 0.6, 0.25
"""py3langid's own probabilities."""


class Identifier:
    """Tells languages apart. py3langid (120 MB, 0.8 s) is loaded by the first text that needs it."""

    def __init__(self) -> None:
        self._model: Any = None

    def identify(self, text: str, context: str = "") -> str:
        """ISO 639-1 code of the text's language, or "und" where it has none (numbers, names, emoji, addresses).

        `context` is the language of the thread, "" or "und" if unknown: it decides what is short or mixed.
        """
        rough = text[:_FIRST_CHARS].lower().replace("’", "'").split()
        if clear := _clear(_count(rough, "function_words"), len(rough)):
            return clear
        speech = _NO_SPEECH.sub(" ", text[:_ENOUGH_CHARS])
        words = _WORD.findall(speech.lower().replace("’", "'"))
        letters = sum(map(len, words))
        if letters < 2:
            return UNDETERMINED
        hits = _count(words, "function_words")
        if clear := _clear(hits, len(words)):
            return clear
        context = "" if context == UNDETERMINED else context
        if letters < _FEW_LETTERS:
            return self._short(words, hits, context)
        return self._by_statistics(" ".join(words), len(words), hits, context)

    def _short(self, words: list[str], hits: Counter[str], context: str) -> str:
        hits = hits + _count(words, "short_words")
        ranked = [lang for lang, _ in hits.most_common()]
        if context:
            best = ranked[0] if ranked else context
            is_other = not hits[context] and (hits[best] > 1 or len(words) <= 2)
            return best if is_other and context in LANGUAGES else context
        if ranked and (len(ranked) == 1 or hits[ranked[0]] > hits[ranked[1]]):
            return ranked[0]
        if len(words) < 2:
            return UNDETERMINED
        lang, probability = self._classify(" ".join(words))
        return lang if lang in LANGUAGES and probability >= _SURE else UNDETERMINED

    def _by_statistics(self, speech: str, count: int, hits: Counter[str], context: str) -> str:
        lang, probability = self._classify(speech)
        if lang in LANGUAGES and (hits[lang] or probability >= _LIKELY):
            return lang
        best = hits.most_common(1)[0][0] if hits else ""
        if lang not in LANGUAGES and probability >= _LIKELY and hits[best] < count * _CLEAR_SHARE:
            return lang
        if best and probability < _SURE and hits[best] >= hits.total() - hits[best] + 1:
            return best
        if probability >= _SURE:
            return lang
        if context:
            return context
        return lang if probability >= _GUESS else UNDETERMINED

    def _classify(self, speech: str) -> tuple[str, float]:
        if self._model is None:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            self._model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        lang, probability = self._model.classify(speech)
        return str(lang), float(probability)


def load() -> Identifier:
    """An identifier, at once: the statistical model is read when the first text asks for it."""
    return Identifier()


def _count(words: list[str], list_name: str) -> Counter[str]:
    """How many of the words speak for each language; a word may speak for two."""
    speaking_for = _speaking_for(list_name)
    every = Counter(map(speaking_for.get, words))
    hits = {lang: sum(count for langs, count in every.items() if langs and lang in langs) for lang in LANGUAGES}
    return Counter({lang: count for lang, count in hits.items() if count})


@cache
def _speaking_for(list_name: str) -> dict[str, tuple[str, ...]]:
    """The words of that list of every language, each with the languages that it speaks for."""
    lists = {lang: words_of(lang, list_name) for lang in LANGUAGES}
    return {
        word: tuple(lang for lang in LANGUAGES if word in lists[lang]) for word in frozenset().union(*lists.values())
    }


def _clear(hits: Counter[str], count: int) -> str:
    if not hits:
        return ""
    (best, most), *others = hits.most_common(2)
    second = others[0][1] if others else 0
    is_clear = most >= _CLEAR_HITS and most >= count * _CLEAR_SHARE and most >= second * _CLEAR_LEAD
    return best if is_clear else ""
