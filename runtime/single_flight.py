"""Work that only one thread of a process does at a time, however many messages request it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock


class SingleFlight:
    """Runs a function in at most one thread, so that slow work does not occupy all threads.

    If the work is already running, mark it to run once more and return immediately.
    """

    def __init__(self) -> None:
        self._wanted = Event()
        self._busy = Lock()

    def run(self, work: Callable[[], None]) -> None:
        self._wanted.set()
        while self._wanted.is_set() and self._busy.acquire(blocking=False):
            try:
                self._wanted.clear()
                work()
            finally:
                self._busy.release()
