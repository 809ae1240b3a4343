"""Whether the bot itself is well: what failed in how many ticks, and what staff is to be told of it, once each way."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from modassist.errors import (
    AlertError,
    BudgetSpent,
    ClockWrong,
    ConfigError,
    DiskFull,
    ForumError,
    ForumUnavailable,
    ModassistError,
    RuleError,
    StoreError,
)
from modassist.instants import instant_text, parse_instant

DETAIL = 300
"""Characters of a fault's text that are kept."""


class Trouble(StrEnum):
    """What can be wrong with the bot itself."""

    FORUM = "forum"
    """It does not answer."""
    REFUSED = "refused"
    """It answers, and lets us in no more: a key revoked, a wall, another address."""
    DISK = "disk"
    DATABASE = "database"
    CLOCK = "clock"
    """Ours and the forum's are far apart."""
    SETTINGS = "settings"
    """Settings or rule packs are unsound."""
    ALERTS = "alerts"
    """Messages do not get out."""
    PROGRAM = "program"
    """A fault in modassist itself."""


AT_ONCE = frozenset({Trouble.REFUSED, Trouble.DISK, Trouble.CLOCK, Trouble.SETTINGS, Trouble.PROGRAM})
"""These do not pass by themselves."""


def trouble_of(fault: BaseException) -> Trouble | None:
    """What kind of trouble a fault is; None for what is none."""
    kinds: tuple[tuple[type[BaseException], Trouble | None], ...] = (
        (BudgetSpent, None),
        (ClockWrong, Trouble.CLOCK),
        (ForumUnavailable, Trouble.FORUM),
        (ForumError, Trouble.REFUSED),
        (DiskFull, Trouble.DISK),
        (StoreError, Trouble.DATABASE),
        (AlertError, Trouble.ALERTS),
        (ConfigError, Trouble.SETTINGS),
        (RuleError, Trouble.SETTINGS),
        (ModassistError, Trouble.SETTINGS),
    )
    return next((trouble for kind, trouble in kinds if isinstance(fault, kind)), Trouble.PROGRAM)


@dataclass(frozen=True, slots=True)
class Episode:
    """A trouble that lasts: since when, in how many ticks it was met, what was said last, whether staff was told."""

    since: datetime
    ticks: int
    detail: str
    is_told: bool = False
    is_direct: bool = False
    """Told past the outbox, which has no record of it."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something that staff is to be told about the bot."""

    trouble: Trouble
    is_over: bool
    since: datetime
    detail: str
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What troubles the bot now."""

    episodes: Mapping[Trouble, Episode] = field(default_factory=dict)

    @property
    def worst(self) -> int:
        """Ticks in a row that the longest trouble was met in; 0 where all is well."""
        return max((episode.ticks for episode in self.episodes.values()), default=0)

    def after(
        self, met: Mapping[Trouble, str], proved: Collection[Trouble], now: datetime, patience: int
    ) -> tuple[Health, tuple[Word, ...]]:
        """The health after a tick that met these troubles, and what is to be told.

        `proved` are those that the tick has shown not to be there; of the others nothing is known, and what was met
        before stays. A trouble is told after `patience` ticks, or at once where it does not pass by itself.
        """
        episodes, words = {}, []
        for trouble in Trouble:
            before = self.episodes.get(trouble)
            if trouble in met:
                episode = _grown(before, met[trouble], now)
                is_due = episode.ticks >= (1 if trouble in AT_ONCE else patience)
                if is_due and not episode.is_told:
                    words.append(Word(trouble, False, episode.since, episode.detail))
                episodes[trouble] = replace(episode, is_told=episode.is_told or is_due)
            elif before is not None and trouble not in proved:
                episodes[trouble] = before
            elif before is not None and before.is_told:
                words.append(Word(trouble, True, before.since, before.detail, before.is_direct))
        return Health(episodes), tuple(words)

    def handed(self, word: Word, *, is_direct: bool, is_taken: bool) -> Health:
        """The health after a word was said past the outbox, or could not be said: then it is due again."""
        episode = self.episodes.get(word.trouble)
        if episode is None or word.is_over:
            return self
        said = replace(episode, is_told=is_taken, is_direct=is_direct and is_taken)
        return Health({**self.episodes, word.trouble: said})

    def text(self) -> str:
        """The health as it is stored."""
        rows = {
            trouble.value: [instant_text(one.since), one.ticks, one.detail, one.is_told, one.is_direct]
            for trouble, one in self.episodes.items()
        }
        return json.dumps(rows)

    @classmethod
    def parse(cls, text: str) -> Health:
        """What `text` stored; a fresh health for what cannot be read."""
        try:
            rows = json.loads(text or "{}")
            return cls({
                Trouble(name): Episode(parse_instant(since), int(ticks), str(detail), bool(is_told), bool(direct))
                for name, (since, ticks, detail, is_told, direct) in rows.items()
            })  # fmt: skip
        except (ValueError, TypeError, AttributeError):
            return cls()


def _grown(before: Episode | None, detail: str, now: datetime) -> Episode:
    short = detail[:DETAIL]
    return replace(before, ticks=before.ticks + 1, detail=short) if before else Episode(now, 1, short)
