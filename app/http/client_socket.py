"""Whether the client still waits for its answer."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from flask import request


def client_left() -> Callable[[], bool]:
    """For the current request: a function that is true once the client has closed its connection.

    It may be called from any thread and does not block. Servers that do not hand their socket on,
    and connections by TLS, are taken for open ones.
    """
    connection = request.environ.get("gunicorn.socket")
    if not isinstance(connection, socket.socket) or hasattr(connection, "do_handshake"):
        return lambda: False
    return lambda: _is_closed(connection)


def _is_closed(connection: socket.socket) -> bool:
    """A closed connection reads as ready, with nothing to read."""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True
