"""A user's own server: it verifies each message with Standard Webhooks' library and reads it with
CloudEvents' one. It knows nothing of ours but the secret."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from tests.bvbrc.loopback import Received, receive, reply, serving


@dataclass(frozen=True)
class Heard:
    """A message that was verified."""

    id: str
    body: bytes
    content: Mapping[str, Any]
    event: Any
    """As CloudEvents' library reads it."""
    headers: Mapping[str, str]

    @property
    def type(self) -> str:
        return str(self.content["type"])


@dataclass
class Receiver:
    """What came, and what is answered."""

    url: str = ""
    secret: str = ""
    answer: Callable[[Received], bytes] = lambda _: reply(204, b"")
    came: list[Received] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: socket.socket) -> None:
        while (request := receive(connection)) is not None:
            with self._lock:
                self.came.append(request)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                connection.sendall(self.answer(request))
            finally:
                with self._lock:
                    self.at_once -= 1

    def heard(self, secret: str = "") -> list[Heard]:
        """Every message so far; raises where one cannot be verified."""
        return [_verify(request, secret or self.secret) for request in list(self.came)]

    def bodies(self) -> dict[str, set[bytes]]:
        """Ids to the bodies that came under them."""
        found: defaultdict[str, set[bytes]] = defaultdict(set)
        for each in self.heard():
            found[each.id].add(each.body)
        return found

    def answers(self, *statuses: int, **headers: str) -> None:
        """These one after the other, the last one for ever."""
        rest = list(statuses)

        def answer(_request: Received) -> bytes:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            return reply(rest.pop(0) if len(rest) > 1 else rest[0], b"", named)

        self.answer = answer


def _verify(request: Received, secret: str) -> Heard:
    content = Webhook(secret).verify(request.body, dict(request.headers))
    event = from_binary(HTTPMessage(dict(request.headers), request.body), JSONFormat())
    assert event.get_data() == content
    assert event.get_id() == request.headers["webhook-id"]
    return Heard(request.headers["webhook-id"], request.body, content, event, request.headers)


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.serve) as server:
        made.url = f"{server.url}/hook?from=bvbrc"
        yield made
