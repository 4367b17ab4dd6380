"""How long the jobs of an app took, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from workflows.engine.reports.views import stamp
from workflows.model.values import Json
from workflows.rules.durations.histogram import Histogram
from workflows.rules.durations.history import AppHistory, Durations, bounds_of

PERCENTS: Final = (10, 25, 50, 75, 90, 99)
_FEW: Final = (50, 90)


def summary(history: AppHistory | None) -> Json:
    """In short, for the catalogue; null without a job."""
    if history is None or not history.observations:
        return None
    return _of_all(history, _FEW)


def whole(
    app: str, history: AppHistory | None, hours: Sequence[tuple[datetime, AppHistory]]
) -> Json:
    """The answer of ``GET /apps/{app}/durations``."""
    found = history or AppHistory()
    return {
        "app": app,
        **_of_all(found, PERCENTS),
        "by_input_size": [
            _of_size(size, found.by_size[size])
            for size in sorted(size for size in found.by_size if size is not None)
        ],
        "hours": [
            {
                "hour": stamp(at),
                "observations": hour.observations,
                **_quantiles(hour.all_sizes, _FEW),
            }
            for at, hour in hours
        ],
    }


def _of_all(history: AppHistory, percents: Sequence[int]) -> dict[str, Json]:
    return {
        "observations": history.observations,
        "since": stamp(history.since),
        "until": stamp(history.until),
        **_quantiles(history.all_sizes, percents),
    }


def _of_size(size: int, durations: Durations) -> Json:
    begin, end = bounds_of(size)
    return {
        "from_bytes": begin,
        "below_bytes": end,
        "observations": durations.observations,
        **_quantiles(durations, PERCENTS),
    }


def _quantiles(durations: Durations, percents: Sequence[int]) -> dict[str, Json]:
    return {
        "queue_wait_seconds": _of(durations.waits.robust, percents),
        "run_seconds": _of(durations.runs.robust, percents),
    }


def _of(histogram: Histogram, percents: Sequence[int]) -> Json:
    if not histogram.total:
        return None
    return {f"p{each}": round(histogram.quantile(each / 100), 1) for each in percents}
