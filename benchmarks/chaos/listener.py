"""A receiver of webhooks while faults strike: it verifies each message, and refuses some."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

REFUSED = 0.1
"""So many messages are answered 503, as if the receiver had failed after it had them."""


@dataclass
class Listener:
    """What came. Each user has a path and a secret of its own."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    bodies: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """Message ids to the contents that came under them."""
    sequences: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Workflows to the numbers of their events that came."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Why messages could not be verified, by user."""
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, user: str, headers: dict[str, str], body: bytes) -> None:
        with self._lock:
            try:
                content: Any = Webhook(self.secrets[user]).verify(body, headers)
            except Exception as why:  # noqa: BLE001 - the message cannot be used, for any reason
                self.refusals[f"{user}: {type(why).__name__}: {why}"] += 1
                return
            self.bodies[headers["webhook-id"]].add(body)
            self.sequences[content["data"].get("workflow_id", "")].add(
                content["data"].get("sequence", 0)
            )


@contextmanager
def listening(seed: int) -> Iterator[Listener]:
    listener, rng = Listener(), random.Random(seed)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            listener.take(self.path.removeprefix("/"), headers, body)
            self.send_response(503 if rng.random() < REFUSED else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    listener.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
