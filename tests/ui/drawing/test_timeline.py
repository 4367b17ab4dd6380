"""When jobs waited and ran, and what decided how long it all took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.ui.drawing.timeline import Span, bars, critical_path, expected_bars, ticks

BEGIN = datetime(2026, 1, 19, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def span(queued: float, started: float | None, ended: float | None) -> Span:
    return Span(
        0, 1, at(queued), *(None if each is None else at(each) for each in (started, ended))
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (span(10, 20, 60), [("waited", 10, 10), ("ran", 20, 40)]),
        (span(10, 20, None), [("waited", 10, 10), ("ran", 20, 80)]),
        (span(10, None, None), [("waited", 10, 90)]),
        (span(10, None, 30), [("waited", 10, 20)]),
        (span(-5, 5, 10), [("waited", 0, 5), ("ran", 5, 5)]),
        (span(20.5, 20, 30), [("ran", 20, 10)]),
    ],
    ids=["ended", "runs", "waits", "never ran", "before the beginning", "a clock behind ours"],
)
def test_a_bar_tells_waiting_from_running(
    found: Span, expected: list[tuple[str, float, float]]
) -> None:
    drawn = bars([found], BEGIN, at(100), at(100))

    assert [(bar.kind, round(bar.left, 6), round(bar.width, 6)) for bar in drawn] == expected


def test_what_was_reused_is_drawn_apart() -> None:
    found = Span(0, 1, at(10), None, at(12), "succeeded", reused=True)

    (bar,) = bars([found], BEGIN, at(100), at(100))

    assert (bar.kind, bar.left, bar.width) == ("reused", 10, 2)
    assert found.ran(at(100)) == timedelta(0)


def test_bars_never_leave_the_picture() -> None:
    for bar in bars([span(90, 95, 500)], BEGIN, at(100), at(100)):
        assert bar.left + bar.width <= 100


def test_durations_are_never_negative() -> None:
    odd = span(20.5, 20, 19)

    assert odd.waiting_time(at(30)) == odd.ran(at(30)) == timedelta(0)


@pytest.mark.parametrize(
    ("total", "step"), [(6, 1), (50, 10), (600, 120), (86_400, 14_400), (10 * 86_400, 2 * 86_400)]
)
def test_ticks_are_few_and_round(total: float, step: int) -> None:
    found = ticks(BEGIN, at(total))

    assert 0 < len(found) <= 6
    assert found[0].after == timedelta(seconds=step)
    assert all(0 < tick.left < 100 for tick in found)


def test_nothing_that_has_taken_no_time_has_ticks() -> None:
    assert ticks(BEGIN, BEGIN) == ()


def test_the_critical_path_follows_those_that_ended_last() -> None:
    needs = [[], [], [0, 1], [], [2, 3]]
    ends = {0: at(50), 1: at(20), 2: at(80), 3: at(30), 4: at(99)}

    assert critical_path(needs, ends) == (0, 2, 4)


def test_the_critical_path_of_a_running_workflow_leads_to_what_runs() -> None:
    assert critical_path([[], [0], [1]], {0: at(10), 1: at(60)}) == (0, 1)


def test_without_jobs_there_is_no_critical_path() -> None:
    assert critical_path([[], [0]], {}) == ()


def test_what_is_to_come_follows_what_was() -> None:
    goes_on = span(0, 10, None)

    (_, ran) = bars([goes_on], BEGIN, at(50), at(200))
    expected, late = expected_bars(at(50), at(100), at(150), BEGIN, at(200))

    assert (ran.left, ran.width) == (5, 20)
    assert (expected.kind, expected.left, expected.width) == ("expected", 25, 25)
    assert (late.kind, late.left, late.width) == ("late", 50, 25)
