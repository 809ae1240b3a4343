"""A mail server and a receiver of web hooks on loopback: what arrives is kept, and they can be told to misbehave."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

MAIL_STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "text")
"""What a mail server is asked, one after the other; `text` is the end of the mail."""


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a client needs. `mode`: "take", "refuse", "hang up", "stall"; the last three happen `at` one
    of the steps. At the text, what hangs up or stalls has taken the mail before."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mode, self.at = "take", "text"
        self.arrived: list[tuple[list[str], EmailMessage]] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def shutdown(self) -> None:
        self.closing.set()
        super().shutdown()


class _HungUp(Exception):
    """The server says nothing more."""


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        with suppress(_HungUp, ConnectionError):
            self.talk()

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def answer(self, step: str, line: str) -> bool:
        """Whether the step went well."""
        mode = self.server.mode if step == self.server.at else "take"
        if mode == "stall":
            self.server.closing.wait(30)
        if mode in ("hang up", "stall"):
            raise _HungUp
        self.say(line if mode == "take" else "550 not here")
        return mode == "take"

    def talk(self) -> None:
        recipients: list[str] = []
        self.answer("greeting", "220 loopback")
        for raw in self.rfile:
            words = raw.decode("utf-8", "replace").strip()
            verb = words.upper().split(" ")[0]
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb == "RCPT":
                recipients.append(words.partition("<")[2].partition(">")[0])
            step = "EHLO" if verb == "HELO" else verb
            if self.answer(step, "354 go on" if verb == "DATA" else "250 fine") and verb == "DATA":
                self.take(recipients)

    def take(self, recipients: list[str]) -> None:
        lines = []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw.removeprefix(b".") if raw.startswith(b"..") else raw)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        if self.server.at != "text" or self.server.mode != "refuse":
            self.server.arrived.append((list(recipients), message))
        self.answer("text", "250 taken")


class HookReceiver(ThreadingHTTPServer):
    """Keeps the bodies of what is posted to it, and answers with `status` (and `location`); 0 hangs up, -1 stalls."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.status, self.location = 200, ""
        self.arrived: list[bytes] = []
        self.asked = 0
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def shutdown(self) -> None:
        self.closing.set()
        super().shutdown()


class _Hook(BaseHTTPRequestHandler):
    server: HookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked += 1
        if self.server.status < 300:
            self.server.arrived.append(body)
        if self.server.status < 0:
            self.server.closing.wait(30)
        if self.server.status <= 0:
            return
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST  # noqa: N815 -- http.server looks for it

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on standard error."""


Server = TypeVar("Server", MailServer, HookReceiver)


@contextmanager
def receiving(kind: type[Server]) -> Iterator[Server]:
    with kind() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
