"""One line to a child process, one line back, with a deadline and a largest size."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import IO

_CHUNK = 1 << 16


_LOOK_SECONDS = 0.25
"""How often it is asked whether the answer is still wanted."""

Gone = Callable[[], bool]
"""True if the answer is no longer needed; it must not block."""


def never() -> bool:
    """The caller waits to the end."""
    return False


def exchange(
    child: subprocess.Popen[bytes],
    request: bytes,
    deadline: float,
    most: int,
    gone: Gone = never,
) -> bytes:
    """The child's line. It is cut off where the time or the size is used up, the child has ended,
    or ``gone`` says that the client has left.

    ``deadline`` is of ``time.monotonic()``. The request ends with a line feed.
    """
    if child.stdin is None or child.stdout is None:
        return b""
    try:
        if not _send(child.stdin, request, deadline, gone):
            return b""
        return _receive(child.stdout, deadline, most, gone)
    except OSError:  # a broken pipe: the child is gone
        return b""


def _ready(selector: DefaultSelector, deadline: float, gone: Gone) -> bool:
    """Whether the pipe became ready before the deadline, while the caller still waits."""
    while not gone():
        left = deadline - time.monotonic()
        if selector.select(min(max(0.0, left), _LOOK_SECONDS)):
            return True
        if left <= 0:
            return False
    return False


def _send(pipe: IO[bytes], request: bytes, deadline: float, gone: Gone) -> bool:
    """Writes without waiting longer than the deadline for a child that does not read."""
    os.set_blocking(pipe.fileno(), False)
    left = memoryview(request)
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_WRITE)
        while left:
            if not _ready(selector, deadline, gone):
                return False
            left = left[os.write(pipe.fileno(), left[:_CHUNK]) :]
    return True


def _receive(pipe: IO[bytes], deadline: float, most: int, gone: Gone) -> bytes:
    out = bytearray()
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while not out.endswith(b"\n") and len(out) <= most:
            if not _ready(selector, deadline, gone):
                break
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                break
            out += chunk
    return bytes(out)
