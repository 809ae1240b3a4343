"""The digest: what it says, in three languages and four formats, and that forum text stays text in all of them."""

from __future__ import annotations

import html
import json
import re
import tomllib
import unicodedata
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from modassist.digest.cards import card
from modassist.digest.digest import FORMATS, Digest, render
from modassist.digest.excerpt import evidence_spans, excerpt
from modassist.digest.markdown import escaped
from modassist.digest.printable import one_line, visible
from modassist.digest.terminal import render_thread
from modassist.digest.wording import Wording
from modassist.model import LANGUAGES, Span

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
FIRST = (
    "Hello everybody,\nsince the last update the pump stops every night, and every morning I stand in the cellar and "
    "start it by hand. The house is cold and we have a baby. I have reported this twice. The system was dear enough."
)
REPLY = "Hello, that is not what happened. Our data show no stop. This is an isolated case, there is nothing to do."
RETURN = "It stopped again last night. Could somebody please look at it?"


def post(number: int, role: str, text: str, *found: tuple[str, str], **more: Any) -> dict[str, Any]:
    signals = [
        {
            "signal": signal,
            "score": 0.9,
            "evidence": [{"text": words, "start": text.index(words), "end": text.index(words) + len(words)}],
            "by": [f"rule:en/{signal}/sample"],
        }
        for signal, words in found
    ]
    base = {"post_number": number, "username": "winni" if role == "customer" else "mod_a", "role": role, "lang": "en"}
    return {**base, "flagged": False, "signals": signals, "text": text, **more}


def contradicted(**more: Any) -> dict[str, Any]:
    return {
        "topic_id": 4711,
        "title": "Pump stops every night",
        "url": "https://community.example.com/t/pump/4711",
        "lang": "en",
        "judged_at": "2026-03-05T08:00:00Z",
        "states": [
            {"state": "dropped", "since": "2026-03-03T09:10:00Z", "hours": 46.8, "post_number": 3},
            {
                "state": "broken_promise",
                "since": "2026-02-28T16:00:00Z",
                "hours": 112.0,
                "post_number": 2,
                "words": "back to you by Saturday",
                "due": "2026-02-28T16:00:00Z",
            },
        ],
        "posts": [
            post(1, "customer", FIRST, ("complaint", "the pump stops every night"), ("distress", "we have a baby")),
            post(
                2,
                "staff",
                REPLY,
                ("contradiction", "that is not what happened"),
                ("dismissal", "isolated case"),
                flagged=True,
                answers=[1],
            ),
            post(3, "customer", RETURN, ("complaint", "It stopped again")),
        ],
        "severity": {
            "score": 81,
            "addends": [
                {"what": "contradiction", "points": 25},
                {"what": "dropped", "points": 20},
                {"what": "dismissal", "points": 20},
                {"what": "distress", "points": 14},
                {"what": "waiting 112.0 h", "points": 8},
                {"what": "good practice: acknowledges, owns", "points": -6},
            ],
        },
        "escalation": {
            "summary": "The customer reports a pump that stops; reply #2 denies it.",
            "note": "To the customer it reads as if nobody believed them.",
            "actions": ["Call today", "Ask for the log"],
            "channel": "a phone call",
            "due": "2026-03-05T16:00:00Z",
            "draft": {"lang": "en", "register": "", "text": "Hello winni,\n\nyou write that the pump stops. […]"},
        },
        **more,
    }


def waiting(**more: Any) -> dict[str, Any]:
    return {
        "topic_id": 12,
        "title": "Where is the export?",
        "url": "https://community.example.com/t/export/12",
        "lang": "en",
        "judged_at": "2026-03-05T08:00:00Z",
        "states": [{"state": "unanswered", "since": "2026-03-01T08:00:00Z", "hours": 30.0, "post_number": 1}],
        "posts": [post(1, "customer", "The export is gone.", ("complaint", "export is gone"))],
        "severity": {"score": 22, "addends": [{"what": "unanswered", "points": 22}]},
        "escalation": None,
        **more,
    }


def digest(*items: dict[str, Any], **more: Any) -> Digest:
    stats = {"threads_read": 24, "waiting": 2, "flagged": 1, "shown": len(items), "hidden": {}}
    return Digest(NOW, None, "community.example.com", items, stats=stats, **more)


