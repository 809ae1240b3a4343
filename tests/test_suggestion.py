"""What is suggested: drafts that name the customer's own case and promise nothing, notes that shame nobody."""

from __future__ import annotations

import re

import pytest

from builders import START, customer, days, thread
from modassist import sample
from modassist.advice import draftlint
from modassist.advice.wordbook import placeholders
from modassist.judging import analysis, detectors
from modassist.judging.detectors import Detectors
from modassist.model import Analysis, Limits, Signal, Staff
from modassist.records.threads import to_thread
from modassist.rules.rulebook import Answered

SAMPLE = sample.load()
COMPLAINT = Answered("My pump died and nobody answers.", frozenset({Signal.COMPLAINT}))
STAFF_NAMES = {p["username"] for r in SAMPLE.records for p in r["posts"] if p["staff"]}


@pytest.fixture(scope="module")
def loaded() -> Detectors:
    return detectors.load()


def analysed(loaded: Detectors, note_lang: str) -> dict[int, Analysis]:
    threads = [to_thread(record, staff=Staff(), fallback_now=SAMPLE.now) for record in SAMPLE.records]
    return {t.id: analysis.analyse(t, loaded, Limits(), now=SAMPLE.now, note_lang=note_lang) for t in threads}


@pytest.fixture(scope="module")
def english(loaded: Detectors) -> dict[int, Analysis]:
    return analysed(loaded, "en")


def sayings(loaded: Detectors) -> list[tuple[str, str, str]]:
    """(language, part, text) of every wording a draft can be made of, its facts left open."""
    return [
        (lang, part, re.sub(r"\{\w+\}", "[…]", text))
        for lang, book in loaded.replies.items()
        for part, its in book.parts.items()
        for saying in its
        for texts in saying.wordings.values()
        for text in texts
    ]


def test_no_wording_for_drafts_is_refused_by_our_own_rules(loaded: Detectors) -> None:
    refused = [
        (lang, part, text, faults)
        for lang, part, text in sayings(loaded)
        if (faults := draftlint.faults(text, lang, loaded, COMPLAINT))
    ]
    assert not refused


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("de", "Wir erstatten Ihnen den Betrag."),
        ("de", "Das wird definitiv nicht wieder passieren."),
        ("de", "Sie hören bis Freitag von mir."),
        ("de", "Das war unser Verschulden."),
        ("de", "Das liegt im Toleranzbereich und ist völlig normal."),
        ("en", "We will refund you."),
        ("en", "It will be fixed by tomorrow."),
        ("en", "We are liable for that."),
        ("en", "That is simply user error."),
        ("fi", "Saat rahat takaisin."),
        ("fi", "Vastaan sinulle huomenna."),
        ("fi", "Kyseessä on käyttövirhe."),
    ],
)
def test_promises_dates_money_guilt_and_our_own_signals_are_refused(loaded: Detectors, lang: str, text: str) -> None:
    assert draftlint.faults(text, lang, loaded, COMPLAINT)


def test_words_quoted_from_the_thread_are_not_held_against_the_draft(loaded: Detectors) -> None:
    quote = "We will refund you by Friday"
    text = f'We told you: "{quote}". I\'m sorry that nothing came.'
    assert draftlint.faults(text, "en", loaded, COMPLAINT)
    assert not draftlint.faults(text, "en", loaded, COMPLAINT, quotes=(quote,))


def test_a_draft_names_the_customers_own_case(english: dict[int, Analysis]) -> None:
    for found in english.values():
        if found.escalation is None:
            continue
        draft = found.escalation.draft
        assert draft is not None
        own = " ".join(" ".join(p.words.text.split()) for p in found.judgement.posts)
        quotes = re.findall(r"[„“”\"]([^„“”\"]{12,}?)…?[“”\"]", draft.text)
        assert any(quote.rstrip("… ") in own for quote in quotes), draft.text


def test_two_threads_never_get_the_same_draft(english: dict[int, Analysis]) -> None:
    drafts = [found.escalation.draft.text for found in english.values() if found.escalation and found.escalation.draft]
    assert len(drafts) >= 15
    assert len(set(drafts)) == len(drafts)


def test_a_draft_says_nobodys_words_twice(english: dict[int, Analysis]) -> None:
    drafts = [a.escalation.draft.text for a in english.values() if a.escalation and a.escalation.draft]
    quotes = [re.findall(r"[„\"”]([^„“”\"]{12,})[“\"”]", draft) for draft in drafts]
    assert all(len(said) == len(set(said)) for said in quotes)
    assert sum(map(len, quotes)) > len(drafts)
    assert any("Zu deiner Frage: […]" in draft for draft in drafts)  # its words stand in the draft already


def test_a_draft_leaves_a_gap_for_what_only_a_person_knows(english: dict[int, Analysis]) -> None:
    for found in english.values():
        if found.escalation is not None and found.escalation.draft is not None:
            assert "[…" in found.escalation.draft.text


def test_the_draft_speaks_as_the_customer_does(english: dict[int, Analysis]) -> None:
    registers = {
        topic: found.escalation.draft.register
        for topic, found in english.items()
        if found.escalation is not None and found.escalation.draft is not None
    }
    assert registers[105] == "du"
    assert registers[103] == "Sie"
    assert registers[304] == "te"
    assert registers[302] == "sinä"
    assert registers[201] == ""


@pytest.mark.parametrize("lang", ["de", "en", "fi"])
def test_notes_name_no_colleague(loaded: Detectors, lang: str) -> None:
    for found in analysed(loaded, lang).values():
        if found.escalation is not None:
            told = " ".join((found.escalation.summary, found.escalation.note, *found.escalation.actions))
            assert not [name for name in STAFF_NAMES if name in told]


def test_notes_are_in_the_moderators_language_and_drafts_in_the_customers(loaded: Detectors) -> None:
    finnish_notes = analysed(loaded, "fi")[101].escalation
    assert finnish_notes is not None
    assert finnish_notes.draft is not None
    assert "kirjoitti" in finnish_notes.summary
    assert finnish_notes.draft.lang == "de"


def test_every_placeholder_of_every_text_is_a_fact_that_exists(loaded: Detectors) -> None:
    known = {
        "title",
        "product",
        "customer",
        "claim",
        "claim_post",
        "claim_date",
        "since",
        "tried",
        "repeat",
        "harm",
        "leaving",
        "question",
        "latest",
        "latest_post",
        "latest_date",
        "reply",
        "reply_post",
        "reply_date",
        "promise",
        "promise_post",
        "promise_due",
        "waited",
        "waiting_post",
        "others",
        "one_other",
        "replies",
    }
    for books in (loaded.replies, loaded.notes):
        for book in books.values():
            used = {
                n
                for its in book.parts.values()
                for s in its
                for ts in s.wordings.values()
                for t in ts
                for n in placeholders(t)
            }
            assert used <= known


def test_who_is_in_distress_is_offered_a_call(english: dict[int, Analysis]) -> None:
    for topic in (104, 303):
        escalation = english[topic].escalation
        assert escalation is not None
        assert "call" in escalation.channel


@pytest.mark.parametrize(
    ("question", "is_answered"),
    [("Can somebody please read what I wrote?", False), ("Which hose fits the old pump?", True)],
)
def test_a_draft_answers_questions_but_not_reproaches(loaded: Detectors, question: str, is_answered: bool) -> None:
    told = thread(customer(f"The pump broke again after a week and the cellar is wet. {question}"))
    made = analysis.analyse(told, loaded, Limits(), now=START + days(3))
    assert made.escalation is not None
    assert made.escalation.draft is not None
    assert (question in made.escalation.draft.text) == is_answered
