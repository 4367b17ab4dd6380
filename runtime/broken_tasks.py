"""Counts the tasks of this process that raised lately, for its heartbeat."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import Any

from celery.signals import task_failure

from workflows.rules.health import BrokenTask

_PAUSE_SECONDS = 60.0
"""The counter of a task starts at one again after this time without an exception."""


@dataclass(frozen=True, slots=True)
class _Streak:
    error: str
    first: float
    last: float
    count: int = 1


class BrokenTasks:
    """Counts exceptions by task; threads may share it. Times are on the monotonic clock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._streaks: dict[str, _Streak] = {}

    def count_failure(self, task: str, error: BaseException) -> None:
        now, name = time.monotonic(), type(error).__name__
        with self._lock:
            known = self._streaks.get(task)
            if known is None or now - known.last > _PAUSE_SECONDS:
                self._streaks[task] = _Streak(name, now, now)
            else:
                self._streaks[task] = replace(known, error=name, last=now, count=known.count + 1)

    def lately(self) -> list[BrokenTask]:
        now = time.monotonic()
        with self._lock:
            return [
                BrokenTask(
                    task,
                    each.error,
                    each.count,
                    timedelta(seconds=each.last - each.first),
                    timedelta(seconds=now - each.last),
                )
                for task, each in self._streaks.items()
            ]


broken_tasks = BrokenTasks()


@task_failure.connect
def _count_failure(sender: Any, exception: BaseException, **_signal: Any) -> None:
    broken_tasks.count_failure(sender.name, exception)
