"""What a rule's conditions on the post being answered mean in a thread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders import Said, customer, hours, staff, thread
from modassist.judging import detectors
from modassist.judging.signals import judge_posts
from modassist.model import Limits
from modassist.rules.rulebook import RulePacks, check, load_packs

PACKS = {
    "complaint": """
signal: complaint
lang: en
rules:
  - id: told-to-wait
    title: Objects to having to wait
    why: The customer was told to wait.
    weight: strong
    phrases: ["how long then"]
    needs_answered: ["be patient"]
    must_match: [{staff: "Please be patient.", customer: "<<How long then>>?"}]
    must_not_match: [{staff: "It is sent.", customer: "How long then?"}]
""",
    "dismissal": """
signal: dismissal
lang: en
rules:
  - id: only-one
    title: Says nobody else asks
    why: The customer hears that it does not count.
    weight: strong
    phrases: ["nobody asks that"]
    needs: [how_to]
    must_match: [{customer: "How do I set the clock?", staff: "<<Nobody asks that>>."}]
    must_not_match: [{customer: "The clock is wrong.", staff: "Nobody asks that."}]
""",
    "how_to": """
cue: how_to
lang: en
rules:
  - id: how-do-i
    title: Asks how something is done
    why: A question of use.
    phrases: ["how do i"]
    must_match: ["<<How do I>> set it?"]
    must_not_match: ["I set it."]
""",
}


@pytest.fixture
def packs(tmp_path: Path) -> RulePacks:
    (tmp_path / "en").mkdir()
    for name, content in PACKS.items():
        (tmp_path / "en" / f"{name}.yaml").write_text(content, "utf-8")
    assert check([tmp_path]) == []
    return load_packs(tmp_path)


def ids(packs: RulePacks, *said: Said) -> tuple[str, ...]:
    """The rules that found something in the last post."""
    made = thread(*said)
    with_pack = replace(detectors.load(), packs=packs)
    last = judge_posts(made, with_pack, Limits(), now=made.posts[-1].created_at + hours(1))[1][-1]
    return tuple(id for finding in last.findings for id in finding.by)


OPENING = customer("The pump arrived yesterday and stands in the cellar now.")
PATIENCE, SENT = staff("Please be patient."), staff("It is sent.")
OBJECTION = customer("How long then?")


@pytest.mark.parametrize(
    ("said", "is_found"),
    [
        pytest.param((OPENING, PATIENCE, OBJECTION), True, id="the last staff post"),
        pytest.param((OPENING, PATIENCE, SENT, OBJECTION), False, id="not one before it"),
        pytest.param((OPENING, PATIENCE, SENT, replace(OBJECTION, reply_to=2)), True, id="but the one it links to"),
        pytest.param((OPENING, PATIENCE, customer("Ok", by="kalle"), OBJECTION), True, id="peers between them"),
        pytest.param((customer("Please be patient.", by="kalle"), OBJECTION), False, id="a peer's word"),
        pytest.param((OBJECTION,), False, id="no staff post"),
    ],
)
def test_a_rule_for_customers_may_ask_what_staff_said(packs: RulePacks, said: tuple[Said, ...], is_found: bool) -> None:
    assert ("rule:en/complaint/told-to-wait" in ids(packs, *said)) == is_found


def test_a_rule_may_need_a_cue_of_the_post_being_answered(packs: RulePacks) -> None:
    reply = staff("Nobody asks that.")
    assert ids(packs, customer("How do I set the clock of the new pump?"), reply) == ("rule:en/dismissal/only-one",)
    assert ids(packs, OPENING, reply) == ()
