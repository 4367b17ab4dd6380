"""How long the jobs of an app usually take, as one sentence; pure."""

from __future__ import annotations

from datetime import timedelta

from app.ui.formatting import span
from workflows.rules.durations.histogram import Histogram
from workflows.rules.durations.history import AppHistory

NO_HISTORY = "How long its jobs take is not known yet: too few have run here."


def tell(history: AppHistory | None) -> str:
    """Of the jobs with inputs of all sizes."""
    expected = history.expect() if history else None
    if history is None or expected is None or history.since is None:
        return NO_HISTORY
    return (
        f"Half of its jobs ran at most {_span(expected.run, 0.5)}, nine in ten at most "
        f"{_span(expected.run, 0.9)}; before that they waited {_span(expected.wait, 0.5)} "
        f"(nine in ten at most {_span(expected.wait, 0.9)}) in BV-BRC's queue. "
        f"Of {expected.observations} jobs since {history.since:%Y-%m-%d}."
    )


def _span(histogram: Histogram, part: float) -> str:
    return span(timedelta(seconds=histogram.quantile(part)))
