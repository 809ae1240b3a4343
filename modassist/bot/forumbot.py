"""One forum's part of the bot: its database, its requests, its health, and one tick of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from modassist.bot.health import Trouble, Word
from modassist.bot.notes import Notes, shown_after
from modassist.bot.report import TickReport
from modassist.bot.stopping import Stop
from modassist.bot.telling import Teller
from modassist.config.settings import Settings
from modassist.errors import ClockWrong, ForumUnavailable, ModassistError, StoreError
from modassist.forum.discourse import Forum
from modassist.forum.poll import poll
from modassist.forum.transport import Budget
from modassist.instants import instant_text
from modassist.judging.boilerplate import Boilerplate
from modassist.pipeline import Desk, poll_settings
from modassist.records.stream import Judge, load_judge
from modassist.store.lock import locked
from modassist.store.store import Store

log = logging.getLogger("modassist.bot")

CLOCKS_AGREE = timedelta(hours=1)
"""So far our clock may be from the forum's."""

STEADY = timedelta(hours=6)
"""After a longer pause, or a step back, the clock is compared with the forum's before anything is judged by it."""

BUSY_MILLISECONDS = 4000
"""How long to wait for another program that writes: shorter than the time to end."""

LEAST_REQUESTS = 300
"""What a tick may always send, so that the lists of a large forum fit in however short the interval is."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the bot gets from outside: `clock` the time of day, `seconds` a clock that never jumps, `chance` numbers
    from 0 to 1, `client` further options of the forum's clients."""

    stop: Stop
    clock: Callable[[], datetime]
    seconds: Callable[[], float]
    chance: Callable[[], float]
    client: dict[str, Any] = field(default_factory=dict)

    def client_options(self, budget: Budget) -> dict[str, Any]:
        """How every client of a forum is made: with one budget, and sleeping so that it hears of the end."""
        return {"clock": self.seconds, "sleep": self.stop.sleep, "budget": budget} | self.client


