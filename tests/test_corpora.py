"""The training corpora: sound, varied, large enough, and free of the texts that are measured on."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from modassist.learned.words import words
from modassist.model import EMPTY, FLAGGING, LANGUAGES
from modassist.text.own_words import own_words
from modassist.training.diversity import diversity, near_duplicates, runs
from modassist.training.examples import read_threads
from shared import needed

ROOT = Path(__file__).resolve().parents[1] / "corpora"
BAD = tuple(str(signal) for signal in FLAGGING | EMPTY)
OF_CUSTOMERS = ("complaint", "repeat_contact", "churn_risk", "distress", "praise", "abuse")
SHARED_RUN = 8
"""So many words in a row shared with a text that is measured on are copied wording, not idiom."""


@cache
def posts(lang: str, *, staff: bool) -> list[dict[str, Any]]:
    threads = read_threads([ROOT / lang])
    return [
        p for thread in threads for p in thread.record["posts"] if p["staff"] == staff and p["username"] != "system"
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_enough_of_everything(lang: str) -> None:
    replies, customers = posts(lang, staff=True), posts(lang, staff=False)
    signals = Counter(name for post in (*replies, *customers) for name in post["gold"]["signals"])
    kinds = Counter(post["gold"].get("kind") for post in replies)
    bad = [post for post in replies if set(post["gold"]["signals"]) & set(BAD)]
    assert len(replies) >= 1200
    assert len(customers) >= 900
    assert {name: signals[name] for name in BAD if signals[name] < 120} == {}
    assert {name: signals[name] for name in OF_CUSTOMERS if signals[name] < 80} == {}
    assert kinds["plain"] >= 400
    assert len(replies) - len(bad) >= len(bad)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_texts_are_written_one_by_one(lang: str) -> None:
    figures = diversity([post["raw"] for staff in (True, False) for post in posts(lang, staff=staff)])
    assert figures.near_duplicates <= 0.005
    assert figures.distinct_bigrams >= 0.65
    assert figures.distinct_openings >= 0.85
    assert figures.shortest_tenth <= 12 < 20 <= figures.median <= 60 <= figures.longest_tenth * 1.2


def test_near_duplicates_are_found() -> None:
    one = words("wir bitten um etwas geduld und melden uns, sobald es neuigkeiten zu ihrem fall gibt")
    other = words("wir bitten um etwas geduld und melden uns dann, sobald es neuigkeiten zu ihrem fall gibt")
    assert list(near_duplicates([one, words("ganz etwas anderes, das mit dem ersten nichts gemein hat"), other])) == [2]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_marked_words_stand_in_the_posts_own_words(lang: str) -> None:
    for post in posts(lang, staff=True):
        text = " ".join(own_words(None, post["raw"]).text.split())
        for marked in post["gold"].get("evidence", ()):
            plain = " ".join(own_words(None, marked).text.split())
            assert plain in text, (post["raw"], marked)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_bad_signal_has_marked_words_and_nothing_else_has(lang: str) -> None:
    for post in posts(lang, staff=True):
        bad = set(post["gold"]["signals"]) & set(BAD)
        assert bool(post["gold"].get("evidence")) == bool(bad), post["raw"]


def test_no_thread_stands_twice() -> None:
    names = [(thread.source, thread.record["id"]) for thread in read_threads([ROOT])]
    ids = Counter(record_id for _, record_id in names)
    assert [record_id for record_id, count in ids.items() if count > 1] == []


def test_nothing_of_the_measured_texts_is_trained_on() -> None:
    measured: set[tuple[str, ...]] = set()
    for path in sorted(needed("gold-dev").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for post in json.loads(line)["posts"]:
                measured.update(runs(words(post["raw"]), SHARED_RUN))
    for lang in LANGUAGES:
        for post in (*posts(lang, staff=True), *posts(lang, staff=False)):
            shared = measured & set(runs(words(post["raw"]), SHARED_RUN))
            assert not shared, (post["raw"], shared)
