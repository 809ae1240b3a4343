"""Whether a text says Sie or du, te or sinä: its words come from `address` in `rules/<lang>/language.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from modassist.resources import language_lists, words_of

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HEAD = re.compile(r"(?:^|[.!?…:;\n•–—\"„“”»«(])\s*$")
"""What stands before a word that begins a sentence."""
_GAP = 4
_STRONG, _WEAK = 2, 1
_ENOUGH_CHARS = 4000


def address(text: str, lang: str) -> str:
    """ "Sie" or "du" of a German text, "te" or "sinä" of a Finnish one; "" where neither shows, and in other languages.

    „Ihr“ and „euch“ count as "du". „Sie“ and „Ihr“ at the head of a sentence may mean others, and weigh little.
    """
    weigh = _WEIGHERS.get(lang)
    if weigh is None:
        return ""
    (formal, formal_weight), (familiar, familiar_weight) = weigh(text[:_ENOUGH_CHARS]).items()
    if formal_weight == familiar_weight == 0:
        return ""
    return formal if formal_weight >= familiar_weight else familiar


def _words(text: str) -> list[tuple[str, bool]]:
    """Words with whether each stands at the head of a sentence."""
    return [
        (match[0], _HEAD.search(text, max(0, match.start() - _GAP), match.start()) is not None)
        for match in _WORD.finditer(text)
    ]


@cache
def _cased(lang: str, name: str) -> frozenset[str]:
    return frozenset(str(language_lists(lang)["address"][name]).split())


@cache
def _list(lang: str, name: str) -> frozenset[str]:
    return words_of(lang, "address", name)


def _german(text: str) -> dict[str, int]:
    words = _words(text)
    formal = sum(_WEAK for greeting in _list("de", "formal_greetings") if greeting in text[:200].lower())
    familiar = 0
    for number, (word, is_head) in enumerate(words):
        following = words[number + 1][0].lower() if number + 1 < len(words) else ""
        before = words[number - 1][0].lower() if number else ""
        lower = word.lower()
        if lower == "ihr" and _is_plural_you(before, following):
            familiar += _STRONG
        elif word in _cased("de", "sie_inside"):
            formal += _formal_weight(word, following, is_head)
        elif lower in _list("de", "du"):
            familiar += _STRONG
        elif lower == "sie" and before in _list("de", "sie_questions") and (number < 2 or words[number - 1][1]):
            formal += _WEAK
        elif lower in _list("de", "du_imperatives") and (is_head or before in ("bitte", "und", "dann")):
            familiar += _WEAK
    return {"Sie": formal, "du": familiar}


def _is_plural_you(before: str, following: str) -> bool:
    """„habt ihr“, „ihr sagt“; but „sie sagt, ihr Handy …“ is hers."""
    return before in _list("de", "plural_verbs_only") or following in _list("de", "plural_verbs")


def _formal_weight(word: str, following: str, is_head: bool) -> int:
    if not is_head or word in _cased("de", "sie_always"):
        return _STRONG
    if word == "Sie":
        return _WEAK if following in _list("de", "sie_verbs") else 0
    return _WEAK if word.startswith("Ihr") else 0


def _finnish(text: str) -> dict[str, int]:
    plural = singular = 0
    before = ""
    for word, is_head in _words(text):
        lower = word.lower()
        if lower in _list("fi", "te") or _ends_in(lower, "te_endings") or _ends_in(lower, "te_possessive"):
            plural += _STRONG
        elif lower in _list("fi", "sinä") or _ends_in(lower, "sinä_endings"):
            singular += _STRONG
        elif lower in _list("fi", "sinä_imperatives") and (is_head or before == "ja"):
            singular += _WEAK
        before = lower
    return {"te": plural, "sinä": singular}


@cache
def _endings(name: str) -> tuple[str, ...]:
    return tuple(_list("fi", name))


_SHORTEST_WITH_ENDING = 6


def _ends_in(word: str, name: str) -> bool:
    if len(word) < _SHORTEST_WITH_ENDING or not word.endswith(_endings(name)):
        return False
    if name == "sinä_endings":
        return not word.endswith(_endings("sinä_not_endings"))
    return word not in _list("fi", "te_not")


_WEIGHERS: dict[str, Callable[[str], dict[str, int]]] = {"de": _german, "fi": _finnish}
