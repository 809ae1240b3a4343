"""The replaced transport of pydiscourse: one session, own User-Agent, a request budget, capped waits, read-only.

pydiscourse sends every request through `DiscourseClient._request`; overriding this one method keeps its knowledge of
the API and leaves out what a polite bot must not do (wait for hours, hang without time-out, follow redirects with the
key, log bodies). A test pins the signature.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from pydiscourse import DiscourseClient

from modassist import __version__
from modassist.errors import BudgetSpent, ConfigError, ForumRefused, ForumUnavailable, PageRefused, RateLimited
from modassist.forum.answers import Answer, Passing, understand

log = logging.getLogger("modassist.forum")

TRIES = 3
"""How often a request is sent at most before a passing fault counts as a failure."""

LONGEST_WAIT = 120.0
"""Seconds: who asks for more gets no sleeping program, but a run that stops and says so."""

LONGEST_READ = 120.0
"""Seconds that one answer may take altogether, however steadily it drips."""

LARGEST_BODY = 64 * 1024 * 1024
BACK_OFF = 1.0
BREAKER = 3
"""Requests in a row that may fail before the forum is left alone for `LONGEST_WAIT` seconds."""

FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""What the HTTP libraries raise."""

HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MINUTE = 60.0


class Budget:
    """At most `per_minute` requests in any 60 seconds, and `total` altogether; waits where the minute is full.

    Discourse allows 60 requests a minute to all admin keys of a site together, 20 to a user key, 200 to an address.
    """

    def __init__(self, per_minute: int, total: int | None, clock: Callable[[], float], sleep: Callable[[float], None]):
        self._times: deque[float] = deque(maxlen=max(per_minute, 1))
        self._total = total
        self._clock, self._sleep = clock, sleep
        self.spent = 0

    def allow(self, more: int | None) -> None:
        """From now on at most so many requests; None: no end."""
        self._total = None if more is None else self.spent + more

    def take(self) -> None:
        """Count one request, after waiting until it is allowed. Raises BudgetSpent where the total is used up."""
        if self._total is not None and self.spent >= self._total:
            raise BudgetSpent(f"the budget of {self._total} requests is used up", "the next run continues here")
        if len(self._times) == self._times.maxlen:
            wait = self._times[0] + _MINUTE - self._clock()
            if wait > 0:
                self._sleep(wait)
        self._times.append(self._clock())
        self.spent += 1


