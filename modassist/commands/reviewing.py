"""review: going through findings on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, overload

import click

from modassist.commands.reading import analyse_due, open_store, raise_for, wording_of
from modassist.commands.run import Run, command, shows_colour, terminal_width
from modassist.errors import StoreError

if TYPE_CHECKING:
    from modassist.pipeline import Desk
    from modassist.review.cases import Case
    from modassist.review.effects import Effect
    from modassist.review.machine import Reviewer, Session
    from modassist.review.screens import Look
    from modassist.store.store import Store, ThreadKey

MOST = 500
"""Threads in one go, the worst ones: more than anybody looks through."""


@command("review", "modassist review")
@click.argument("topics", nargs=-1, type=click.IntRange(min=-(2**63), max=2**63 - 1))
@click.option("--min-severity", type=click.IntRange(0, 100), help="Only threads as severe as this.")
@click.option("--stale", is_flag=True, help="Also threads that have been quiet for long.")
def review_command(run: Run, topics: tuple[int, ...], min_severity: int | None, stale: bool) -> None:
    """Go through open findings, worst first, and say what is right.

    One key each: agree, wrong and what it should have been, missed, snooze, done. Goes on where you stopped.
    With TOPICS: these threads, whatever was said of them before.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(
            "review needs a terminal to show findings on and to read keys from; see modassist digest"
        )
    settings = run.settings(digest__min_severity=min_severity)
    with open_store(settings) as store:
        from modassist.pipeline import Desk

        desk = Desk(store, settings, run.now(settings.timezone))
        report = analyse_due(run, desk)
        keys = _asked_for(store, topics) if topics else _open_threads(desk, stale=stale)
        look = _look(settings)
        ending = review(_reviewer(desk, keys, look, again=bool(topics)), store, look, click.getchar)
    run.tell(look.wording.count("review.saved", len(ending.given)))
    raise_for(None, report)


def _look(settings: object) -> Look:
    from modassist.config.settings import Settings
    from modassist.review.screens import Look

    assert isinstance(settings, Settings)
    return Look(wording_of(settings), settings.privacy.names, terminal_width(), shows_colour())


def _asked_for(store: Store, topics: Sequence[int]) -> list[ThreadKey]:
    found = [(topic, store.keys(topic)) for topic in topics]
    missing = [topic for topic, keys in found if not keys]
    if missing:
        raise StoreError(f"no thread {missing[0]} in the database", "the number is the last part of its address")
    return [key for _, keys in found for key in keys]


def _open_threads(desk: Desk, *, stale: bool) -> list[ThreadKey]:
    from modassist.pipeline import Wanted, open_threads

    return open_threads(desk, Wanted(min_severity=desk.settings.digest.min_severity, limit=MOST, stale=stale))


def _reviewer(desk: Desk, keys: Sequence[ThreadKey], look: Look, *, again: bool) -> Reviewer:
    from modassist import __version__
    from modassist.review.machine import Reviewer
    from modassist.review.screens import keys as keys_in

    return Reviewer(Cases(desk, keys, again=again), keys_in(look.wording), desk.now, __version__)


class Cases(Sequence["Case"]):
    """The threads as cases, each judged when one comes to it and then kept."""

    def __init__(self, desk: Desk, keys: Sequence[ThreadKey], *, again: bool) -> None:
        self._desk, self._keys, self._again = desk, keys, again
        self._held: dict[int, Case] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Case: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Case]: ...
    def __getitem__(self, index: int | slice) -> Case | Sequence[Case]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index not in self._held:
            self._held[index] = self._case(self._keys[index])
        return self._held[index]

    def _case(self, key: ThreadKey) -> Case:
        from modassist.judging.analysis import to_record
        from modassist.review.cases import case_of

        found = self._desk.analyse(key)
        case = case_of(
            key.source,
            to_record(found, with_text=True),
            self._desk.store.verdicts(key),
            self._desk.store.mark(key),
            again=self._again,
        )
        is_over = found.escalation is None and not self._again
        return replace(case, is_open=case.is_open and not is_over)


def review(reviewer: Reviewer, store: Store, look: Look, read_key: Callable[[], str]) -> Session:
    """Shows, waits for a key, does what it says, until the end; returns how it ended. What was said is stored at once."""
    from modassist.review.machine import Mode
    from modassist.review.screens import screen

    session, below = reviewer.start(), ""
    while not session.quits:
        click.clear()
        click.echo(screen(reviewer, session, look) + below, nl=False)
        if session.mode is Mode.END and session.undo is None:
            break
        try:
            key = read_key()
        except EOFError:
            break
        session, effects = reviewer.press(session, key)
        below = "".join(_done(effect, store, look) for effect in effects)
    return session


def _done(effect: Effect, store: Store, look: Look) -> str:
    """Does it, and gives what is to be said about it."""
    from modassist.review import effects
    from modassist.store.store import ThreadKey

    match effect:
        case effects.SaveVerdict(key, verdict):
            store.save_verdict(ThreadKey(*key), verdict)
        case effects.RemoveVerdict(key, post_number):
            store.remove_verdict(ThreadKey(*key), post_number)
        case effects.PutAside(key, mark, situation, note):
            store.put_aside(ThreadKey(*key), mark, situation, note)
        case effects.TakeBack(key):
            store.take_back(ThreadKey(*key))
        case effects.OpenPage(url):
            return _opened(url, look)
        case effects.CopyDraft(topic, text):
            return _copied(topic, text, look)
    return ""


def _opened(url: str, look: Look) -> str:
    from modassist.digest.cards import safe_url

    address = safe_url(url)
    if address:
        click.launch(address)
    return look.wording.say("review.told.opened" if address else "review.told.no_address", url=address) + "\n"


def _copied(topic: int, text: str, look: Look) -> str:
    from modassist.digest.printable import visible
    from modassist.review.clipboard import copy

    draft = visible(text)
    how = copy(draft, os.environ, lambda sequence: click.echo(sequence, nl=False))
    told = look.wording.say(f"review.told.{how}", topic=topic)
    return f"{told}\n{draft}\n" if how == "printed" else f"{told}\n"
