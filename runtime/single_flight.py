"""Work that one thread of a process does at a time, however many messages ask for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock


class SingleFlight:
    """Slow work keeps one thread busy and not all of them.

    Whoever comes while somebody is at it leaves at once: it is done once more.
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
