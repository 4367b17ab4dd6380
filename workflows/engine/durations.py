"""Keeps the history of durations: how long the jobs of each app waited and ran, hour by hour.

Each hour is counted twice: while and just after it passes, and a day later, since the end of a job
may be learnt late. What is counted is replaced, never added to, so a crash at any line does no
harm: the marks move last, and the next run counts the same hours again.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

from workflows.engine.context import EngineContext
from workflows.rules.durations.history import AppHistory, History
from workflows.store.durations import hours, progress
from workflows.store.durations.hours import HOUR
from workflows.store.jobs import polling
from workflows.store.mongo import clock

KEPT: Final = timedelta(days=90)
"""How far back the history reaches."""
_INTERVAL: Final = timedelta(minutes=5)
"""At most one run in it, however many beats ask."""
_LONGEST_SECONDS: Final = 20.0
"""After it no further hour is begun; the next run continues."""
_GRACE: Final = timedelta(minutes=15)
"""How long after an hour its jobs are still expected."""
_LATE: Final = timedelta(days=1)
"""How long after an hour it is counted again."""
_FRESH_SECONDS: Final = 60.0

_read: tuple[float, History] | None = None
"""When this process read the history, on the monotonic clock, and what it was."""


def history() -> History:
    """The present history of all apps, at most a minute old. It is one read of a small document an
    app. Raises ``Unavailable``."""
    global _read  # noqa: PLW0603 - one history a process
    found = _read
    if found is None or time.monotonic() - found[0] > _FRESH_SECONDS:
        found = _read = (time.monotonic(), History(hours.totals()))
    return found[1]


def forget() -> None:
    """Read it again at the next question."""
    global _read  # noqa: PLW0603 - one history a process
    _read = None


def newest_hours(app: str, most: int) -> list[tuple[datetime, AppHistory]]:
    """The app's newest hours in which jobs ended, the newest first. Raises ``Unavailable``."""
    return hours.newest(app, most)


def count_in_turn(context: EngineContext) -> int:
    """Count the hours that are new, unless another process has just done it; returns how many."""
    if not polling.take_locks([progress.LOCK], _INTERVAL):
        return 0
    return count_new(context)


def count_new(context: EngineContext) -> int:
    """Count the hours that are new, and those of yesterday again; returns how many."""
    now, until = clock(), time.monotonic() + _LONGEST_SECONDS
    oldest = _hour(now - KEPT)
    counting = _Counting(context, until)
    counted, recounted = (mark or oldest for mark in progress.marks())
    counted = counting.count(max(counted, oldest), now, _hour(now - _GRACE))
    recounted = counting.count(max(recounted, oldest), _hour(now - _LATE), _hour(now - _LATE))
    hours.add_up(counting.apps)
    hours.remove_older(oldest)
    progress.move(counted, recounted)
    return counting.hours


class _Counting:
    """One run."""

    def __init__(self, context: EngineContext, until: float) -> None:
        self._context, self._until = context, until
        self.apps: set[str] = set()
        """Those that had jobs in an hour that was counted."""
        self.hours = 0

    def count(self, mark: datetime, end: datetime, closed: datetime) -> datetime:
        """Counts the jobs that ended from ``mark`` on and before ``end``, and answers with the mark
        of the next run: not past ``closed``, since the hours from then on may get further jobs."""
        at = mark
        while not self._is_over():
            first = hours.next_end(at, end)
            if first is None:
                return max(mark, closed)
            at = self._count_hour(_hour(first)) + HOUR
        return max(mark, min(at, closed))

    def _count_hour(self, hour: datetime) -> datetime:
        found = hours.count(hour)
        hours.store(hour, found)
        self.apps |= found.keys()
        self.hours += 1
        return hour

    def _is_over(self) -> bool:
        return time.monotonic() > self._until or self._context.stopping.is_set()


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
