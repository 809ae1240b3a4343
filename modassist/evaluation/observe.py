"""Labelled thread records -> observations: what people say beside what the program says, one decision at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modassist.errors import ModassistError, RecordError
from modassist.judging import analysis
from modassist.judging.detectors import Detectors
from modassist.model import (
    EMPTY,
    FLAGGING,
    LANGUAGES,
    WAITING,
    JudgedPost,
    Judgement,
    Limits,
    Role,
    Staff,
    State,
)
from modassist.records.files import BadRecord, read_records
from modassist.records.threads import to_thread

NOTHING = "empty"
"""`canned` and `non_answer` as one label: where one ends and the other begins, careful readers differ."""
FLAGGED = "flagged"
WAITING_LABEL = "waiting"
ESCALATED = "escalate"

STAFF_LABELS = (FLAGGED, "contradiction", "dismissal", "condescension", "blame", "deflection", NOTHING,
                "acknowledges", "apologizes", "owns", "next_step", "commits_time")  # fmt: skip
CUSTOMER_LABELS = ("complaint", "repeat_contact", "churn_risk", "distress", "praise", "abuse")
THREAD_LABELS = (WAITING_LABEL, ESCALATED, *(f"state:{state.value}" for state in State))
LABELS = (*STAFF_LABELS, *CUSTOMER_LABELS, *THREAD_LABELS)


@dataclass(frozen=True, slots=True)
class Observation:
    """One yes-or-no question about one post or thread, with people's answer and the program's."""

    label: str
    lang: str
    thread: str
    """Names the thread: observations of one thread belong together when intervals are computed."""
    expected: bool
    found: bool
    score: float | None = None
    """The program's probability, where it has one."""
    text: str = ""
    reasons: str = ""
    evidence_fits: bool | None = None
    """For a rightly flagged reply with marked words: whether the words shown overlap the words a reader marked."""


@dataclass
class Observed:
    """Everything that was asked. `bad` names records that could not be read or bear no labels."""

    items: list[Observation] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    threads: int = 0
    posts: int = 0


def observe(paths: Iterable[Path], detectors: Detectors, limits: Limits) -> Observed:
    """Judges every labelled thread in the files at its own `now` and compares."""
    observed = Observed()
    for path in paths:
        observed.files.append(path.name)
        for record in read_records(path):
            if isinstance(record, BadRecord):
                observed.bad.append(record)
                continue
            try:
                items = list(compare(record.data, record.place, detectors, limits))
            except ModassistError as fault:
                observed.bad.append(
                    BadRecord(record.place, fault.message.removeprefix(f"{record.place}: "), fault.hint)
                )
                continue
            observed.items += items
            observed.threads += 1
            observed.posts += len(record.data["posts"])
    return observed


def compare(record: Mapping[str, Any], place: str, detectors: Detectors, limits: Limits) -> Iterator[Observation]:
    """The observations of one record. Raises RecordError where it bears no labels.

    `gold.states` and `gold.escalate` on the thread are optional; `gold.signals` on a post makes it count.
    """
    posts = _labelled_posts(record, place)
    thread = to_thread(record, staff=Staff(), place=place)
    judgement = analysis.judge(
        thread, detectors, limits, now=thread.now or max(post.created_at for post in thread.posts)
    )
    gold = record.get("gold")
    gold = gold if isinstance(gold, dict) else {}
    lang = str(gold.get("lang") or judgement.lang)
    name = f"{thread.id} {thread.title}"
    yield from _states(gold, judgement, lang, name)
    by_number = {judged.post.number: judged for judged in judgement.posts}
    for number, labels in posts.items():
        judged = by_number.get(number)
        if judged is not None and judged.post.role is not Role.AUTOMATIC:
            yield from _post(labels, judged, lang, name)


def _labelled_posts(record: Mapping[str, Any], place: str) -> dict[int, Mapping[str, Any]]:
    posts = record.get("posts")
    found: dict[int, Mapping[str, Any]] = {}
    for post in posts if isinstance(posts, list) else ():
        gold = post.get("gold") if isinstance(post, dict) else None
        if isinstance(gold, dict) and isinstance(gold.get("signals"), list):
            found[int(post.get("post_number") or 0)] = gold
    if not found:
        raise RecordError(f"{place}: no post has labels", 'a labelled post has "gold": {"signals": [...]}')
    return found


def _states(gold: Mapping[str, Any], judgement: Judgement, lang: str, name: str) -> Iterator[Observation]:
    if isinstance(gold.get("states"), list):
        held, wanted = {state.state for state in judgement.states}, set(gold["states"])
        for state in State:
            answer = Observation(f"state:{state.value}", lang, name, state.value in wanted, state in held, text=name)
            yield answer
            if state in WAITING:
                text = f"{state.value}: {name}"
                yield Observation(WAITING_LABEL, lang, name, answer.expected, answer.found, text=text)
    if isinstance(gold.get("escalate"), bool):
        yield Observation(ESCALATED, lang, name, gold["escalate"], judgement.needs_person, text=name)


def _post(gold: Mapping[str, Any], judged: JudgedPost, lang: str, name: str) -> Iterator[Observation]:
    expected = set(map(str, gold["signals"]))
    found = {str(signal) for signal in judged.signals}
    if judged.lang not in LANGUAGES and judged.lang != "und":
        return
    scores = {str(signal): score for signal, score in judged.scores}
    text = f"{name} #{judged.post.number}: {' '.join(judged.words.text.split())}"
    reasons = " ".join(f"{f.signal}:{f.score:.2f}<{','.join(f.by)}>" for f in judged.findings)
    labels = STAFF_LABELS if judged.post.role is Role.STAFF else CUSTOMER_LABELS
    for label in labels:
        if label == FLAGGED:
            if isinstance(gold.get("flagged"), bool):
                yield _flag(gold, judged, lang, name, f"{text}  expected {sorted(expected)}", reasons)
            continue
        both = {str(signal) for signal in EMPTY} if label == NOTHING else {label}
        score = max((scores.get(each, 0.0) for each in both), default=None)
        yield Observation(label, lang, name, bool(expected & both), bool(found & both), score, text, reasons)


def _flag(gold: Mapping[str, Any], judged: JudgedPost, lang: str, name: str, text: str, reasons: str) -> Observation:
    scores = dict(judged.scores)
    by_rules = max((score for signal, score in scores.items() if signal in FLAGGING), default=0.0)
    score = by_rules if judged.flag_score is None else judged.flag_score
    fits = None
    marked = [words for words in gold.get("evidence", ()) if isinstance(words, str) and words.strip()]
    if gold["flagged"] and judged.flagged and marked:
        fits = _overlaps(judged, marked)
    return Observation(FLAGGED, lang, name, gold["flagged"], judged.flagged, score, text, reasons, fits)


def _overlaps(judged: JudgedPost, marked: Iterable[str]) -> bool:
    """Whether words shown for a bad signal and words that a reader marked have a place in the text in common."""
    flat = judged.words.text
    places = [(at, at + len(words)) for words in marked if (at := flat.find(words.strip())) >= 0]
    bad = [f for f in judged.findings if f.signal in _BAD]
    return any(e.start < end and start < e.end for f in bad for e in f.evidence for start, end in places)


_BAD = FLAGGING | EMPTY
