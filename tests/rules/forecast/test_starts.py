"""The law that lets a forecast count instead of asking ``plan``: both start the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.forecast.examples import NOW, outset
from workflows.model.states import StepState
from workflows.model.values import OnFailure, PendingRetry
from workflows.rules.forecast.draws import Drawn
from workflows.rules.forecast.outset import Outset
from workflows.rules.forecast.starts import PLANNED_STEPS, PlannedStarts, QuickStarts, starts_of
from workflows.rules.forecast.virtual_run import run

STATES = (
    StepState.PENDING,
    StepState.READY,
    StepState.QUEUED,
    StepState.RUNNING,
    StepState.SUCCEEDED,
    StepState.FAILED,
    StepState.CANCELLED,
    StepState.SKIPPED,
    StepState.UPSTREAM_FAILED,
)


@st.composite
def outsets(draw: st.DrawFn) -> Outset:
    """Any DAG, in any place of its course, some of its steps waiting for a retry."""
    count = draw(st.integers(1, 9))
    needs = [
        "".join(chr(ord("a") + need) for need in range(at) if draw(st.booleans()))
        for at in range(count)
    ]
    states = [draw(st.sampled_from(STATES if not need else STATES[:1])) for need in needs]
    found = outset(
        *needs,
        cap=draw(st.integers(1, 5)),
        states=states,
        on_failure=draw(st.sampled_from(OnFailure)),
    )
    retries = {
        step: PendingRetry(NOW + timedelta(seconds=draw(st.integers(-5, 50))), 0)
        for step, state in enumerate(states)
        if state is StepState.READY and draw(st.booleans())
    }
    cancelled = draw(st.sampled_from([False, False, False, True]))
    changed = replace(found.workflow, retries=retries, cancel_requested=cancelled)
    return replace(found, workflow=changed)


@given(outsets(), st.integers(0, 1000))
def test_counting_starts_what_plan_starts(begin: Outset, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - nothing secret
    count = len(begin.workflow.states)
    drawn = Drawn(
        [random.uniform(0, 5) for _ in range(count)], [random.uniform(1, 60) for _ in range(count)]
    )

    planned, counted = (run(begin, starts(begin), drawn) for starts in (PlannedStarts, QuickStarts))

    assert counted.begins == pytest.approx(planned.begins, abs=1e-3)
    assert counted.ends == pytest.approx(planned.ends, abs=1e-3)
    assert set(counted.ends) == set(begin.open_steps)


def test_plan_itself_drives_workflows_of_usual_size() -> None:
    small, large = outset(*[""] * PLANNED_STEPS), outset(*[""] * (PLANNED_STEPS + 1))

    assert isinstance(starts_of(small), PlannedStarts)
    assert isinstance(starts_of(large), QuickStarts)
