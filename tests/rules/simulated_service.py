"""A service of a few workers in virtual time, with an engine that follows the limit against it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from workflows.rules.concurrency_limit import ConcurrencyLimit, Observed, adapt

QUERY_SECONDS, GAP_SECONDS = 0.01, 0.03
"""How long a query occupies a worker, and how long the engine takes from an answer to a start."""


@dataclass
class Service:
    """Workers that calls occupy in the order of their arrival; time is a number."""

    workers: int
    random: Random
    slower: float = 1.0
    noise: float = 0.0
    """The share of queries that take two to five times as long by chance."""
    free_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free_at = [0.0] * self.workers

    def call(self, at: float, seconds: float) -> float:
        """When the answer comes."""
        begun = max(at, heapq.heappop(self.free_at))
        heapq.heappush(self.free_at, begun + seconds * self.slower)
        return begun + seconds * self.slower

    def start(self, at: float) -> float:
        return self.call(at, self.random.uniform(0.4, 1.0))

    def query(self, at: float) -> float:
        by_chance = self.random.uniform(0.0, 0.004)
        if self.random.random() < self.noise:
            by_chance += self.random.uniform(0.01, 0.04)
        return self.call(at, QUERY_SECONDS + by_chance)


@dataclass
class Run:
    """What a load that never ends got, after the engine had time to learn."""

    starts: int = 0
    query_seconds: list[float] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    @property
    def query_p95(self) -> float:
        return sorted(self.query_seconds)[int(0.95 * len(self.query_seconds))]


def run(
    service: Service,
    seconds: float,
    warm_up: float,
    *,
    fixed: int | None = None,
    ceiling: int = 64,
    at_time: Callable[[float], None] = lambda _: None,
) -> Run:
    """Starts without end, and a query a second that takes a place first, as the engine's does."""
    now, limit, found = 0.0, ConcurrencyLimit(limit=fixed or 1), Run()
    ends: list[tuple[float, float]] = []
    next_query, waits = 1.0, False
    while now < seconds:
        at_time(now)
        places = limit.calls - (1 if waits else 0)
        while len(ends) < places:
            heapq.heappush(ends, (service.start(now) + GAP_SECONDS, now))
        if (waits and len(ends) < limit.calls) or (next_query <= now and fixed):
            answered = service.query(now)
            next_query, waits = now + 1.0, False
            limit = _learn(limit, Observed(queries=[answered - now]), ceiling, fixed)
            if now > warm_up:
                found.query_seconds.append(answered - now)
            now = answered if not fixed else now
            continue
        waits = waits or (next_query <= now and not fixed)
        now = min(ends[0][0], next_query) if not waits else ends[0][0]
        while ends and ends[0][0] <= now:
            end, begun = heapq.heappop(ends)
            seen = Observed(starts=1, start_seconds=end - begun)
            limit = _learn(limit, seen, ceiling, fixed)
            if now > warm_up:
                found.starts += 1
                found.limits.append(limit.calls)
    return found


def _learn(
    limit: ConcurrencyLimit, observed: Observed, ceiling: int, fixed: int | None
) -> ConcurrencyLimit:
    return limit if fixed else adapt(limit, observed, ceiling, full=True)
