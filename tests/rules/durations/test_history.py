"""What earlier jobs let expect of the next one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflows.rules.durations.history import History, bounds_of, join, size_class
from workflows.rules.durations.observation import Observation, count_hour

HOUR = datetime(2026, 1, 19, 10, tzinfo=UTC)
MB = 10**6


def job(wait: float, run: float, input_bytes: int | None = None, app: str = "A") -> Observation:
    begun = HOUR + timedelta(seconds=wait)
    return Observation(app, HOUR, begun, begun + timedelta(seconds=run), input_bytes)


def history(*jobs: Observation) -> History:
    return History(count_hour(HOUR, jobs))


def test_an_app_with_too_few_jobs_has_no_history() -> None:
    assert history(*[job(1, 60)] * 4).expect("A") is None
    assert history(*[job(1, 60)] * 5).expect("B") is None


def test_wait_and_run_time_are_told_apart() -> None:
    found = history(*[job(60, 3600)] * 10).expect("A")

    assert found is not None
    assert found.observations == 10
    assert found.wait.quantile(0.5) == pytest.approx(60, rel=0.1)
    assert found.run.quantile(0.5) == pytest.approx(3600, rel=0.1)


def test_a_start_before_the_submission_counts_as_no_wait() -> None:
    """AppService cuts its times off to whole seconds."""
    found = history(*[job(-1, 60)] * 5).expect("A")

    assert found is not None
    assert found.wait.quantile(1) <= 1


def test_jobs_with_inputs_of_the_same_size_count_where_they_are_enough() -> None:
    small, large = [job(1, 60, 2 * MB)] * 30, [job(1, 6000, 2000 * MB)] * 10
    found = history(*small, *large)

    of_small, of_large = found.expect("A", 5 * MB), found.expect("A", 3000 * MB)

    assert of_small is not None
    assert of_large is not None
    assert of_small.observations == 30
    assert of_large.observations == 40


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, (0, 10 * MB)), (MB, (0, 10 * MB)), (10 * MB, (10 * MB, 100 * MB)),
     (10**13, (10**12, None))],
)  # fmt: skip
def test_sizes_are_told_apart_by_powers_of_ten(size: int, expected: tuple[int, int | None]) -> None:
    found = size_class(size)

    assert found is not None
    assert bounds_of(found) == expected


def test_hours_are_joined() -> None:
    later = HOUR + timedelta(hours=3)
    hours = [count_hour(at, [job(1, 60), job(1, 60, MB)])["A"] for at in (later, HOUR)]

    found = join(hours)

    assert (found.since, found.until, found.observations) == (HOUR, later, 4)
    assert {size: each.observations for size, each in found.by_size.items()} == {None: 2, 6: 2}
