"""The forecast of a batch: its rows in virtual time, at most so many of them at the same time.

Beyond ``_MOST_STEPS`` the first rows are run, and the others follow at the pace of the later half
of these, so that the cost does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Final

from workflows.rules.durations.history import History
from workflows.rules.forecast.draws import Drawn, Durations, durations_of, missing_apps
from workflows.rules.forecast.forecast import Band, CapForecast, band, runs_for
from workflows.rules.forecast.outset import Outset
from workflows.rules.forecast.starts import QuickStarts

_MOST_STEPS: Final = 10_000
_FACTORS: Final = (2, 4)
_COMPARED: Final = 5
"""Runs for each other number of active rows."""


@dataclass(frozen=True, slots=True)
class BatchOutset:
    """A batch as it is now."""

    active: Sequence[Outset]
    """Its rows under way, in the order of the table."""
    following: Outset | None
    """A row that has not begun; None where it is not known."""
    waiting: int
    """How many rows have not begun."""
    max_active: int
    gather: Outset | None = None
    """Its gather, which begins when all rows have ended; None if it has none to come."""

    @property
    def samples(self) -> list[Outset]:
        """Every kind of row, and the gather."""
        following = self.following if self.waiting else None
        return [*self.active, *(each for each in (following, self.gather) if each)]


@dataclass(frozen=True, slots=True)
class BatchForecast:
    """Of the whole batch."""

    end: Band
    active: Sequence[CapForecast]
    """The end with the batch's own ``max_active``, then with higher ones."""
    runs: int


def missing_in_batch(batch: BatchOutset, history: History) -> tuple[str, ...]:
    """Apps of rows to come of which nothing is known."""
    return tuple(sorted({app for each in batch.samples for app in missing_apps(each, history)}))


def forecast_batch(
    batch: BatchOutset, history: History, notice_seconds: float, seed: int
) -> BatchForecast:
    """Raises ``LookupError`` where an app has no history (``missing_in_batch``)."""
    prepared = _Prepared(batch, history, notice_seconds)
    runs = runs_for(prepared.steps)
    end = prepared.run_often(batch.max_active, seed, runs)
    found, most = [CapForecast(batch.max_active, end)], len(batch.active) + batch.waiting
    for other in [batch.max_active * factor for factor in _FACTORS]:
        if found[-1].cap >= most:
            break
        found.append(CapForecast(other, prepared.run_often(other, seed, _COMPARED)))
    return BatchForecast(end, found, runs)


class _Prepared:
    """What all runs of a batch share."""

    def __init__(self, batch: BatchOutset, history: History, notice_seconds: float) -> None:
        rows = list(batch.active)
        if batch.following:
            each = max(len(batch.following.open_steps), 1)
            room = max(_MOST_STEPS // each - len(rows), 2)
            rows += [batch.following] * min(batch.waiting, room)
        self._batch, self._rows = batch, rows
        self._gather = [batch.gather] if batch.gather else []
        shared: dict[int, Durations] = {}
        for row in (*rows, *self._gather):
            if id(row) not in shared:
                shared[id(row)] = durations_of(row, history, notice_seconds)
        self._durations = [shared[id(row)] for row in rows]
        self._gather_durations = [shared[id(each)] for each in self._gather]
        self.steps = sum(len(row.open_steps) for row in (*rows, *self._gather))

    def run_often(self, max_active: int, seed: int, runs: int) -> Band:
        random = Random(seed)  # noqa: S311 - nothing secret
        return band([self._run(max_active, random) for _ in range(runs)])

    def _run(self, max_active: int, random: Random) -> float:
        """Seconds until the last row has ended, and the gather after it."""
        run = _Run(self._rows, self._durations, random)
        first = max(max_active, len(self._batch.active))
        end = run.go(first, max_active)
        gather = _Run(self._gather, self._gather_durations, random).go(1, 1)
        left_out = len(self._batch.active) + self._batch.waiting - len(self._rows)
        return end + gather + (left_out * _pace(run.begun) if left_out else 0)


class _Run:
    """One run: rows begin in the order of the table, as others end."""

    def __init__(
        self, rows: Sequence[Outset], durations: Sequence[Durations], random: Random
    ) -> None:
        self._rows, self._durations, self._random = rows, durations, random
        self._starts: dict[int, QuickStarts] = {}
        self._drawn: dict[int, Drawn] = {}
        self._left: dict[int, int] = {}
        self._heap: list[tuple[float, int, int]] = []
        self.begun: list[float] = []
        """When each row began."""

    def go(self, first: int, max_active: int) -> float:
        following, active, now = 0, 0, 0.0
        while following < len(self._rows) and following < first:
            active += self._begin(following, 0.0)
            following += 1
        while self._heap or following < len(self._rows):
            if self._heap:
                now, row, step = heappop(self._heap)
                active -= self._end(row, step, now)
            while active < max_active and following < len(self._rows):
                active += self._begin(following, now)
                following += 1
        return now

    def _begin(self, row: int, now: float) -> int:
        """1 if the row has steps to run."""
        outset = self._rows[row]
        self.begun.append(now)
        if not outset.open_steps:
            return 0
        self._starts[row] = starts = QuickStarts(outset)
        self._drawn[row] = self._durations[row].draw(self._random)
        self._left[row] = len(outset.open_steps)
        for step in (*outset.in_flight, *starts.first()):
            self._push(row, step, now)
        for at in set(outset.retry_waits.values()):
            heappush(self._heap, (now + at, row, -1))
        return 1

    def _end(self, row: int, step: int, now: float) -> int:
        """1 if the row has ended with the step."""
        starts = self._starts[row]
        for following in starts.wake(now) if step < 0 else starts.after(step, now):
            self._push(row, following, now)
        if step < 0:
            return 0
        self._left[row] -= 1
        if self._left[row]:
            return 0
        del self._starts[row], self._drawn[row]
        return 1

    def _push(self, row: int, step: int, now: float) -> None:
        drawn = self._drawn[row]
        heappush(self._heap, (now + drawn.waits[step] + drawn.runs[step], row, step))


def _pace(begun: Sequence[float]) -> float:
    """Seconds from one row's beginning to the next one's, in the later half of the run."""
    middle = len(begun) // 2
    return (begun[-1] - begun[middle]) / max(len(begun) - 1 - middle, 1)
