"""A mail server and a receiver of web hooks on loopback: what arrives is kept, and they can be told to misbehave."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a client needs. `mode`: "take", "refuse" (550 after the text), "hang up" (after the text)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mode = "take"
        self.arrived: list[tuple[list[str], EmailMessage]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        recipients: list[str] = []
        self.say("220 loopback")
        for raw in self.rfile:
            words = raw.decode("utf-8", "replace").strip()
            verb = words.upper().split(" ")[0]
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb == "RCPT":
                recipients.append(words.partition("<")[2].partition(">")[0])
            if verb == "DATA" and not self.take(recipients):
                return
            if verb != "DATA":
                self.say("250 fine")

    def take(self, recipients: list[str]) -> bool:
        self.say("354 go on")
        lines = []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw.removeprefix(b".") if raw.startswith(b"..") else raw)
        if self.server.mode == "refuse":
            self.say("550 no such user here")
            return True
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.server.arrived.append((list(recipients), message))
        if self.server.mode == "hang up":
            return False
        self.say("250 taken")
        return True


class HookReceiver(ThreadingHTTPServer):
    """Keeps the bodies of what is posted to it, and answers with `status`; 0 hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.status = 200
        self.arrived: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Hook(BaseHTTPRequestHandler):
    server: HookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.status < 300:
            self.server.arrived.append(body)
        if not self.server.status:
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

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
