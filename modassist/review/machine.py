"""Keys in, screens and effects out: how one goes through findings. Reads no terminal, writes no database.

A `Session` is where one is; `Reviewer.press` gives the next one and what has to be done. Everything that was done can
be taken back, one step after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from modassist.alerts.rules import Mark
from modassist.alerts.situation import situation_of
from modassist.model import Signal
from modassist.review.cases import Case, Question, choices
from modassist.review.effects import CopyDraft, Effect, OpenPage, PutAside, RemoveVerdict, SaveVerdict, TakeBack
from modassist.review.verdict import Answer, Verdict

ENTER, ESCAPE, SPACE, ERASE = ("\r", "\n"), "\x1b", " ", ("\x7f", "\b")
POSTS = "123456789abcdefghijklmnopqrstuvwxyz"
"""Keys for staff replies; of more replies than keys the newest are shown."""
SNOOZES = (("1", timedelta(days=1)), ("2", timedelta(days=3)), ("3", timedelta(weeks=1)))
LONGEST_NOTE = 500


class Action(StrEnum):
    """What a key can mean; which key it is depends on the language (`texts/<lang>.toml`)."""

    AGREE = "agree"
    WRONG = "wrong"
    MISSED = "missed"
    SNOOZE = "snooze"
    DONE = "done"
    OPEN = "open"
    COPY = "copy"
    NOTE = "note"
    WHOLE = "whole"
    SKIP = "skip"
    BACK = "back"
    QUIT = "quit"


class Mode(StrEnum):
    """What the next key is taken for."""

    FINDING = "finding"
    THREAD = "thread"
    CORRECT = "correct"
    POST = "post"
    SNOOZE = "snooze"
    NOTE = "note"
    END = "end"


@dataclass(frozen=True, slots=True)
class Session:
    """Where one is. `told` names a line of the texts about what the last key did."""

    case: int = 0
    question: int = 0
    mode: Mode = Mode.FINDING
    returns_to: Mode = Mode.FINDING
    """The mode behind a choice."""
    noted_in: Mode = Mode.FINDING
    """The mode behind a note."""
    missed: Question | None = None
    chosen: frozenset[Signal] = frozenset()
    note: str = ""
    whole: bool = False
    told: str = ""
    given: Mapping[tuple[int, int], Verdict] = field(default_factory=dict)
    """Verdicts of this session by case and post number."""
    marks: Mapping[int, Mark] = field(default_factory=dict)
    undo: Undo | None = None
    quits: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """The way back over one step."""

    session: Session
    effects: tuple[Effect, ...]


Step = tuple[Session, tuple[Effect, ...]]


@dataclass(frozen=True)
class Reviewer:
    """The cases, worst first (may be a sequence that loads them when asked), and what keys mean."""

    cases: Sequence[Case]
    keys: Mapping[str, Action]
    now: datetime
    program: str = ""

    def start(self) -> Session:
        """At the first thing to be asked."""
        return self._arrive(Session(), 0)

    def press(self, session: Session, key: str) -> Step:
        """Where one is after this key, and what it does. A key that means nothing here says so and does nothing."""
        session = replace(session, told="")
        by_mode = {Mode.NOTE: self._note, Mode.CORRECT: self._correct, Mode.POST: self._post, Mode.SNOOZE: self._snooze}
        if session.mode in by_mode:
            return by_mode[session.mode](session, key)
        action = Action.SKIP if key in ENTER else self.keys.get(key if key == SPACE else key.lower())
        return self._act(session, action)

    def case(self, session: Session) -> Case:
        return self.cases[session.case]

    def question(self, session: Session) -> Question | None:
        """What is asked now: a finding, or the reply that is being reported as missed."""
        if session.missed is not None:
            return session.missed
        found = self.case(session).questions
        return found[session.question] if session.question < len(found) else None

    # -- moving --------------------------------------------------------------------------------------------------

    def _arrive(self, session: Session, index: int) -> Session:
        """At the first open case from this one on, or at the end."""
        while index < len(self.cases) and not self.cases[index].is_open:
            index += 1
        if index >= len(self.cases):
            return replace(session, case=len(self.cases), question=0, mode=Mode.END, note="", whole=False)
        mode = Mode.FINDING if self.cases[index].questions else Mode.THREAD
        return replace(session, case=index, question=0, mode=mode, note="", whole=False)

    def _next(self, session: Session) -> Session:
        """Behind a verdict: the next finding, else the thread as a whole."""
        here = session.question + 1
        mode = Mode.FINDING if here < len(self.case(session).questions) else Mode.THREAD
        return replace(session, question=here, mode=mode, missed=None, chosen=frozenset(), note="")

    def _skip(self, session: Session) -> Step:
        here = session.question + 1
        is_last = session.mode is Mode.THREAD or here >= len(self.case(session).questions)
        moved = self._arrive(session, session.case + 1) if is_last else replace(session, question=here)
        return self._did(session, moved, (), ())

    @staticmethod
    def _did(before: Session, after: Session, effects: tuple[Effect, ...], undo: tuple[Effect, ...]) -> Step:
        return replace(after, undo=Undo(_settled(before), undo)), effects

    @staticmethod
    def _back(session: Session) -> Step:
        if session.undo is None:
            return replace(session, told="nothing_to_undo"), ()
        told = "undone" if session.undo.effects else ""
        return replace(session.undo.session, told=told), session.undo.effects

    # -- at a finding or a thread ----------------------------------------------------------------------------------

    def _act(self, session: Session, action: Action | None) -> Step:
        if action is Action.QUIT:
            return replace(session, quits=True), ()
        if action is Action.BACK:
            return self._back(session)
        if session.mode is Mode.END or action is None:
            return replace(session, told="no_such_key"), ()
        if action in (Action.AGREE, Action.WRONG):
            return self._judge(session, action)
        return self._handle(session, action)

    def _judge(self, session: Session, action: Action) -> Step:
        question = self.question(session)
        if question is None:
            return replace(session, told="nothing_to_judge"), ()
        if action is Action.WRONG:
            return replace(session, mode=Mode.CORRECT, returns_to=session.mode), ()
        return self._give(session, question, Answer.AGREE, question.found)

    def _handle(self, session: Session, action: Action) -> Step:
        case = self.case(session)
        url = str(case.record.get("url") or "")
        steps: dict[Action, Step] = {
            Action.MISSED: (_into(session, Mode.POST) if case.replies else replace(session, told="no_replies"), ()),
            Action.SNOOZE: (_into(session, Mode.SNOOZE), ()),
            Action.NOTE: (_noting(session), ()),
            Action.WHOLE: (replace(session, whole=not session.whole), ()),
            Action.OPEN: (session, (OpenPage(url),)) if url else (replace(session, told="no_address"), ()),
            Action.COPY: (session, (CopyDraft(case.key[1], case.draft),))
            if case.draft
            else (replace(session, told="no_draft"), ()),
        }
        if action is Action.DONE:
            return self._aside(session, Mark(done_at=self.now), "done")
        return steps[action] if action in steps else self._skip(session)

    # -- verdicts ------------------------------------------------------------------------------------------------

    def _give(self, session: Session, question: Question, answer: Answer, should_be: tuple[str, ...]) -> Step:
        """Keeps a verdict; a thread in which by now nothing is wrong is done."""
        case, number = self.case(session), question.post_number
        verdict = Verdict(
            number, question.text_sha, answer, question.found, should_be, self.now, session.note, self.program
        )
        before = session.given.get((session.case, number), case.verdicts.get(number))
        undo: Effect = SaveVerdict(case.key, before) if before else RemoveVerdict(case.key, number)
        given = {**session.given, (session.case, number): verdict}
        held = replace(session, given=given, told="noted")
        saved = SaveVerdict(case.key, verdict)
        if session.missed is not None:
            stays = replace(
                held, mode=session.returns_to, missed=None, chosen=frozenset(), note="", told="missed_noted"
            )
            return self._did(session, stays, (saved,), (undo,))
        own = {post: each for (index, post), each in given.items() if index == session.case}
        if not case.is_settled_by(own):
            return self._did(session, self._next(held), (saved,), (undo,))
        settled, effects = self._aside(held, Mark(done_at=self.now), "settled")
        taken_back = settled.undo.effects if settled.undo else ()
        return self._did(session, settled, (saved, *effects), (undo, *taken_back))

    def _correct(self, session: Session, key: str) -> Step:
        question = self.question(session)
        assert question is not None
        options = choices(question.role)
        if key == ESCAPE or self.keys.get(key.lower()) is Action.BACK:
            return _settled(session), ()
        if self.keys.get(key.lower()) is Action.NOTE:
            return _noting(session), ()
        if key in ENTER or key == "0":
            return self._corrected(session, question, frozenset() if key == "0" else session.chosen)
        if key.isascii() and key.isdigit() and 1 <= int(key) <= len(options):
            return replace(session, chosen=session.chosen ^ {options[int(key) - 1]}), ()
        return replace(session, told="no_such_key"), ()

    def _corrected(self, session: Session, question: Question, chosen: frozenset[Signal]) -> Step:
        asked = choices(question.role)
        should_be = tuple(str(signal) for signal in asked if signal in chosen)
        found = tuple(name for name in question.found if name in asked)
        if session.missed is not None and not should_be:
            return replace(_settled(session), told="nothing_changed"), ()
        if set(should_be) == set(found):  # on second thoughts the program was right
            return self._give(session, question, Answer.AGREE, question.found)
        return self._give(session, question, Answer.WRONG, should_be)

    def _post(self, session: Session, key: str) -> Step:
        replies = self.replies(session)
        if key == ESCAPE or (key not in replies and self.keys.get(key.lower()) is Action.BACK):
            return _settled(session), ()
        if key not in replies:
            return replace(session, told="no_such_key"), ()
        return replace(session, mode=Mode.CORRECT, missed=replies[key]), ()

    def replies(self, session: Session) -> dict[str, Question]:
        """The staff replies that may have been missed, by the key that chooses them."""
        found = self.case(session).replies[-len(POSTS) :]
        return dict(zip(POSTS, found, strict=False))

    # -- putting aside -------------------------------------------------------------------------------------------

    def _snooze(self, session: Session, key: str) -> Step:
        lengths = dict(SNOOZES)
        if key in lengths:
            return self._aside(session, Mark(snoozed_until=self.now + lengths[key]), "snoozed")
        if key == "0":
            return self._aside(session, Mark(), "woken")
        if key == ESCAPE or self.keys.get(key.lower()) is Action.BACK:
            return _settled(session), ()
        return replace(session, told="no_such_key"), ()

    def _aside(self, session: Session, mark: Mark, told: str) -> Step:
        """Puts the thread aside, or takes that back where the mark is empty, and goes on to the next thread."""
        case = self.case(session)
        before = session.marks.get(session.case, case.mark)
        kept = replace(_settled(session), marks={**session.marks, session.case: mark}, told=told, note="")
        after = kept if mark == Mark() else self._arrive(kept, session.case + 1)
        return self._did(session, after, (_marking(case, mark, session.note),), (_marking(case, before, ""),))

    def _note(self, session: Session, key: str) -> Step:
        back = replace(session, mode=session.noted_in)
        if key in ENTER:
            return back, ()
        if key == ESCAPE:
            return replace(back, note=""), ()
        if key in ERASE:
            return replace(session, note=session.note[:-1]), ()
        if key.isprintable() and len(session.note) < LONGEST_NOTE:
            return replace(session, note=session.note + key), ()
        return session, ()


def _into(session: Session, mode: Mode) -> Session:
    return replace(session, mode=mode, returns_to=session.mode)


def _noting(session: Session) -> Session:
    return replace(session, mode=Mode.NOTE, noted_in=session.mode)


def _settled(session: Session) -> Session:
    """The same place without a choice that was begun."""
    begun = session.mode in (Mode.CORRECT, Mode.POST, Mode.SNOOZE)
    mode = session.returns_to if begun else session.mode
    return replace(session, mode=mode, missed=None, chosen=frozenset())


def _marking(case: Case, mark: Mark, note: str) -> Effect:
    if mark == Mark():
        return TakeBack(case.key)
    return PutAside(case.key, mark, situation_of(case.record), note)
