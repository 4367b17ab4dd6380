"""Forecasts of workflows, where the answer can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rules.forecast.examples import HOUR, history_of, outset, with_cap
from workflows.model.states import StepState
from workflows.rules.durations.history import History
from workflows.rules.forecast.draws import missing_apps
from workflows.rules.forecast.forecast import Band, Forecast, forecast, quick_end, runs_for
from workflows.rules.forecast.outset import Outset, Underway

HOURLY = history_of(A=[HOUR] * 100, B=[HOUR / 2] * 100)
NOTICE = 10.0
JOB = HOUR + 60 + NOTICE
"""A job of A with its wait and the time until its end is known."""


def of(begin: Outset, history: History = HOURLY, seed: int = 1) -> Forecast:
    return forecast(begin, history, NOTICE, seed)


def near(seconds: float) -> object:
    """Histograms are exact to 9 %."""
    return pytest.approx(seconds, rel=0.1)


def test_a_chain_takes_the_sum_of_its_jobs() -> None:
    found = of(outset("", "a", "b"))

    assert found.end.p50 == near(3 * JOB)
    assert [step.end.p50 for step in found.steps] == [near(JOB), near(2 * JOB), near(3 * JOB)]
    assert found.steps[1].start.p50 == near(JOB + 60)
    assert found.critical_path == [0, 1, 2]
    assert [step.criticality for step in found.steps] == [1, 1, 1]


def test_the_cap_costs_what_the_comparison_says() -> None:
    found = of(outset(*[""] * 8, cap=2))

    assert found.end.p50 == near(4 * JOB)
    assert [(each.cap, each.end.p50) for each in found.caps] == [
        (2, near(4 * JOB)),
        (4, near(2 * JOB)),
        (8, near(JOB)),
    ]


def test_a_cap_that_costs_nothing_is_compared_with_none() -> None:
    assert [each.cap for each in of(outset("", "", cap=2)).caps] == [2]


def test_the_longest_branch_is_critical() -> None:
    found = of(outset("", "", "ab", apps="ABA", cap=3))

    assert found.critical_path == [0, 2]
    assert found.steps[1].criticality == 0


def test_a_step_that_waits_for_a_place_is_on_the_path_of_the_one_that_frees_it() -> None:
    found = of(outset("", "", "", cap=1))

    assert found.critical_path == [0, 1, 2]


def test_what_has_passed_of_a_job_counts() -> None:
    half = outset("", states=[StepState.RUNNING])
    running = replace(half, jobs={0: Underway(waited_seconds=60, ran_seconds=HOUR / 2)})
    waiting = replace(half, jobs={0: Underway(waited_seconds=30)})
    over = replace(half, jobs={0: Underway(60, 3 * HOUR)})
    ended = replace(half, jobs={0: Underway(60, HOUR, has_ended=True)})

    assert of(running).end.p50 == pytest.approx(HOUR / 2, rel=0.2)
    assert of(running).steps[0].start == Band(0, 0)
    assert of(waiting).end.p50 == pytest.approx(HOUR + 30, rel=0.1)
    assert 0 < of(over).end.p50 < 3 * HOUR
    assert of(ended).end.p50 == NOTICE


def test_steps_that_will_not_run_are_left_out() -> None:
    failed = outset("", "a", "", states=[StepState.FAILED, StepState.PENDING, StepState.PENDING])

    assert [step.step for step in of(failed).steps] == [2]


def test_a_workflow_that_has_ended_ends_now() -> None:
    found = of(outset("", states=[StepState.SUCCEEDED]))

    assert (found.end, found.steps, found.critical_path) == (Band(0, 0), [], [])


def test_without_history_it_names_the_apps() -> None:
    begin = outset("", "", "a", apps="ACD")

    assert missing_apps(begin, HOURLY) == ("C", "D")
    with pytest.raises(LookupError):
        of(begin)


def test_apps_of_steps_that_are_done_need_no_history() -> None:
    begin = outset("", "a", apps="CA", states=[StepState.SUCCEEDED, StepState.PENDING])

    assert missing_apps(begin, HOURLY) == ()
    assert of(begin).end.p50 == near(JOB)


def test_the_same_seed_gives_the_same_forecast() -> None:
    spread = history_of(A=[60.0 * 1.1**number for number in range(40)])
    begin = outset("", "a", "", "bc")

    assert of(begin, spread, 7) == of(begin, spread, 7)
    assert of(begin, spread, 7) != of(begin, spread, 8)


def test_few_jobs_leave_more_doubt_than_many() -> None:
    durations = [60.0 * 1.3**number for number in range(8)]
    few, many = history_of(A=durations), history_of(A=durations * 100)
    begin = outset(*["", *"abcdefgh"])

    doubtful, sure = (quick_end(begin, each, 0, 1, 400) for each in (few, many))

    assert doubtful.p90 / doubtful.p50 > sure.p90 / sure.p50


def test_the_end_alone_is_that_of_the_whole_forecast() -> None:
    begin = with_cap(outset("", "a", "a", "bc"), 1)

    assert quick_end(begin, HOURLY, NOTICE, 3, runs_for(4)) == of(begin, seed=3).end


def test_the_cost_is_bounded() -> None:
    assert runs_for(3) == 200
    assert runs_for(2_000) * 2_000 <= 200_000
    assert runs_for(10_000) == 30
