"""HTTP/1.1 with keep-alive, by hand: fast, and able to break a connection in every way wanted.

It parses requests and writes replies; what they mean is decided by the ``Handler`` it is given.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from urllib.parse import unquote

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    verb: str
    path: str
    """Decoded, without the query."""
    query: str
    """As sent: a part of the BV-BRC services does not use ``key=value`` queries."""
    headers: dict[str, str]
    """By lower-case name. Trailing blanks of a value are kept, as Starman keeps them."""
    body: bytes


class Ending(Enum):
    """What becomes of the connection after a reply."""

    KEEP = "keep"
    CLOSE = "close"  # the reply is not sent
    RESET = "reset"  # the reply is not sent, and the peer gets a TCP reset
    CUT = "cut"  # half of the body is sent


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = ()
    ending: Ending = Ending.KEEP
    drip_seconds: float = 0.0
    """The body is sent in twenty pieces over this time."""


Handler = Callable[[Request], Reply | Awaitable[Reply]]


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered one after the other."""

    def __init__(self, handler: Handler, running: set[asyncio.Task[None]]) -> None:
        self._handler = handler
        self._running = running
        self._received = bytearray()
        self._busy = False
        self._last = False
        """The client has said that it will ask no more."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type for mypy
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._turn()

    def _turn(self) -> None:
        while not self._busy and (request := self._next_request()):
            self._last = request.headers.get("connection", "").lower() == "close"
            answer = self._handler(request)
            if isinstance(answer, Reply):
                self._send(answer)
            else:
                self._busy = True
                task = asyncio.ensure_future(self._finish(answer))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _finish(self, answer: Awaitable[Reply]) -> None:
        """Waits for the answer, also where the client no longer does: the service works on."""
        try:
            reply = await answer
        except Exception:
            self._close()
            raise
        if reply.drip_seconds:
            await self._drip(reply)
        else:
            self._send(reply)
        self._busy = False
        self._turn()

    def _next_request(self) -> Request | None:
        """The next whole request received, or None."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = parsed_headers(lines)
        length = int(headers.get("content-length") or 0)
        if "expect" in headers and len(self._received) == end + 4:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(self._received) < end + 4 + length:
            return None
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        verb, _, rest = first.partition(" ")
        path, _, query = rest.rpartition(" ")[0].partition("?")
        return Request(verb, unquote(path), query, headers, body)

    def _send(self, reply: Reply) -> None:
        if reply.ending is Ending.RESET:
            self._reset()
        elif reply.ending is Ending.CLOSE:
            self._close()
        elif reply.ending is Ending.CUT:
            self._write(head(reply) + reply.body[: len(reply.body) // 2])
            self._close()
        else:
            self._write(head(reply) + reply.body)
            if self._last:
                self._close()

    async def _drip(self, reply: Reply) -> None:
        self._write(head(reply))
        size = max(1, len(reply.body) // 20)
        for start in range(0, len(reply.body), size):
            await asyncio.sleep(reply.drip_seconds / 20)
            self._write(reply.body[start : start + size])

    def _write(self, octets: bytes) -> None:
        if self._transport:
            self._transport.write(octets)

    def _close(self) -> None:
        if self._transport:
            self._transport.close()

    def _reset(self) -> None:
        """Closes with SO_LINGER 0, which makes the kernel send RST."""
        if self._transport:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


def parsed_headers(lines: Iterable[str]) -> dict[str, str]:
    """``Name: value`` lines as lower-case names to values."""
    pairs = (line.partition(":") for line in lines)
    return {name.lower(): value.lstrip(" ") for name, _, value in pairs}


def head(reply: Reply) -> bytes:
    """Status line and headers."""
    lines = [
        f"HTTP/1.1 {reply.status} {PHRASES.get(reply.status, 'Unknown')}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        "Connection: keep-alive",
        *(f"{name}: {value}" for name, value in reply.headers),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")


PHRASES = {status.value: status.phrase for status in HTTPStatus}


async def serve(handler: Handler, host: str, port: int) -> tuple[asyncio.Server, int]:
    """Starts listening; port 0 takes a free one. Returns the server and its port."""
    running: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(handler, running), host, port, backlog=1024
    )
    return server, server.sockets[0].getsockname()[1]
