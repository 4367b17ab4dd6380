"""Probes of servers that may hang, with a bounded wait.

Each probe runs in its own thread, one at a time: a server that hangs occupies one thread, and the
next caller learns how long it has been silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """The probe did not finish in time; the message says how long it has run."""


@dataclass(slots=True)
class Probe(Generic[Answer]):
    """One probe. Threads may share it; its result, also a failure, is cached for a moment."""

    ask: Callable[[], Answer]
    fresh_seconds: float = 1.0
    _asked: Future[Answer] | None = None
    _asked_at: float = 0.0
    _answered_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, deadline: float) -> Answer:
        """The result, not older than ``fresh_seconds``; raises what the probe raised.

        ``deadline`` is on the monotonic clock; ``NoAnswer`` after it.
        """
        asked = self.begin()
        try:
            return asked.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            if asked.done():
                raise
            silent = time.monotonic() - self._asked_at
            raise NoAnswer(f"no answer for {silent:.1f} s") from None

    def begin(self) -> Future[Answer]:
        """Starts the probe, unless it is running or has a fresh result."""
        with self._lock:
            known = self._asked
            if known is not None:
                age = time.monotonic() - self._answered_at
                if not known.done() or age < self.fresh_seconds:
                    return known
            self._asked = future = Future[Answer]()
            self._asked_at = time.monotonic()
            threading.Thread(target=self._run, args=(future,), name="probe", daemon=True).start()
            return future

    def _run(self, future: Future[Answer]) -> None:
        try:
            answer = self.ask()
        except BaseException as failure:  # noqa: BLE001 - every caller gets it
            self._answered_at = time.monotonic()
            future.set_exception(failure)
        else:
            self._answered_at = time.monotonic()
            future.set_result(answer)
