"""Limits the calls of ``start_app2`` under way to as many as AppService answers without queueing.

AppService has a few workers, each busy with one call. Calls beyond that number wait in line: they
start no job sooner, and every query waits behind them. AppService does not report its number of
workers, so the limit follows the observed latencies, as TCP Vegas does:

* Latencies of starts are gathered into windows. The lowest mean of a window is the time of a
  service without a queue (at a limit of 1 it is taken as it is: no queue can be of our making).
* A window at the limit whose mean is near that lowest one: the limit grows by 1.
* A window that took clearly longer, or in which queries did: calls wait in line. The limit shrinks
  in proportion, and the next try to grow waits for more windows, twice as many each time.
* A time-out or an answer of 5xx: the limit is halved, once for all calls of the same moment.

Everything here is pure. ``store/jobs/reservations.py`` keeps the state, one for all processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

FIRST: Final = 4
"""The limit before anything was observed: below the five workers of Starman's default."""
SHORTEST_WINDOW: Final = 16
"""Starts: the preflight of one differs from that of another by a factor of 2.5."""
NEAR: Final = 1.2
"""A mean up to that many times the lowest one shows no queue."""
FAR: Final = 1.4
"""A mean beyond that many times the lowest one shows a queue."""
NOISE_SECONDS: Final = 0.05
"""Differences below that say nothing about a queue."""
QUERY_FAR: Final = 1.5
"""Times the lowest mean of queries beyond which these wait in line."""
LEAST: Final = 0.5
"""A window shrinks the limit to no less than this part of it."""
LONGEST_REST: Final = 16
"""Windows between two tries to grow, at most."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The observed calls of one process since the last adaptation."""

    starts: int = 0
    start_seconds: float = 0.0
    """All of them together."""
    queries: int = 0
    query_seconds: float = 0.0
    overloads: int = 0
    """Starts that timed out or were answered with 5xx."""

    def __bool__(self) -> bool:
        return bool(self.starts or self.queries or self.overloads)


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """The limit, and the observations behind it."""

    limit: float = FIRST
    reason: str = "nothing was observed yet"
    """One of a few constant texts: it is a label of a metric."""
    latency: float | None = None
    """Seconds: mean of the last window."""
    lowest: float | None = None
    """Seconds: lowest mean of a window."""
    query_lowest: float | None = None
    starts: int = 0
    start_seconds: float = 0.0
    queries: int = 0
    query_seconds: float = 0.0
    ignored: int = 0
    """Overloads that still belong to the one that halved the limit."""
    rest: int = 0
    """Windows to wait before the next try to grow."""
    next_rest: int = 1

    @property
    def calls(self) -> int:
        """How many calls may be under way."""
        return max(1, int(self.limit))

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def from_stored(found: Mapping[str, Any] | None) -> ConcurrencyLimit:
    """Reads what ``stored`` wrote; ignores fields of another release."""
    known = ConcurrencyLimit.__dataclass_fields__
    return ConcurrencyLimit(**{key: value for key, value in (found or {}).items() if key in known})


def adapt(
    before: ConcurrencyLimit, observed: Observed, ceiling: int, *, full: bool
) -> ConcurrencyLimit:
    """The limit after these observations, between 1 and ``ceiling``. ``full``: the limit was the
    reason why no more calls were under way; only then a quiet window shows that more may be.
    """
    now = replace(
        before,
        limit=_within(before.limit, ceiling),
        starts=before.starts + observed.starts,
        start_seconds=before.start_seconds + observed.start_seconds,
        queries=before.queries + observed.queries,
        query_seconds=before.query_seconds + observed.query_seconds,
        ignored=max(0, before.ignored - observed.starts - observed.overloads),
    )
    if observed.overloads > before.ignored:
        return _halve(now)
    if now.starts < max(SHORTEST_WINDOW, 3 * now.calls):
        return now
    return _judge_window(now, ceiling, full=full)


def _within(limit: float, ceiling: int) -> float:
    return min(max(1.0, limit), float(max(1, ceiling)))


def _clear_window(now: ConcurrencyLimit) -> ConcurrencyLimit:
    return replace(now, starts=0, start_seconds=0.0, queries=0, query_seconds=0.0)


def _halve(now: ConcurrencyLimit) -> ConcurrencyLimit:
    reason = "AppService timed out or answered with an error of its server"
    return replace(
        _clear_window(now), limit=max(1.0, now.limit / 2), reason=reason, ignored=now.calls
    )


def _judge_window(now: ConcurrencyLimit, ceiling: int, *, full: bool) -> ConcurrencyLimit:
    """At the end of a window."""
    mean = now.start_seconds / now.starts
    asked = now.query_seconds / now.queries if now.queries else None
    lowest = mean if now.lowest is None or now.calls == 1 else min(now.lowest, mean)
    quickest = min((each for each in (now.query_lowest, asked) if each), default=None)
    known = replace(_clear_window(now), latency=mean, lowest=lowest, query_lowest=quickest)
    if mean > lowest * FAR + NOISE_SECONDS:
        return _shrunk(known, lowest / mean, "starts take longer than at best")
    if asked and quickest and asked > quickest * QUERY_FAR + NOISE_SECONDS:
        less = max(1.0, known.limit - 1) / known.limit
        return _shrunk(known, less, "queries take longer than at best")
    if not full:
        return replace(known, reason="fewer calls than the limit were needed")
    if mean > lowest * NEAR + NOISE_SECONDS:
        return replace(known, reason="starts take a little longer than at best")
    if known.rest:
        return replace(known, rest=known.rest - 1, reason="more calls made AppService slower")
    grown = _within(known.limit + 1, ceiling)
    at_ceiling = grown == known.limit
    reason = "the ceiling is reached" if at_ceiling else "AppService answers as quickly as ever"
    return replace(known, limit=grown, reason=reason)


def _shrunk(known: ConcurrencyLimit, part: float, reason: str) -> ConcurrencyLimit:
    return replace(
        known,
        limit=max(1.0, known.limit * max(LEAST, part)),
        reason=reason,
        rest=known.next_rest,
        next_rest=min(2 * known.next_rest, LONGEST_REST),
    )
