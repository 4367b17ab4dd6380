"""Probes of servers that may hang, with a bounded wait.

Each probe runs in its own thread, one at a time: a server that hangs occupies one thread, and the
next caller learns how long it has been silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """The probe did not finish in time; the message says how long it has run."""


@dataclass(slots=True)
class _Asked(Generic[Answer]):
    """One run of a probe; times are on the monotonic clock."""

    at: float
    answered_at: float = 0.0
    result: Future[Answer] = field(default_factory=Future)


@dataclass(slots=True)
class Probe(Generic[Answer]):
    """One probe. Threads may share it; its result, also a failure, is cached for a moment."""

    ask: Callable[[], Answer]
    fresh_seconds: float = 1.0
    _last: _Asked[Answer] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, deadline: float, since: float = 0.0) -> Answer:
        """The result, not older than ``fresh_seconds``, asked for at ``since`` or later; raises
        what the probe raised.

        ``deadline`` and ``since`` are on the monotonic clock; ``NoAnswer`` after the deadline.
        """
        asked = self.begin(since)
        if asked.at < since and _ends_until(deadline, asked.result):
            asked = self.begin(since)
        if not _ends_until(deadline, asked.result):
            raise NoAnswer(f"no answer for {time.monotonic() - asked.at:.1f} s")
        return asked.result.result()

    def begin(self, since: float = 0.0) -> _Asked[Answer]:
        """Starts the probe, unless it is running or has a fresh result."""
        with self._lock:
            last = self._last
            if last is not None and (not last.result.done() or self._is_fresh(last, since)):
                return last
            self._last = asked = _Asked[Answer](time.monotonic())
            threading.Thread(target=self._run, args=(asked,), name="probe", daemon=True).start()
            return asked

    def _is_fresh(self, asked: _Asked[Answer], since: float) -> bool:
        age = time.monotonic() - asked.answered_at
        return age < self.fresh_seconds and asked.at >= since

    def _run(self, asked: _Asked[Answer]) -> None:
        try:
            answer = self.ask()
        except BaseException as failure:  # noqa: BLE001 - every caller gets it
            asked.answered_at = time.monotonic()
            asked.result.set_exception(failure)
        else:
            asked.answered_at = time.monotonic()
            asked.result.set_result(answer)


def _ends_until(deadline: float, result: Future[Answer]) -> bool:
    return bool(wait([result], max(0.0, deadline - time.monotonic())).done)
