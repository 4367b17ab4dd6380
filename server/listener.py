"""A listening socket: accepts up to the bounds, and ends the connections that are overdue."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer, UnixWSGIServer

from server.bounds import (
    AHEAD_BYTES,
    HEAD_BYTES,
    IN_MEMORY_BYTES,
    KERNEL_BYTES,
    Bounds,
    is_overdue,
)
from server.channel import Channel
from server.lanes import Lanes
from server.refusals import RETRY_SECONDS, LargestBody, write_body
from server.requesters import Requesters
from server.spool import Spool

log = structlog.get_logger(__name__)

Map = dict[int, Any]
CountRefusal = Callable[[str], None]
"""Is given what was refused: ``connections``, ``waiting``, ``slow``, ``large`` or ``malformed``."""
_TOO_MANY: Final = write_body("Too Many Requests", "Too many connections come from your address.")
_REFUSAL: Final = b"\r\n".join(
    [
        b"HTTP/1.1 429 Too Many Requests",
        b"Connection: close",
        b"Content-Type: application/json",
        b"X-Content-Type-Options: nosniff",
        b"Retry-After: %d" % RETRY_SECONDS,
        b"Content-Length: %d" % len(_TOO_MANY),
        b"",
        _TOO_MANY,
    ]
)


@dataclass(frozen=True, slots=True)
class Served:
    """What is served, and what the server asks and tells it."""

    application: Any
    largest_body: LargestBody
    count_refusal: CountRefusal
    session_cookie: str = ""
    """The name of the cookie that is a credential."""
    trusted_proxies: int = 0
    """How many proxies of ours the requests come through."""


class _Bounded:
    """The common part of TCP and Unix listeners."""

    channel_class = Channel
    stopping = False
    served = 0
    active_channels: dict[int, Channel]
    adj: Adjustments
    accepting: bool

    def set_bounds(self, bounds: Bounds, count_refusal: CountRefusal) -> None:
        self._bounds = bounds
        self.count_refusal = count_refusal
        self.spool = Spool(bounds.waiting_bytes, bounds.waiting_bytes_per_address)

    def count_request(self) -> None:
        self.served += 1

    def set_socket_options(self, connection: socket.socket) -> None:
        """Called by waitress for each connection; raises ``OSError`` to refuse it."""
        super().set_socket_options(connection)  # type: ignore[misc]
        if len(self.active_channels) >= self._bounds.connections:
            self._make_room()
        address = self._address(connection)
        most = self._bounds.connections_per_address
        if most and address and self._of_address(address) >= most:
            with suppress(OSError):
                connection.setblocking(False)
                connection.send(_REFUSAL)
            connection.close()
            log.warning("Too many connections from one address", address=address)
            self.count_refusal("connections")
            raise ConnectionRefusedError(address)

    def _address(self, connection: socket.socket) -> str:
        """Empty for a Unix socket."""
        peer = connection.getpeername()
        return str(peer[0]) if isinstance(peer, tuple) else ""

    def address_of(self, channel: Channel) -> str:
        """Empty for a Unix socket."""
        return str(channel.addr[0]) if isinstance(self, TcpListener) else ""

    def _of_address(self, address: str) -> int:
        return sum(channel.addr[0] == address for channel in self.active_channels.values())

    def _make_room(self) -> None:
        """Ends the connection that has waited longest for its client."""
        now = time.monotonic()
        waiting = [
            (progress.since, key)
            for key, channel in self.active_channels.items()
            if (progress := channel.progress(now)) is not None
        ]
        if waiting:
            self.active_channels[min(waiting)[1]].handle_close()
            self.count_refusal("connections")

    def end_overdue(self, now: float) -> None:
        """Called once a second, between two rounds of the loop."""
        for channel in list(self.active_channels.values()):
            progress = channel.progress(now)
            if progress is not None and is_overdue(progress, now):
                log.info("A client is too slow", phase=progress.phase, address=channel.addr[0])
                try:
                    channel.time_out()
                except Exception:  # else one connection would end the process, with all others
                    log.exception("A connection cannot be timed out")
                    channel.handle_close()

    def stop(self) -> None:
        """Accepts no more connections; each closes after its next answer."""
        self.accepting = False
        self.stopping = True

    def end_idle(self) -> None:
        """Closes the connections that wait for a request."""
        for channel in list(self.active_channels.values()):
            if channel.request is None and not channel.requests and not channel.total_outbufs_len:
                channel.handle_close()


class TcpListener(_Bounded, TcpWSGIServer):
    """On an address."""


class UnixListener(_Bounded, UnixWSGIServer):
    """On a file."""


def listen(
    listening: socket.socket,
    served: Served,
    sockets: Map,
    bounds: Bounds,
) -> _Bounded:
    """Serves on the socket, which listens already; ``sockets`` is its loop's."""
    kind = UnixListener if listening.family == socket.AF_UNIX else TcpListener
    found = kind(
        served.application,
        sockets,
        False,
        listening,
        dispatcher=Lanes(bounds, Requesters(served.session_cookie, served.trusted_proxies)),
        adj=adjust(bounds, served.largest_body),
        sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        bind_socket=False,
    )
    found.set_bounds(bounds, served.count_refusal)
    found.accepting = True
    return found


def adjust(bounds: Bounds, largest_body: LargestBody) -> Adjustments:
    """waitress's settings; its own deadlines and its own limit of connections are not used."""
    found = Adjustments(
        threads=0,
        ident=None,
        connection_limit=1_000_000,
        cleanup_interval=1_000_000,
        channel_timeout=1_000_000,
        max_request_header_size=HEAD_BYTES,
        max_request_body_size=bounds.body_bytes + 1,
        inbuf_overflow=IN_MEMORY_BYTES,
        outbuf_overflow=IN_MEMORY_BYTES,
        outbuf_high_watermark=AHEAD_BYTES,
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        asyncore_use_poll=True,
    )
    kept = (socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    found.socket_options = [*Adjustments.socket_options, kept]
    found.largest_body = largest_body  # for our parser, which is given nothing else
    return found
