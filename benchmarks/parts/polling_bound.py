"""The least median that any schedule reaches at the calls of the fixed one, for one job at a time.

No schedule finds more than half of all ends within ``m`` seconds if its looks are worth more
elsewhere: looks that are ``m`` apart find all ends between them within ``m``, closer ones waste
calls. So the best one looks every ``m`` seconds where an end is likeliest, and otherwise as seldom
as it may. Each app keeps the calls that the fixed schedule makes for it: no user of one app alone
pays for others. The durations are known exactly, and jobs do not wait in a queue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Final

from workflows.rules.poll_schedule import SLOWEST, interval

_SLICES: Final = 1_000
_FAR: Final = 5.0
"""Deviations from the median that are counted."""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class _Slice:
    """A part of a job's run."""

    age: float
    seconds: float
    """How long jobs spend in it, on average."""
    ends: float
    """Which part of the jobs ends in it."""


def least_ratio(apps: Mapping[str, tuple[float, float, float]], base: timedelta) -> float:
    """The least median over that of the fixed schedule. ``apps``: median in seconds, deviation of
    the logarithm, and weight of each."""
    total = sum(weight for *_, weight in apps.values())
    parts = [
        (weight / total, _slices(median, deviation)) for median, deviation, weight in apps.values()
    ]

    def fixed(within: float) -> float:
        return sum(weight * _found_by_age(found, within, base) for weight, found in parts)

    def best(within: float) -> float:
        return sum(weight * _found_at_best(found, within, base) for weight, found in parts)

    longest = SLOWEST * base.total_seconds()
    return _reaches_half(best, longest) / _reaches_half(fixed, longest)


def _slices(median: float, deviation: float) -> Sequence[_Slice]:
    wide, made = 2 * _FAR / _SLICES, []
    for number in range(_SLICES):
        score = -_FAR + (number + 0.5) * wide
        age = median * math.exp(deviation * score)
        lasting = (1 - _NORMAL.cdf(score)) * age * deviation * wide
        made.append(_Slice(age, lasting, _NORMAL.pdf(score) * wide))
    return made


def _apart_by_age(age: float, base: timedelta) -> float:
    return interval(timedelta(seconds=age), base).total_seconds()


def _found_by_age(slices: Sequence[_Slice], within: float, base: timedelta) -> float:
    return sum(each.ends * min(1.0, within / _apart_by_age(each.age, base)) for each in slices)


def _found_at_best(slices: Sequence[_Slice], within: float, base: timedelta) -> float:
    """Which part of the ends is found ``within`` so many seconds."""
    seldom = SLOWEST * base.total_seconds()
    calls = sum(each.seconds / _apart_by_age(each.age, base) for each in slices)
    calls -= sum(each.seconds for each in slices) / seldom
    found = sum(each.ends for each in slices) * within / seldom
    for each in sorted(slices, key=lambda each: each.ends / each.seconds, reverse=True):
        calls -= each.seconds * (1 / within - 1 / seldom)
        if calls < 0:
            break
        found += each.ends * (1 - within / seldom)
    return found


def _reaches_half(part: Callable[[float], float], longest: float) -> float:
    """Within how many seconds ``part`` is half; it grows with them."""
    low, high = longest / 1e4, longest
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if part(middle) < 0.5 else (low, middle)
    return high