class PoliteClient(DiscourseClient):  # type: ignore[misc]
    """A pydiscourse client that only reads. Every fault leaves it as a `ForumError`; secrets leave it never.

    Without key or user name it reads as an anonymous visitor does. `clock` counts seconds from anywhere, `jitter`
    gives numbers from 0 to 1; both and `sleep` are there for tests and for a bot that must wake up to stop.
    `budget` is shared by several clients of one forum, in place of one of their own.
    """

    def __init__(
        self,
        url: str,
        *,
        api_username: str | None = None,
        api_key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        user_agent: str = f"modassist/{__version__}",
        requests_per_minute: int = 30,
        max_requests: int | None = None,
        budget: Budget | None = None,
        timeout: tuple[float, float] = (5, 30),
    ) -> None:
        self.url = _checked_url(url)
        super().__init__(self.url, api_username, api_key, timeout=timeout)
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._budget = budget or Budget(requests_per_minute, max_requests, clock, sleep)
        self._headers = {"Accept": "application/json", "User-Agent": user_agent, **_key_headers(api_username, api_key)}
        self._session = _session(self.url)
        self.answered_at: datetime | None = None
        """What the forum's clock showed at its last answer."""
        self._misses = 0
        self._closed_until: float | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def request_count(self) -> int:
        """Requests sent so far, repeated ones and redirects included."""
        return self._budget.spent

    @property
    def has_key(self) -> bool:
        return "Api-Key" in self._headers

    @property
    def given_up(self) -> bool:
        """Whether so many requests failed in a row that the forum is left alone for a while."""
        return self._closed_until is not None and self._clock() < self._closed_until

    def _request(
        self,
        verb: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        files: Any = None,
        data: Any = None,
        json: Any = None,
        override_request_kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send one request, again where that is polite and useful. Returns decoded JSON; raises ForumError."""
        if verb != "GET" or files or data or json or override_request_kwargs:
            raise ForumRefused(f"{verb} {path}: modassist only reads the forum")
        if self.given_up:
            raise ForumUnavailable(f"{path}: not asked for, {BREAKER} requests in a row had failed", "try again later")
        attempt = 1
        while True:
            try:
                value = self._once(path, params)
            except Passing as fault:
                self._endure(fault, attempt)
                attempt += 1
            except ForumRefused:
                self._misses = 0
                raise
            else:
                self._misses, self._closed_until = 0, None
                return value

    def _endure(self, fault: Passing, attempt: int) -> None:
        """Sleep as long as the forum asks (or the back-off says), or give up with the fault's own error."""
        wait = BACK_OFF * 2 ** (attempt - 1) if fault.wait is None else fault.wait
        if attempt < TRIES and wait <= LONGEST_WAIT:
            log.info("%s; waiting %.0f s", fault.error.message, wait)
            self._sleep(min(wait + self._jitter() * min(wait, 5.0), LONGEST_WAIT))
            return
        if not isinstance(fault.error, RateLimited):
            self._count_miss()
        raise fault.error from fault.__cause__

    def _count_miss(self) -> None:
        self._misses += 1
        if self._misses >= BREAKER:
            self._closed_until = self._clock() + LONGEST_WAIT

    def _once(self, path: str, params: Mapping[str, Any] | None) -> Any:
        """One request with its redirects, which are followed on the forum's own host only."""
        url, query = self.host + path, params
        for _ in range(HOPS):
            answer = self._send(path, url, query)
            if answer.status not in _REDIRECTS:
                return understand(answer)
            url, query = self._followed(answer), None
        raise PageRefused(f"{path}: redirected more than {HOPS} times")

    def _followed(self, answer: Answer) -> str:
        try:
            target = urljoin(answer.url, answer.header("Location"))
            here, there = urlsplit(answer.url), urlsplit(target)
            is_same = _is_same_forum(here, there)
        except ValueError:
            raise PageRefused(f"{answer.path}: redirected to an address that is none", status=answer.status) from None
        if is_same:
            self._keep_encrypted(here, there)
            return target
        place = ascii(f"{there.scheme}://{there.hostname or ''}"[:200])[1:-1]
        raise PageRefused(
            f"{answer.path}: redirected to {place}, which is not the configured forum; not followed",
            "if the forum has moved, set its new address",
            answer.status,
        )

    def _keep_encrypted(self, here: SplitResult, there: SplitResult) -> None:
        """A forum that sends http to https gets https from now on: one request less each, and no key in clear."""
        if (here.scheme, there.scheme) == ("http", "https") and here.path == there.path:
            self.host = f"https://{there.netloc}{urlsplit(self.url).path}"

    def _send(self, path: str, url: str, params: Mapping[str, Any] | None) -> Answer:
        self._budget.take()
        started = self._clock()
        try:
            with self._session.get(url, params=params, **self._options()) as response:
                answer = self._whole(response, path, url, started)
        except FAULTS as error:
            raise _translated(error, path, url) from error
        log.debug("GET %s: %s, %d bytes, %.2f s", path, answer.status, len(answer.body), self._clock() - started)
        return answer

    def _options(self) -> dict[str, Any]:
        """How every request is sent."""
        return {
            "headers": self._headers,
            "timeout": self.timeout,
            "allow_redirects": False,
            "stream": True,
            "auth": _no_auth,
        }

    def _whole(self, response: requests.Response, path: str, url: str, started: float) -> Answer:
        body = self._body(response, path, started)
        self.answered_at = _date(response.headers.get("Date", "")) or self.answered_at
        return Answer(path, url, response.status_code, response.headers, body)

    def _body(self, response: requests.Response, path: str, started: float) -> bytes:
        """The whole body. A read time-out sees single pauses only, so length and time are bounded here too."""
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(65_536):
            size += len(part)
            if size > LARGEST_BODY:
                raise PageRefused(
                    f"{path}: the answer is longer than {LARGEST_BODY} bytes", status=response.status_code
                )
            if self._clock() - started > LONGEST_READ:
                raise Passing(ForumUnavailable(f"{path}: the answer took longer than {LONGEST_READ:.0f} s"))
            parts.append(part)
        return b"".join(parts)


# -- addresses, keys, sessions ---------------------------------------------------------------------------------------


def _checked_url(url: str) -> str:
    """The forum's address without a slash at its end. Raises ConfigError for what is no plain web address."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ConfigError("forum.url is no web address", "write it as https://forum.example.com") from None
    if parts.username or parts.password:
        raise ConfigError("forum.url holds a user name or password", "write the address alone, the key elsewhere")
    if not usable or parts.query or parts.fragment or not url.isprintable():
        raise ConfigError(f"forum.url is no address of a forum: {url[:200]!r}", "write https://forum.example.com")
    return url.strip().rstrip("/")


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _key_headers(api_username: str | None, api_key: str | None) -> dict[str, str | bytes]:
    """Both headers or none. A line break in a key would make the HTTP library print the key: refused here."""
    if not api_key:
        return {}
    key, name = api_key.strip(), (api_username or "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError("the API key holds characters that no key has", "copy it again, without line breaks")
    if not name or not name.isprintable():
        raise ConfigError("an API key needs the name of its user", "set forum.api_username")
    return {"Api-Key": key, "Api-Username": name.encode()}


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from sending what a .netrc file holds for the host."""
    return request


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: even where it must not follow, requests prepares the next request, and fails on odd addresses."""


def _session(url: str) -> requests.Session:
    session = _Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy of the environment cannot know this machine's loopback.
    session.trust_env = not _is_loopback(urlsplit(url).hostname or "")
    return session


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_same_forum(here: SplitResult, there: SplitResult) -> bool:
    """Same host and port; from http to https is as good, from https to http would show the key to the wire."""
    if here.hostname != there.hostname or there.username or there.password:
        return False
    if here.scheme == there.scheme:
        return _port(here) == _port(there)
    return (here.scheme, there.scheme) == ("http", "https") and (_port(there) == 443 or _port(here) == _port(there))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _translated(error: Exception, path: str, url: str) -> ForumRefused | Passing:
    """Faults of the HTTP libraries in our words. Their own texts name objects, not causes."""
    host = urlsplit(url).hostname or ""
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return ForumRefused(f"{path}: no trusted encryption with {host}", "check its certificate and the address")
    if _is_time_out(error):
        return Passing(ForumUnavailable(f"{path}: {host} did not answer in time"))
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return Passing(ForumUnavailable(f"{path}: the answer of {host} broke off"))
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
        return Passing(ForumUnavailable(f"{path}: no connection to {host}", "check address and network"))
    if isinstance(error, ValueError):
        return ForumRefused(
            f"{path}: {host or 'the forum'} cannot be asked so ({type(error).__name__})", "check forum.url"
        )
    return Passing(ForumUnavailable(f"{path}: asking {host} failed ({type(error).__name__})"))


def _is_time_out(error: Exception) -> bool:
    """A pause inside a body reaches us as a ConnectionError round the time-out."""
    kinds = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    return isinstance(error, kinds) or any(isinstance(inner, kinds) for inner in error.args)
