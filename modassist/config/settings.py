"""What can be set, as types: sections, defaults, the kind of value each setting takes, and one line about it.

`config.py` fills these from the layers. `modassist init` and `modassist config` print the names and lines found here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from modassist.config import kinds
from modassist.config.kinds import Kind, Pairs, Quiet, Times
from modassist.model import DETOXIFY, LANGUAGES, STRICTNESS, Limits, Staff


def setting(default: Any, kind: Kind, about: str) -> Any:
    """A dataclass field that knows how its value is read and what it is for."""
    return field(default=default, metadata={"kind": kind, "about": about})


def section(name: str, kind: type) -> Any:
    """A dataclass field that holds the TOML table `name`."""
    return field(default_factory=kind, metadata={"section": name})


@dataclass(frozen=True, slots=True)
class ForumSettings:
    """The forum, who is staff on it, and how gently it is read."""

    url: str = setting("", kinds.url, "address of the forum, with https://")
    api_username: str = setting("", kinds.text, "the account that the key belongs to; empty: read as any visitor does")
    api_key_file: Path | None = setting(None, kinds.path, "file with the key; or set MODASSIST_FORUM_API_KEY")
    api_key: str = field(default="", repr=False, metadata={"kind": kinds.secret, "about": "read-only key"})
    staff_groups: tuple[str, ...] = setting((), kinds.names, "groups whose members are staff")
    staff_usernames: tuple[str, ...] = setting((), kinds.names, "staff beside the forum's admins and moderators")
    ignore_usernames: tuple[str, ...] = setting((), kinds.names, "bots and feeds: neither staff nor customers")
    group_moderators: bool = setting(True, kinds.yes_no, "whether moderators of a category count as staff")
    aliases: Pairs = setting((), kinds.pairs, "second accounts: other = main")
    categories: tuple[int, ...] = setting((), kinds.ids, "ids of the categories to read; empty: all")
    requests_per_minute: int = setting(30, kinds.whole(1, 200), "how many requests the forum gets at most")
    backfill_days: int = setting(30, kinds.whole(1, 3650), "how far back the first poll reads")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How long a customer may wait, in the units of the names."""

    reply_hours: float = setting(24, kinds.number(0.1, 8760), "hours until a complaint counts as unanswered")
    promise_days: float = setting(7, kinds.number(0.1, 365), "days until a promise without a date is due")
    recent_days: float = setting(7, kinds.number(0, 365), "days for which a slow first reply is still mentioned")
    settle_minutes: float = setting(5, kinds.number(0, 1440), "younger posts may still be edited: judged later")
    business_hours: kinds.Week = setting((), kinds.week, 'hours that count, "Mon-Fri 09:00-17:00"; empty: all')
    holidays: str = setting("", kinds.holidays, 'country or part of one whose holidays do not count, "DE-BY"')
    categories: tuple[tuple[int, float], ...] = setting((), kinds.hours_by_id, "hours by category id: 5 = 48")


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Where alerts go and from which severity on."""

    min_severity: int = setting(40, kinds.whole(0, 100), "severity from which an alert is due")
    channels: tuple[tuple[str, int], ...] = setting((), kinds.severities_by_name, "severities by channel: mailto = 70")
    categories: tuple[tuple[int, int], ...] = setting((), kinds.severities_by_id, "severities by category id: 5 = 60")
    languages: tuple[tuple[str, int], ...] = setting((), kinds.severities_by_name, "severities by language: fi = 30")
    worse_by: int = setting(20, kinds.whole(1, 100), "a rise in severity that is told again")
    quiet_hours: Quiet = setting((), kinds.quiet, 'hours without alerts, "22:00-07:00, Sat-Sun 00:00-24:00"')
    daily_cap: int = setting(20, kinds.whole(0, 10000), "alerts a day and channel, the rest in one; 0: no limit")
    resolved: bool = setting(False, kinds.yes_no, "whether a thread that was told is told again when it is settled")
    first_look_hours: float = setting(0, kinds.number(0, 720), "hours the author of a reply has before others hear")
    after_crash: str = setting("hold", kinds.one_of("hold", "resend"), "an alert that may have arrived: hold | resend")
    topic_id: int = setting(0, kinds.whole(0, 2**53), "staff-only topic that alerts are added to; 0: none")
    category_id: int = setting(0, kinds.whole(0, 2**53), "the staff-only category in which that topic must lie")
    new_topics: bool = setting(False, kinds.yes_no, "whether each alert becomes a topic in that category")
    group: str = setting("", kinds.text, "group of staff that gets alerts as private messages")
    reader_groups: tuple[str, ...] = setting((), kinds.names, "groups that may read alerts, beside forum.staff_groups")
    unverified_groups: bool = setting(False, kinds.yes_no, "write though the forum does not say which groups read")
    api_username: str = setting("", kinds.text, "the account of the alerts' key; empty: forum.api_username")
    api_key_file: Path | None = setting(None, kinds.path, "file with the key; or set MODASSIST_ALERTS_API_KEY")
    api_key: str = field(default="", repr=False, metadata={"kind": kinds.secret, "about": "key that writes alerts"})
    chat_hook_file: Path | None = setting(None, kinds.path, "file with a chat hook; or MODASSIST_ALERTS_CHAT_HOOK")
    chat_hook: str = field(
        default="", repr=False, metadata={"kind": kinds.secret, "about": "last part of a chat hook's address"}
    )
    chat_is_internal: bool = setting(False, kinds.yes_no, "your word that only staff reads the chat of the hook")
    urls: tuple[str, ...] = field(
        default=(), repr=False, metadata={"kind": kinds.secret_names, "about": "Apprise addresses of other channels"}
    )
    mail_domains: tuple[str, ...] = setting((), kinds.names, "domains to which alerts may be mailed")


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The team's own rule packs, and which rules are off."""

    folders: tuple[Path, ...] = setting((), kinds.paths, "folders with packs of your own")
    disable: tuple[str, ...] = setting((), kinds.names, "ids of rules that are switched off")


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """The trained model, and where it draws the line."""

    model: str = setting("", kinds.text, 'file of a model of your own; empty: the one trained here, or built in; "off"')
    strictness: str = setting("normal", kinds.one_of(*STRICTNESS), "lenient flags more, strict flags less")
    thresholds: tuple[tuple[str, float], ...] = setting((), kinds.chances, "by signal, or flag: contradiction = 0.6")
    categories: tuple[tuple[int, str], ...] = setting(
        (), kinds.strictness_by_id, 'strictness by category: 5 = "strict"'
    )
    encoder: str = setting(
        "",
        kinds.text,
        'sentence encoder that your model was trained with: folder, .onnx file, hub name, "multilingual"',
    )
    toxicity: str = setting(
        "off", kinds.one_of(*DETOXIFY), "detoxify for insults: off | original | unbiased (English) | multilingual"
    )
    toxicity_checkpoint: Path | None = setting(None, kinds.path, "its checkpoint, for machines without network")
    toxicity_sha256: str = setting("", kinds.sha256, "SHA-256 of that file: a checkpoint could run code")


