"""The limit of calls under way follows a service of so many workers, whatever it observes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.simulated_service import Service, run
from workflows.rules.concurrency_limit import (
    FIRST,
    QUERIES,
    ConcurrencyLimit,
    Observed,
    adapt,
    from_stored,
)

OBSERVED = st.builds(
    Observed,
    starts=st.integers(0, 50),
    start_seconds=st.floats(0, 1000),
    queries=st.lists(st.floats(0, 100), max_size=20),
    overloads=st.dictionaries(st.sampled_from(["ann", "bob"]), st.integers(1, 50)),
)
LEARN, MEASURE = 90, 120
"""Seconds of virtual time."""


def service(workers: int, seed: int = 7) -> Service:
    return Service(workers, Random(seed))  # noqa: S311 - no secret


@pytest.mark.parametrize("workers", [1, 2, 5, 16, 32])
def test_starts_are_as_many_as_at_the_best_limit_and_queries_wait_in_no_line(workers: int) -> None:
    limits = (workers, 2 * workers)
    best = max(run(service(workers), MEASURE, 0, fixed=limit).starts for limit in limits)
    unloaded = run(service(workers), MEASURE, 0, fixed=FIRST) if workers > 1 else None

    runs = [run(service(workers, seed), LEARN + MEASURE, LEARN) for seed in (1, 2, 3)]
    found = sorted(runs, key=lambda each: each.query_p95)[1]

    assert found.starts >= 0.9 * best
    assert found.query_p95 < 1.5 * (unloaded.query_p95 if unloaded else 0.014)


@pytest.mark.parametrize("workers", [1, 5, 32])
def test_queries_that_are_slow_by_chance_change_little(workers: int) -> None:
    best = run(service(workers), MEASURE, 0, fixed=2 * workers).starts

    noisy = [Service(workers, Random(seed), noise=0.1) for seed in range(5)]  # noqa: S311
    starts = sorted(run(each, LEARN + MEASURE, LEARN).starts for each in noisy)

    assert starts[2] >= 0.9 * best


def test_it_never_passes_the_ceiling_and_reaches_it_where_the_service_bears_it() -> None:
    assert set(run(service(1000), LEARN, 30, ceiling=12).limits) == {12}


def test_a_service_that_became_slower_for_good_is_believed() -> None:
    slow = service(5)

    def become_slower(at: float) -> None:
        slow.slower = 1.0 if at < LEARN else 4.0

    found = run(slow, 10 * LEARN, 5 * LEARN, at_time=become_slower)

    assert sum(found.limits) / len(found.limits) >= 4


@pytest.mark.parametrize(
    ("seconds", "places"), [(0.0, 8), (0.001, 8), (0.02, 5), (0.051, 1), (0.4, 1)]
)
def test_brief_calls_follow_each_other_in_one_place(seconds: float, places: int) -> None:
    found = adapt(ConcurrencyLimit(), Observed(starts=4, start_seconds=4 * seconds), 32, full=True)

    assert (found.calls, found.places) == (1, places)


@pytest.mark.parametrize(
    ("start", "query", "waits"),
    [(0.02, 0.05, False), (0.02, 0.2, True), (0.4, 0.05, True), (0.4, 0.015, False)],
)
def test_while_starts_are_brief_a_short_wait_of_queries_is_no_queue(
    start: float, query: float, *, waits: bool
) -> None:
    before = ConcurrencyLimit(limit=8, quiet=8, lowest=0.01)
    seen = Observed(starts=8, start_seconds=8 * start, queries=[query] * QUERIES)

    assert (adapt(before, seen, 32, full=True).calls < 8) is waits


def test_time_outs_of_several_users_halve_it_once_for_all_calls_of_the_moment() -> None:
    now = adapt(ConcurrencyLimit(limit=16), Observed(overloads={"ann": 1}), 32, full=True)
    assert now.calls == 16
    now = adapt(now, Observed(overloads={"bob": 1}), 32, full=True)
    again = adapt(now, Observed(overloads={"ann": 2, "bob": 1}), 32, full=True)

    assert (now.calls, again.calls) == (8, 8)
    assert "timed out" in now.reason


def test_time_outs_of_one_user_change_nothing_for_the_others() -> None:
    now = ConcurrencyLimit(limit=16)
    for _ in range(50):
        now = adapt(now, Observed(overloads={"ann": 5}), 32, full=True)

    assert now.calls == 16


EARLY = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = EARLY + timedelta(seconds=1)


@pytest.mark.parametrize(("answered", "believed"), [(None, True), (EARLY, True), (LATER, False)])
def test_a_lost_answer_says_nothing_of_the_service_if_a_later_call_was_answered(
    answered: datetime | None, believed: bool
) -> None:
    """So two users whose calls all hang do not slow down the others with each time-out."""
    lost = Observed(lost=[("ann", EARLY), ("bob", EARLY), ("bob", EARLY)], overloads={"ann": 1})

    seen = lost.believed(answered)

    assert seen == Observed(overloads={"ann": 2, "bob": 2} if believed else {"ann": 1})


@pytest.mark.parametrize("overloads", [{}, {"ann": 1, "bob": 1}])
def test_queries_behind_calls_of_a_higher_limit_do_not_make_it_shrink_again(
    overloads: dict[str, int],
) -> None:
    """At 8 calls queries waited, so the limit is 4; the next queries wait behind the other four."""
    before = ConcurrencyLimit(limit=8, quiet=4, lowest=0.01, starts=8, queries=(0.3,))
    now = adapt(
        before, Observed(queries=[] if overloads else [0.3], overloads=overloads), 32, full=True
    )
    assert now.calls == 4

    for starts in (1, 1, 2):  # what began at once with the last answer is behind the queue as well
        now = adapt(now, Observed(starts=starts, queries=[0.3] * QUERIES), 32, full=True)
    assert now.calls == 4

    now = adapt(now, Observed(starts=4, queries=[0.3] * QUERIES), 32, full=True)
    assert now.calls < 4, "a queue at the new limit is believed"


def test_time_outs_without_end_lead_to_one_call() -> None:
    now = ConcurrencyLimit(limit=32)
    for _ in range(100):
        now = adapt(now, Observed(overloads={"ann": 16, "bob": 16}), 32, full=True)

    assert now.calls == 1


def test_what_is_not_needed_does_not_grow() -> None:
    now = ConcurrencyLimit()
    for _ in range(50):
        seen = Observed(starts=8, start_seconds=5.6, queries=[0.01] * QUERIES)
        now = adapt(now, seen, 32, full=False)

    assert now.calls == FIRST


@given(st.lists(st.tuples(OBSERVED, st.booleans()), max_size=30), st.integers(1, 100))
def test_it_stays_between_one_and_the_ceiling(
    seen: list[tuple[Observed, bool]], ceiling: int
) -> None:
    now = ConcurrencyLimit()
    for observed, full in seen:
        before, now = now, adapt(now, observed, ceiling, full=full)
        assert 1 <= now.calls <= ceiling
        assert now.calls <= max(2 * before.calls, before.quiet)
        assert now.reason


@given(OBSERVED)
def test_what_is_stored_is_read_back(observed: Observed) -> None:
    now = adapt(ConcurrencyLimit(), observed, 32, full=True)

    assert from_stored(now.stored() | {"of another release": 1}) == now


def test_what_another_release_stored_is_learnt_again() -> None:
    assert from_stored({"limit": 6.2, "lowest": 0.7, "queries": 4}) == ConcurrencyLimit()
