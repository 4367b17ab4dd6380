"""One job that succeeded, as an observation of how long its app takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from workflows.rules.durations.histogram import Histogram, bin_of
from workflows.rules.durations.history import AppHistory, Durations, size_class


@dataclass(frozen=True, slots=True)
class Observation:
    """A job that ran and succeeded."""

    app: str
    submitted_at: datetime
    started_at: datetime
    finished_at: datetime
    input_bytes: int | None = None
    """Of all its inputs; None where that of one of them is not known."""


def count_hour(hour: datetime, observations: Iterable[Observation]) -> dict[str, AppHistory]:
    """The history of one hour, by app. Each job is looked at once and then forgotten."""
    counts: dict[str, dict[int | None, tuple[dict[int, int], dict[int, int]]]] = {}
    for each in observations:
        sizes = counts.setdefault(each.app, {})
        waits, runs = sizes.setdefault(size_class(each.input_bytes), ({}, {}))
        _count(waits, (each.started_at - each.submitted_at).total_seconds())
        _count(runs, (each.finished_at - each.started_at).total_seconds())
    return {
        app: AppHistory(
            {size: Durations(Histogram(waits), Histogram(runs))
             for size, (waits, runs) in sizes.items()},
            hour,
            hour,
        )
        for app, sizes in counts.items()
    }  # fmt: skip


def _count(counts: dict[int, int], seconds: float) -> None:
    bin_ = bin_of(seconds)
    counts[bin_] = counts.get(bin_, 0) + 1
