"""Errors that the server itself answers before the application sees a request, in the API's
form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from server.bounds import IN_MEMORY_BYTES, LINE_BYTES
from server.spool import Body, Full, Spool

LargestBody = Callable[[str, str], int]
"""Method and path to the size of the largest body that is taken there."""
THROWN_AWAY_BYTES: Final = 64 * 1024 * 1024


class UriTooLong(BadRequest):
    code = 414
    reason = "URI Too Long"


class TimedOut(BadRequest):
    code = 408
    reason = "Request Timeout"


class TooManyOfAddress(BadRequest):
    code = 429
    reason = "Too Many Requests"


class TooManyInAll(BadRequest):
    code = 503
    reason = "Service Unavailable"


RETRY_SECONDS: Final = 5
_NO_ROOM: Final[Mapping[Full, Error]] = {
    "address": TooManyOfAddress("too much waits that came from your address, or is to go there."),
    "process": TooManyInAll("too much waits to be read or sent."),
    "disk": TooManyInAll("the disk of the API's temporary files takes no more."),
}
KINDS: Final[Mapping[int, str]] = {408: "slow", 413: "large", 429: "waiting", 503: "waiting"}
"""What a refusal counts as; ``malformed`` for any other."""


def write_body(reason: str, message: str) -> bytes:
    return json.dumps({"detail": f"{reason}: {message}", "errors": []}).encode()


def write_refusal(full: Full) -> bytes:
    """The whole answer of one whose answer has no room."""
    error = _NO_ROOM[full]
    body = write_body(error.reason, error.body)
    lines = [
        f"HTTP/1.1 {error.code} {error.reason}",
        "Connection: close",
        "Content-Type: application/json",
        "X-Content-Type-Options: nosniff",
        f"Retry-After: {RETRY_SECONDS}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Refusal(ErrorTask):
    """An error's answer; the connection closes after it."""

    def execute(self) -> None:
        error = self.request.error
        body = write_body(error.reason, error.body)
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.response_headers.append(("X-Content-Type-Options", "nosniff"))
        if error.code in (TooManyOfAddress.code, TooManyInAll.code):
            self.response_headers.append(("Retry-After", str(RETRY_SECONDS)))
        self.channel.server.count_refusal(KINDS.get(error.code, "malformed"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Parser(HTTPRequestParser):
    """waitress's, with bounds: on the first line, on the body of each route, on all bodies."""

    body_rcv: Any
    version = "1.1"
    """The Host of answers to requests that name none."""

    def __init__(self, adj: Adjustments, spool: Spool, address: str) -> None:
        super().__init__(adj)
        self._spool, self._address = spool, address
        self.path = self.query = ""
        self._most_bytes: int | None = None

    def received(self, data: bytes) -> int:
        """Returns how many bytes it took. A body that is too large is read to its end and thrown
        away, since a client that still sends does not read why it is refused.
        """
        consumed: int = super().received(data)
        if self.headers_finished and self.body_rcv is not None:
            self._check_size()
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if len(self.first_line) > LINE_BYTES:
            self.error = UriTooLong(f"The request line has more than {LINE_BYTES} characters")
            self.body_rcv = None
        elif self.body_rcv is not None:
            self.body_rcv.buf = Body(IN_MEMORY_BYTES, self._spool, self._address)

    def _check_size(self) -> None:
        if self._most_bytes is None:
            self._most_bytes = self.adj.largest_body(self.command, self.path)
        if max(self.content_length, self.body_bytes_received) > self._most_bytes:
            too_large = f"this route takes at most {self._most_bytes} bytes."
            self._refuse(RequestEntityTooLarge(too_large))
        elif full := self.body_rcv.buf.full:
            self._refuse(_NO_ROOM[full])

    def _refuse(self, error: Error) -> None:
        self.error = error
        self.body_rcv.buf.close()
        self.body_rcv.buf = _NOWHERE
        size = max(self.content_length, self.body_bytes_received)
        rest = size <= THROWN_AWAY_BYTES and not self.expect_continue
        self.completed = self.body_rcv.completed or not rest


class _Nowhere:
    """A buffer that keeps nothing."""

    full = None

    def append(self, data: bytes) -> None:
        """Throws it away."""

    def close(self) -> None:
        """Nothing is open."""

    def __len__(self) -> int:
        return 0


_NOWHERE: Final = _Nowhere()
