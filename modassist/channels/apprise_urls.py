"""Everything that Apprise knows: mail, Slack, Teams, Mattermost, Matrix, Telegram and others. An optional extra.

The addresses are secrets: no message, log or name shows one. Mail goes to domains of the settings alone; every address
found in an Apprise address counts, wherever it stands in it.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import unquote

from modassist.alerts.layouts import Layout, Message
from modassist.errors import AlertRefused, AlertUnclear, ConfigError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30})://")
_ADDRESS = re.compile(r"[^\s@/,;:?&=<>\"'()]{1,64}@([A-Za-z0-9.\-]{1,253})")
_REFUSAL = re.compile(
    r"error[=:] ?[45]\d\d|\([45]\d\d, b|Connection refused|NewConnectionError|NameResolutionError|getaddrinfo"
    r"|Name or service not known|No route to host|Network is unreachable|ConnectTimeout"
)
"""An answer that says no, or no connection at all. Whatever else goes wrong may have happened after delivery."""

_RECIPIENTS = ("targets", "cc", "bcc", "emails", "recipients", "to_addr", "to")


@dataclass(frozen=True, slots=True, repr=False)
class AppriseUrl:
    """One Apprise address. `name` holds its scheme and a short sum of it, so that each address is told once."""

    url: str
    mail_domains: frozenset[str]
    name: str
    kind: str
    target: str = ""
    can_be_asked: bool = False

    @property
    def layout(self) -> Layout:
        return Layout.MAIL if self._addresses(self._service()) else Layout.CHAT

    def check(self) -> str:
        addresses = self._addresses(self._service())
        if self.kind.startswith("mailto") and not addresses:
            raise AlertRefused(f"{self.name}: its recipients cannot be read", "name them as ?to=team@example.com")
        outside = sorted({domain for domain in addresses if domain not in self.mail_domains})
        if outside:
            raise AlertRefused(
                f"{self.name} would send mail to {', '.join(outside)}, which is not among your own domains",
                "name your domains in alerts.mail_domains",
            )
        if addresses:
            return f"mail to {', '.join(sorted(addresses))} alone"
        return "who reads there cannot be seen from here; the address in alerts.urls vouches for it"

    def deliver(self, message: Message) -> str:
        self.check()
        from apprise import NotifyFormat, NotifyType

        service, is_mail = self._service(), self.layout is Layout.MAIL
        with _listening() as said:
            arrived = service.notify(
                title=message.title if is_mail else "",
                body=message.body,
                body_format=NotifyFormat.HTML if is_mail else NotifyFormat.TEXT,
                notify_type=NotifyType.WARNING,
            )
        if arrived:
            return self.name
        if said.is_refusal:
            raise AlertRefused(f"{self.name}: the service did not take the message, or could not be reached")
        raise AlertUnclear(f"{self.name}: the service did not say whether it took the message")

    def find(self, reference: str, target: str, since: datetime) -> str | None:
        raise AlertUnclear(f"{self.name} cannot be asked what it brought")

    def _service(self) -> Any:
        with warnings.catch_warnings(), _listening():
            warnings.simplefilter("ignore")  # its plugins are imported here, and some import what Python gives up
            service = _apprise().Apprise.instantiate(self.url, asset=_asset(), suppress_exceptions=True)
        if service is None:
            raise AlertRefused(f"{self.name} is no address that Apprise knows", "see alerts.urls", is_final=True)
        return service

    def _addresses(self, service: Any) -> frozenset[str]:
        """Domains of all mail addresses that the service would write to, and of any other in its address.

        The sender's account stands before the host and is no recipient.
        """
        found = {domain for name in _RECIPIENTS for domain in _domains(_flat(getattr(service, name, None)))}
        rest = self.url.partition("://")[2]
        return frozenset(found | set(_domains([rest[_authority_end(rest) :]])))


def apprise_channels(urls: Iterable[str], mail_domains: Iterable[str]) -> list[AppriseUrl]:
    """A channel for each address. Raises ConfigError for what is no address, without showing it."""
    domains = frozenset(domain.casefold().removeprefix("@") for domain in mail_domains)
    channels: dict[str, AppriseUrl] = {}
    for number, url in enumerate(urls, start=1):
        scheme = _SCHEME.match(url)
        if scheme is None:
            raise ConfigError(f"alerts.urls: number {number} is no address", "write it as slack://… or mailto://…")
        kind = scheme[1].lower()
        # Twenty bits tell addresses apart, and say nothing about a password in one.
        code = blake2b(url.encode(), digest_size=8).hexdigest()[:5]
        channels[f"{kind}-{code}"] = AppriseUrl(url, domains, f"{kind}-{code}", kind)
    if channels:
        _apprise()
    return list(channels.values())


def _apprise() -> Any:
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "alerts.urls needs Apprise, which is not installed",
            "pip install 'modassist[apprise]', or empty alerts.urls",
        ) from None
    return apprise


def _asset() -> Any:
    """How Apprise behaves: it follows no redirection, which would hand the words to another host. Where a service needs
    it, `redirect=yes` in its address says so."""
    asset = _apprise().AppriseAsset()
    asset.http_redirects = False
    return asset


class _Said(logging.Handler):
    """What Apprise logs while it sends: it returns no more than yes or no. Kept nowhere: addresses stand in it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.is_refusal = False

    def emit(self, record: logging.LogRecord) -> None:
        self.is_refusal = self.is_refusal or bool(_REFUSAL.search(record.getMessage()))


@contextmanager
def _listening() -> Iterator[_Said]:
    """Apprise's log lines go nowhere but here."""
    logger, said = logging.getLogger("apprise"), _Said()
    before = logger.level, logger.propagate, logger.handlers
    logger.handlers, logger.propagate = [said], False
    logger.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1:]


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _flat(list(value))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            yield from _flat(part)


def _domains(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (match[1].casefold().rstrip(".") for match in _ADDRESS.finditer(_unquoted(text)))


def _unquoted(text: str) -> str:
    """Decoded as often as an address may be encoded: %2540 is an @ in the end."""
    for _ in range(3):
        with suppress(ValueError):
            text = unquote(text)
    return text


def _authority_end(rest: str) -> int:
    places = [rest.find(mark) for mark in "/?" if mark in rest]
    return min(places, default=len(rest))
