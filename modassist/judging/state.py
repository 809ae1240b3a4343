"""Where a thread stands at `now`: whose turn it is, since when, and what staff owes.

All eight states of signals.md. The clock of a case runs from the first post that staff left unanswered; neither the
customer's own reminders nor other customers' posts set it back. `now` comes in; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modassist.judging import worktime
from modassist.judging.cases import CONTENT_SHARED, STILL_MEANT, Case, is_satisfied, is_solved, open_cases
from modassist.judging.due import TimeWords
from modassist.judging.promises import Promise, ledger, open_promises
from modassist.model import (
    EMPTY,
    JudgedPost,
    Limits,
    Role,
    Signal,
    State,
    Thread,
    ThreadState,
)
from modassist.resources import words_of
from modassist.text.own_words import content_words
from modassist.text.titles import says_solved

PILE = 3
"""So many different customers with the same trouble make a pile-on."""

SHARE = 0.2
"""Share of the shorter complaint's content words that the other must have, too, to be of the same trouble."""

JOINING_WORDS = 25
"""A complaint of so few words in another customer's thread is about what the thread is about. On labelled threads this
finds 22 of 28 pile-ons instead of 16, and none that is no pile-on."""

CLOSING_ACTIONS = frozenset({"closed.enabled", "autoclosed.enabled", "archived.enabled"})
EXPLAINED_BEFORE = timedelta(hours=48)
"""A staff reply no older than this when the thread was closed can have been its explanation."""


@dataclass(frozen=True, slots=True)
class Standing:
    """States at an instant, and the next instant at which they change by the passing of time alone."""

    states: tuple[ThreadState, ...]
    next_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything the states are read from."""

    thread: Thread
    posts: tuple[JudgedPost, ...]
    cases: tuple[Case, ...]
    limits: Limits
    now: datetime

    @property
    def limit(self) -> timedelta:
        return self.limits.reply_for(self.thread.category_id)

    def staff(self) -> Iterator[JudgedPost]:
        return (post for post in self.posts if post.post.role is Role.STAFF)

    def customers(self) -> Iterator[JudgedPost]:
        return (post for post in self.posts if post.post.role is Role.CUSTOMER)

    @property
    def opener(self) -> str | None:
        """The customer who began the thread."""
        return next((post.post.author for post in self.customers()), None)

    @property
    def openers_posts(self) -> list[JudgedPost]:
        opener = self.opener
        return [post for post in self.customers() if post.post.author == opener]

    @property
    def marked_solved(self) -> bool:
        """Whether the title says that it is solved, and its opener's last post does not say otherwise."""
        if not says_solved(self.thread.title):
            return False
        own = self.openers_posts
        return bool(own) and not own[-1].has_cue("still_broken", "chases")

    def state(self, state: State, start: JudgedPost, since: datetime | None = None, **more: object) -> ThreadState:
        begin = since or start.post.created_at
        waited = worktime.hours(worktime.elapsed(begin, self.now, self.limits))
        return ThreadState(state, begin, waited, start.post.number, **more)  # type: ignore[arg-type]


def thread_states(
    thread: Thread,
    posts: tuple[JudgedPost, ...],
    limits: Limits,
    times: Mapping[str, TimeWords],
    *,
    now: datetime,
) -> Standing:
    """All states that hold at `now`, in the order of signals.md; each at most once, with its earliest start."""
    scene = _Scene(thread, posts, open_cases(posts), limits, now)
    waits = [wait for case in scene.cases if (wait := _wait(scene, case)) is not None]
    resolved = _resolved(scene, waits)
    states: list[ThreadState] = []
    if resolved is None:
        states += _overdue(scene, waits)
        states += _broken_promise(scene, times)
        states += _silent_progress(scene, waits)
    states += _slow_first_reply(scene)
    states += _pile_on(scene)
    states += [resolved] if resolved is not None else []
    order = list(State)
    states.sort(key=lambda state: order.index(state.state))
    return Standing(tuple(states), _next_change(scene, waits, times, resolved))


# -- whose turn it is ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wait:
    """A case in which it is staff's turn, and the post that the customer is waiting on."""

    case: Case
    state: State
    since: JudgedPost


def _wait(scene: _Scene, case: Case) -> _Wait | None:
    """Whether staff owes this customer a word now, however long; None where it does not."""
    if case.solved_by is not None or _accepted_after(scene, case):
        return None
    pending = [post for post in case.waiting if not is_satisfied(post) and post.words.text.strip()]
    pending = [post for post in pending if case.answers == () or (_is_return(post) and _is_still_meant(case, post))]
    if not pending:
        return None
    since = pending[0]
    if case.answers or any(p.post.number < case.opened.post.number for p in scene.staff()):
        return _Wait(case, State.DROPPED, since)
    return _Wait(case, State.ONLY_PEERS if _has_peers(scene, case) else State.UNANSWERED, since)


