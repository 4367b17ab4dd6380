"""Polls by forecast: closer where an end is likely, within bounds, at no more calls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.parts.polling import SCENES, Scene, compare
from workflows.rules.poll_forecast import Curve, Outlook, spacing
from workflows.rules.poll_schedule import SLOWEST

NOW = datetime(2026, 1, 19, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BASE = 10 * SECOND
NORMAL = NormalDist()


def log_normal(median: float, deviation: float) -> Callable[[float], float]:
    return lambda part: median * math.exp(deviation * NORMAL.inv_cdf(part))


def outlook(wait: float = 10, run: float = 600) -> Outlook:
    return Outlook(Curve(log_normal(wait, 0.5)), Curve(log_normal(run, 0.5)))


@pytest.mark.parametrize("part", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_curve_is_the_distribution_of_its_quantiles(part: float) -> None:
    quantile = log_normal(600, 0.5)
    curve, at = Curve(quantile), quantile(part) * SECOND
    later = curve.part_within(at + SECOND)
    expected = (later - part) / (1 - part)

    assert curve.part_within(at) == pytest.approx(part, abs=1e-6)
    assert curve.hazard(at) == pytest.approx(expected, rel=0.02)


@given(
    st.lists(st.floats(0, 1e7), min_size=5, max_size=5).map(sorted),
    st.floats(-10, 1e8),
)
def test_any_quantiles_make_a_curve(durations: Sequence[float], age: float) -> None:
    """Also equal ones, and such as are below a second."""
    curve = Curve(lambda part: durations[round(part * 4)])
    hazard = curve.hazard(age * SECOND)

    assert hazard is None or 0 <= hazard < math.inf
    assert 0 <= curve.part_within(age * SECOND) <= 1


def rate(age: float, started: float | None = None, **of: float) -> float | None:
    """Of a job that was submitted ``age`` seconds ago and started ``started`` seconds ago."""
    began = None if started is None else NOW - started * SECOND
    return outlook(**of).rate(NOW - age * SECOND, began, NOW, BASE)


def test_a_job_ends_most_likely_where_the_earlier_ones_did() -> None:
    young, ripe = rate(70, started=60), rate(610, started=600)

    assert young is not None
    assert ripe is not None
    assert young < 0.001 * ripe
    assert rate(10_010, started=10_000) is None, "it has outlasted them all"


def test_a_job_that_waits_ends_only_if_its_run_is_short() -> None:
    long, short = rate(10, run=600), rate(10, run=20)

    assert long is not None
    assert short is not None
    assert long < 0.001 * short
    assert rate(1_000) is None, "it has waited longer than all"


@given(st.lists(st.floats(0, 10), max_size=300), st.sampled_from([2, 10, 60]))
def test_looks_are_never_too_close_nor_too_far_apart(rates: list[float], seconds: int) -> None:
    base = seconds * SECOND

    assert 0.4 * base <= spacing(rates, base) <= SLOWEST * base


def test_the_likelier_an_end_the_closer_the_looks() -> None:
    apart = [spacing([each], BASE) for each in (0.0, 1e-4, 1e-3, 1e-2, 1.0)]

    assert apart == sorted(apart, reverse=True)
    assert (apart[0], apart[-1]) == (6 * BASE, 0.4 * BASE)
    assert spacing([1e-3, 1e-3], BASE) < spacing([1e-3], BASE)


def test_many_jobs_cost_no_more_calls_than_a_few() -> None:
    """As with the fixed schedule, by which the old jobs of a user fill each interval."""
    assert spacing([1e-3] * 50, BASE) == pytest.approx(spacing([1e-3] * 5, BASE), rel=1e-6)


def test_a_run_that_a_look_will_see_starting_costs_no_looks_while_it_waits() -> None:
    """Users of jobs of a minute paid a third more calls, nearly all for jobs that waited."""
    minute = rate(300, run=45, wait=200)

    assert minute is not None
    assert spacing([minute], BASE) > 2 * BASE


@pytest.mark.parametrize("scene", [SCENES[1], SCENES[2], SCENES[8]], ids=str)
def test_the_median_is_halved_at_no_more_calls(scene: Scene) -> None:
    """The benchmark in short, on its own seed: the same result on every machine."""
    row, _ = compare(scene, job_hours=30, seed=1)

    assert row["median_ratio"] <= 0.5, row
    assert row["calls_ratio"] <= 1.05, row