def shown(form: str, *items: dict[str, Any], lang: str = "en", names: str = "named", **more: Any) -> str:
    return render(digest(*items, **more), form, Wording(lang, "Europe/Berlin"), names=names)


# -- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_a_thread_is_shown_with_both_sides_exact_words_and_what_to_do(form: str) -> None:
    text = " ".join(re.sub(r"[*>\\]|<[^<>]*>", " ", shown(form, contradicted())).split())
    for words in ("81", "Pump stops every night", "4711", "Call today", "a phone call", "46.8 h", "reply #2", "winni"):
        assert words in text
    if form != "terminal":  # there the two quotes stand side by side, line by line
        for words in ("the pump stops every night", "that is not what happened", "isolated case"):
            assert words in text


def test_the_worst_comes_first_and_of_equals_the_one_that_waits_longest() -> None:
    equal = waiting(topic_id=13, states=[{**waiting()["states"][0], "hours": 60.0}])
    items = json.loads(shown("json", waiting(), equal, contradicted()))["items"]
    assert [item["topic_id"] for item in items] == [4711, 13, 12]


def test_a_flagged_reply_stands_beside_the_words_it_answers_and_the_return_beside_silence() -> None:
    first, second = card(contradicted(), Wording()).pairs
    assert first.customer is not None
    assert first.staff is not None
    assert "the pump stops every night" in [piece.text for piece in first.customer.pieces if piece.marked]
    assert "that is not what happened" in [piece.text for piece in first.staff.pieces if piece.marked]
    assert second.staff is None
    assert second.silence == "No word from staff since."


def test_a_reply_that_was_not_flagged_is_shown_where_the_customer_came_back_to_it() -> None:
    record = contradicted()
    record["posts"][1] = post(2, "staff", "Thank you, we look into it.", ("owns", "we look into it"), answers=[1])
    first, second = card(record, Wording()).pairs
    assert first.staff is not None
    assert "post #1" in (first.customer.who if first.customer else "")
    assert "post #3" in (second.customer.who if second.customer else "")


def test_an_unanswered_customer_is_shown_with_the_silence() -> None:
    (pair,) = card(waiting(), Wording("de")).pairs
    assert pair.staff is None
    assert pair.silence == "Vom Team noch kein Wort."


def test_a_promise_is_shown_with_its_words_its_reply_and_when_it_was_due() -> None:
    (promise,) = card(contradicted(), Wording("de", "Europe/Berlin")).promises
    assert promise.words == "back to you by Saturday"
    assert promise.who == "Antwort #2"
    assert promise.due == "fällig war Sa., 28. Februar, 17:00 Uhr"


def test_colleagues_are_spoken_of_by_their_reply_and_not_by_name() -> None:
    for form in ("terminal", "markdown", "html"):
        assert "mod_a" not in shown(form, contradicted()).replace("\\", "")


@pytest.mark.parametrize(("names", "expected"), [("named", "winni"), ("initials", "W."), ("hidden", "")])
def test_people_are_named_as_the_privacy_setting_says(names: str, expected: str) -> None:
    item = json.loads(shown("json", contradicted(), names=names))["items"][0]
    assert item["posts"][0]["username"] == expected
    (quote, *_) = card(contradicted(), Wording(), names).posts
    assert quote.who == " · ".join(part for part in ("Customer", "post #1", expected) if part)


def test_good_replies_are_thanked_for() -> None:
    one = {"topic_id": 7, "post_number": 4, "username": "mod_b", "title": "Bill", "signals": ["owns", "commits_time"]}
    text = shown("terminal", kudos=[one])
    assert "Worth a thank-you" in text
    assert "reply #4 · mod_b: takes charge, says by when" in text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", ["terminal", "markdown", "html"])
def test_an_empty_digest_has_a_friendly_line(lang: str, form: str) -> None:
    text = html.unescape(shown(form, lang=lang))
    assert tomllib.loads(texts(lang))["empty"] in text


def test_what_is_hidden_is_counted_with_the_way_to_see_it() -> None:
    hidden = {"limit": 2, "older": 1, "stale": 0, "below": 0}
    stats = {"threads_read": 9, "waiting": 4, "flagged": 1, "hidden": hidden}
    text = render(Digest(NOW, None, "", [waiting()], stats=stats), "terminal", Wording())
    assert "2 more are not shown here: --limit 3" in text
    assert "1 was reported before: leave out --since" in text
    assert "--stale" not in text


