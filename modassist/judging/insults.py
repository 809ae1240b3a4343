"""What detoxify says of customers' posts, joined to what rules (and the trained model) found: `abuse`, and nothing else.

It is asked last, when everything else is judged, so that its word is no condition of any other signal, state or flag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from modassist.judging.findings import evidence
from modassist.model import Evidence, Finding, JudgedPost, OwnWords, Role, Signal
from modassist.text.own_words import sentences

COUNTS = 0.3
"""From here on a score is a hint: below it stand most harmless posts."""

NAME = "detoxify"


class Toxicity(Protocol):
    """What scores insults."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages in which it may be asked."""
        ...

    @property
    def present(self) -> float:
        """The score from which on a post that rules found harmless is abuse."""
        ...

    def score(self, text: str) -> float:
        """How surely the text insults or threatens somebody, 0..1."""
        ...


def with_abuse(posts: Iterable[JudgedPost], toxicity: Toxicity) -> list[JudgedPost]:
    """The posts with `abuse` raised where customers insult in a language that `toxicity` knows.

    Two hints are independent evidence: 1-(1-a)(1-b). What was found without it stays found.
    """
    return [_assessed(post, toxicity) if _is_asked(post, toxicity) else post for post in posts]


def _is_asked(judged: JudgedPost, toxicity: Toxicity) -> bool:
    return judged.post.role is Role.CUSTOMER and judged.lang in toxicity.languages and bool(judged.words.text.strip())


def _assessed(judged: JudgedPost, toxicity: Toxicity) -> JudgedPost:
    told = toxicity.score(judged.words.text)
    if told < COUNTS:
        return judged
    scores = dict(judged.scores)
    old = next((finding for finding in judged.findings if finding.signal is Signal.ABUSE), None)
    before = old.score if old is not None else scores.get(Signal.ABUSE, 0.0)
    score = round(1.0 - (1.0 - before) * (1.0 - told), 3)
    others = [finding for finding in judged.findings if finding.signal is not Signal.ABUSE]
    found = [] if old is None and score < toxicity.present else [_finding(judged.words, old, score, toxicity)]
    in_order = sorted([*others, *found], key=lambda finding: list(Signal).index(finding.signal))
    return replace(judged, findings=tuple(in_order), scores=_with_score(judged.scores, score))


def _finding(words: OwnWords, old: Finding | None, score: float, toxicity: Toxicity) -> Finding:
    if old is None:
        return Finding(Signal.ABUSE, score, _worst_sentence(words, toxicity), (NAME,))
    return replace(old, score=score, evidence=old.evidence or _worst_sentence(words, toxicity), by=(*old.by, NAME))


def _worst_sentence(words: OwnWords, toxicity: Toxicity) -> tuple[Evidence, ...]:
    pieces = [(span.start, words.text[span.start : span.end]) for span in sentences(words.text)]
    spoken = [(start + len(text) - len(text.lstrip()), text.strip()) for start, text in pieces if text.strip()]
    if not spoken:
        return ()
    start, text = max(spoken, key=lambda piece: toxicity.score(piece[1]))
    return (evidence(words, start, start + len(text)),)


def _with_score(scores: Sequence[tuple[Signal, float]], score: float) -> tuple[tuple[Signal, float], ...]:
    return tuple((signal, score if signal is Signal.ABUSE else old) for signal, old in scores)
