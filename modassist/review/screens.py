"""A session in words: the finding with its evidence, what is asked, and the keys, in the moderators' language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modassist.digest.cards import Card, card
from modassist.digest.printable import one_line
from modassist.digest.terminal import render_card, render_lines, render_posts, render_thread
from modassist.digest.wording import Wording
from modassist.model import Role
from modassist.review.cases import Question, choices
from modassist.review.machine import SPACE, Action, Mode, Reviewer, Session

_BLANK = "␣"
_KEY = re.compile(r"\[(.)\]")
_EXCERPT = 60


@dataclass(frozen=True, slots=True)
class Look:
    """How it is shown: words, how people are named, columns, colour."""

    wording: Wording
    names: str = "named"
    width: int = 80
    colour: bool = False


def keys(wording: Wording) -> dict[str, Action]:
    """What the keys mean in this language: each action's key stands in brackets in its label."""
    return {_key(_label(wording, action)): action for action in Action}


def _label(wording: Wording, action: Action) -> str:
    return wording.say(f"review.keys.{action}")


def _key(label: str) -> str:
    found = _KEY.search(label)
    assert found is not None, label
    return found[1].replace(_BLANK, SPACE)


def screen(reviewer: Reviewer, session: Session, look: Look) -> str:
    """Everything that stands on the terminal before the next key."""
    if session.mode is Mode.END:
        return render_lines(_ending(session, look), width=look.width, colour=look.colour)
    record = reviewer.case(session).record
    shown = card(record, look.wording, look.names)
    lines = [line for line in _lines(reviewer, session, look) if line]
    return _body(reviewer, session, look, shown) + render_lines(lines, width=look.width, colour=look.colour)


def _body(reviewer: Reviewer, session: Session, look: Look, shown: Card) -> str:
    question = reviewer.question(session)
    if session.whole or session.mode is Mode.POST:
        return render_thread(shown, look.wording, width=look.width, colour=look.colour)
    if question is None:
        return render_card(shown, look.wording, width=look.width, colour=look.colour)
    return render_posts(shown, question.beside, width=look.width, colour=look.colour)


def _ending(session: Session, look: Look) -> list[str]:
    wording = look.wording
    told = wording.say(f"review.told.{session.told}") if session.told else ""
    if not session.given and not session.marks:
        return [line for line in (told, wording.say("review.nothing")) if line]
    kept = [wording.count("review.saved", len(session.given)), wording.say("review.next_train")]
    lines = (told, wording.say("review.end"), *(kept if session.given else ()))
    return [line for line in (*lines, _key_line(look, (Action.BACK, Action.QUIT))) if line]


def _lines(reviewer: Reviewer, session: Session, look: Look) -> Iterator[str]:
    say = look.wording.say
    case = reviewer.case(session)
    place = say("review.place", at=session.case + 1, all=len(reviewer.cases))
    finding = say("review.finding", at=session.question + 1, all=len(case.questions))
    in_question = session.question < len(case.questions)
    yield f"{place} · {finding}" if in_question else place
    if session.told:
        yield say(f"review.told.{session.told}")
    question = reviewer.question(session)
    yield _asked(question, session, look) if question else say("review.no_finding")
    if session.note and session.mode is not Mode.NOTE:
        yield say("review.with_note", note=one_line(session.note))
    yield from _keys_of(reviewer, session, look, question)


def _asked(question: Question, session: Session, look: Look) -> str:
    say = look.wording.say
    is_staff = question.role is Role.STAFF
    post = say("reply" if is_staff else "post", number=question.post_number)
    if session.mode is Mode.CORRECT:
        return say("review.correct", post=post)
    asked = [name for name in question.found if name in choices(question.role)]
    signals = ", ".join(say(f"signals.{name}") for name in asked) or say("review.nothing_found")
    return say(f"review.question_{question.role}", post=post, signals=signals)


def _keys_of(reviewer: Reviewer, session: Session, look: Look, question: Question | None) -> Iterator[str]:
    say = look.wording.say
    back, note = _label(look.wording, Action.BACK), _label(look.wording, Action.NOTE)
    if session.mode is Mode.CORRECT and question is not None:
        options = choices(question.role)
        for number, signal in enumerate(options, 1):
            mark = "●" if signal in session.chosen else "○"
            yield f"  {mark} [{number}] {say(f'signals.{signal}')}"
        yield say("review.correct_keys", last=len(options), note=note, back=back)
    elif session.mode is Mode.POST:
        yield say("review.which")
        texts = {post["post_number"]: str(post.get("text", "")) for post in reviewer.case(session).record["posts"]}
        yield from _replies(reviewer, session, look, texts)
        yield say("review.which_keys", back=back)
    elif session.mode is Mode.SNOOZE:
        yield say("review.snooze_keys", back=back)
    elif session.mode is Mode.NOTE:
        yield say("review.note_keys", note=one_line(session.note))
    else:
        yield _key_line(look, [action for action in Action if question or action not in (Action.AGREE, Action.WRONG)])


def _replies(reviewer: Reviewer, session: Session, look: Look, texts: Mapping[int, str]) -> Iterator[str]:
    for key, reply in reviewer.replies(session).items():
        words = one_line(texts.get(reply.post_number, ""))
        short = words if len(words) <= _EXCERPT else words[:_EXCERPT].rpartition(" ")[0] + " …"
        yield f"  [{key}] {look.wording.say('reply', number=reply.post_number)}: {short}"


def _key_line(look: Look, actions: list[Action] | tuple[Action, ...]) -> str:
    return " ".join(_label(look.wording, action) for action in actions)
