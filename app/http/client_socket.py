"""Detects whether the client of a request still waits for its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import request

_HUNG_UP: Final = "server.client_hung_up"
"""Set by ``server.channel`` in the environment of each request: a function without arguments."""


def client_left() -> Callable[[], bool]:
    """For the current request: a function that is true once the client has closed its connection.

    Any thread may call it, and it does not block. Under a server that sets no such function, every
    client counts as waiting.
    """
    return request.environ.get(_HUNG_UP) or _still_waits


def _still_waits() -> bool:
    return False
