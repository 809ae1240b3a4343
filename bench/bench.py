"""How fast modassist analyses, as ratios in one run: `make bench`.

    python bench/bench.py [THREADS]

THREADS is a file of thread records (default: the real forum in the shared material, where it is; else generated from
the sample forum). Every post is new to the program. detoxify is measured in the same run where it is installed
(`pip install modassist[toxicity]`).
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from modassist import sample
from modassist.cli import RARELY
from modassist.judging import analysis, detectors, signals
from modassist.judging.boilerplate import Boilerplate
from modassist.learned.loading import BUILT_IN, Weighers
from modassist.learned.model_file import read
from modassist.learned.weigher import Weigher
from modassist.model import Limits, Staff, Thread
from modassist.records.files import BadRecord, read_records
from modassist.records.threads import to_thread
from modassist.rules.rulebook import RulePacks
from modassist.text.language import Identifier
from modassist.text.own_words import own_words

NOW = datetime(2026, 3, 16, 8, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[2] / "shared" / "real" / "support-forum.jsonl.gz"


def threads(path: Path | None) -> Iterator[Thread]:
    if path is None:
        for record in sample.load().records * 40:
            yield to_thread(record, staff=Staff(), fallback_now=NOW)
        return
    for record in read_records(path, path.name):
        if isinstance(record, BadRecord):
            raise SystemExit(f"{record.place}: {record.message}")
        yield to_thread(record.data, staff=Staff(), fallback_now=NOW)


STAGES: tuple[tuple[str, object, str], ...] = (
    ("own words", signals, "own_words"),
    ("language", Identifier, "identify"),
    ("rules", RulePacks, "find"),
    ("context", analysis, "judge_posts"),
    ("states", analysis, "thread_states"),
    ("model", Weigher, "judge"),
    ("advice", analysis, "suggest"),
    ("record", analysis, "to_record"),
)
"""Stages of the analysis and the function that does each; what one calls of another counts there alone."""


class Clock:
    """CPU seconds of each stage, without those of the stages that it called."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[float] = []

    def watch(self, stage: str, owner: object, name: str) -> None:
        """Puts a clock round the function for the rest of this process."""
        work: Callable[..., object] = getattr(owner, name)

        def timed_work(*args: object, **named: object) -> object:
            start = time.perf_counter()
            self._running.append(0.0)
            try:
                return work(*args, **named)
            finally:
                whole = time.perf_counter() - start
                inner = self._running.pop()
                self.seconds[stage] = self.seconds.get(stage, 0.0) + whole - inner
                if self._running:
                    self._running[-1] += whole

        setattr(owner, name, timed_work)


def timed(label: str, posts: int, work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    rate = posts / (time.process_time() - start)
    print(f"{label:42} {rate:10,.0f} posts/s of CPU")
    return rate


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else (SHARED if SHARED.exists() else None)
    print("input:", path.name if path else "sample forum, repeated")
    gc.set_threshold(*RARELY)  # as the program does
    start = time.process_time()
    for _ in range(10_000_000):
        pass
    print(f"{'this machine: ten million empty rounds':42} {time.process_time() - start:10.2f} s")
    start = time.process_time()
    made = list(threads(path))
    reading = time.process_time() - start
    posts = sum(len(thread.posts) for thread in made)
    print(f"{'reading the records':42} {posts / reading:10,.0f} posts/s of CPU")
    whole_analysis("by rules", detectors.load(), made, posts)
    with_model = detectors.load(learned=Weighers(read(BUILT_IN)).for_category(None))
    ours = whole_analysis("with the model", with_model, made, posts)
    stages(with_model, made, posts, reading)
    detoxify([own_words(p.html, p.raw).text for t in made[:20] for p in t.posts][:60], ours)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def whole_analysis(how: str, loaded: detectors.Detectors, made: list[Thread], posts: int) -> float:
    """Posts a second from a cold start, and once a third of the posts is behind."""
    start = time.process_time()
    analysis.analyse(made[0], loaded, Limits(), now=NOW)  # the language model and the matchers load on first use
    print(f"{how + ': the first thread':42} {time.process_time() - start:10.2f} s")
    memory = Boilerplate()

    def judge(some: list[Thread]) -> None:
        for thread in some:
            analysis.to_record(analysis.analyse(thread, loaded, Limits(), now=NOW, boilerplate=memory))

    third = len(made) // 3
    start = time.process_time()
    judge(made[:third])
    rest = sum(len(thread.posts) for thread in made[third:])
    timed(f"{how}: after the first third", rest, lambda: judge(made[third:]))
    rate = posts / (time.process_time() - start)
    print(f"{how}: whole analysis".ljust(42), f"{rate:10,.0f} posts/s of CPU")
    return rate


def stages(loaded: detectors.Detectors, made: list[Thread], posts: int, reading: float) -> None:
    """Each stage's share of a second run, which has met the words but not kept any result."""
    clock = Clock()
    for stage in STAGES:
        clock.watch(*stage)
    memory = Boilerplate()
    start = time.perf_counter()
    for thread in made:
        analysis.to_record(analysis.analyse(thread, loaded, Limits(), now=NOW, boilerplate=memory))
    whole = time.perf_counter() - start + reading
    spent = {"parse": reading, **clock.seconds}
    spent["rest"] = whole - sum(spent.values())
    for stage, seconds in spent.items():
        print(f"  {stage:40} {seconds / posts * 1e6:10.1f} µs a post {seconds / whole:6.1%}")


def detoxify(texts: list[str], ours: float) -> None:
    """How many times faster the whole analysis is than each of detoxify's models, one post at a time on one core.

    The models have detoxify's architectures and random weights: speed does not depend on them, and the published ones
    need the network. A text counts as one and a half tokens a word.
    """
    try:
        import torch
        from transformers import (
            BertConfig,
            BertForSequenceClassification,
            XLMRobertaConfig,
            XLMRobertaForSequenceClassification,
        )
    except ImportError:
        print("detoxify is not installed: no ratio measured (make test-extras installs it, make bench then uses it)")
        return
    torch.manual_seed(0)
    torch.set_num_threads(1)
    models = {
        "original": lambda: BertForSequenceClassification(BertConfig(num_labels=6)),
        "multilingual": lambda: XLMRobertaForSequenceClassification(
            XLMRobertaConfig(num_labels=16, vocab_size=250_002, max_position_embeddings=514)
        ),
    }
    for name, made in models.items():
        model = made().eval()
        start = time.process_time()
        with torch.no_grad():
            for text in texts:
                model(torch.randint(5, 1000, (1, min(512, max(2, len(text.split()) * 3 // 2)))))
        theirs = len(texts) / (time.process_time() - start)
        print(
            f"{f'detoxify {name} (same architecture)':42} {theirs:10,.1f} posts/s of CPU: {ours / theirs:,.0f} x slower"
        )


if __name__ == "__main__":
    main()
