"""Workflows and histories for tests of forecasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from workflows.model.states import StepState, WorkflowState
from workflows.model.values import OnFailure, Spec, StepSpec, Workflow
from workflows.rules.durations.histogram import Histogram, bin_of
from workflows.rules.durations.history import AppHistory, Durations, History
from workflows.rules.forecast.outset import Outset
from workflows.spec.compiled_spec import compile_spec

NOW = datetime(2026, 1, 19, 10, tzinfo=UTC)
HOUR = 3600.0


def history_of(**runs: Sequence[float]) -> History:
    """Apps whose jobs ran for so many seconds and waited for a minute."""
    return History(
        {
            app: AppHistory(
                {
                    None: Durations(
                        Histogram({bin_of(60): len(each)}), Histogram(Counter(map(bin_of, each)))
                    )
                },
                NOW,
                NOW,
            )
            for app, each in runs.items()
        }
    )


def outset(
    *needs: str,
    cap: int = 2,
    apps: str = "",
    states: Sequence[StepState] = (),
    on_failure: OnFailure = OnFailure.CONTINUE,
) -> Outset:
    """``outset("", "a", "ab")``: steps a, b, c, of which c waits for both others. ``apps``: one
    letter for each step."""
    steps = tuple(
        StepSpec(chr(ord("a") + at), (apps or "A" * len(needs))[at], {}, depends_on=tuple(names))
        for at, names in enumerate(needs)
    )
    spec = Spec("w", "1", {}, steps, on_failure=on_failure)
    present = tuple(states) or (StepState.PENDING,) * len(needs)
    workflow = Workflow(
        "wf",
        "alice",
        WorkflowState.RUNNING,
        present,
        tuple(int(s != StepState.PENDING) for s in present),
        cap=cap,
    )
    return Outset(compile_spec(spec), workflow, NOW)


def with_cap(found: Outset, cap: int) -> Outset:
    return replace(found, workflow=replace(found.workflow, cap=cap))


def outset_of(needs: Sequence[Sequence[int]], cap: int = 2) -> Outset:
    """Any number of steps of app A, each with the numbers of the steps that it waits for."""
    steps = tuple(
        StepSpec(f"s{at}", "A", {}, depends_on=tuple(f"s{need}" for need in own))
        for at, own in enumerate(needs)
    )
    count = len(steps)
    workflow = Workflow(
        "wf", "alice", WorkflowState.PENDING, (StepState.PENDING,) * count, (0,) * count, cap=cap
    )
    return Outset(compile_spec(Spec("w", "1", {}, steps)), workflow, NOW)
