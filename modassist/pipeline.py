"""From what the forum said to what a moderator sees: poll, analyse what is due, gather the digest. Joins the parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from modassist.alerts.outbox import as_record
from modassist.config.settings import Settings
from modassist.digest.digest import Digest
from modassist.errors import ModassistError, ModelError, RuleError
from modassist.forum.poll import PollSettings
from modassist.judging import analysis
from modassist.judging.analysis import to_record
from modassist.judging.boilerplate import wording
from modassist.learned.loading import model_path
from modassist.learned.toxicity import LANGUAGES_OF
from modassist.model import Analysis, Staff, Thread
from modassist.records.stream import Judge, load_judge
from modassist.records.threads import to_thread
from modassist.resources import rules_root
from modassist.rules.packs import pack_files
from modassist.store.outbox import Outbox
from modassist.store.store import Store, ThreadKey

log = logging.getLogger("modassist")

FILES = "files"
"""Source of imported threads where no forum is configured."""

KUDOS_WINDOW = timedelta(days=7)
KUDOS_SHOWN = 5
KUDOS_SIGNALS = 3
"""A reply is thanked for when it shows so many kinds of good practice."""

Progress = Callable[[int, int], None]


def nothing(done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an analysis of the due threads did. `failed`: (topic id, what went wrong); the others were judged."""

    analysed: int = 0
    failed: tuple[tuple[int, str], ...] = ()


def poll_settings(settings: Settings) -> PollSettings:
    """What polling needs of the settings."""
    forum = settings.forum
    return PollSettings(
        categories=frozenset(forum.categories), staff_groups=forum.staff_groups, backfill_days=forum.backfill_days
    )


class Desk:
    """A store with everything that judges its threads. Loads rules and languages when the first thread is judged.

    `load` gives the judge where somebody keeps one from run to run; its boilerplate has to be empty.
    """

    def __init__(
        self, store: Store, settings: Settings, now: datetime, load: Callable[[], Judge] | None = None
    ) -> None:
        self.store, self.settings, self.now = store, settings, now
        self._load = load or (lambda: load_judge(settings, now))
        self._staff: dict[str, Staff] = {}

    @cached_property
    def judge(self) -> Judge:
        judge = self._load()
        for topic_id, words in self.store.staff_words():
            judge.boilerplate.learn(wording(words), topic_id)
        return judge

    @cached_property
    def version(self) -> str:
        """Changes whenever the same thread might be judged differently: program, rules, limits, staff, language."""
        settings = self.settings
        sums = blake2b(digest_size=8)
        for root in (rules_root(), *settings.rules.folders):
            for file in pack_files(Path(root)):
                sums.update(file.name.encode() + file.read_bytes())
        model = model_path(settings.detection.model, settings.database)
        sums.update(model.read_bytes() if model is not None and model.exists() else b"")
        in_force = settings.limits, _sorted(settings.staff), settings.rules, settings.detection, settings.language
        sums.update(repr(in_force).encode())
        return f"{analysis.VERSION}-{sums.hexdigest()}"

    def staff_of(self, source: str) -> Staff:
        """Who is staff there: by the settings, and by membership in the groups when the forum was last asked."""
        if source not in self._staff:
            self._staff[source] = replace(self.settings.staff, members=self.store.members(source)[0])
        return self._staff[source]

    def thread(self, key: ThreadKey) -> Thread:
        """A stored thread. Raises StoreError where there is none, RecordError where it cannot be read."""
        source = key.source
        url = source if source.startswith(("https://", "http://")) else ""
        return to_thread(self.store.record(key), staff=self.staff_of(source), fallback_now=self.now, forum_url=url)

    def analyse(self, key: ThreadKey) -> Analysis:
        """The stored thread as it stands now."""
        return self.judge.analyse(replace(self.thread(key), now=None))

    def analyse_due(self, progress: Progress = nothing) -> Report:
        """Judges every thread that changed or whose state the passing of time may have changed, and keeps the result.

        A thread that fails is reported and left for the next time; the others are not stopped by it. Raises RuleError or
        ModelError where what judges is unsound, StoreError where the database fails.
        """
        failed: list[tuple[int, str]] = []
        done = 0
        total = self.store.count_due(self.now)
        for key in self.store.topics_to_analyse(self.now, self.version):
            _ = self.judge  # an unsound rule pack is one fault, not one of every thread
            fault = self._keep(key)
            if fault:
                failed.append((key.topic_id, fault))
            done += 1
            progress(done, max(done, total))
        return Report(done - len(failed), tuple(failed))

    def _keep(self, key: ThreadKey) -> str:
        try:
            found = self.analyse(key)
            self._save(key, found)
        except (RuleError, ModelError):
            raise
        except ModassistError as fault:
            return str(fault)
        except Exception as fault:  # one thread must not stop the others
            log.debug("thread %s", key.topic_id, exc_info=True)
            return f"a fault in modassist itself: {type(fault).__name__}: {fault}"
        return ""

    def _save(self, key: ThreadKey, found: Analysis) -> None:
        posts = found.judgement.posts
        newest = max((post.post.created_at for post in posts), default=self.now)
        settled = newest + self.settings.limits.settle
        self.store.save_analysis(
            key,
            to_record(found),
            analysis_version=self.version,
            next_change=found.judgement.next_change,
            settle_until=settled if settled > self.now else None,
            texts={post.post.number: post.words.text for post in posts},
        )


