"""Verdicts -> labelled threads: what a forum's own people said of its posts, as examples to learn from and to check by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from modassist.model import Thread
from modassist.records.threads import from_thread
from modassist.review.verdict import Verdict, text_hash
from modassist.text.own_words import own_words
from modassist.training.examples import Example, LabelledThread

SOURCE = "verdicts"
"""Source of these threads, which tells their examples from those of the corpora."""

WEIGHT = 3.0
"""How many examples of the corpora one verdict counts for. Chosen by experiment, see docs/design.md."""

HELD_OUT = 4
"""One thread in so many is held out: whether a model is better is asked where it has not learnt."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The threads to learn from and those held out."""

    learning: Sequence[LabelledThread]
    held_out: Sequence[LabelledThread]


def labelled(source: str, thread: Thread, verdicts: Mapping[int, Verdict]) -> LabelledThread | None:
    """The thread with labels on the posts that have a verdict; None where none of them reads as it did then.

    The other posts are context and no examples.
    """
    record = from_thread(thread)
    roles = {post.number: post.role for post in thread.posts}
    labels = 0
    for post in record["posts"]:
        verdict = verdicts.get(post["post_number"])
        if verdict is None or verdict.text_sha != text_hash(own_words(post.get("cooked"), post.get("raw")).text):
            continue
        post["gold"] = {"signals": sorted(verdict.labels(roles[post["post_number"]]))}
        labels += 1
    return LabelledThread(f"{SOURCE}/{source}/{thread.id}", SOURCE, record) if labels else None


def part(threads: Iterable[LabelledThread]) -> Parts:
    """Which threads are held out hangs on their names alone: no later model has learnt from them either."""
    held: tuple[list[LabelledThread], list[LabelledThread]] = ([], [])
    for thread in threads:
        held[crc32(b"held out: " + thread.name.encode()) % HELD_OUT == 0].append(thread)
    return Parts(*held)


def is_verdict(example: Example) -> bool:
    """Whether an example is a verdict and not one of the corpora."""
    return example.place[0].startswith(f"{SOURCE}/")


def weight(example: Example) -> float:
    """How much an example counts: a verdict more than a post of the corpora."""
    return WEIGHT if is_verdict(example) else 1.0


def judged_replies(threads: Iterable[LabelledThread]) -> int:
    """How many staff replies among these have a verdict."""
    return sum("gold" in post and bool(post["staff"]) for thread in threads for post in thread.record["posts"])
