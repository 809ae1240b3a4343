"""Hits on a post -> its findings: scores, evidence, and what several of them amount to together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from modassist.model import (
    CUSTOMER_SIGNALS,
    FLAGGING,
    STAFF_SIGNALS,
    Cue,
    Evidence,
    Finding,
    JudgedPost,
    OwnWords,
    Signal,
)
from modassist.rules.rulebook import Hit, combine

Found = dict[Signal, Finding]
"""What was found in a post so far, present or not."""

PRESENT = 0.5
"""A signal is present from this score on."""

TOGETHER = 0.6
"""Score that weak hits on different bad signals must reach together."""

OF_STAFF = tuple(signal for signal in Signal if signal in STAFF_SIGNALS)
OF_CUSTOMERS = tuple(signal for signal in Signal if signal in CUSTOMER_SIGNALS)


def cues(hits: Iterable[Hit]) -> tuple[Cue, ...]:
    """The cues among the hits."""
    return tuple(Cue(hit.rule.cue, hit.start, hit.end, hit.rule.id) for hit in hits if hit.rule.cue)


def evidence(words: OwnWords, start: int, end: int) -> Evidence:
    """A piece of the post's own words."""
    return Evidence(words.text[start:end], start, end)


def scored(hits: Iterable[Hit], words: OwnWords) -> Iterator[tuple[Signal, Finding]]:
    """For each signal that was hit, its score and the words that show it."""
    by_signal: dict[Signal, list[Hit]] = {}
    for hit in hits:
        if hit.rule.signal is not None:
            by_signal.setdefault(hit.rule.signal, []).append(hit)
    for signal, its in by_signal.items():
        spans = sorted({(hit.start, hit.end) for hit in its})
        shown = tuple(evidence(words, start, end) for start, end in spans)
        by = tuple(dict.fromkeys(f"rule:{hit.rule.id}" for hit in its))
        yield signal, Finding(signal, round(combine(its), 3), shown, by)


def score(found: Found, signal: Signal) -> float:
    """The score so far; 0 where nothing was found."""
    return found[signal].score if signal in found else 0.0


def raised(old: Finding | None, signal: Signal, score: float, by: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    """The finding with at least this score, and the reason for it."""
    if old is None:
        return Finding(signal, score, evidence, (by,))
    return Finding(signal, max(old.score, score), old.evidence or evidence, (*old.by, by))


def promote(found: Found) -> None:
    """Several weak signs of letting the customer down are one strong one, by the name of the likeliest."""
    bad = [found[signal] for signal in OF_STAFF if signal in FLAGGING and signal in found]
    if len(bad) < 2 or any(finding.score >= PRESENT for finding in bad):
        return
    missing = 1.0
    for finding in bad:
        missing *= 1.0 - finding.score
    best = max(bad, key=lambda finding: finding.score)
    if 1.0 - missing >= TOGETHER:
        found[best.signal] = replace(best, score=round(1.0 - missing, 3), by=(*best.by, "context:several"))


def with_findings(judged: JudgedPost, found: Found, all_signals: Iterable[Signal]) -> JudgedPost:
    """The post with what is present in it, every score, and whether a signal flags it by itself."""
    present = tuple([found[signal] for signal in all_signals if signal in found and found[signal].score >= PRESENT])
    scores = tuple([(signal, score(found, signal)) for signal in all_signals])
    flagged = any(finding.signal in FLAGGING for finding in present)
    return replace(judged, findings=present, scores=scores, flagged=flagged)
