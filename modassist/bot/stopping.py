"""How the bot is told to end or to read its settings anew, and how it waits so that it hears of it at once."""

from __future__ import annotations

import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

GRACE_SECONDS = 6
"""So long a message that is being sent may still take when the bot is told to end."""

BREATH = 1.0
"""Seconds of waiting after which the bot looks at its flags, where signals do not wake it."""


class Stopping(BaseException):
    """The bot was told to end. No error: nothing in between may take it for one and go on."""


class Stop:
    """Whether to end (`requested`: the signal's name) or to reload; `wait` may be replaced by a simulated one."""

    def __init__(self, wait: Callable[[float], None] = time.sleep) -> None:
        self.requested = ""
        self.reload = False
        self._wait = wait
        self._may_interrupt = False

    def check(self) -> None:
        """Raises Stopping where the bot was told to end."""
        if self.requested:
            raise Stopping(self.requested)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes."""
        if seconds > 0 and not self.requested and not self.reload:
            self._wait(seconds)

    def sleep(self, seconds: float) -> None:
        """Wait so long in the midst of a tick. Raises Stopping where the bot is told to end meanwhile."""
        self.check()
        end = time.monotonic() + seconds
        self._wait(seconds)
        self.check()
        while self.reload and (left := end - time.monotonic()) > 0:  # settings wait until the tick has ended
            time.sleep(min(left, BREATH))
            self.check()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A signal ends what is done inside at once: reading from the forum, judging. What was stored stays."""
        self.check()
        self._may_interrupt = True
        try:
            yield
        finally:
            self._may_interrupt = False

    def request(self, name: str) -> None:
        """Tell the bot to end; a second time ends it wherever it is."""
        was_requested, self.requested = self.requested, self.requested or name
        if was_requested or self._may_interrupt:
            raise Stopping(name)


@contextmanager
def signals() -> Iterator[Stop]:
    """A `Stop` that SIGTERM and SIGINT request and SIGHUP reloads, for the main thread."""
    ears, mouth = socket.socketpair()
    ears.setblocking(False)
    mouth.setblocking(False)
    stop = Stop(lambda seconds: _listen(ears, seconds))
    handlers: dict[str, Any] = {"SIGTERM": _ender(stop), "SIGINT": _ender(stop), "SIGHUP": _reloader(stop)}
    handlers["SIGALRM"] = _interrupt
    known = {getattr(signal, name): handler for name, handler in handlers.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in known.items()}
    woken = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(woken)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        ears.close()
        mouth.close()


def _listen(ears: socket.socket, seconds: float) -> None:
    """Wait; a signal writes a byte, which ends it."""
    select.select([ears], [], [], seconds)
    with suppress(BlockingIOError):
        ears.recv(4096)


def _ender(stop: Stop) -> Callable[[int, FrameType | None], None]:
    def end(number: int, frame: FrameType | None) -> None:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
        stop.request(signal.Signals(number).name)

    return end


def _reloader(stop: Stop) -> Callable[[int, FrameType | None], None]:
    def reload(number: int, frame: FrameType | None) -> None:
        stop.reload = True

    return reload


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Stopping("the time to end is over")
