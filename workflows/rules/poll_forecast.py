"""Spaces the polls of a user's jobs by how likely one of them ends: close where that is likely.

Theory of operation. Looks that are ``s`` seconds apart cost ``1/s`` calls a second. If jobs end at
a rate of ``h`` a second, their ends wait ``h * s / 2`` seconds a second in all. With a look worth
``w`` seconds of waiting, the sum is least at ``s = sqrt(2 * w / h)``. The rate of a user is the sum
of those of the jobs, since one call asks about all of them. The rate of a job follows from how long
earlier jobs of its app waited and ran: the part of those still going at its age that ended in the
next second. ``w`` makes the calls as many as those of ``poll_schedule``, which
``benchmarks/parts/polling.py`` shows.

A job without a history, or one that has outlasted it, is polled by ``poll_schedule`` alone. The
early polls of young jobs are made in any case.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from workflows.rules.poll_schedule import SLOWEST

FEWEST: Final = 20
"""Jobs of an app that must have ended before their durations space the polls of the next ones."""
SHORTEST: Final = timedelta(seconds=2)
"""The shortest polling interval in which looks in between are possible: one a second."""
LATE: Final = timedelta(seconds=0.5)
"""A look that is due in so short a time is made now."""
_PARTS: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The quantiles from which a curve is made."""
_NARROWEST: Final = 0.05
"""How far durations spread at least, as the deviation of their logarithms."""
_OUTLASTED: Final = NormalDist().inv_cdf(0.99)
"""A job that is older than this part of the earlier ones says that they tell nothing of it."""
_NEVER: Final = -5.0
_WORTH: Final = 0.0014
"""A look is worth so many seconds of waiting, times the square of the interval in seconds."""
_CLOSEST: Final = 0.4
"""The shortest time between two looks, in intervals."""
_SHORT_RUN: Final = 2
"""Intervals: a job that waits is taken to end soon where its run may be as short. With a longer run
a look comes in time that sees it start."""
_FEW: Final = 5
"""Of a user with more jobs, the fixed schedule makes a call in each interval, and not more."""

_NORMAL: Final = NormalDist()


class Curve:
    """A distribution of durations through its quantiles: log-normal from one to the next."""

    def __init__(self, quantile: Callable[[float], float]) -> None:
        """``quantile`` answers in seconds which time a part (0 to 1) of all durations does not
        exceed."""
        self._scores = [_NORMAL.inv_cdf(part) for part in _PARTS]
        self._logs = [math.log(max(quantile(_PARTS[0]), 1.0))]
        for part, (low, high) in zip(_PARTS[1:], pairwise(self._scores), strict=True):
            least = self._logs[-1] + _NARROWEST * (high - low)
            self._logs.append(max(math.log(max(quantile(part), 1.0)), least))

    def hazard(self, age: timedelta) -> float | None:
        """Of those that last longer than ``age``, the part that ends in the next second; None where
        hardly any lasted so long."""
        seconds = age.total_seconds()
        score, slope = self._score(seconds)
        if score > _OUTLASTED:
            return None
        if score < _NEVER:
            return 0.0
        return _NORMAL.pdf(score) * slope / seconds / (1 - _NORMAL.cdf(score))

    def part_within(self, duration: timedelta) -> float:
        """Which part is not longer."""
        return _NORMAL.cdf(self._score(duration.total_seconds())[0])

    def _score(self, seconds: float) -> tuple[float, float]:
        """The normal score of a duration, and how fast it grows with the logarithm."""
        if seconds <= 0:
            return _NEVER - 1, 0.0
        log = math.log(seconds)
        at = min(max(bisect_right(self._logs, log) - 1, 0), len(self._logs) - 2)
        slope = (self._scores[at + 1] - self._scores[at]) / (self._logs[at + 1] - self._logs[at])
        return self._scores[at] + slope * (log - self._logs[at]), slope


@dataclass(frozen=True, slots=True)
class Outlook:
    """How long the jobs of an app wait and run."""

    wait: Curve
    """From submission to start."""
    run: Curve
    """From start to end."""

    def rate(
        self, submitted_at: datetime, started_at: datetime | None, now: datetime, base: timedelta
    ) -> float | None:
        """How likely a job ends in the next second; None where that is not known: it has outlasted
        the earlier ones.

        One that waits ends soon only if its run is short.
        """
        if started_at is not None:
            return self.run.hazard(now - started_at)
        starts = self.wait.hazard(now - submitted_at)
        return None if starts is None else starts * self.run.part_within(_SHORT_RUN * base)


def spacing(rates: Collection[float], base: timedelta) -> timedelta:
    """The time from a look at these jobs of one user to the next one: from half an interval to that
    of the oldest jobs in the fixed schedule. ``rates``: of each, as ``Outlook.rate`` says.
    """
    rate = sum(rates) * min(1.0, _FEW / max(len(rates), 1))
    if rate <= 0:
        return SLOWEST * base
    best = timedelta(seconds=base.total_seconds() * min(math.sqrt(2 * _WORTH / rate), SLOWEST))
    return max(best, _CLOSEST * base)
