"""Forecasts of batches, where the answer can be worked out by hand."""

from __future__ import annotations

import pytest

from tests.rules.forecast.examples import HOUR, history_of, outset
from workflows.model.states import StepState
from workflows.rules.forecast.batch import (
    BatchForecast,
    BatchOutset,
    forecast_batch,
    missing_in_batch,
)

HOURLY = history_of(A=[HOUR] * 100)
ROW = outset("", "a")
JOB = HOUR + 60


def of(batch: BatchOutset) -> BatchForecast:
    return forecast_batch(batch, HOURLY, 0.0, 1)


def near(seconds: float) -> object:
    return pytest.approx(seconds, rel=0.12)


def test_rows_take_turns() -> None:
    found = of(BatchOutset([], ROW, waiting=9, max_active=3))

    assert found.end.p50 == near(3 * 2 * JOB)


def test_rows_under_way_keep_their_places() -> None:
    half = outset("", "a", states=[StepState.SUCCEEDED, StepState.PENDING])

    found = of(BatchOutset([half] * 3, ROW, waiting=3, max_active=3))

    assert found.end.p50 == near(3 * JOB)


def test_more_rows_at_a_time_end_sooner() -> None:
    found = of(BatchOutset([], ROW, waiting=8, max_active=2))

    assert [(each.cap, each.end.p50) for each in found.active] == [
        (2, near(8 * JOB)),
        (4, near(4 * JOB)),
        (8, near(2 * JOB)),
    ]


def test_rows_that_were_lowered_below_their_number_are_waited_for() -> None:
    assert of(BatchOutset([ROW] * 3, ROW, waiting=1, max_active=1)).end.p50 == near(4 * JOB)


def test_a_large_batch_follows_the_pace_of_its_first_rows() -> None:
    rows = 20_000

    found = of(BatchOutset([], ROW, waiting=rows, max_active=50))

    assert found.end.p50 == pytest.approx(rows / 50 * 2 * JOB, rel=0.12)


def test_rows_without_steps_to_run_take_no_time() -> None:
    failed = outset("", "a", states=[StepState.FAILED, StepState.PENDING])

    assert of(BatchOutset([failed], None, waiting=0, max_active=2)).end.p90 == 0


def test_the_gather_comes_after_the_last_row() -> None:
    gather = outset("", "a", "b")
    before = BatchOutset([], ROW, waiting=2, max_active=2, gather=gather)
    running = outset("", "a", states=[StepState.SUCCEEDED, StepState.PENDING])

    assert of(before).end.p50 == near((2 + 3) * JOB)
    assert of(BatchOutset([], ROW, waiting=0, max_active=2, gather=running)).end.p50 == near(JOB)


def test_apps_without_history_are_named_where_rows_need_them() -> None:
    other = outset("", apps="B")

    assert missing_in_batch(BatchOutset([], other, 3, 2), HOURLY) == ("B",)
    assert missing_in_batch(BatchOutset([ROW], other, 0, 2), HOURLY) == ()
    assert missing_in_batch(BatchOutset([ROW], ROW, 0, 2, other), HOURLY) == ("B",)
