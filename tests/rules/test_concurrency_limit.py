"""The limit of calls under way follows a service of so many workers, whatever it observes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.concurrency_limit import (
    FIRST,
    ConcurrencyLimit,
    Observed,
    adapt,
    from_stored,
)

OBSERVED = st.builds(
    Observed,
    starts=st.integers(0, 50),
    start_seconds=st.floats(0, 1000),
    queries=st.integers(0, 50),
    query_seconds=st.floats(0, 100),
    overloads=st.integers(0, 50),
)


def settled(workers: int, ceiling: int = 64, seconds: float = 0.7) -> list[int]:
    """Limits of the last third of the windows against a service with so many workers."""
    random, now, limits = Random(7), ConcurrencyLimit(), []  # noqa: S311 - no secret
    for _ in range(300):
        calls, taken = now.calls, max(16, 3 * now.calls)
        queueing = max(1.0, calls / workers)
        total = sum(random.uniform(0.4, 1.0) / 0.7 * seconds * queueing for _ in range(taken))
        now = adapt(now, Observed(starts=taken, start_seconds=total), ceiling, full=True)
        limits.append(now.calls)
    return limits[-100:]


@pytest.mark.parametrize("workers", [1, 2, 5, 16, 32])
def test_it_settles_at_what_the_service_bears(workers: int) -> None:
    limits = settled(workers)

    # A start longer than 1.4 times the shortest is a queue; below that the workers are never idle.
    assert sum(limits) / len(limits) <= workers * 1.4 + 0.5
    assert sum(limits) / len(limits) >= workers * 0.7


def test_it_never_passes_the_ceiling_and_reaches_it_where_the_service_bears_it() -> None:
    assert set(settled(workers=1000, ceiling=12)) == {12}


def test_calls_of_milliseconds_are_not_held_back_by_their_noise() -> None:
    assert settled(workers=16, seconds=0.005)[-1] == 64


def test_a_time_out_halves_it_once_for_all_calls_of_the_moment() -> None:
    now = adapt(ConcurrencyLimit(limit=16), Observed(overloads=1), 32, full=True)
    again = adapt(now, Observed(overloads=3), 32, full=True)

    assert (now.calls, again.calls) == (8, 8)
    assert "timed out" in now.reason


def test_time_outs_without_end_lead_to_one_call() -> None:
    now = ConcurrencyLimit(limit=32)
    for _ in range(100):
        now = adapt(now, Observed(overloads=now.calls), 32, full=True)

    assert now.calls == 1


def test_what_is_not_needed_does_not_grow() -> None:
    now = ConcurrencyLimit()
    for _ in range(50):
        now = adapt(now, Observed(starts=8, start_seconds=5.6), 32, full=False)

    assert now.calls == FIRST


def test_queries_that_wait_in_line_shrink_it() -> None:
    quiet = Observed(starts=18, start_seconds=12.6, queries=4, query_seconds=0.04)
    slow = Observed(starts=18, start_seconds=12.6, queries=4, query_seconds=2.0)
    before = adapt(ConcurrencyLimit(limit=6), quiet, 32, full=False)

    after = adapt(before, slow, 32, full=True)

    assert after.calls == before.calls - 1
    assert "queries" in after.reason


def test_a_service_that_became_slower_for_good_is_believed_again() -> None:
    now = ConcurrencyLimit(limit=5, lowest=0.1)
    for _ in range(200):
        taken = max(16, 3 * now.calls)
        total = taken * 4.0 * max(1.0, now.calls / 5)
        now = adapt(now, Observed(starts=taken, start_seconds=total), 32, full=True)

    assert now.calls >= 4


@given(st.lists(st.tuples(OBSERVED, st.booleans()), max_size=30), st.integers(1, 100))
def test_it_stays_between_one_and_the_ceiling(
    seen: list[tuple[Observed, bool]], ceiling: int
) -> None:
    now = ConcurrencyLimit()
    for observed, full in seen:
        before, now = now, adapt(now, observed, ceiling, full=full)
        assert 1 <= now.calls <= ceiling
        assert now.limit <= max(before.limit, 1.0) + 1
        assert now.reason


@given(OBSERVED)
def test_what_is_stored_is_read_back(observed: Observed) -> None:
    now = adapt(ConcurrencyLimit(), observed, 32, full=True)

    assert from_stored(now.stored() | {"of another release": 1}) == now
