"""The bot: ticks of one forum after the other, each in its time, until it is told to end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from modassist.bot.forumbot import ForumBot, Tools
from modassist.bot.metrics import Board
from modassist.bot.report import TickReport, as_text
from modassist.bot.schedule import next_tick
from modassist.bot.stopping import Stopping
from modassist.config.settings import Settings
from modassist.errors import ConfigError, ModassistError

log = logging.getLogger("modassist.bot")

LONGEST_NAP = 60.0
"""Seconds after which the bot looks at the time of day again: digests are due by that."""

Loader = Callable[[], tuple[Settings, ...]]


@dataclass(slots=True)
class Watched:
    """A forum with the second at which its next tick is due, by a clock that never jumps."""

    bot: ForumBot
    due: float


@dataclass(slots=True)
class Bot:
    """All forums of the configuration. `load` reads the settings of each; `board` shows what happens."""

    load: Loader
    tools: Tools
    board: Board = field(default_factory=Board)
    watched: list[Watched] = field(default_factory=list)

    def open(self) -> None:
        """Take hold of every forum's database. Raises ModassistError where one cannot be had; then none is held."""
        every = self.load()
        try:
            self._take(every)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of all databases."""
        for one in self.watched:
            one.bot.close()
        self.watched = []

    def _take(self, every: tuple[Settings, ...]) -> None:
        for settings in every:
            _check(settings)
            bot = ForumBot.open(settings, self.tools, len(every))
            self.watched.append(Watched(bot, self.tools.seconds()))
            self.board.add(bot.name, settings)

    # -- running -------------------------------------------------------------------------------------------------------

    def once(self) -> list[TickReport]:
        """One tick of each forum."""
        return [self._tick(one, is_last=True) for one in self.watched]

    def run(self) -> str:
        """Tick until a signal says to end; returns its name. What was stored until then stays."""
        stop = self.tools.stop
        with suppress(Stopping):
            while not stop.requested:
                if stop.reload:
                    self.reload()
                one = min(self.watched, key=lambda watched: watched.due)
                wait = one.due - self.tools.seconds()
                if wait <= 0:
                    self._tick(one)
                else:
                    self._nap(wait)
        return stop.requested

    def _nap(self, wait: float) -> None:
        """Wait, and be there in time for a digest: that is part of a tick, as it should know the newest posts."""
        before = self.tools.clock()
        dues = {id(one): one.bot.digests_after(before) for one in self.watched}
        until = min([(due - before).total_seconds() for every in dues.values() for due in every], default=wait)
        self.tools.stop.wait(min(wait, LONGEST_NAP, until + 0.001))
        for one in self.watched:
            if any(due <= self.tools.clock() for due in dues[id(one)]):
                one.due = self.tools.seconds()

    def _tick(self, one: Watched, *, is_last: bool = False) -> TickReport:
        bot, run = one.bot, one.bot.settings.run
        report = bot.tick()
        now = self.tools.clock()
        every = timedelta(minutes=run.every_minutes)
        failures = bot.health.worst if report.met else 0
        due = next_tick(now, every, failures=failures, chance=self.tools.chance(), wait=report.wait)
        one.due = self.tools.seconds() + (due - now).total_seconds()
        bot.finish(report, None if is_last else due)
        self.board.show(report, bot)
        _log(report)
        return report

    # -- settings anew -------------------------------------------------------------------------------------------------

    def reload(self) -> bool:
        """Take over changed settings; with faulty ones, or where a new database cannot be had, the old ones stay."""
        self.tools.stop.reload = False
        before = self.watched
        try:
            every = self.load()
            kept = {one.bot.settings.database.absolute(): one for one in before}
            self.watched = self._renewed(every, kept)
        except ModassistError as fault:
            self.watched = before
            log.error("the settings were not taken over, the old ones stay: %s", fault)
            return False
        for one in before:
            if all(one.bot.store is not other.bot.store for other in self.watched):
                one.bot.close()
        self.board.keep({one.bot.name: one.bot.settings for one in self.watched})
        log.info("the settings were read anew: %s", ", ".join(one.bot.name for one in self.watched))
        return True

    def _renewed(self, every: tuple[Settings, ...], kept: dict[Any, Watched]) -> list[Watched]:
        """A bot for each of the settings: the same database stays in the same hands."""
        for settings in every:
            _check(settings)
        found: list[Watched] = []
        opened: list[ForumBot] = []
        try:
            for settings in every:
                old = kept.get(settings.database.absolute())
                if old is None:
                    opened.append(ForumBot.open(settings, self.tools, len(every)))
                    found.append(Watched(opened[-1], self.tools.seconds()))
                else:
                    found.append(Watched(old.bot.renewed(settings, len(every)), old.due))
        except BaseException:
            for bot in opened:
                bot.close()
            raise
        return found


def _check(settings: Settings) -> None:
    """Raises ConfigError for settings under which a bot would do nothing, or could tell nobody."""
    from modassist.bot.telling import Teller

    name = f" of {settings.name}" if settings.name else ""
    if not settings.forum.url:
        raise ConfigError(f"no forum is configured{name}", "`modassist init` sets one up")
    with Teller(settings, dict).opened():
        pass
    for warning in settings.warnings:
        log.warning("%s", warning)
    if settings.forum.backfill_days > settings.privacy.retention_days:
        log.warning("forum.backfill_days is longer than privacy.retention_days: old threads would come back")


def _log(report: TickReport) -> None:
    fields = report.fields()
    level = logging.WARNING if report.met or report.failed_threads else logging.INFO
    log.log(level, "tick %s", as_text(fields), extra={"event": "tick", "fields": fields})
    for fault in report.faults[len(report.met) :]:  # the line has what was met
        log.warning("%s: %s", report.forum, fault)
