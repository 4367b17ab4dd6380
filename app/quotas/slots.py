"""Bounds how many calls of one kind are under way, in this process and for each caller.

A call to a service that hangs holds its thread until its deadline. With these bounds the calls of
one caller hold few threads, and those of all together leave most threads for other requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from workflows.model.errors import TooManyRequests


class Slots:
    """Threads may share it."""

    def __init__(self, total: int, each: int, message: str) -> None:
        """At most ``total`` calls in all and ``each`` of one caller; a further one is refused with
        ``message``.
        """
        self._total, self._each, self._message = total, each, message
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """One call of the caller, for as long as the block lasts. Raises ``TooManyRequests``."""
        with self._lock:
            if self._taken[caller] >= self._each or self._taken.total() >= self._total:
                raise TooManyRequests(self._message)
            self._taken[caller] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[caller] -= 1
                self._taken += Counter()  # forgets callers without a call
