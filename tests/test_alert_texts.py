"""Messages: everything a colleague needs stands in them, and nothing that a customer wrote acts in any channel."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from alerted import HOSTILE
from modassist.alerts.bot_notice import digest_notice
from modassist.alerts.inert import inert, inert_line, inert_pieces, without_names
from modassist.alerts.layouts import CHAT_LENGTH, Layout, laid_out
from modassist.alerts.notice import GATHERED, Notice, Writer
from modassist.alerts.outbox import Entry, Status
from modassist.alerts.rules import Kind
from modassist.digest.wording import Wording

FORUM = "https://forum.example.com"
CODE = "MA-ABCDEFGHIJ"
TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=12) | st.just(" ") | st.just("\n"), max_size=12).map(
    "".join
)


def record(customer: str, reply: str = "Nobody else has reported this.", **fields: Any) -> dict[str, Any]:
    """A result record with texts, in which half of each post is evidence."""
    posts = [_post(1, "customer", "winni", customer, "complaint"), _post(2, "staff", "mod_anna", reply, "dismissal")]
    escalation = {
        "summary": f"winni wrote: {customer}", "note": "What helps: say that this case counts.", "channel": "a reply",
        "actions": [f"Answer: {customer[:99]}", "Say by when."], "due": "2026-03-16T21:00:00Z", "draft": None,
    }  # fmt: skip
    state = {
        "state": "broken_promise",
        "since": "2026-03-10T08:00:00Z",
        "hours": 50.0,
        "post_number": 2,
        "words": customer[:60],
    }
    return {
        "topic_id": 208, "source": FORUM, "title": "Dock grinds", "url": f"{FORUM}/t/x/208", "lang": "en", "category_id": 5,
        "judged_at": "2026-03-16T08:00:00Z", "states": [state], "posts": posts, "escalation": escalation,
        "severity": {"score": 51, "addends": [{"what": "dismissal", "points": 20}, {"what": "waiting 50.0 h", "points": 31}]},
    } | fields  # fmt: skip


def _post(number: int, role: str, name: str, text: str, signal: str) -> dict[str, Any]:
    middle = len(text) // 2
    evidence = [{"text": text[:middle], "start": 0, "end": middle}] if middle else []
    return {
        "post_number": number, "username": name, "role": role, "lang": "en", "flagged": role == "staff", "text": text,
        "created_at": "2026-03-14T08:00:00Z", "answers": [1] if role == "staff" else [],
        "signals": [{"signal": signal, "score": 0.9, "evidence": evidence}],
    }  # fmt: skip


def notices(hostile: dict[str, Any], names: str = "named", lang: str = "en") -> list[Notice]:
    writer = Writer(Wording(lang, "Europe/Berlin"), names)
    return [
        writer.notice(Kind.ALERT, hostile, reference=CODE, reasons=("dismissal", "severity", "broken_promise")),
        writer.notice(Kind.RESOLVED, hostile, reference=CODE),
        writer.notice(Kind.FIRST_LOOK, hostile, reference=CODE, post_number=2, first_look=timedelta(hours=4)),
        writer.gathered([hostile] * 2, reference=CODE),
    ]


LINKS = {f"{FORUM}/t/208", f"{FORUM}/t/208/2"}
ACTIVE = re.compile(
    r"@|://|//|\bwww\.|\w\.[a-zA-Z]{2,}|[\[\]<>{}\\|~$^]|:[\w+-]+:|#\w|&#?\w+;|(?:mailto|javascript):\S", re.IGNORECASE
)


def assert_no_invisible(text: str) -> None:
    odd = {
        mark
        for mark in text
        if mark != "\n" and unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }
    assert not odd


def assert_harmless(message: str, layout: Layout) -> None:
    assert_no_invisible(message)
    if layout is Layout.MAIL:
        tree = LexborHTMLParser(message)
        tags = {node.tag for node in tree.body.traverse()} - {"body", "-text"}
        assert tags <= {"div", "h2", "p", "a", "b", "br", "ul", "li", "blockquote"}
        assert {node.attributes["href"] for node in tree.css("a")} <= LINKS
        assert {name for node in tree.body.traverse() for name in node.attributes} <= {"href", "lang", "style"}
        assert not ACTIVE.search(tree.body.text())
        return
    spans = re.findall(r"`([^`]*)`", message)
    assert set(spans) <= LINKS
    assert not ACTIVE.search(re.sub(r"`[^`]*`|^> ", "", message, flags=re.MULTILINE))
    if layout is Layout.CHAT:
        assert len(message) <= CHAT_LENGTH
        assert not set(message) & set("*_")
        return
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").parse(message):
        assert not token.type.startswith(("html", "fence", "code_block", "heading", "hr", "table"))
        for child in token.children or ():
            assert child.type in ("text", "strong_open", "strong_close", "code_inline", "softbreak", "hardbreak")


@settings(max_examples=150, deadline=None)
@example("", "", "@here[x](javascript:alert(1))", "named", "de")
@example("", "  ---", "", "named", "de")
@example("@here", "", " @here[x](javascript:alert(1))", "named", "de")
@example("y" * 49 + "javascript:alert(1)", "", "", "named", "en")
@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["named", "initials", "hidden"]), st.sampled_from(["de", "en", "fi"]))
def test_whatever_is_in_a_post_nothing_of_it_acts_in_any_channel(
    customer: str, reply: str, title: str, names: str, lang: str
) -> None:
    hostile = record(customer, reply, title=title)
    hostile["posts"][0]["username"] = title[:20] or "x"
    for notice in notices(hostile, names, lang):
        for layout in Layout:
            message = laid_out(notice, layout, CODE)
            assert_no_invisible(message.title)
            assert not ACTIVE.search(message.title)
            assert "\n" not in message.title
            assert_harmless(message.body, layout)


@pytest.mark.parametrize("layout", Layout)
def test_a_post_of_fifty_thousand_characters_makes_a_short_message(layout: Layout) -> None:
    for notice in notices(record("@here " * 10_000, "x " * 25_000)):
        body = laid_out(notice, layout, CODE).body
        assert len(body) < 12_000
        assert_harmless(body, layout)
        assert CODE in body


@pytest.mark.parametrize("layout", Layout)
def test_more_threads_than_one_message_holds_are_counted(layout: Layout) -> None:
    many = [record("It broke.", topic_id=208) for _ in range(GATHERED + 2)]
    notice = Writer(Wording("en")).gathered(many, reference=CODE)
    body = laid_out(notice, layout, CODE).body
    assert_harmless(body, layout)
    assert "2 more: modassist digest" in body
    assert "27 more threads need somebody" in notice.subject


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("lang", ["de", "en", "fi"])
def test_a_digest_lists_the_alerts_that_wait_for_a_person(layout: Layout, lang: str) -> None:
    waiting = [Entry(n, "k", CODE, "topic", Kind.ALERT, Status.DEAD, ((FORUM, 208),)) for n in range(11, 18)]
    notice = digest_notice(Writer(Wording(lang)), [record("It broke.")], CODE, ("daily",), undelivered=waiting)
    body = laid_out(notice, layout, CODE).body
    assert_harmless(body, layout)
    assert [n for n in range(11, 18) if f"modassist alert --retry {n}" in body] == [11, 12, 13, 14, 15]
    assert "(topic, ＃208)" in body


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("lang", ["de", "en", "fi"])
def test_an_alert_says_all_that_a_colleague_needs(layout: Layout, lang: str) -> None:
    wording = Wording(lang)
    notice = Writer(wording).notice(Kind.ALERT, record("It broke again."), reference=CODE)
    body = laid_out(notice, layout, CODE).body
    wanted = [
        f"{FORUM}/t/208",
        wording.say("states.broken_promise", span=wording.span(50.0)),
        f"{wording.say('signals.dismissal')} +20",
        f"{wording.say('addends.waiting', span=wording.span(50.0))} +31",
        "Nobody else ha",
        wording.say("actions"),
        "51 · Dock grinds",
        wording.say("alerts.reference", code=CODE),
        f"{wording.say('channel')}: a reply",
        f"{wording.say('due')}: ",
    ]
    plain = body.replace("**", "").replace("<b>", "").replace("</b>", "")
    assert not [words for words in wanted if words not in plain]


def test_a_chat_has_room_for_evidence_and_the_next_step_however_much_there_is_to_say() -> None:
    long = record("It broke again. " * 3000, "Nobody else has reported this. " * 3000, title="A title " * 40)
    long["states"] *= 3
    notice = Writer(Wording("en")).notice(Kind.ALERT, long, reference=CODE)
    body = laid_out(notice, Layout.CHAT, CODE).body
    assert_harmless(body, Layout.CHAT)
    for words in (
        f"`{FORUM}/t/208`",
        "overdue",
        "plays it down +20",
        "“Nobody else",
        "“It broke",
        "To do: Answer: ",
        "By: Mon 16 Mar",
        CODE,
    ):
        assert words in body


def test_an_address_in_a_chat_is_whole_or_not_there() -> None:
    for length in range(80):
        source = f"{FORUM}/{'sub/' * 20}{'x' * length}"
        long = record("It broke.", title="A title that is long " * 5, source=source)
        notice = Writer(Wording("en")).gathered([long] * 9, reference=CODE)
        body = laid_out(notice, Layout.CHAT, CODE).body
        assert len(body) <= CHAT_LENGTH
        assert body.count(f"`{source}/t/208`") == body.count(FORUM) >= 2


@pytest.mark.parametrize(
    ("names", "shown"), [("named", ["winni", "mod＿anna"]), ("initials", ["W.", "M."]), ("hidden", [])]
)
def test_people_are_named_as_the_setting_says(names: str, shown: list[str]) -> None:
    notice = notices(record("My kettle broke, says winni to mod_anna."), names)[0]
    for layout in Layout:
        body = laid_out(notice, layout, CODE).body
        assert all(name in body for name in shown)
        hidden = {"winni", "mod＿anna"} - set(shown)
        assert not [name for name in hidden if name in body]


def test_a_first_look_shows_its_reader_that_reply_and_no_figures() -> None:
    first = notices(record("It broke."))[2]
    for layout in Layout:
        body = laid_out(first, layout, CODE).body
        assert "Only you get this message" in body
        assert "51" not in body
        assert "+20" not in body


def test_addresses_that_begin_in_evidence_and_end_behind_it_are_dead_too() -> None:
    assert "".join(inert_pieces(["see http", "://evil", ".com @he", "re"])) == "see http∶∕∕evil․com ＠here"


@example(":smile: ")
@given(TEXTS)
def test_inert_text_stays_as_it_is_when_it_is_made_inert_again(text: str) -> None:
    assert inert(inert(text)) == inert(text)
    assert "\n" not in inert_line(text)


def test_what_is_no_markup_stays_readable() -> None:
    text = "Seit 1.9 um 08:30 Uhr: 50 % Akku, „kaputt“ – toimii? (ehkä) + Ärger; 3/4"
    assert inert(text) == text


@pytest.mark.parametrize(
    ("names", "shown"), [("named", "Hi Winni, mod_anna."), ("initials", "Hi W., M.."), ("hidden", "Hi …, ….")]
)
def test_names_inside_a_text_follow_the_setting(names: str, shown: str) -> None:
    assert without_names("Hi Winni, mod_anna.", {"winni", "mod_anna", ""}, names) == shown


def test_a_name_with_signs_of_an_expression_is_only_a_name() -> None:
    assert without_names("a.*b and (x", {"(x", "a.*b", ".*"}, "hidden")
