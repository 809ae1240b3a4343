"""The sample forum tells the story of the product: each verdict is the one an attentive reader would give."""

from __future__ import annotations

import pytest

from modassist import sample
from modassist.judging import analysis, detectors
from modassist.model import Analysis, Limits, Staff
from modassist.records.threads import to_thread

SAMPLE = sample.load()


@pytest.fixture(scope="module")
def analyses() -> dict[int, Analysis]:
    loaded = detectors.load()
    threads = [to_thread(record, staff=Staff(), fallback_now=SAMPLE.now) for record in SAMPLE.records]
    return {t.id: analysis.analyse(t, loaded, Limits(), now=SAMPLE.now, note_lang="de") for t in threads}


def test_there_are_eight_threads_in_each_language(analyses: dict[int, Analysis]) -> None:
    langs = [found.judgement.lang for found in analyses.values()]
    assert {lang: langs.count(lang) for lang in set(langs)} == {"de": 8, "en": 8, "fi": 8}


@pytest.mark.parametrize("topic", sorted(SAMPLE.expected))
def test_the_verdict_is_the_readers(analyses: dict[int, Analysis], topic: int) -> None:
    found, expected = analyses[topic].judgement, SAMPLE.expected[topic]
    assert {state.state.value for state in found.states} == expected.states
    assert tuple(post.post.number for post in found.posts if post.flagged) == expected.flagged
    assert found.needs_person is expected.escalate


def test_evidence_is_an_exact_piece_of_the_posts_own_words(analyses: dict[int, Analysis]) -> None:
    shown = 0
    for found in analyses.values():
        for post in found.judgement.posts:
            for evidence in (e for f in post.findings for e in f.evidence):
                assert post.words.text[evidence.start : evidence.end] == evidence.text
                shown += 1
    assert shown > 60


def test_the_same_thread_is_judged_alike_twice(analyses: dict[int, Analysis]) -> None:
    loaded = detectors.load()
    for record in SAMPLE.records[:3]:
        thread = to_thread(record, staff=Staff(), fallback_now=SAMPLE.now)
        again = analysis.analyse(thread, loaded, Limits(), now=SAMPLE.now, note_lang="de")
        assert analysis.to_record(again) == analysis.to_record(analyses[thread.id])
