"""Of which users AppService refuses jobs for what may be an outage behind it.

Such jobs are sent again after a while. All of one user's at once would take the service's few
workers from others, for nothing; so they go one at a time, until one of them is accepted.

The memory belongs to one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final

REMEMBERED_SECONDS: Final = 1200.0
"""Twice the longest time after which a refused job is sent again."""


class Refusals:
    """Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._refused: dict[str, float] = {}
        """Users, and when a job of theirs was refused last."""

    def note(self, owner: str) -> None:
        """A job of this user was refused for what may be an outage."""
        with self._lock:
            self._refused[owner] = self._clock()

    def forget(self, owner: str) -> None:
        """A job of this user that was refused before has been accepted."""
        with self._lock:
            self._refused.pop(owner, None)

    def users(self) -> list[str]:
        with self._lock:
            recent = self._clock() - REMEMBERED_SECONDS
            self._refused = {owner: at for owner, at in self._refused.items() if at > recent}
            return list(self._refused)
