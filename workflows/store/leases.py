"""Leases of this process that are renewed while the work under them goes on.

So a lease may be short: what a dead process held is free soon, and a long piece of work keeps what
it holds. Nothing rests on it but the work that two would do twice: every write is fenced by its
lease's token, and one that comes after a renewal was missed writes nothing if another took over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pymongo
import structlog

from workflows.model.errors import Unavailable

log = structlog.get_logger(__name__)

_ROUND_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 600.0
"""Work that takes longer has come to a halt, and another process may try."""


@dataclass(eq=False, slots=True)
class Held:
    """A lease under which work goes on."""

    seconds: float
    renew: Callable[[], object]
    since: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)

    def is_due(self, now: float) -> bool:
        return now - self.renewed >= self.seconds / 3 and now - self.since < _MOST_SECONDS


class Leases:
    """Those of one process, and the thread that renews them. Work that ends within a third of its
    lease costs no statement."""

    def __init__(self) -> None:
        self._held: set[Held] = set()
        self._lock = threading.Lock()
        self._pid = 0

    @contextmanager
    def kept(self, lease: timedelta, renew: Callable[[], object]) -> Iterator[None]:
        """Calls ``renew`` three times in each ``lease`` until the block ends."""
        held = Held(lease.total_seconds(), renew)
        with self._lock:
            self._begin()
            self._held.add(held)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(held)

    def _begin(self) -> None:
        """A fork has no thread, and holds nothing."""
        if self._pid != os.getpid():
            self._pid, self._held = os.getpid(), set()
            threading.Thread(target=self._run, name="leases", daemon=True).start()

    def _run(self) -> None:
        while True:
            threading.Event().wait(_ROUND_SECONDS)
            now = time.monotonic()
            with self._lock:
                due = [held for held in self._held if held.is_due(now)]
            for held in due:
                _renew(held)


def _renew(held: Held) -> None:
    try:
        with pymongo.timeout(held.seconds):
            held.renew()
    except Unavailable as away:
        log.info("A lease cannot be renewed now", error=str(away))
    except Exception:
        log.exception("A lease cannot be renewed")
    else:
        held.renewed = time.monotonic()


leases: Final = Leases()