@dataclass(frozen=True, slots=True)
class DigestSettings:
    """What the digest shows."""

    min_severity: int = setting(0, kinds.whole(0, 100), "lowest severity that is shown")
    stale_days: int = setting(90, kinds.whole(1, 36500), "days of silence after which a thread is only counted")
    limit: int = setting(20, kinds.whole(1, 1000), "how many threads are shown at most")


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """How long people's texts are kept, and how people are named."""

    retention_days: int = setting(180, kinds.whole(1, 36500), "age at which `modassist purge` removes texts")
    names: str = setting("named", kinds.one_of("named", "initials", "hidden"), "how digests and alerts name people")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How `modassist run` keeps time."""

    every_minutes: float = setting(10, kinds.number(1, 1440), "minutes between two polls")
    daily_digest: Times = setting((), kinds.times, 'when alert channels get a digest, "Mon-Fri 07:30"; empty: never')
    weekly_digest: Times = setting((), kinds.times, 'the same with a week in it, "Mon 07:00"')
    trouble_after: int = setting(3, kinds.whole(1, 100), "polls in a row that fail before staff is told")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """What can be watched from outside, on this machine alone."""

    port: int = setting(0, kinds.whole(0, 65535), "port of /metrics and /healthz on 127.0.0.1; 0: none")


@dataclass(frozen=True, slots=True)
class Value:
    """One setting in force: `shown` is safe to print, `origin` says which layer it came from."""

    shown: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in force. `values` maps each setting's full name to how it is shown and where it came from."""

    language: str = setting("en", kinds.one_of(*LANGUAGES), "language of digest and notes: de | en | fi")
    timezone: str = setting("UTC", kinds.zone, 'time zone of the forum, "Europe/Berlin"')
    database: Path = setting(Path("modassist.sqlite"), kinds.path, "the database file")
    forum: ForumSettings = section("forum", ForumSettings)
    waiting: LimitSettings = section("limits", LimitSettings)
    alerts: AlertSettings = section("alerts", AlertSettings)
    rules: RuleSettings = section("rules", RuleSettings)
    detection: DetectionSettings = section("detection", DetectionSettings)
    digest: DigestSettings = section("digest", DigestSettings)
    privacy: PrivacySettings = section("privacy", PrivacySettings)
    run: RunSettings = section("run", RunSettings)
    metrics: MetricsSettings = section("metrics", MetricsSettings)
    name: str = ""
    """Which of several forums these are for; empty where there is one."""
    values: Mapping[str, Value] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    file: Path | None = None

    @property
    def limits(self) -> Limits:
        """The limits as the core takes them."""
        waiting = self.waiting
        return Limits(
            reply=timedelta(hours=waiting.reply_hours),
            promise=timedelta(days=waiting.promise_days),
            recent=timedelta(days=waiting.recent_days),
            settle=timedelta(minutes=waiting.settle_minutes),
            by_category=tuple((key, timedelta(hours=hours)) for key, hours in waiting.categories),
            timezone=self.timezone,
            business_hours=waiting.business_hours,
            holidays=waiting.holidays,
        )

    @property
    def staff(self) -> Staff:
        """Who is staff by the settings; members of the groups are known only once the forum was asked."""
        forum = self.forum
        return Staff(
            usernames=frozenset(name.casefold() for name in forum.staff_usernames),
            groups=frozenset(name.casefold() for name in forum.staff_groups),
            ignored=frozenset(name.casefold() for name in self._ignored),
            aliases=tuple((other.casefold(), main) for other, main in forum.aliases),
            group_moderators=forum.group_moderators,
        )

    @property
    def _ignored(self) -> tuple[str, ...]:
        """The account that writes alerts is no speaker: its posts quote customers."""
        own = (self.alerts.api_username,) if self.alerts.api_username else ()
        return (*self.forum.ignore_usernames, *own)


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that exists: full name, kind, default and what it is for."""

    name: str
    kind: Kind
    default: Any
    about: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "MODASSIST_" + self.name.replace(".", "_").upper()


def _known(owner: type, prefix: str) -> list[Known]:
    found: list[Known] = []
    for part in dataclasses.fields(owner):
        if "section" in part.metadata:
            found += _known(part.default_factory, part.metadata["section"] + ".")  # type: ignore[arg-type]
        elif "kind" in part.metadata:
            found.append(Known(prefix + part.name, part.metadata["kind"], part.default, part.metadata["about"]))
    return found


KNOWN: Mapping[str, Known] = {known.name: known for known in _known(Settings, "")}
"""Every setting by its full name, in the order in which they are shown."""
