"""When a job is asked about: how often, when first, and never all jobs at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from workflows.rules.poll_schedule import SLOWEST, due, due_early, early_looks, interval

START = datetime(2026, 1, 19, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BASE = 10 * SECOND
HOUR = timedelta(hours=1)


def polls(key: str, until: timedelta, base: timedelta = BASE) -> list[datetime]:
    """When a job that was submitted between two polls is asked about by those polls."""
    submitted_at, since, found = START + 0.3 * base, START, list[datetime]()
    while since < START + until:
        now = since + base
        if due(key, submitted_at, since, now, base):
            found.append(now)
        since = now
    return found


def early(until: timedelta, base: timedelta = BASE) -> list[datetime]:
    """The times of its early polls, if a poll is made once a second."""
    submitted_at, since, found = START + 0.3 * base, START, list[datetime]()
    while since < START + until:
        now = since + SECOND
        if due_early(submitted_at, since, now, base):
            found.append(now)
        since = now
    return found


@pytest.mark.parametrize(
    ("age", "intervals"),
    [(0, 1), (20, 1), (39, 1), (40, 2), (59, 2), (60, 3), (119, 5), (120, 6), (10_000, SLOWEST)],
)
def test_the_older_a_job_the_longer_its_interval(age: int, intervals: int) -> None:
    assert interval(age * BASE, BASE) == intervals * BASE


def test_a_job_that_nobody_asked_about_is_due_at_once() -> None:
    assert due("k", START, None, START + SECOND, BASE)
    assert due("k", START, START, START + SECOND, BASE)
    assert due("k", START, START - SECOND, START + SECOND, BASE)
    for age in range(200, 220):  # such jobs are asked about in each sixth interval alone
        assert due("k", START, None, START + age * BASE, BASE)


def test_a_young_job_is_asked_about_in_each_interval() -> None:
    assert len(polls("k", 20 * BASE)) == 20


def test_a_poll_that_comes_early_asks_about_every_young_job() -> None:
    now = START + 20 * BASE

    assert all(due(f"k{number}", START, now - 0.1 * BASE, now, BASE) for number in range(20))


def test_an_old_job_is_asked_about_in_each_sixth_interval() -> None:
    asked = polls("k", 100 * SLOWEST * BASE)
    apart = {after - before for before, after in pairwise(asked[-20:])}

    assert apart == {SLOWEST * BASE}


def test_old_jobs_are_not_asked_about_all_at_once() -> None:
    now = START + 1000 * BASE
    asked = [due(f"wf/{number}/1", START, now - BASE, now, BASE) for number in range(600)]

    assert 600 / SLOWEST / 2 < sum(asked) < 600 / SLOWEST * 2


def test_a_young_job_is_looked_at_after_1_2_4_and_8_seconds() -> None:
    submitted_at = START + 0.3 * BASE

    assert [at - submitted_at for at in early(HOUR)] == [SECOND * age for age in (1, 2, 4, 8)]


@pytest.mark.parametrize(
    ("base", "ages"), [(0.5, []), (1, []), (1.5, [1]), (5, [1, 2, 4]), (60, [1, 2, 4, 8])]
)
def test_early_looks_are_for_intervals_that_are_longer(base: float, ages: list[int]) -> None:
    assert early_looks(base * SECOND) == tuple(age * SECOND for age in ages)


def test_looks_that_were_missed_are_made_up_for_once() -> None:
    assert due_early(START, None, START + 3 * SECOND, BASE)
    assert not due_early(START, START + 3 * SECOND, START + 3.5 * SECOND, BASE)
    assert not due_early(START, None, START + 60 * SECOND, BASE)


@pytest.mark.parametrize("base", [2 * SECOND, BASE, 60 * SECOND])
def test_a_job_of_an_hour_costs_at_most_a_tenth_more_calls(base: timedelta) -> None:
    assert len(early(HOUR, base)) <= 0.1 * len(polls("k", HOUR, base))