def _accepted_after(scene: _Scene, case: Case) -> bool:
    """Whether the customer accepted an answer after having opened this case."""
    if scene.thread.accepted_by_staff:
        return False
    if scene.marked_solved and case.customer == scene.opener:
        return True
    return any(post.post.accepted and post.post.number > case.opened.post.number for post in scene.posts)


def _is_return(post: JudgedPost) -> bool:
    """Whether a customer's post after staff's last word wants another one: objection, news, "still broken"."""
    if is_satisfied(post) or is_solved(post):
        return False
    wants = post.shows(Signal.COMPLAINT, Signal.REPEAT_CONTACT) or post.has_cue("question", "chases", "still_broken")
    return wants or len(post.words.text.split()) > 3 or any(char.isdigit() for char in post.words.text)


def _is_still_meant(case: Case, post: JudgedPost) -> bool:
    """Whether the complaint is what the customer still speaks of: it stands in this or one of the few posts before."""
    own = [p for p in case.posts if p.post.number <= post.post.number]
    return any(p.shows(Signal.COMPLAINT, Signal.REPEAT_CONTACT) for p in own[-STILL_MEANT:])


def _has_peers(scene: _Scene, case: Case) -> bool:
    """Whether other customers answered this complaint or joined in."""
    own = {post.post.number for post in case.posts}
    others = {c.opened.post.number for c in scene.cases if c is not case and not _same_trouble(case, c)}
    for post in scene.customers():
        if post.post.author == case.customer or post.post.number < case.opened.post.number:
            continue
        elsewhere = post.post.reply_to is not None and post.post.reply_to not in own and not post.has_cue("same_here")
        if not elsewhere and post.post.number not in others:
            return True
    return False


def _overdue(scene: _Scene, waits: Sequence[_Wait]) -> Iterator[ThreadState]:
    late = [
        wait for wait in waits if worktime.elapsed(wait.since.post.created_at, scene.now, scene.limits) > scene.limit
    ]
    kinds = {wait.state for wait in late}
    if State.ONLY_PEERS in kinds:
        kinds.discard(State.UNANSWERED)  # they exclude each other: somebody did answer
    for kind in kinds:
        fits = [w for w in late if w.state is kind or (kind is State.ONLY_PEERS and w.state is State.UNANSWERED)]
        yield scene.state(kind, min(fits, key=lambda wait: wait.since.post.created_at).since)


# -- promises --------------------------------------------------------------------------------------------------


def _broken_promise(scene: _Scene, times: Mapping[str, TimeWords]) -> Iterator[ThreadState]:
    """The promise that is overdue the longest; an undated one runs from the latest of its kind."""
    waiting = open_promises(ledger(scene.posts, scene.limits, times))
    undated = [promise for promise in waiting if not promise.is_dated][-1:]
    broken = [p for p in waiting if p.is_dated and p.due < scene.now] + [p for p in undated if p.due < scene.now]
    broken = [p for p in broken if not _settled_since(scene, p.post) and (p.is_of_word or _missed(scene, p))]
    if broken:
        worst = min(broken, key=lambda promise: promise.due)
        yield scene.state(State.BROKEN_PROMISE, worst.post, worst.due, words=worst.words, due=worst.due)


def _settled_since(scene: _Scene, promised: JudgedPost) -> bool:
    """Whether the customer called the matter settled after the promise, so that nothing is owed any more."""
    return any(is_solved(post) and post.post.number > promised.post.number for post in scene.customers())


def _missed(scene: _Scene, promise: Promise) -> bool:
    """Whether a customer came back, after it was due, who is not content: the thing that was to be there was not."""
    return any(post.post.created_at > promise.due and _is_return(post) for post in scene.customers())


# -- the rest --------------------------------------------------------------------------------------------------


def _resolved(scene: _Scene, waits: Sequence[_Wait]) -> ThreadState | None:
    """The thread is settled when a customer says so or accepted an answer, and no other case is waiting."""
    if waits:
        return None
    unsolved = [case for case in scene.cases if case.solved_by is None]
    said = [p for p in scene.customers() if is_solved(p) and _after_staff(scene, p)]
    if scene.cases:
        first = scene.cases[0].customer
        said = [p for p in said if p.post.author == first or not unsolved]
        if any(case.customer == first for case in unsolved) and not _accepted(scene):
            said = []
    else:
        said = [p for p in said if p.post.author == scene.posts[0].post.author]
    accepted = _accepted(scene)
    ends = [*said[-1:], *accepted, *_closed_and_accepted(scene)]
    if not ends:
        return None
    return scene.state(State.RESOLVED, max(ends, key=lambda post: post.post.created_at))


def _accepted(scene: _Scene) -> list[JudgedPost]:
    if scene.thread.accepted_by_staff:
        return []
    accepted = [post for post in scene.posts if post.post.accepted]
    return [*accepted, scene.openers_posts[-1]] if scene.marked_solved else accepted


