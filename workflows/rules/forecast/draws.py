"""Draws how long each job will take: queue wait and run time from the history of its app."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from workflows.model.states import IN_FLIGHT
from workflows.rules.durations.histogram import POINTS
from workflows.rules.durations.history import Expectation, History
from workflows.rules.forecast.outset import NOT_SENT, Outset, Underway

_BEYOND: Final = 0.5
"""A job that has run longer than every earlier one goes on for up to this part of its age."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One run's durations, by step: zero for steps that do not run."""

    waits: list[float]
    """Seconds from the step's start to its job's."""
    runs: list[float]
    """Seconds from then until the engine learns of its end."""


@dataclass(frozen=True, slots=True)
class StepDurations:
    """What one open step is drawn from."""

    step: int
    group: int
    """Steps of one group share what is not known of their app."""
    expected: Expectation
    job: Underway
    """``NOT_SENT`` for a step that has no job at BV-BRC yet."""


@dataclass(frozen=True, slots=True)
class Durations:
    """What the open steps of one workflow are drawn from."""

    count: int
    """Of all steps."""
    steps: Sequence[StepDurations]
    groups: Sequence[Expectation]
    notice_seconds: float

    def draw(self, random: Random) -> Drawn:
        """One run."""
        drawn = Drawn([0.0] * self.count, [0.0] * self.count)
        factors = [math.exp(random.gauss(0.0, each.run.doubt)) for each in self.groups]
        uniform, waits, runs, notice = random.random, drawn.waits, drawn.runs, self.notice_seconds
        for each in self.steps:
            step, expected = each.step, each.expected
            if each.job is NOT_SENT:
                waits[step] = expected.wait.table[int(uniform() * POINTS)]
                run = expected.run.table[int(uniform() * POINTS)]
            else:
                waits[step], run = _remaining(expected, each.job, uniform)
            runs[step] = run * factors[each.group] + notice
        return drawn


def missing_apps(outset: Outset, history: History) -> tuple[str, ...]:
    """Apps of open steps of which nothing is known."""
    apps = {outset.compiled.spec.steps[step].app for step in outset.open_steps}
    return tuple(sorted(app for app in apps if history.expect(app) is None))


def durations_of(outset: Outset, history: History, notice_seconds: float) -> Durations:
    """``notice_seconds``: how long after its end a job is found to have ended. Raises
    ``LookupError`` for an app without history (``missing_apps``)."""
    groups: dict[tuple[str, int | None], tuple[int, Expectation]] = {}
    steps = []
    for step in outset.open_steps:
        job = _job_of(outset, step)
        app = outset.compiled.spec.steps[step].app
        key = (app, job.input_bytes)
        if key not in groups:
            groups[key] = (len(groups), _expect(history, *key))
        number, expected = groups[key]
        steps.append(StepDurations(step, number, expected, job))
    expectations = [expected for _, expected in groups.values()]
    return Durations(len(outset.workflow.states), steps, expectations, notice_seconds)


def _job_of(outset: Outset, step: int) -> Underway:
    jobs: Mapping[int, Underway] = outset.jobs
    return jobs.get(step, NOT_SENT) if outset.workflow.states[step] in IN_FLIGHT else NOT_SENT


def _expect(history: History, app: str, input_bytes: int | None) -> Expectation:
    expected = history.expect(app, input_bytes)
    if expected is None:
        raise LookupError(app)
    return expected


def _remaining(
    expected: Expectation, job: Underway, uniform: Callable[[], float]
) -> tuple[float, float]:
    """Queue wait and run time that are left of a job, knowing how long it has waited and run."""
    if job.has_ended:
        return 0.0, 0.0
    if job.ran_seconds is not None:
        return 0.0, expected.run.draw_beyond(job.ran_seconds, uniform(), _BEYOND)
    waited = job.waited_seconds or 0.0
    left = expected.wait.draw_beyond(waited, uniform(), _BEYOND)
    return left, expected.run.table[int(uniform() * POINTS)]
