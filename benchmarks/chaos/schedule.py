"""When which fault strikes, and when it is undone."""

from __future__ import annotations

import heapq
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from benchmarks.chaos.faults import Fault, Stage, Strike

log = structlog.get_logger(__name__)

_REPAIRS = 8
"""Repairs at a time: one that takes long, such as a process that ends slowly, holds up no fault."""
_PATIENCE_SECONDS = 180
_RESPITE_SECONDS = 5.0
"""For so long after a repair nothing strikes there: who is still starting cannot go wrong."""


@dataclass(order=True, slots=True)
class _Pending:
    """A fault that lasts."""

    until: float
    number: int
    kind: str = field(compare=False)
    strike: Strike = field(compare=False)
    begun: float = field(compare=False, default_factory=time.time)
    """In unix time."""


@dataclass
class Struck:
    """What happened."""

    counts: Counter[str] = field(default_factory=Counter)
    over: list[tuple[str, float]] = field(default_factory=list)
    """Kinds, and the unix time at which each fault had been undone."""
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    """Kinds, and from when to when in unix time each fault lasted."""


class Schedule:
    """Draws faults until there were enough, and undoes them."""

    def __init__(self, stage: Stage, faults: Sequence[Fault], every_seconds: float) -> None:
        self._stage, self._faults, self._every = stage, faults, every_seconds
        self._weights = [fault.weight for fault in faults]
        self._rng = random.Random(stage.rng.random())
        self._numbers = itertools.count()
        self._lasting: list[_Pending] = []
        self._repairs: dict[Future[None], _Pending] = {}
        self._spared: dict[str, float] = {}
        """Processes and servers that were repaired, to when they may be struck again."""
        self.struck = Struck()

    def run(self, count: int) -> Struck:
        """So many faults strike, and every one of them is over."""
        next_strike = time.monotonic()
        with ThreadPoolExecutor(_REPAIRS, "repair") as pool:
            while self.struck.counts.total() < count or self._lasting or self._repairs:
                self._undo(pool)
                now = time.monotonic()
                if self.struck.counts.total() < count and now >= next_strike:
                    self._strike(count)
                    next_strike = max(next_strike, now - 5)
                    next_strike += self._rng.expovariate(1 / self._every)
                time.sleep(0.02)
        return self.struck

    def _strike(self, count: int) -> None:
        fault = self._rng.choices(self._faults, self._weights)[0]
        busy = [*self._lasting, *self._repairs.values()]
        now = time.monotonic()
        self._stage.disturbed.clear()
        self._stage.disturbed.update(each.strike.target for each in busy)
        self._stage.disturbed.update(name for name, at in self._spared.items() if at > now)
        if fault.kind.partition("-")[0] in self._stage.disturbed:  # a server
            return
        strike = fault.strike(self._stage)
        if strike is None:
            return
        self.struck.counts[fault.kind] += 1
        until = time.monotonic() + strike.seconds
        heapq.heappush(self._lasting, _Pending(until, next(self._numbers), fault.kind, strike))
        self._progress(count)

    def _undo(self, pool: ThreadPoolExecutor) -> None:
        while self._lasting and self._lasting[0].until <= time.monotonic():
            ending = heapq.heappop(self._lasting)
            self._repairs[pool.submit(_repair, ending)] = ending
        for done in [future for future in self._repairs if future.done()]:
            done.result()
            ended = self._repairs.pop(done)
            self._spared[ended.strike.target] = time.monotonic() + _RESPITE_SECONDS
            self.struck.over.append((ended.kind, time.time()))
            self.struck.spans.append((ended.kind, ended.begun, time.time()))

    def _progress(self, count: int) -> None:
        struck = self.struck.counts.total()
        if struck % 50 == 0:
            promises = self._stage.users.promises
            ended = sum(bool(promise.ended) for promise in promises)
            print(
                f"{struck}/{count} faults; {ended} of {len(promises)} workflows ended",
                file=sys.stderr,
                flush=True,
            )


def _repair(ending: _Pending) -> None:
    """One that fails because of another fault is tried until it works."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            ending.strike.undo()
        except Exception:
            if time.monotonic() > deadline:
                raise
            log.exception("A repair failed", kind=ending.kind)
            time.sleep(0.5)
        else:
            return
