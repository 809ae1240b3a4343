"""evaluate: figures that can be checked by hand, records it must read, and what it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from modassist import cli
from modassist.evaluation.measures import (
    Bin,
    calibration_error,
    f1,
    figures,
    macro_f1,
    precision_at,
    reliability,
    wilson,
)
from modassist.evaluation.observe import FLAGGED, Observation

POSTS = [
    {
        "post_number": 1,
        "username": "winni",
        "staff": False,
        "created_at": "2026-03-02T08:00:00Z",
        "raw": "The app broke again after the update and nobody answers my mails. I am really angry.",
        "gold": {"signals": ["complaint", "repeat_contact"]},
    },
    {
        "post_number": 2,
        "username": "mod_a",
        "staff": True,
        "created_at": "2026-03-02T10:00:00Z",
        "raw": "Nobody else has reported this. That is not what happened. <b>Closing this.</b>",
        "gold": {"signals": ["contradiction", "dismissal"], "flagged": True, "evidence": ["Nobody else has reported"]},
    },
]


def record(**more: object) -> dict[str, Any]:
    gold = {"lang": "en", "states": [], "escalate": True}
    return {"id": 7, "title": "Broken", "now": "2026-03-02T12:00:00Z", "posts": POSTS, "gold": gold, **more}


@pytest.fixture
def gold_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "gold.jsonl"
    path.write_text(json.dumps(record()) + "\n", encoding="utf-8")
    return path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.group, ["evaluate", *map(str, words), "--rules-only"])


def seen(expected: bool, found: bool, *, thread: str = "t", score: float | None = None) -> Observation:
    return Observation(FLAGGED, "en", thread, expected, found, score)


# -- figures ----------------------------------------------------------------------------------------------------------


def test_precision_recall_and_f1_are_counted() -> None:
    items = [seen(True, True)] * 6 + [seen(False, True)] * 2 + [seen(True, False)] * 3 + [seen(False, False)] * 9
    (one,) = figures(items)
    assert (one.hits, one.false_alarms, one.misses, one.asked, one.positives) == (6, 2, 3, 20, 9)
    assert (one.precision, one.recall, one.f1) == (6 / 8, 6 / 9, 12 / 17)


def test_wilsons_interval_is_the_one_of_the_textbook() -> None:
    interval = wilson(8, 10)
    assert interval is not None
    assert interval == pytest.approx((0.4902, 0.9433), abs=2e-4)
    assert wilson(0, 0) is None
    low, high = wilson(10, 10) or (0, 0)
    assert (low, high) == (pytest.approx(0.7225, abs=1e-3), 1.0)


def test_nothing_to_find_and_nothing_found_has_no_f1() -> None:
    assert f1(0, 0, 0) is None
    assert figures([seen(False, False)]) == []


def test_the_interval_of_f1_holds_threads_together() -> None:
    mixed = [seen(True, number % 2 == 0, thread=str(thread)) for thread in range(40) for number in range(4)]
    lumped = [seen(True, thread % 2 == 0, thread=str(thread)) for thread in range(40) for _ in range(4)]
    (even,), (uneven,) = figures(mixed), figures(lumped)
    assert even.f1 == uneven.f1
    assert even.f1_interval is not None
    assert uneven.f1_interval is not None
    assert even.f1_interval[1] - even.f1_interval[0] < 0.01 < uneven.f1_interval[1] - uneven.f1_interval[0]


def test_macro_f1_is_the_mean_of_what_occurs() -> None:
    made = figures([*[seen(True, True)] * 2, Observation("blame", "en", "t", True, False)])
    assert macro_f1(made, (FLAGGED, "blame", "deflection")) == 0.5
    assert macro_f1(made, ("deflection",)) is None


def test_reliability_compares_what_was_said_with_what_was_true() -> None:
    items = [seen(number < 8, True, score=0.85) for number in range(10)] + [seen(False, False, score=1.0)]
    assert reliability(items) == [Bin(0.8, 0.9, 10, pytest.approx(0.85), 0.8), Bin(0.9, 1.0, 1, 1.0, 0.0)]
    assert calibration_error(reliability(items)) == pytest.approx((10 * 0.05 + 1) / 11)
    assert calibration_error([]) is None


def test_precision_at_an_alarm_rate_looks_at_the_highest_scores() -> None:
    items = [seen(number in (0, 2), False, score=1 - number / 20) for number in range(20)]
    assert precision_at(items, 0.1) == 0.5
    assert precision_at(items, 0.2) == 0.5
    assert precision_at(items[:3], 0.05) is None


# -- the command ------------------------------------------------------------------------------------------------------


def test_a_table_tells_what_was_found(gold_file: Path) -> None:
    result = run(gold_file)
    assert result.exit_code == 0, result.output
    assert "1 threads, 2 posts, judged by rules alone" in result.output
    row = next(line for line in result.output.splitlines() if line.split()[:1] == ["flagged"])
    assert row.split()[-3:] == ["1", "0", "0"]
    assert "overlap the words marked by readers in 1 of 1" in result.output


def test_json_holds_every_figure(gold_file: Path) -> None:
    made = json.loads(run(gold_file, "--format", "json").output)
    by_label = {each["label"]: each for each in made["figures"]}
    assert by_label["complaint"]["hits"] == 1
    assert by_label["escalate"]["hits"] == 1
    assert made["summaries"][0]["lang"] == "en"


def test_the_page_escapes_and_needs_nothing_else(gold_file: Path, tmp_path: Path) -> None:
    named = tmp_path / "<script>.jsonl"
    named.write_bytes(gold_file.read_bytes())
    page = tmp_path / "page.html"
    assert run(named, "--format", "html", "--output", page).exit_code == 0
    html = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;.jsonl" in html
    assert "<script" not in html
    assert "src=" not in html
    assert "href=" not in html
    assert "<svg" in html


def test_markdown_has_a_table_per_language(gold_file: Path) -> None:
    assert "| flagged | " in run(gold_file, "--format", "markdown").output


def test_errors_are_listed_with_text_and_reasons(gold_file: Path) -> None:
    wrong = record(posts=[POSTS[0], {**POSTS[1], "gold": {"signals": [], "flagged": False}}])
    gold_file.write_text(json.dumps(wrong), encoding="utf-8")
    lines = [line for line in run(gold_file, "--errors", "flagged").output.splitlines() if "false alarm" in line]
    assert len(lines) == 1
    assert lines[0].startswith("en flagged false alarm")
    assert "Nobody else has reported this" in lines[0]
    assert "rule:en/dismissal/" in lines[0]


def test_an_unknown_label_is_refused_with_the_known_ones(gold_file: Path) -> None:
    result = run(gold_file, "--errors", "dismissive")
    assert result.exit_code == 2
    assert "'dismissive' is no label; known are all, flagged" in result.output


def test_records_without_labels_are_named_and_the_others_measured(gold_file: Path) -> None:
    bare = {**record(id=8), "posts": [{key: value for key, value in POSTS[0].items() if key != "gold"}]}
    gold_file.write_text("\n".join([json.dumps(bare), "{nonsense", json.dumps(record())]), encoding="utf-8")
    result = run(gold_file)
    assert result.exit_code == 1
    assert "gold.jsonl:1: no post has labels" in result.output
    assert "gold.jsonl:2" in result.output
    assert "1 threads, 2 posts" in result.output


def test_a_thread_without_labelled_states_counts_its_posts_alone(gold_file: Path) -> None:
    gold_file.write_text(json.dumps(record(gold={"lang": "en"})), encoding="utf-8")
    labels = {each["label"] for each in json.loads(run(gold_file, "--format", "json").output)["figures"]}
    assert "complaint" in labels
    assert not labels & {"waiting", "escalate", "state:dropped"}
