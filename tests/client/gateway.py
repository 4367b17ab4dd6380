"""A server in front of the API that does what gateways and networks do at bad times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import requests

LOSE = "lose"
"""The request is passed on, and its answer is lost."""


@dataclass
class Gateway:
    """Passes requests on. Before that it does what ``faults`` names, one for each request: it
    answers with a status, and when to come again, or loses the answer."""

    target: str
    url: str = ""
    faults: list[int | str] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Method and idempotency key of each request."""


@contextmanager
def gateway(target: str, *faults: int | str) -> Iterator[Gateway]:
    """A gateway on a free port of the loopback address."""
    found = Gateway(target, faults=list(faults))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.seen.append((self.command, self.headers.get("Idempotency-Key", "")))
            fault = found.faults.pop(0) if found.faults else None
            if isinstance(fault, int):
                self.reply(fault, b"<h1>Not now</h1>", {"Retry-After": "0"})
                return
            headers = {name: text for name, text in self.headers.items() if name != "Host"}
            answer = requests.request(
                self.command, found.target + self.path, data=body, headers=headers, timeout=60
            )
            if fault == LOSE:
                self.close_connection = True
                return
            kept = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            self.reply(answer.status_code, answer.content, kept)

        do_GET = do_POST = answer  # noqa: N815 - the standard library's names

        def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