class ForumBot:
    """A forum that is watched. Holds its database from `open` to `close`; nobody else can run a bot on it."""

    def __init__(self, settings: Settings, store: Store, held: ExitStack, tools: Tools, share: int = 1) -> None:
        self.settings, self.store, self.tools = settings, store, tools
        self._held = held
        self.notes = Notes.read(store)
        self.health = self.notes.health
        self.share = share
        forum = settings.forum
        self.budget = Budget(forum.requests_per_minute, None, tools.seconds, tools.stop.sleep)
        self.teller = Teller(settings, lambda: tools.client_options(self.budget))
        self._judge: tuple[str, Judge] | None = None

    @classmethod
    def open(cls, settings: Settings, tools: Tools, share: int = 1) -> Self:
        """Lock and open the forum's database. `share`: how many forums have to get along in the same time.

        Raises StoreBusy, naming the process, where another bot holds it; StoreError for what cannot be opened.
        """
        with ExitStack() as held:
            since = instant_text(tools.clock().replace(microsecond=0))
            held.enter_context(locked(settings.database, "run", f"running since {since}"))
            store = held.enter_context(Store.open(settings.database))
            store.db.run(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            return cls(settings, store, held.pop_all(), tools, share)

    def close(self) -> None:
        """Close the database and let others have it."""
        self._held.close()

    @property
    def name(self) -> str:
        """The forum as log and metrics call it."""
        return self.settings.name or self.settings.forum.url.partition("://")[2] or "forum"

    def renewed(self, settings: Settings, share: int) -> ForumBot:
        """The same database in the same hands, by other settings. This one is not to be used any more."""
        renewed = ForumBot(settings, self.store, self._held, self.tools, share)
        renewed.health, renewed.notes = self.health, self.notes
        if settings.forum.requests_per_minute == self.settings.forum.requests_per_minute:
            renewed.budget = self.budget
        return renewed

    def digests_after(self, moment: datetime) -> list[datetime]:
        """The next digest of each kind."""
        dues = [timetable.next_after(moment) for timetable in self.teller.timetables.values()]
        return [due for due in dues if due is not None]

    # -- one tick ------------------------------------------------------------------------------------------------------

    def tick(self) -> TickReport:
        """Poll, judge, tell, clear away. Raises Stopping alone; every fault is in the report, and told to staff."""
        began = self.tools.seconds()
        now, spent = self.tools.clock(), self.budget.spent
        report = TickReport(self.name, now)
        desk = Desk(self.store, self.settings, now, load=lambda: self._kept_judge(desk))
        try:
            self._read(desk, report)
            report.proved |= {Trouble.DISK, Trouble.DATABASE, Trouble.PROGRAM}
        except Exception as fault:  # noqa: BLE001 -- a bot that is left alone must outlive its own faults
            self._note_fault(fault, report)
        words = self._examine(report)
        self._tell(desk, report, words)
        report.seconds = self.tools.seconds() - began
        report.requests = self.budget.spent - spent
        return report

    def _read(self, desk: Desk, report: TickReport) -> None:
        """From the forum to judged threads."""
        self.budget.allow(self._requests())
        with self.tools.stop.interruptible(), self._client() as client:
            self._check_clock(client, desk.now)
            self._poll(client, desk, report)
            self._compare_clocks(client)
            report.proved.add(Trouble.CLOCK)
            if report.is_fresh:
                report.judged = desk.analyse_due(self._watch)
                report.proved.add(Trouble.SETTINGS)
        self._purge(desk, report)

    def _poll(self, client: Forum, desk: Desk, report: TickReport) -> None:
        report.polled = polled = poll(
            client, self.store, now=desk.now, settings=poll_settings(self.settings), progress=self._watch
        )
        if report.is_fresh:
            report.proved |= {Trouble.FORUM, Trouble.REFUSED}
        elif polled.stopped is not None:
            if not isinstance(polled.stopped, ForumUnavailable):
                report.proved.add(Trouble.FORUM)
            report.meet(polled.stopped)
        for note in polled.notes:
            log.info("%s: %s", self.name, note)

    def _client(self) -> Forum:
        forum = self.settings.forum
        return Forum(
            forum.url,
            api_username=forum.api_username or None,
            api_key=forum.api_key or None,
            **self.tools.client_options(self.budget),
        )

    def _requests(self) -> int:
        """What a tick may send: what fits into the interval, shared with the other forums."""
        run, rate = self.settings.run, self.settings.forum.requests_per_minute
        return max(LEAST_REQUESTS, int(run.every_minutes * rate / self.share))

    def _watch(self, done: int, total: int) -> None:
        self.tools.stop.check()

    def _check_clock(self, client: Forum, now: datetime) -> None:
        """Raises ClockWrong where ours is not the forum's. Asked first where it may have jumped: a poll goes by it too."""
        last = self.notes.last_tick
        if last is None or not timedelta() <= now - last <= STEADY:
            client.basic_info()
            self._compare_clocks(client)

    def _compare_clocks(self, client: Forum) -> None:
        """Raises ClockWrong where the forum's last answer shows another time of day; nothing is judged by it then."""
        ours, theirs = self.tools.clock(), client.answered_at
        if theirs is not None and abs(theirs - ours) > CLOCKS_AGREE:
            raise ClockWrong(
                f"this machine's clock shows {ours:%Y-%m-%d %H:%M} UTC, the forum's {theirs:%Y-%m-%d %H:%M}",
                "set the clock; nothing is judged or told by it until then",
            )

    def _kept_judge(self, desk: Desk) -> Judge:
        """The judge of the last tick while rules and settings are the same; what it learnt from staff is learnt anew."""
        if self._judge is None or self._judge[0] != desk.version:
            self._judge = desk.version, load_judge(self.settings, desk.now)
        return replace(self._judge[1], now=desk.now, boilerplate=Boilerplate())

    def _purge(self, desk: Desk, report: TickReport) -> None:
        """Once a day, and only after a poll that went well: then the clock and the forum are as they should be."""
        day = f"{desk.now:%Y-%m-%d}"
        if not report.is_fresh or self.notes.purged == day:
            return
        self.notes = replace(self.notes, purged=day)
        try:
            report.purged = self.store.purge(desk.now - timedelta(days=self.settings.privacy.retention_days))
        except StoreError as fault:
            log.warning("%s: old threads: %s", self.name, fault)

    # -- faults --------------------------------------------------------------------------------------------------------

    def _note_fault(self, fault: Exception, report: TickReport) -> None:
        report.meet(fault)
        if not isinstance(fault, ModassistError):
            log.error("%s: a fault in modassist itself: %s", self.name, fault, exc_info=log.isEnabledFor(logging.DEBUG))

    def _examine(self, report: TickReport) -> tuple[Word, ...]:
        """What is to be said about the bot itself after this tick."""
        try:
            stuck = self.teller.stuck(self.store)
        except StoreError as fault:
            self._note_fault(fault, report)
        else:
            report.met |= {Trouble.ALERTS: stuck} if stuck else {}
            report.proved |= set() if stuck else {Trouble.ALERTS}
        self.health, words = self.health.after(report.met, report.proved, report.at, self.settings.run.trouble_after)
        for word in words:
            level = logging.WARNING if word.is_over else logging.ERROR
            log.log(level, "%s: %s: %s", self.name, "well again" if word.is_over else word.trouble, word.detail)
        return words

    def _tell(self, desk: Desk, report: TickReport, words: tuple[Word, ...]) -> None:
        try:
            self.health, self.notes = self.teller.tell(desk, report, self.health, words, self.notes)
        except Exception as fault:  # noqa: BLE001 -- as above: the next tick tries again
            self._note_fault(fault, report)

    def finish(self, report: TickReport, next_at: datetime | None) -> None:
        """Write down what a restart needs and status shows. A database that cannot be written was told of already."""
        report.next_at = next_at
        is_trusted = Trouble.CLOCK not in report.met
        self.notes = replace(
            self.notes,
            health=self.health,
            last_tick=report.at if is_trusted else self.notes.last_tick,
            shown=shown_after(report, self.notes.shown),
        )
        try:
            self.notes.write(self.store)
        except StoreError as fault:
            log.debug("%s: notes: %s", self.name, fault)