def test_waiting_is_told_in_hours_at_first_and_in_days_later() -> None:
    words = Wording("de")
    assert words.say("states.unanswered", span=words.span(46.8)) == "wartet seit 46,8 h auf eine erste Antwort"
    assert words.say("states.unanswered", span=words.span(290)) == "wartet seit 12 Tagen auf eine erste Antwort"
    assert Wording("fi", business=True).span(46.8) == "46,8 työtuntia"


@pytest.mark.parametrize(
    ("lang", "one", "many"),
    [
        ("en", "1 thread read", "24 threads read"),
        ("de", "1 Thema gelesen", "24 Themen gelesen"),
        ("fi", "1 ketju luettu", "24 ketjua luettu"),
    ],
)
def test_one_is_singular(lang: str, one: str, many: str) -> None:
    words = Wording(lang)
    assert (words.count("counts.threads_read", 1), words.count("counts.threads_read", 24)) == (one, many)


def test_addends_are_named_in_the_moderators_language_and_still_add_up() -> None:
    shown_card = card(contradicted(), Wording("de"))
    assert [what for what, _ in shown_card.addends] == [
        "widerspricht dem Kunden",
        "Rückmeldung ohne Antwort",
        "redet es klein",
        "in Not",
        "wartet seit 5 Tagen",
        "gut gemacht: nimmt es ernst, kümmert sich",
    ]
    assert sum(points for _, points in shown_card.addends) == shown_card.score


def texts(lang: str) -> str:
    return (resources.files("modassist") / "texts" / f"{lang}.toml").read_text(encoding="utf-8")


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def test_every_language_has_the_same_texts_with_the_same_gaps() -> None:
    first, *others = (flat(tomllib.loads(texts(lang))) for lang in LANGUAGES)
    for other in others:
        assert other.keys() == first.keys()
        for name, text in first.items():
            if isinstance(text, str) and not name.startswith("dates."):
                gaps = [set(re.findall(r"{(\w+)", one)) - {"n"} for one in (text, other[name])]
                assert gaps[0] == gaps[1], name


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_line_is_wider_than_the_terminal(lang: str) -> None:
    long = contradicted(title="ä" * 300, url="https://community.example.com/t/" + "x" * 200)
    for width in (40, 80, 100):
        text = render(digest(long, waiting()), "terminal", Wording(lang), width=width)
        assert max(cell_len(line) for line in text.splitlines()) <= width


def test_the_terminal_gets_colour_only_when_asked_and_marks_evidence_without_it() -> None:
    plain = shown("terminal", contradicted())
    coloured = render(digest(contradicted()), "terminal", Wording(), colour=True)
    assert "\x1b[" not in plain
    assert "*isolated case*" in " ".join(plain.split())
    assert "\x1b[" in coloured
    assert "*isolated" not in coloured


def test_a_long_draft_is_shortened_in_the_digest_and_whole_in_the_thread() -> None:
    record = contradicted()
    record["escalation"]["draft"]["text"] = "\n\n".join(f"Paragraph {n} of the draft." for n in range(9))
    words = Wording()
    assert "Paragraph 8" not in render(digest(record), "terminal", words)
    assert "modassist show 4711" in render(digest(record), "terminal", words)
    assert "Paragraph 8" in render_thread(card(record, words), words)


def test_the_thread_shows_every_post_its_marks_and_the_sum() -> None:
    words = Wording()
    text = " ".join(render_thread(card(contradicted(), words), words).split())
    for part in ("post #1", "reply #2", "post #3", "*isolated case*", "+25 contradicts the customer", "= 81"):
        assert part in text


def test_the_json_items_are_result_records_without_texts() -> None:
    content = json.loads(shown("json", contradicted(first_flagged_at="2026-03-04T08:00:00Z"), waiting()))
    assert list(content) == ["generated_at", "since", "forum", "items", "kudos", "stats"]
    schema = json.loads((resources.files("modassist") / "schema" / "result.json").read_text(encoding="utf-8"))
    for item in content["items"]:
        jsonschema.Draft202012Validator(schema).validate(item)
        assert all("text" not in one for one in item["posts"])


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_whole_in_itself_and_every_tag_is_closed() -> None:
    page = Page(shown("html", contradicted(), waiting(), lang="de"))
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert all("src" not in attrs and "style" not in attrs for _, attrs in page.tags)
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    style = "".join(page.words)
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_says_its_language_and_that_of_each_quote() -> None:
    page = Page(shown("html", contradicted(), lang="fi"))
    assert ("html", {"lang": "fi"}) in page.tags
    quotes = [attrs for tag, attrs in page.tags if tag == "blockquote"]
    assert quotes
    assert all(attrs == {"dir": "auto", "lang": "en"} for attrs in quotes)


