"""Concurrent calls for several users, in which a hanging call delays only its own user.

Each user has separate threads in a lane. The thread that started the calls processes answers as
they arrive and waits only a moment for late ones: the thread that waits for a late answer processes
it. Until then this process starts no call of that kind for the user.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, TypeVar

import structlog

from workflows.model.errors import Unavailable

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")
Call = Callable[[], Answer]
Take = Callable[[Sequence[Answer]], object]
"""Takes answers in; it may be called by several threads at a time."""

THREADS: Final = 8
"""Calls that are under way at once, where there are fewer users than that."""
PATIENCE_SECONDS: Final = 1.0
"""How long answers are waited for after the last one came."""
GATHER_SECONDS: Final = 0.02
"""How long an answer waits for the next one, to be taken in together."""
LONGEST_GATHER_SECONDS: Final = 0.1
"""How long the first of them waits at most."""
MOST_LATE: Final = 256
"""Calls that may be late in one process; while there are more, all answers are waited for."""


@dataclass(slots=True)
class Lanes:
    """Which calls of this process are under way, of one kind."""

    _lock: Lock = field(default_factory=Lock)
    _under_way: Counter[str] = field(default_factory=Counter)
    """Users to the number of their calls."""

    def busy(self) -> set[str]:
        """Users for whom calls are under way."""
        with self._lock:
            return set(self._under_way)

    def run(self, calls: Mapping[str, Sequence[Call[Answer]]], take: Take[Answer]) -> None:
        """Make each user's calls, and take the answers in that come in time; the others later.

        An exception of a call or of ``take`` is raised, where it comes in time.
        """
        pools = {
            owner: ThreadPoolExecutor(min(len(own), max(1, THREADS // len(calls))), "lane")
            for owner, own in calls.items()
            if own
        }
        waiting = {
            self._begin(pool, owner, call) for owner, pool in pools.items() for call in calls[owner]
        }
        for pool in pools.values():
            pool.shutdown(wait=False)
        for late in _taken_in(waiting, take, self._patience):
            late.add_done_callback(lambda done: _take_late(done, take))

    def _begin(self, pool: ThreadPoolExecutor, owner: str, call: Call[Answer]) -> Future[Answer]:
        with self._lock:
            self._under_way[owner] += 1
        future = pool.submit(call)
        future.add_done_callback(lambda _: self._end(owner))
        return future

    def _end(self, owner: str) -> None:
        with self._lock:
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]

    def _patience(self) -> float | None:
        with self._lock:
            return PATIENCE_SECONDS if self._under_way.total() <= MOST_LATE else None


def _taken_in(
    waiting: set[Future[Answer]], take: Take[Answer], patience: Callable[[], float | None]
) -> Iterable[Future[Answer]]:
    """Take in what comes while one answer follows the other; those that are late are left."""
    while waiting:
        first, waiting = wait(waiting, patience(), return_when=FIRST_COMPLETED)
        if not first:
            return waiting
        others, waiting = _gather(waiting)
        take([each.result() for each in first | others])
    return ()


def _gather(
    waiting: set[Future[Answer]],
) -> tuple[set[Future[Answer]], set[Future[Answer]]]:
    """What comes next, and what is left: queries go one after the other (``query_places.py``)."""
    found, until = set[Future[Answer]](), time.monotonic() + LONGEST_GATHER_SECONDS
    while waiting and time.monotonic() < until:
        more, waiting = wait(waiting, GATHER_SECONDS, return_when=FIRST_COMPLETED)
        if not more:
            break
        found |= more
    return found, waiting


def _take_late(done: Future[Answer], take: Take[Answer]) -> None:
    try:
        take([done.result()])
    except Unavailable as away:
        log.warning("A late answer is lost; it is asked for again", error=str(away))
