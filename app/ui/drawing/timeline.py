"""Timeline of jobs and the critical path of a workflow; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_ROUND: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200)
"""Seconds between two ticks that read well; beyond, whole days."""
_DAY: Final = 86_400
_MOST_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt of a step: waiting at BV-BRC, then running."""

    step: int
    attempt: int
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    """None while it goes on."""
    outcome: str = ""
    reused: bool = False
    """Nothing ran: it took the results of an earlier job."""

    def waiting_time(self, now: datetime) -> timedelta:
        return _between(self.queued_at, self.started_at or self.ended_at or now)

    def ran(self, now: datetime) -> timedelta:
        if self.started_at is None:
            return timedelta(0)
        return _between(self.started_at, self.ended_at or now)


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a row, in per cent of the whole width."""

    kind: str
    """``waited``, ``ran``, ``reused``, ``expected`` or ``late``."""
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    left: float
    after: timedelta
    """Since the beginning."""


def bars(spans: Iterable[Span], begin: datetime, now: datetime, end: datetime) -> tuple[Bar, ...]:
    """One step's attempts. ``end`` is that of the whole width: after ``now`` where a forecast
    follows."""
    scale = max((end - begin).total_seconds(), 1e-3)
    found: list[Bar] = []
    for span in spans:
        if span.reused:
            found.append(_bar("reused", span.queued_at, span.ended_at or now, begin, scale))
            continue
        turn = span.started_at or span.ended_at or now
        if turn > span.queued_at:
            found.append(_bar("waited", span.queued_at, turn, begin, scale))
        if span.started_at:
            found.append(_bar("ran", span.started_at, span.ended_at or now, begin, scale))
    return tuple(found)


def expected_bars(
    start: datetime, end: datetime, late: datetime, begin: datetime, until: datetime
) -> tuple[Bar, ...]:
    """What is still to come of a step: its job from start to end, and how late that may be."""
    scale = max((until - begin).total_seconds(), 1e-3)
    return (
        _bar("expected", start, end, begin, scale),
        _bar("late", end, max(late, end), begin, scale),
    )


def ticks(begin: datetime, end: datetime) -> tuple[Tick, ...]:
    """At most a handful of round times between the two."""
    total = max((end - begin).total_seconds(), 1e-3)
    step = next((size for size in _ROUND if total / size <= _MOST_TICKS), 0)
    step = step or _DAY * (int(total / _DAY / _MOST_TICKS) + 1)
    count = int(total / step)
    return tuple(
        Tick(100 * number * step / total, timedelta(seconds=number * step))
        for number in range(1, count + 1)
        if number * step < total * 0.97
    )


def critical_path(needs: Sequence[Sequence[int]], ends: Mapping[int, datetime]) -> tuple[int, ...]:
    """The chain of steps that decided how long the workflow took: each ended last of those that its
    successor waited for. ``ends`` maps steps that were started to their end, or to now.
    """
    if not ends:
        return ()
    path = [max(ends, key=lambda step: (ends[step], -step))]
    while before := [need for need in needs[path[-1]] if need in ends]:
        path.append(max(before, key=lambda step: (ends[step], -step)))
    return tuple(reversed(path))


def _bar(kind: str, since: datetime, until: datetime, begin: datetime, scale: float) -> Bar:
    left = _between(begin, since).total_seconds() / scale * 100
    width = _between(max(since, begin), until).total_seconds() / scale * 100
    return Bar(kind, min(left, 100.0), min(width, max(100.0 - left, 0.0)))


def _between(one: datetime, two: datetime) -> timedelta:
    """Never negative: AppService's clock ticks whole seconds, and is not ours."""
    return max(two - one, timedelta(0))
