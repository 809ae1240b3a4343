"""When promises fall due, in three languages."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modassist.judging import due
from modassist.model import LANGUAGES
from modassist.resources import load_yaml, rules_root

WEDNESDAY = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
TIMES = due.load({lang: load_yaml(rules_root() / lang / "times.yaml") for lang in LANGUAGES})


@pytest.mark.parametrize(
    ("lang", "words", "expected"),
    [
        ("de", "Ich melde mich bis Freitag.", "2026-03-06T22:59:59"),
        ("de", "Sie hören in 2-3 Werktagen von uns.", "2026-03-09T22:59:59"),
        ("de", "Rückmeldung innerhalb von fünf Tagen.", "2026-03-09T22:59:59"),
        ("de", "Ich sage morgen bis 18 Uhr Bescheid.", "2026-03-05T17:00:00"),
        ("de", "Nächste Woche wissen wir mehr.", "2026-03-15T22:59:59"),
        ("de", "Bis zum 12.3. liegt das Ergebnis vor.", "2026-03-12T22:59:59"),
        ("de", "Ich rufe Sie um 13 Uhr an.", "2026-03-04T12:00:00"),
        ("de", "Bis Ende des Monats klären wir das.", "2026-03-31T21:59:59"),
        ("de", "Am 5. Jänner gebe ich Bescheid.", None),
        ("en", "You'll hear from me by tomorrow noon.", "2026-03-05T11:00:00"),
        ("en", "Back in an hour.", "2026-03-04T11:00:00"),
        ("en", "I'll post an update by Friday.", "2026-03-06T22:59:59"),
        ("en", "Within two working days.", "2026-03-06T22:59:59"),
        ("en", "We expect it on March 10th.", "2026-03-10T22:59:59"),
        ("en", "I'll ring you by 6pm.", "2026-03-04T17:00:00"),
        ("en", "News at the end of the week.", "2026-03-08T22:59:59"),
        ("en", "She fits it on Thursday the 19th, and on Friday I'll look again.", "2026-03-20T22:59:59"),
        ("en", "It goes out tomorrow, and on Friday I'll look again.", "2026-03-06T22:59:59"),
        ("de", "Ich rufe morgen, Donnerstag, an.", "2026-03-05T22:59:59"),
        ("fi", "Soitan huomenna torstaina.", "2026-03-05T22:59:59"),
        ("de", "Freitag, den 13., schaue ich nach.", "2026-03-13T22:59:59"),
        ("de", "Der Techniker kommt am 18.3., am Donnerstag frage ich nach.", "2026-03-19T22:59:59"),
        ("fi", "Asentaja tulee 18.3. ja kysyn torstaina.", "2026-03-19T22:59:59"),
        ("fi", "Kerron huomenna klo 16 mennessä.", "2026-03-05T15:00:00"),
        ("fi", "Vastaan perjantaihin mennessä.", "2026-03-06T22:59:59"),
        ("fi", "Palaan asiaan ensi viikolla.", "2026-03-15T22:59:59"),
        ("fi", "Saat tiedon kahden päivän kuluessa.", "2026-03-06T22:59:59"),
        ("fi", "Ilmoitan viimeistään 12. maaliskuuta.", "2026-03-12T22:59:59"),
        ("en", "You will have it by the 14th.", "2026-03-14T22:59:59"),
        ("en", "On the 2nd I am back and will ring you.", "2026-04-02T21:59:59"),
        ("en", "I can tell you the week after next.", "2026-03-22T22:59:59"),
        ("de", "Das Ersatzteil ist bis zum 14. bei Ihnen.", "2026-03-14T22:59:59"),
        ("de", "Bis zum 14. April melde ich mich.", "2026-04-14T21:59:59"),
        ("de", "Übernächste Woche sage ich Bescheid.", "2026-03-22T22:59:59"),
        ("fi", "Vastaamme 14. päivään mennessä.", "2026-03-14T22:59:59"),
        ("fi", "Palaan 9. päivä asiaan.", "2026-03-09T22:59:59"),
    ],
)
def test_a_promise_is_due_when_its_words_say(lang: str, words: str, expected: str | None) -> None:
    found = due.due(words, WEDNESDAY, TIMES[lang], "Europe/Berlin")
    assert (found.at.isoformat()[:19] if found else None) == expected


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("de", "Guten Morgen, ich melde mich."),
        ("de", "Das ist seit drei Wochen so."),
        ("de", "Das war vor drei Tagen."),
        ("en", "That happened three days ago."),
        ("en", "Good morning, I will have a look."),
        ("fi", "Hyvää huomenta, selvitän asiaa."),
        ("de", "Am 3. Gerät schaue ich es mir an."),
        ("en", "It is on the 2nd floor, I will look."),
        ("fi", "Se on 3. kerroksessa, katson."),
    ],
)
def test_words_about_the_past_or_a_greeting_name_no_due_time(lang: str, words: str) -> None:
    assert due.due(words, WEDNESDAY, TIMES[lang], "Europe/Berlin") is None


def test_a_day_ends_in_the_forums_own_zone() -> None:
    helsinki = due.due("by Friday", WEDNESDAY, TIMES["en"], "Europe/Helsinki")
    london = due.due("by Friday", WEDNESDAY, TIMES["en"], "Europe/London")
    assert helsinki is not None
    assert london is not None
    assert (london.at - helsinki.at).total_seconds() == 2 * 3600


def test_the_words_shown_are_the_words_that_name_the_time() -> None:
    text = "I will be back with you by tomorrow noon, promised."
    found = due.due(text, WEDNESDAY, TIMES["en"])
    assert found is not None
    assert text[found.start : found.end] == "tomorrow noon"


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_gives_a_later_instant_or_none(text: str, lang: str) -> None:
    found = due.due(text, WEDNESDAY, TIMES[lang], "Europe/Helsinki")
    assert found is None or (found.at > WEDNESDAY and 0 <= found.start <= found.end <= len(text))
