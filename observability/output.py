"""Standard output as a place for log lines."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from threading import Lock
from typing import Final

MOST_WAITING: Final = 1_000
"""Lines. Where whoever reads them is so far behind, the threads that log wait for it."""


def standard_output() -> logging.Handler:
    """Writes to the descriptor itself; where there is none, as in a notebook, to the object."""
    try:
        return _Output(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return logging.StreamHandler(sys.stdout)


class _Output(logging.Handler):
    """While one thread writes, the lines of the others gather, and it writes them next: whole, in
    order, and nobody waits.

    With the standard handler every thread that logs waits for the one that has written and waits
    for the interpreter (16 clients of the API: a twentieth of its speed, measured).
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[bytes] = deque()
        self._writing = Lock()

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._pid != os.getpid():  # after a fork: another thread of the parent's may write
                self._start_over()
            self._waiting.append(f"{self.format(record)}\n".encode(errors="backslashreplace"))
            self._write(patiently=len(self._waiting) > MOST_WAITING)
        except Exception:  # noqa: BLE001 - as every handler: no line may fail what it tells of
            self.handleError(record)

    def flush(self) -> None:
        """Returns when every line is written: at the end of the process."""
        self._write(patiently=True)

    def _write(self, *, patiently: bool) -> None:
        """Whoever leaves the lock looks again: a line may have come in its last moment."""
        while self._waiting and self._writing.acquire(blocking=patiently):
            try:
                count = len(self._waiting)
                rest = b"".join([self._waiting.popleft() for _ in range(count)])
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            finally:
                self._writing.release()
