"""`/metrics` and `/healthz` on loopback, for whoever watches the bot. Reads only what the board shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modassist.bot.metrics import Board
from modassist.errors import ConfigError

HOST = "127.0.0.1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, board: Board, clock: Callable[[], datetime]) -> None:
        super().__init__((HOST, port), _Handler)
        self.board, self.clock = board, clock


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, "text/plain; version=0.0.4; charset=utf-8", self.server.board.metrics())
        elif path == "/healthz":
            is_well, text = self.server.board.healthz(self.server.clock())
            self._answer(200 if is_well else 503, "application/json", text + "\n")
        else:
            self._answer(404, "text/plain; charset=utf-8", "/metrics and /healthz are here\n")

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is the bot's."""


@contextmanager
def watched(port: int, board: Board, clock: Callable[[], datetime]) -> Iterator[int]:
    """Serve the board while inside; gives the port. Raises ConfigError where it is taken. Port 0 of the settings means
    "no server": whoever calls this with 0 gets any free port."""
    try:
        server = _Server(port, board, clock)
    except OSError as fault:
        raise ConfigError(f"metrics.port = {port}: cannot be opened: {fault.strerror}", "choose another one") from fault
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
