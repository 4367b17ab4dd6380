"""One row for each step of a workflow's timeline: what was, and what is to come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from app.ui import view_models
from app.ui.drawing import timeline
from workflows.engine.forecast.forecasts import Made
from workflows.rules.forecast.forecast import StepForecast

ROWS: Final = 200
"""Rows of one page."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step in the timeline or the table."""

    step: int
    name: str
    app: str
    state: str
    job_id: str = ""
    attempt: int = 0
    reason: str = ""
    waited: timedelta | None = None
    ran: timedelta | None = None
    bars: tuple[timeline.Bar, ...] = ()
    critical: bool = False
    reused: bool = False


def timeline_rows(
    found: view_models.Head,
    spans: Sequence[timeline.Span],
    critical: Sequence[int],
    bars: Callable[[list[timeline.Span]], tuple[timeline.Bar, ...]],
) -> list[Row]:
    """One row for each step that was handed over, in the order in which that was."""
    own: dict[int, list[timeline.Span]] = {}
    path = frozenset(critical)
    for span in sorted(spans, key=lambda span: span.queued_at):
        own.setdefault(span.step, []).append(span)
    return [
        Row(
            step,
            found.compiled.dag.names[step],
            found.compiled.spec.steps[step].app,
            found.states[step],
            attempt=group[-1].attempt,
            waited=sum((each.waiting_time(found.now) for each in group), timedelta(0)),
            ran=sum((each.ran(found.now) for each in group), timedelta(0)),
            bars=bars(group),
            critical=step in path,
            reused=group[-1].reused,
        )
        for step, group in own.items()
    ]


def add_expected(
    rows: Sequence[Row],
    found: view_models.Head,
    made: Made | None,
    begin: datetime,
    end: datetime,
) -> list[Row]:
    """The rows with what is to come of their steps, then the steps that are to come as a whole."""
    if made is None or made.forecast is None:
        return list(rows)
    expected = {each.step: each for each in made.forecast.steps}
    path, names = frozenset(made.forecast.critical_path), found.compiled.dag.names
    present = {row.step for row in rows}
    later = [
        Row(step, names[step], found.compiled.spec.steps[step].app, found.states[step])
        for step in sorted(expected.keys() - present, key=lambda step: expected[step].start.p50)
    ]
    return [
        replace(
            row,
            bars=(*row.bars, *_expected_bars(made.at, expected[row.step], begin, end)),
            critical=row.critical or row.step in path,
        )
        if row.step in expected
        else row
        for row in [*rows, *later]
    ]


def _expected_bars(
    at: datetime, step: StepForecast, begin: datetime, end: datetime
) -> tuple[timeline.Bar, ...]:
    seconds = (step.start.p50, step.end.p50, step.end.p90)
    start, likely, late = (at + timedelta(seconds=each) for each in seconds)
    return timeline.expected_bars(start, likely, late, begin, end)


def take_most(rows: Sequence[Row]) -> list[Row]:
    """Of too many the critical path and the longest, in the same order."""
    weight = {row.step: (row.critical, (row.ran or timedelta(0)) + (row.waited or timedelta(0)))
              for row in rows}  # fmt: skip
    kept = {row.step for row in sorted(rows, key=lambda row: weight[row.step])[-ROWS:]}
    return [row for row in rows if row.step in kept]
