"""What the jobs of an app that succeeded tell about the next one.

``AppHistory.expect`` answers with the distributions of queue wait and run time, and ``History`` is
those of all apps. Use ``workflows.engine.durations.history()`` to read the present one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from workflows.rules.durations.histogram import Histogram, add_up

FEWEST: Final = 5
"""Jobs that an app must have had before anything is said of the next one."""
_FEWEST_OF_SIZE: Final = 20
"""The same for the jobs with inputs of one size; below it those of all sizes are taken."""
_FIRST: Final = 6
_LAST: Final = 12
"""Sizes are grouped by powers of ten, from 1 MB to 1 TB."""


def size_class(input_bytes: int | None) -> int | None:
    """The power of ten below the bytes of all inputs; None where they are not known."""
    if input_bytes is None:
        return None
    return min(max(int(math.log10(max(input_bytes, 1))), _FIRST), _LAST)


def bounds_of(size: int) -> tuple[int, int | None]:
    """The bytes of a size class: from, and up to (None: without end)."""
    return (0 if size == _FIRST else 10**size, None if size == _LAST else 10 ** (size + 1))


@dataclass(frozen=True, slots=True)
class Durations:
    """Of some jobs of an app."""

    waits: Histogram
    """From submission to start."""
    runs: Histogram
    """From start to end."""

    @property
    def observations(self) -> int:
        """How many jobs they are."""
        return self.runs.total


@dataclass(frozen=True, slots=True)
class Expectation:
    """What to expect of the next job: earlier ones without outliers."""

    wait: Histogram
    """From submission to start; ``wait.quantile(0.9)`` is in seconds."""
    run: Histogram
    """From start to end."""
    observations: int
    """How many jobs it rests on."""


@dataclass(frozen=True)
class AppHistory:
    """Of one app, or of one app in one hour."""

    by_size: Mapping[int | None, Durations] = field(default_factory=dict)
    """By size class of the inputs; None: of jobs whose inputs have no known size."""
    since: datetime | None = None
    """The first hour that it covers."""
    until: datetime | None = None
    """The last one."""

    @cached_property
    def all_sizes(self) -> Durations:
        """Of all jobs together."""
        found = list(self.by_size.values())
        return Durations(add_up(each.waits for each in found), add_up(each.runs for each in found))

    @property
    def observations(self) -> int:
        """How many jobs they are."""
        return sum(each.observations for each in self.by_size.values())

    def expect(self, input_bytes: int | None = None) -> Expectation | None:
        """Of a job with inputs of this size; None where there were too few jobs: no history."""
        of_size = self.by_size.get(size_class(input_bytes)) if input_bytes is not None else None
        if of_size is None or of_size.observations < _FEWEST_OF_SIZE:
            of_size = self.all_sizes
        if of_size.observations < FEWEST:
            return None
        return Expectation(of_size.waits.robust, of_size.runs.robust, of_size.observations)


def join(hours: Iterable[AppHistory]) -> AppHistory:
    """One history of many hours."""
    hours = list(hours)
    parts: dict[int | None, list[Durations]] = {}
    for hour in hours:
        for size, durations in hour.by_size.items():
            parts.setdefault(size, []).append(durations)
    return AppHistory(
        {
            size: Durations(
                add_up(each.waits for each in found), add_up(each.runs for each in found)
            )
            for size, found in parts.items()
        },
        min((hour.since for hour in hours if hour.since), default=None),
        max((hour.until for hour in hours if hour.until), default=None),
    )


@dataclass(frozen=True)
class History:
    """Of all apps."""

    apps: Mapping[str, AppHistory] = field(default_factory=dict)

    def expect(self, app: str, input_bytes: int | None = None) -> Expectation | None:
        """Of a job of the app (and with inputs of this size); None: no history."""
        found = self.apps.get(app)
        return found.expect(input_bytes) if found else None