def test_the_page_has_one_main_heading_and_one_for_each_thread() -> None:
    tags = [tag for tag, _ in Page(shown("html", contradicted(), waiting())).tags]
    assert (tags.count("h1"), tags.count("h2"), tags.count("main")) == (1, 2, 1)


# -- hostile text ----------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> [bold]x[/bold] @everyone \x1b[31mred\x1b]0;title\x07 \u202eevil {{ 7*7 }}"


def hostile() -> dict[str, Any]:
    record = contradicted(title=HOSTILE, url="javascript:alert(1)")
    for one in record["posts"]:
        one["username"] = HOSTILE
    record["posts"][0] = post(1, "customer", HOSTILE, ("complaint", "<script>alert(1)</script>"), username=HOSTILE)
    record["states"][1]["words"] = HOSTILE
    record["escalation"] |= {"summary": HOSTILE, "note": HOSTILE, "actions": [HOSTILE], "channel": HOSTILE}
    record["escalation"]["draft"]["text"] = HOSTILE + "\n```\n</div>"
    return record


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_carries_control_characters_of_the_forum(form: str) -> None:
    one = {"topic_id": 7, "post_number": 4, "username": HOSTILE, "title": HOSTILE, "signals": ["owns"]}
    text = shown(form, hostile(), kudos=[one])
    assert not [mark for mark in text if unicodedata.category(mark) in ("Cc",) and mark != "\n"]
    if form != "json":
        assert "\u202e" not in text


def test_the_page_shows_hostile_text_as_text() -> None:
    page = Page(shown("html", hostile()))
    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "img", "bold"}
    assert "<script>alert(1)</script>" in "".join(page.words)
    assert all((attrs.get("href") or "https:").startswith("https:") for _, attrs in page.tags)


def test_markdown_shows_hostile_text_as_text_and_mentions_nobody() -> None:
    text = shown("markdown", hostile())
    assert "@everyone" not in text
    tags = Page(MarkdownIt("commonmark", {"html": True}).render(text)).tags
    assert not {tag for tag, _ in tags} & {"script", "img"}
    assert not [attrs for tag, attrs in tags if tag == "a" and not str(attrs["href"]).startswith("https:")]


plain_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80)
markup = st.lists(
    st.sampled_from([*"*_`#[]()<>!-+=|~\\&:@.1 aä", "\n", "http://x.example", "1. ", "&amp;"]), max_size=30
)


@given(markup.map("".join) | plain_text)
def test_escaped_markdown_renders_to_the_text_itself(text: str) -> None:
    line = one_line(text)
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(escaped(line))
    page = Page(rendered)
    assert {tag for tag, _ in page.tags} <= {"p"}
    assert "".join(page.words).strip().replace("\u2060", "") == line.replace("\u2060", "")


@given(plain_text)
def test_a_visible_line_holds_nothing_that_steers(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert all(mark.isprintable() or mark in "\u200c\u200d\u2060" for mark in one_line(text))


# -- excerpts --------------------------------------------------------------------------------------------------------


@st.composite
def marked_texts(draw: st.DrawFn) -> tuple[str, list[Span]]:
    text = draw(st.text(st.sampled_from("ab c. !?\nä"), min_size=1, max_size=400))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return text, [Span(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]


@given(marked_texts(), st.integers(20, 200))
def test_an_excerpt_keeps_exact_words_in_order_and_never_cuts_a_mark(case: tuple[str, list[Span]], limit: int) -> None:
    text, marks = case
    pieces = excerpt(text, marks, limit)
    at = 0
    for piece in pieces:
        if piece.text.strip() == "…":
            continue
        at = text.index(piece.text, at) + len(piece.text)
    chosen = [piece.text for piece in pieces if piece.marked]
    assert all(words in {text[mark.start : mark.end] for mark in marks} for words in chosen)
    assert chosen or not marks


def test_evidence_that_is_not_in_the_text_is_not_marked() -> None:
    one = post(1, "customer", "All is well.", ("complaint", "well"))
    one["text"] = "Something else."
    assert evidence_spans(one) == []
