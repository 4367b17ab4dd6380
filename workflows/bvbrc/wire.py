"""One HTTP exchange over `requests`: within a deadline, below a size, and sure of what was sent.

It returns the answer, or raises ``NotSent`` (no byte was sent) or ``InDoubt`` (some bytes were
sent, and no complete answer came). The caller interprets the answer.

The timeouts of `requests` bound the silence between two packets; a server that drips a byte now and
then holds its caller for ever. So the connections here know the exchange they serve: each read
waits for what is left of its time, and the first byte written is noted.
"""

from __future__ import annotations

import io
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import Any, Final, NoReturn

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from workflows.model.errors import InDoubt, NotSent, Withheld

USER_AGENT: Final = "bvbrc-workflows/0.1.0"
"""Who we are: Cloudflare turns the default names of libraries away."""
CONNECT_SECONDS: Final = 10.0
LIMIT_BYTES: Final = 32 * 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024
ALIVE_SECONDS: Final = 2.0
"""Seconds after its use within which a server has hardly closed a connection (nginx: 75 s, others 5
s)."""
CONNECTIONS: Final = 64
"""Idle connections kept for one host; more are opened and thrown away."""
FAULTS: Final = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)
"""All exceptions that `requests` and the libraries below it raise when an exchange fails."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send, and how long and how much to wait for."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: timedelta
    """Seconds for the whole exchange except the look-up of the host's name."""
    content: bytes | None = field(default=None, repr=False)
    once: bool = False
    """It must not be sent twice, and goes over a connection that cannot have died in the pool:
    a new one, or one that was used a moment ago."""
    send_by: float | None = None
    """An instant of the monotonic clock: a first byte that could leave later never leaves."""
    may_leave: Callable[[], bool] | None = None
    """Asked just before the first byte leaves; if false, the exchange is ``Withheld``."""
    limit_bytes: int = LIMIT_BYTES
    keep_end: bool = False
    """Keep the last ``limit_bytes`` of a longer answer; at most ``LIMIT_BYTES`` are read."""
    address: str = ""
    """Connect to this address, over a new connection, and ask no name server; the host of the URL
    stays in the Host header and in TLS. The answer's body is read, up to its limit, and dropped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer, decompressed; ``cut`` is true if it is longer than the limit."""

    status: int
    headers: Mapping[str, str]
    """Names are matched without regard to case."""
    body: bytes = field(repr=False)
    cut: bool = False

    def json(self) -> Any:
        """The body as a JSON value; raises ``ValueError`` where it is none."""
        try:
            return json.loads(self.body)
        except RecursionError as failure:
            raise ValueError("nested too deeply") from failure


@dataclass(slots=True)
class _Exchange:
    """What the connections note about the exchange that this thread has under way."""

    ends: float
    """On the monotonic clock."""
    idle: float
    """Seconds: it goes over a connection that was used within them, or over a new one."""
    send_by: float | None = None
    may_leave: Callable[[], bool] | None = None
    sent: bool = False
    reused: bool = False
    heard: bool = False

    def remaining(self) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def leave(self) -> None:
        """Called before bytes are sent. A process that was suspended past the limit does not send
        them."""
        if self.sent:
            return
        if self.send_by is not None and time.monotonic() > self.send_by:
            raise TimeoutError("it was too late to send")
        if self.may_leave is not None and not self.may_leave():
            raise Withheld("a hold was set while it was about to be sent")
        self.sent = True


class _Present(threading.local):
    """The exchange of this thread: `requests` has no way to hand it down to a connection."""

    exchange: _Exchange


_present = _Present()


class _Reader(io.RawIOBase):
    """A socket's reading end that never waits past the end of the exchange."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, exchange: _Exchange) -> None:
        self._raw, self._sock, self._exchange = raw, sock, exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._exchange.remaining())
        count: int | None = self._raw.readinto(buffer)
        self._exchange.heard = self._exchange.heard or bool(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        reader = _Reader(self.fp.detach(), sock, _present.exchange)
        self.fp = io.BufferedReader(reader)


class _Noting:
    """What both kinds of connection add: two classes of urllib3 need the same four lines."""

    response_class: Any = _Response
    sock: socket.socket | None
    used_at: float = 0.0
    """When bytes were last sent over it, on the monotonic clock."""

    @property
    def is_connected(self) -> bool:
        """The pool asks this of a kept connection; false for one that must not be reused."""
        recent = time.monotonic() - self.used_at < _present.exchange.idle
        reusable = recent and bool(super().is_connected)  # type: ignore[misc]
        _present.exchange.reused = reusable
        return reusable

    def send(self, content: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        assert self.sock is not None  # noqa: S101 - connect() sets it or raises
        self.sock.settimeout(_present.exchange.remaining())
        _present.exchange.leave()
        self.used_at = time.monotonic()
        super().send(content)  # type: ignore[misc]


class _Plain(_Noting, HTTPConnection):
    pass


class _Tls(_Noting, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


class _PinnedAdapter(_Adapter):
    """Connects to one address that was checked before, wherever the host's name leads now."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__(pool_maxsize=1, max_retries=0)

    def build_connection_pool_key_attributes(self, *args: Any, **named: Any) -> Any:
        place, options = super().build_connection_pool_key_attributes(*args, **named)
        if place["scheme"] == "https":
            names = {"server_hostname": place["host"], "assert_hostname": place["host"]}
            return {**place, "host": self._address}, {**options, **names}
        return {**place, "host": self._address}, options


