"""Durations as counts in bins that grow by the same factor, so that two histograms add up to one.

A bin is 9 % wide: a quantile is off by less than that, with any number of observations. The
size of a histogram does not grow with them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Final

PER_OCTAVE: Final = 8
"""Bins in which a duration doubles. Bin 0 holds what is shorter than a second."""
_LONGEST: Final = 25 * PER_OCTAVE
"""The last bin: a year and longer."""
POINTS: Final = 512
"""Quantiles in the table that forecasts draw from."""
_NORMAL_QUARTILES: Final = 1.349
"""The distance of the quartiles of a normal distribution, in standard deviations."""
_ENOUGH: Final = 20
"""Observations from which on outliers are left out."""
_FENCE: Final = 3.0
"""Outliers lie further above the upper quartile than so many times the distance of the
quartiles, both as logarithms: one in a million of a log-normal distribution."""
_NARROWEST: Final = PER_OCTAVE / 2
"""The distance of the quartiles, in bins, that is taken at least."""


def bin_of(seconds: float) -> int:
    """The bin of a duration; a negative one counts as zero."""
    if seconds < 1:
        return 0
    return min(1 + int(math.log2(seconds) * PER_OCTAVE), _LONGEST)


def begin_of(bin_: int) -> float:
    """The shortest duration of a bin, in seconds."""
    return 2 ** ((bin_ - 1) / PER_OCTAVE) if bin_ else 0.0


@dataclass(frozen=True)
class Histogram:
    """Counts by bin. It never changes."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @cached_property
    def total(self) -> int:
        """How many durations it holds."""
        return sum(self.counts.values())

    @cached_property
    def _bins(self) -> list[int]:
        return sorted(self.counts)

    @cached_property
    def _sums(self) -> list[int]:
        return list(accumulate(self.counts[each] for each in self._bins))

    def quantile(self, part: float) -> float:
        """The duration in seconds that ``part`` (0 to 1) of all do not exceed, interpolated within
        its bin; 0.0 for an empty histogram."""
        if not self.total:
            return 0.0
        rank = min(max(part, 0.0), 1.0) * self.total
        place = min(bisect_left(self._sums, rank), len(self._bins) - 1)
        bin_ = self._bins[place]
        count = self.counts[bin_]
        inside = (rank - (self._sums[place] - count)) / count
        if bin_ == 0:
            return inside
        return float(begin_of(bin_) * 2 ** (inside / PER_OCTAVE))

    def part_within(self, seconds: float) -> float:
        """Which part (0 to 1) of all durations is not longer: the inverse of ``quantile``."""
        if not self.total:
            return 0.0
        bin_ = bin_of(seconds)
        below = sum(count for each, count in self.counts.items() if each < bin_)
        count = self.counts.get(bin_, 0)
        inside = math.log2(seconds) * PER_OCTAVE + 1 - bin_ if bin_ else max(seconds, 0.0)
        return (below + count * min(inside, 1.0)) / self.total

    def draw_beyond(self, seconds: float, part: float, beyond: float) -> float:
        """How much longer a duration takes that has lasted so long: ``part`` (0 to 1) chooses among
        the longer ones. Where there are none, it is up to ``beyond`` times what it has lasted."""
        within = self.part_within(seconds)
        if within * self.total > self.total - 0.5:
            return part * beyond * seconds
        return max(self.quantile(within + part * (1 - within)) - seconds, 0.0)

    @cached_property
    def table(self) -> tuple[float, ...]:
        """``POINTS`` quantiles at equal distances, in seconds."""
        return tuple(self.quantile((point + 0.5) / POINTS) for point in range(POINTS))

    @cached_property
    def doubt(self) -> float:
        """The standard error of the median's logarithm: nothing is known exactly from few."""
        lower, upper = (max(self.quantile(part), 1.0) for part in (0.25, 0.75))
        return math.log(upper / lower) / _NORMAL_QUARTILES / math.sqrt(max(self.total, 1))

    @cached_property
    def robust(self) -> Histogram:
        """Without outliers: durations that some rare trouble has made many times as long."""
        if self.total < _ENOUGH:
            return self
        quartile, three = (bin_of(self.quantile(part)) for part in (0.25, 0.75))
        fence = three + _FENCE * max(three - quartile, _NARROWEST)
        return Histogram({bin_: count for bin_, count in self.counts.items() if bin_ <= fence})


def add_up(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of all."""
    counts: dict[int, int] = {}
    for each in histograms:
        for bin_, count in each.counts.items():
            counts[bin_] = counts.get(bin_, 0) + count
    return Histogram(counts)