def _after_staff(scene: _Scene, post: JudgedPost) -> bool:
    return any(reply.post.number < post.post.number for reply in scene.staff())


def _closed_and_accepted(scene: _Scene) -> list[JudgedPost]:
    """Staff closed with an explanation, and the customer's last word was one of thanks."""
    if not (scene.thread.closed or scene.thread.archived) or not scene.cases:
        return []
    last = list(scene.customers())[-1]
    explained = any(reply.has_cue("explains", "closing") or reply.shows(Signal.NEXT_STEP) for reply in scene.staff())
    return [last] if explained and is_satisfied(last) and _after_staff(scene, last) else []


def _silent_progress(scene: _Scene, waits: Sequence[_Wait]) -> Iterator[ThreadState]:
    """The thread was closed, or the device came back, without a word of explanation to the customer."""
    unsolved = [case for case in scene.cases if case.solved_by is None]
    if not unsolved:
        return
    returned = next((p for p in scene.customers() if p.has_cue("silent_return")), None)
    if returned is not None and not _explained_after(scene, returned):
        yield scene.state(State.SILENT_PROGRESS, returned)
        return
    if not (scene.thread.closed or scene.thread.archived):
        return
    closing = next((p for p in reversed(scene.posts) if p.post.action in CLOSING_ACTIONS), None)
    closing = closing or next((p for p in reversed(scene.posts) if p.post.role is Role.AUTOMATIC), None)
    at = closing or scene.posts[-1]
    if waits or not _explained_before(scene, at):
        yield scene.state(State.SILENT_PROGRESS, at)


def _explained_after(scene: _Scene, post: JudgedPost) -> bool:
    later = (reply for reply in scene.staff() if reply.post.number > post.post.number)
    return any(reply.has_cue("explains") and not reply.flagged for reply in later)


def _explained_before(scene: _Scene, closing: JudgedPost) -> bool:
    """Whether staff's last word says why the thread ends: an explanation, a solution, or that it is closed, however curtly."""
    replies = [r for r in scene.staff() if r.post.number <= closing.post.number and not r.shows(*EMPTY)]
    if not replies or closing.post.created_at - replies[-1].post.created_at > EXPLAINED_BEFORE:
        return False
    last = replies[-1]
    told = last.has_cue("explains") or last.shows(Signal.NEXT_STEP, Signal.OWNS)
    return last.has_cue("closing") or (told and not last.flagged)


def _slow_first_reply(scene: _Scene) -> Iterator[ThreadState]:
    """A fact about the first reply to the first complaint; mentioned while the reply is recent."""
    if not scene.cases:
        return
    opened = scene.cases[0].opened
    first = next((reply for reply in scene.staff()), None)
    if first is None or first.post.number < opened.post.number:
        return
    waited = worktime.elapsed(opened.post.created_at, first.post.created_at, scene.limits)
    if waited > scene.limit and scene.now - first.post.created_at <= scene.limits.recent:
        yield ThreadState(State.SLOW_FIRST_REPLY, opened.post.created_at, worktime.hours(waited), first.post.number)


def _pile_on(scene: _Scene) -> Iterator[ThreadState]:
    """At least three customers report the same trouble: they say so, or they say the same."""
    if not scene.cases:
        return
    first = scene.cases[0]
    customers: dict[str, Case] = {}
    for case in scene.cases:
        if case is first or _joins(case) or _same_trouble(first, case):
            customers.setdefault(case.customer, case)
    if len(customers) >= PILE:
        third = list(customers.values())[PILE - 1]
        yield scene.state(State.PILE_ON, first.opened, third.opened.post.created_at)


def _joins(other: Case) -> bool:
    """Whether a later complaint says so little that it can only be about what the thread is about."""
    return len(other.opened.words.text.split()) <= JOINING_WORDS


def _same_trouble(first: Case, other: Case) -> bool:
    """Whether one of the two says "same here", or both tell of the same things."""
    if other.opened.has_cue("same_here") or first.opened.has_cue("same_here"):
        return True
    one, two = _told(first), _told(other)
    shared = len(one & two)
    return shared >= CONTENT_SHARED and shared >= SHARE * min(len(one), len(two))


def _told(case: Case) -> frozenset[str]:
    opened = case.opened
    return content_words(
        opened.words.text, words_of(opened.lang, "stop_words") | words_of(opened.lang, "function_words")
    )


def _next_change(
    scene: _Scene, waits: Sequence[_Wait], times: Mapping[str, TimeWords], resolved: ThreadState | None
) -> datetime | None:
    instants = [worktime.reached(wait.since.post.created_at, scene.limit, scene.limits) for wait in waits]
    if resolved is None:
        instants += [promise.due for promise in open_promises(ledger(scene.posts, scene.limits, times))]
    instants += [reply.post.created_at + scene.limits.settle for reply in scene.staff()]
    instants += [reply.post.created_at + scene.limits.recent for reply in scene.staff()]
    return min((at for at in instants if at >= scene.now), default=None)