@lru_cache(maxsize=64)
def _blank(method: str, url: str) -> requests.PreparedRequest:
    """A request without headers and body. To prepare one takes as long as to send it, and nearly
    all are alike; so `requests.Session`, which prepares each request again, does not make them.
    """
    return requests.Request(method, url).prepare()


class Wire:
    """The one pool of connections of a process. Threads may share it; a fork makes its own."""

    def __init__(
        self,
        user_agent: str = USER_AGENT,
        alive: float = ALIVE_SECONDS,
        authorities: str | None = None,
    ) -> None:
        """``authorities``: a file of the certificates that vouch for a server; else the usual."""
        self._verify = authorities or True
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip, deflate"}
        self._alive = alive
        self._adapters: dict[int, _Adapter] = {}

    def _adapter(self) -> _Adapter:
        pid = os.getpid()
        if pid not in self._adapters:
            self._adapters = {pid: _Adapter(pool_maxsize=CONNECTIONS, max_retries=0)}
        return self._adapters[pid]

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        message = _blank(request.method, request.url).copy()
        message.prepare_headers({**self._headers, **request.headers})
        if request.content is not None:
            message.prepare_body(request.content, None)
        return message

    def exchange(self, request: Request) -> Answer:
        """Sends the request and reads the answer. Unless ``once`` forbids it, a new connection
        silently replaces one that died in the pool.
        """
        ends = time.monotonic() + request.timeout.total_seconds()
        idle = self._alive if request.once else math.inf
        first = _Exchange(ends, idle, send_by=request.send_by, may_leave=request.may_leave)
        if request.address:
            with closing(_PinnedAdapter(request.address)) as adapter:
                return self._perform(request, first, adapter)
        try:
            return self._perform(request, first)
        except InDoubt:
            if request.once or first.heard or not first.reused or time.monotonic() >= ends:
                raise
        return self._perform(request, _Exchange(ends, idle=0))

    def _perform(
        self, request: Request, exchange: _Exchange, adapter: _Adapter | None = None
    ) -> Answer:
        _present.exchange = exchange
        try:
            left = exchange.remaining()
            with (adapter or self._adapter()).send(
                self._prepare(request),
                stream=True,
                verify=self._verify,
                timeout=(min(CONNECT_SECONDS, left), left),
            ) as response:
                body, cut = _reader_of(request)(response, request.limit_bytes)
                return Answer(response.status_code, response.headers, body, cut)
        except FAULTS as fault:
            _translate(fault, exchange, request.url)


def _reader_of(request: Request) -> Callable[[requests.Response, int], tuple[bytes, bool]]:
    if request.address:
        return _drop
    return _read_end if request.keep_end else _read


def _drop(response: requests.Response, limit_bytes: int) -> tuple[bytes, bool]:
    """Reads as it came, since a compressed body may be a thousand times as long."""
    count = len(response.raw.read(limit_bytes, decode_content=False))
    return b"", count >= limit_bytes


def _read(response: requests.Response, limit_bytes: int) -> tuple[bytes, bool]:
    """The body's first ``limit_bytes``, and whether there was more."""
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > limit_bytes:
            return bytes(body[:limit_bytes]), True
    return bytes(body), False


def _read_end(response: requests.Response, limit_bytes: int) -> tuple[bytes, bool]:
    """The body's last ``limit_bytes``, and whether there was more before them."""
    body, count = bytearray(), 0
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        count += len(chunk)
        del body[:-limit_bytes]
        if count > LIMIT_BYTES:
            break
    return bytes(body), count > len(body)


def _translate(fault: Exception, exchange: _Exchange, url: str) -> NoReturn:
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    cause = _innermost(fault)
    if exchange.sent:
        timed_out = isinstance(cause, TimeoutError)
        lost = f"{host}: the answer was lost: {_reason(cause)}"
        raise InDoubt(lost, overload=timed_out) from fault
    raise NotSent(f"{host}: cannot be reached: {_reason(cause)}") from fault


def _innermost(fault: BaseException) -> BaseException:
    while isinstance(inner := fault.__cause__ or fault.__context__, FAULTS):
        fault = inner
    return fault


def _reason(cause: BaseException) -> str:
    """In a few words; never a library's text, which may quote a header."""
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "timed out" if isinstance(cause, TimeoutError) else type(cause).__name__
