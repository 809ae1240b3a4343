"""Whether a new model may take the place of the one in use: flags that are right, on posts neither has learnt from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from modassist.judging import analysis
from modassist.judging.detectors import Detectors
from modassist.learned.model_file import FLAG, LABELS
from modassist.model import FLAGGING, Limits, Role, Staff
from modassist.records.threads import to_thread
from modassist.training.examples import LATER, LabelledThread
from modassist.training.fit import Fitted

CHANCE = 0.01
"""A difference on the corpora that means nothing: training without one thread in twenty moves this much."""


@dataclass(frozen=True, slots=True)
class Flags:
    """How flags and labels of staff replies agree."""

    hits: int = 0
    false_alarms: int = 0
    misses: int = 0
    asked: int = 0

    @property
    def precision(self) -> float | None:
        """Share of the flags that are right; None without flags."""
        flags = self.hits + self.false_alarms
        return self.hits / flags if flags else None

    @property
    def f1(self) -> float | None:
        """None where there was nothing to flag and nothing was flagged."""
        total = 2 * self.hits + self.false_alarms + self.misses
        return 2 * self.hits / total if total else None

    def loses_to(self, other: Flags, slack: float = 0.0) -> bool:
        """Whether these are worse than the other ones on the same replies, by more than `slack`.

        Worse in F1, or in precision; no flag at all is never imprecise.
        """
        by_f1 = _or(self.f1, 1.0) < _or(other.f1, 1.0) - slack
        return by_f1 or _or(self.precision, 1.0) < _or(other.precision, 1.0) - slack


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def counted(decisions: Iterable[tuple[bool, bool]]) -> Flags:
    """Flags out of (deserved, given) for each reply."""
    found = list(decisions)
    return Flags(
        hits=sum(deserved and given for deserved, given in found),
        false_alarms=sum(given and not deserved for deserved, given in found),
        misses=sum(deserved and not given for deserved, given in found),
        asked=len(found),
    )


def on_threads(threads: Iterable[LabelledThread], detectors_for: Callable[[int | None], Detectors]) -> Flags:
    """How the flags of these detectors (by category) agree with the labels of these threads."""
    return counted(pair for thread in threads for pair in _decisions(thread, detectors_for))


def _decisions(thread: LabelledThread, detectors_for: Callable[[int | None], Detectors]) -> Iterable[tuple[bool, bool]]:
    parsed = replace(to_thread(thread.record, staff=Staff(), place=thread.name), now=None)
    now = max(post.created_at for post in parsed.posts) + LATER
    judged = analysis.judge(parsed, detectors_for(parsed.category_id), Limits(), now=now)
    labels = {post["post_number"]: post["gold"]["signals"] for post in thread.record["posts"] if "gold" in post}
    for post in judged.posts:
        if post.post.role is Role.STAFF and post.post.number in labels:
            yield not FLAGGING.isdisjoint(labels[post.post.number]), post.shows(*FLAGGING)


def alarms(fitted: Fitted, names: Iterable[str]) -> dict[str, int]:
    """How many staff replies of these threads get a flag by language, held out, at normal strictness."""
    lines = {lang: by_strictness["normal"][FLAG] for lang, by_strictness in fitted.model.thresholds.items()}
    given = Counter(lang for lang, chance, _ in _held_out(fitted, names) if chance >= lines[lang])
    return {lang: given[lang] for lang in lines}


def on_corpora(fitted: Fitted, names: Iterable[str], as_many: Mapping[str, int]) -> Flags:
    """How the held-out flags of a training agree with the labels of these threads (by name), with so many by language.

    At the same number of flags two trainings can be compared: where each draws its own line for nine flags in ten to
    be right, leaving one thread in twenty out moves F1 by 0.02 to 0.03; at the same number, by less than 0.01.
    """
    ranked: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for lang, chance, deserved in _held_out(fitted, names):
        ranked[lang].append((chance, deserved))
    decisions: list[tuple[bool, bool]] = []
    for lang, replies in ranked.items():
        replies.sort(key=lambda reply: -reply[0])
        decisions += [(deserved, place < as_many.get(lang, 0)) for place, (_, deserved) in enumerate(replies)]
    return counted(decisions)


def _held_out(fitted: Fitted, names: Iterable[str]) -> Iterator[tuple[str, float, bool]]:
    """Language, probability and truth of a flag for each held-out staff reply of these threads."""
    held, wanted = fitted.held_out[Role.STAFF], set(names)
    chances = held.chances[:, LABELS[Role.STAFF].index(FLAG)]
    for example, chance in zip(held.examples, chances, strict=True):
        if example.place[0] in wanted:
            yield example.view.lang, float(chance), FLAG in example.labels