def _sorted(staff: Staff) -> tuple[Any, ...]:
    """Sets have no order of their own, and the version must not change from run to run."""
    names = (staff.usernames, staff.groups, staff.ignored)
    return (*map(sorted, names), staff.aliases, staff.group_moderators)


# -- the digest ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the open threads is asked for: active since, from which severity, how many at most, also quiet ones."""

    since: datetime | None = None
    min_severity: int = 0
    limit: int = 20
    stale: bool = False


def gather(desk: Desk, wanted: Wanted) -> Digest:
    """The digest: the worst open threads, judged again now so that the hours are true, and good replies to thank for."""
    quiet, since = _times(desk, wanted)
    aside = desk.store.hidden(desk.now)
    held = desk.store.escalated(wanted.min_severity, wanted.limit, since, without=aside)
    items = [item for item in (_judged_again(desk, record) for record in held) if item is not None]
    return Digest(
        generated_at=desk.now,
        since=wanted.since,
        forum=_forum_name(desk, held),
        items=items,
        kudos=_kudos(desk, wanted.since, {item["topic_id"] for item in items}),
        stats=_stats(desk, wanted, quiet, since, aside, shown=len(items), gone=len(held) - len(items)),
        undelivered=[as_record(entry) for entry in Outbox(desk.store).waiting_for_a_person()],
    )


def open_threads(desk: Desk, wanted: Wanted) -> list[ThreadKey]:
    """The threads that the digest would show, the worst first."""
    _, since = _times(desk, wanted)
    aside = desk.store.hidden(desk.now)
    held = desk.store.escalated(wanted.min_severity, wanted.limit, since, without=aside)
    return [ThreadKey(record["source"], record["topic_id"]) for record in held]


def _times(desk: Desk, wanted: Wanted) -> tuple[datetime | None, datetime | None]:
    """From when on a thread is not quiet, and from when on it is wanted."""
    quiet = None if wanted.stale else desk.now - timedelta(days=desk.settings.digest.stale_days)
    return quiet, max((moment for moment in (quiet, wanted.since) if moment), default=None)


def _judged_again(desk: Desk, record: dict[str, Any]) -> dict[str, Any] | None:
    """The record as of now with its texts; None where nobody is needed any more."""
    found = desk.analyse(ThreadKey(record["source"], record["topic_id"]))
    if found.escalation is None:
        return None
    thread = found.judgement.thread
    more = {"category_id": thread.category_id, "first_flagged_at": record["first_flagged_at"]}
    return to_record(found, with_text=True) | more


def _forum_name(desk: Desk, held: Iterable[dict[str, Any]]) -> str:
    address = desk.settings.forum.url or next((record["source"] for record in held), "")
    return str(address).removeprefix("https://").removeprefix("http://")


def _kudos(desk: Desk, since: datetime | None, shown: set[int]) -> list[dict[str, Any]]:
    found = desk.store.kudos(since or desk.now - KUDOS_WINDOW, 4 * KUDOS_SHOWN)
    good = [one for one in found if len(one["signals"]) >= KUDOS_SIGNALS and one["topic_id"] not in shown]
    return [_told(desk, one) for one in good[:KUDOS_SHOWN]]


def _told(desk: Desk, one: dict[str, Any]) -> dict[str, Any]:
    record = desk.store.analysis(ThreadKey(one["source"], one["topic_id"])) or {}
    names = ("topic_id", "post_number", "username", "signals")
    return {name: one[name] for name in names} | {"title": record.get("title", ""), "url": record.get("url", "")}


def _stats(
    desk: Desk,
    wanted: Wanted,
    quiet: datetime | None,
    since: datetime | None,
    aside: Mapping[int, str],
    *,
    shown: int,
    gone: int,
) -> dict[str, Any]:
    """Counts of the header, what is hidden and why, and the numbers of the time looked at."""
    count = partial(desk.store.count_escalated, without=aside)
    every, fresh, recent = count(), count(active_since=quiet), count(active_since=since)
    severe = count(wanted.min_severity, since)
    window = desk.store.stats(since, desk.now)
    lost = desk.store.undelivered()
    return ({"undelivered": lost} if lost else {}) | {
        "threads_read": desk.store.counts()["threads"],
        "waiting": max(0, fresh - gone),
        "flagged": window["flagged"],
        "shown": shown,
        "hidden": {
            "limit": severe - shown - gone,
            "older": fresh - recent,
            "stale": every - fresh,
            "below": recent - severe,
            "snoozed": sum(why == "snoozed" for why in aside.values()),
            "done": sum(why == "done" for why in aside.values()),
        },
        "posts": window["posts"],
        "signals": window["signals"],
        "states": window["states"],
        "languages": window["languages"],
        "abuse_by_detoxify": sorted(LANGUAGES_OF.get(desk.settings.detection.toxicity, ())),
    }
