"""The channels that the settings name, ready to be looked at and written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from modassist.channels.apprise_urls import apprise_channels
from modassist.channels.channel import Channel
from modassist.channels.chat_hook import ChatHook
from modassist.channels.forum_places import AuthorMessage, GroupMessage, NewTopic, TopicReply
from modassist.channels.staff_only import Readers, StaffOnly
from modassist.config.settings import Settings
from modassist.errors import ConfigError
from modassist.forum.discourse import Forum
from modassist.forum.writer import AlertForum


@dataclass(frozen=True, slots=True)
class Channels:
    """Where staff is told, how authors of replies are (None: they are not), and the client that writes to the forum."""

    team: tuple[Channel, ...] = ()
    authors: AuthorMessage | None = None
    keyed: AlertForum | None = None

    @property
    def all(self) -> Sequence[Channel]:
        return (*self.team, *([self.authors] if self.authors else []))


def is_configured(settings: Settings) -> bool:
    """Whether the settings name any channel."""
    alerts = settings.alerts
    return bool(alerts.topic_id or alerts.new_topics or alerts.group or alerts.chat_hook or alerts.urls)


@contextmanager
def opened(settings: Settings, **client: Any) -> Iterator[Channels]:
    """The channels of the settings; `client` are options of the forum's clients (clocks, for tests and the bot).

    Raises ConfigError for settings that contradict each other: nothing is sent by halves.
    """
    others = apprise_channels(settings.alerts.urls, settings.alerts.mail_domains)
    if not _needs_forum(settings):
        yield Channels(tuple(others))
        return
    _check_keys(settings)
    usual: dict[str, Any] = {"requests_per_minute": settings.forum.requests_per_minute} | client
    with (
        Forum(settings.forum.url, **usual) as visitor,
        AlertForum(
            settings.forum.url, api_username=_username(settings), api_key=settings.alerts.api_key, **usual
        ) as keyed,
    ):
        look = StaffOnly(visitor, keyed, readers_of(settings))
        authors = AuthorMessage(look, _username(settings)) if settings.alerts.first_look_hours else None
        yield Channels((*_forum_channels(settings, look), *others), authors, keyed)


def readers_of(settings: Settings) -> Readers:
    """Who may read alerts by the settings."""
    alerts = settings.alerts
    names = frozenset(name.casefold() for name in (*settings.forum.staff_groups, *alerts.reader_groups))
    return Readers(names, alerts.unverified_groups)


def _forum_channels(settings: Settings, look: StaffOnly) -> Iterator[Channel]:
    alerts, name = settings.alerts, _username(settings)
    if alerts.topic_id:
        yield TopicReply(look, alerts.topic_id, alerts.category_id, name)
    if alerts.new_topics:
        yield NewTopic(look, alerts.category_id, name)
    if alerts.group:
        yield GroupMessage(look, alerts.group, name)
    if alerts.chat_hook:
        yield ChatHook(look.keyed, alerts.chat_hook, alerts.chat_is_internal)


def _needs_forum(settings: Settings) -> bool:
    alerts = settings.alerts
    return bool(alerts.topic_id or alerts.new_topics or alerts.group or alerts.chat_hook or alerts.first_look_hours)


def _username(settings: Settings) -> str:
    return settings.alerts.api_username or settings.forum.api_username


def _check_keys(settings: Settings) -> None:
    alerts = settings.alerts
    if not settings.forum.url:
        raise ConfigError("alerts go to a forum, and none is configured", "`modassist init` sets one up")
    if not alerts.api_key:
        raise ConfigError("there is no key to write alerts with", "set MODASSIST_ALERTS_API_KEY or alerts.api_key_file")
    if alerts.api_key == settings.forum.api_key:
        raise ConfigError(
            "alerts.api_key is the key that reads the forum", "make two keys: one that only reads, one for alerts alone"
        )
    if not _username(settings):
        raise ConfigError("the key of the alerts needs the name of its account", "set alerts.api_username")
    if (alerts.topic_id or alerts.new_topics) and not alerts.category_id:
        raise ConfigError("alerts.category_id is missing", "name the staff-only category that alerts go to")
