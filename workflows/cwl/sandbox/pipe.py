"""One line to a child process, one line back, with a deadline and a largest size."""

from __future__ import annotations

import os
import subprocess
import time
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import IO

_CHUNK = 1 << 16


def exchange(child: subprocess.Popen[bytes], request: bytes, deadline: float, most: int) -> bytes:
    """The child's line; what came of it so far when the time or the size is up or the child gone.

    ``deadline`` is of ``time.monotonic()``. The request ends with a line feed.
    """
    if child.stdin is None or child.stdout is None:
        return b""
    try:
        if not _sent(child.stdin, request, deadline):
            return b""
        return _received(child.stdout, deadline, most)
    except OSError:  # a broken pipe: the child is gone
        return b""


def _sent(pipe: IO[bytes], request: bytes, deadline: float) -> bool:
    """Writes without waiting longer than the deadline for a child that does not read."""
    os.set_blocking(pipe.fileno(), False)
    left = memoryview(request)
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_WRITE)
        while left:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return False
            left = left[os.write(pipe.fileno(), left[:_CHUNK]) :]
    return True


def _received(pipe: IO[bytes], deadline: float, most: int) -> bytes:
    out = bytearray()
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while not out.endswith(b"\n") and len(out) <= most:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                break
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                break
            out += chunk
    return bytes(out)
