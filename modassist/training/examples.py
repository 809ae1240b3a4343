"""Labelled thread records -> examples: what the model would see of each post, and what people say that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from modassist.errors import RecordError
from modassist.judging import analysis
from modassist.judging.detectors import Detectors, Learned
from modassist.judging.findings import OF_CUSTOMERS, OF_STAFF, Found, with_findings
from modassist.learned.features import View
from modassist.learned.model_file import FLAG
from modassist.model import FLAGGING, JudgedPost, Limits, Role, Signal, Span, Staff
from modassist.records.files import BadRecord, read_records
from modassist.records.threads import to_thread
from modassist.rules.rulebook import Answered, Hit, RulePacks

Place = tuple[str, int]
"""A post: the name of its thread in the corpora, and its number there."""

LATER = timedelta(days=1)
"""How long after its last post a thread is judged: long enough for no post to be too young."""

_SIGNALS = frozenset(signal.value for signal in Signal)


@dataclass(frozen=True, slots=True)
class LabelledThread:
    """A thread record with people's labels. `name` is unique over all files, `source` the file."""

    name: str
    source: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One post as the model sees it, with its labels and, for bad signals, the words a reader pointed at."""

    place: Place
    view: View
    labels: frozenset[str]
    evidence: tuple[str, ...] = ()
    kind: str = ""
    """`plain` (a reply neither warm nor cold) or `hard` (looks like a signal and is none), where the writer said so."""
    weight: float = 1.0


def read_threads(paths: Iterable[Path]) -> list[LabelledThread]:
    """All labelled threads in these files, or in the files below these folders, in the order of their names.

    Raises RecordError, with file and place, for what cannot be read or bears no labels: a corpus is whole or wrong.
    """
    threads: list[LabelledThread] = []
    for path in _files(paths):
        for number, record in enumerate(_records(path), 1):
            _check(record, f"{path}, record {number}")
            threads.append(LabelledThread(f"{path.parent.name}/{path.stem}/{record.get('id')}", path.stem, record))
    return threads


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for record in read_records(path):
        if isinstance(record, BadRecord):
            raise RecordError(str(record))
        yield record.data


def _check(record: Mapping[str, Any], where: str) -> None:
    for post in record.get("posts", ()):
        gold = post.get("gold")
        if not isinstance(gold, dict) or not isinstance(gold.get("signals"), list):
            raise RecordError(f"{where}: post {post.get('post_number')} has no labels (gold.signals)")
        unknown = [name for name in gold["signals"] if name not in _SIGNALS]
        if unknown:
            raise RecordError(f"{where}: post {post.get('post_number')}: no signal is called {unknown[0]!r}")


class RulesRead(RulePacks):
    """The same rules, for threads that are read more than once: what was found in a post as an answer to the same words
    and signals is kept."""

    def __init__(self, packs: RulePacks) -> None:
        vars(self).update(vars(packs))
        self._found: dict[tuple[str, str, str, Answered | None], list[Hit]] = {}

    def find(
        self,
        text: str,
        *,
        lang: str,
        role: Role | str,
        answered: Answered | None = None,
        spans: Sequence[Span] | None = None,
    ) -> list[Hit]:
        """As RulePacks.find."""
        key = (text, lang, str(role), answered)
        if key not in self._found:
            self._found[key] = super().find(text, lang=lang, role=role, answered=answered, spans=spans)
        return self._found[key]


@dataclass
class Recorder:
    """Stands where the model stands: notes what it is asked, and lets `inner`, or rules and context alone, answer."""

    inner: Learned | None = None
    views: list[View] = field(default_factory=list)

    def judge(self, view: View, judged: JudgedPost, found: Found) -> JudgedPost:
        self.views.append(view)
        if self.inner is not None:
            return self.inner.judge(view, judged, found)
        return with_findings(judged, found, OF_STAFF if view.role is Role.STAFF else OF_CUSTOMERS)


def examples_of(thread: LabelledThread, detectors: Detectors, inner: Learned | None = None) -> list[Example]:
    """The labelled posts of a thread as the model would see them if `inner` judged them one after the other.

    Posts without labels (`gold`) are context only. Every reply is judged before the answer to it is known, as in life; posts in a fourth language are left out.
    """
    record = thread.record
    parsed = to_thread(record, staff=Staff(), place=thread.name)
    now = max(post.created_at for post in parsed.posts) + LATER
    recorder = Recorder(inner)
    analysis.judge(parsed, replace(detectors, learned=recorder), Limits(), now=now)
    seen = {view.number: view for view in recorder.views}
    labelled = [post for post in record["posts"] if "gold" in post and post["post_number"] in seen]
    return [_example(thread, post, seen[post["post_number"]]) for post in labelled]


def _example(thread: LabelledThread, post: Mapping[str, Any], view: View) -> Example:
    gold = post["gold"]
    labels = set(gold["signals"])
    if labels & FLAGGING:
        labels.add(FLAG)
    return Example(
        place=(thread.name, view.number),
        view=view,
        labels=frozenset(labels),
        evidence=tuple(gold.get("evidence", ())),
        kind=gold.get("kind", ""),
    )
