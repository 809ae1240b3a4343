"""Measures labelled thread records: `python tests/measure_gold.py FILE… [--errors]`.

A record carries `gold` on the thread (`lang`, `states` at its `now`, `escalate`) and on each post (`signals`, for staff
`flagged`). Reported per language: the five waiting states together, complaint, flagged replies, every signal, escalate.
`canned` and `non_answer` count as one label, `empty`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modassist.judging import analysis, detectors
from modassist.model import EMPTY, WAITING, Limits, Role, Signal, Staff
from modassist.records.threads import to_thread


@dataclass
class Tally:
    """Hits, false alarms and misses of one label."""

    hit: int = 0
    wrong: int = 0
    missed: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, expected: bool, found: bool, example: str) -> None:
        self.hit += expected and found
        self.wrong += found and not expected
        self.missed += expected and not found
        if expected != found:
            self.examples.append(("MISSED " if expected else "WRONG  ") + example)

    @property
    def precision(self) -> float:
        return self.hit / (self.hit + self.wrong) if self.hit + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else 1.0

    @property
    def f1(self) -> float:
        total = 2 * self.hit + self.wrong + self.missed
        return 2 * self.hit / total if total else 1.0


def label(name: str) -> str:
    return "empty" if name in {signal.value for signal in EMPTY} else name


def read(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def measure(records: Iterator[dict[str, Any]]) -> dict[str, dict[str, Tally]]:
    """Tallies by language and label: `waiting`, `flagged`, `escalate`, `state:…` and every signal."""
    loaded = detectors.load()
    tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for record in records:
        thread = to_thread(record, staff=Staff())
        assert thread.now is not None, f"record {record['id']} has no instant to be judged at"
        judged = analysis.judge(thread, loaded, Limits(), now=thread.now)
        gold = record["gold"]
        table = tallies[gold["lang"]]
        where = f"{thread.id} {thread.title}"
        states = {state.state for state in judged.states}
        for state in type(next(iter(WAITING))):
            table[f"state:{state.value}"].add(state.value in gold["states"], state in states, where)
            if state in WAITING:
                table["waiting"].add(state.value in gold["states"], state in states, f"{state.value}: {where}")
        table["escalate"].add(gold["escalate"], judged.needs_person, where)
        by_number = {post.post.number: post for post in judged.posts}
        for post in record["posts"]:
            _post(table, post, by_number[post["post_number"]], where)
    return tallies


def _post(table: dict[str, Tally], post: dict[str, Any], judged: Any, where: str) -> None:
    if judged.post.role is Role.AUTOMATIC:
        return
    expected = {label(name) for name in post["gold"]["signals"]}
    found = {label(signal.value) for signal in judged.signals}
    text = f"{where} #{judged.post.number}: {' '.join(judged.words.text.split())}"
    for name in {label(signal.value) for signal in Signal}:
        staff_label = Signal(name if name != "empty" else "canned") in {s for s, _ in judged.scores}
        if staff_label:
            by = [f"{f.signal.value}<{','.join(f.by)}>" for f in judged.findings if label(f.signal.value) == name]
            table[name].add(name in expected, name in found, f"{text}  {' '.join(by)}")
    if judged.post.role is Role.STAFF:
        by = [f"{f.signal.value}:{f.score}<{','.join(f.by)}>" for f in judged.findings]
        table["flagged"].add(post["gold"]["flagged"], judged.flagged, f"{text}  gold={sorted(expected)} {' '.join(by)}")


def report(tallies: dict[str, dict[str, Tally]], errors: str | None) -> None:
    for lang, table in sorted(tallies.items()):
        for name in [
            "waiting",
            "complaint",
            "flagged",
            "escalate",
            *sorted(set(table) - {"waiting", "complaint", "flagged", "escalate"}),
        ]:
            t = table[name]
            support = Counter(hit=t.hit, missed=t.missed).total()
            print(f"{lang} {name:22} P {t.precision:.2f} R {t.recall:.2f} F1 {t.f1:.2f}  n={support} wrong={t.wrong}")
            if errors is not None and errors in (name, "all"):
                for example in t.examples:
                    print("    ", example)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--errors", metavar="LABEL", help="list misses and false alarms of this label, or of all")
    args = parser.parse_args()
    report(measure(read(args.files)), args.errors)
    sys.exit(0)
