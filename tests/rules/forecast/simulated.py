"""Workflows whose jobs take random times of the spread that real apps have, for calibration.

The true distributions are known here and nowhere else: a forecast sees a history of jobs drawn from
them, counted as the engine counts jobs, and the workflow then goes on with fresh draws, driven by
``plan``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Spec, StepSpec, Workflow
from workflows.rules.durations.history import History, join
from workflows.rules.durations.observation import Observation, count_hour
from workflows.rules.forecast.draws import Drawn
from workflows.rules.forecast.forecast import Forecast, forecast
from workflows.rules.forecast.outset import Outset, Underway
from workflows.rules.forecast.starts import PlannedStarts
from workflows.rules.forecast.virtual_run import run
from workflows.spec.compiled_spec import compile_spec

NOTICE = 10.0
_BEGIN = datetime(2026, 1, 19, tzinfo=UTC)
_SMALL_SPREAD, _LARGE_SPREAD = 0.3, 1.2
"""Standard deviations of the logarithm: nine in ten jobs within a factor of 1.5, or of 4.7."""


@dataclass(frozen=True, slots=True)
class TrueApp:
    """Log-normal run times, and queue waits of a spread of their own."""

    run_median: float
    run_spread: float
    wait_median: float
    wait_spread: float

    def wait(self, random: Random) -> float:
        return random.lognormvariate(math.log(self.wait_median), self.wait_spread)

    def run(self, random: Random) -> float:
        return random.lognormvariate(math.log(self.run_median), self.run_spread)


@dataclass(frozen=True, slots=True)
class Trial:
    """One workflow: what was forecast, and what came of it."""

    forecast: Forecast
    end: float


def trial(random: Random, most_steps: int = 40) -> Trial:
    """A workflow of 2 to ``most_steps`` steps of some apps, forecast somewhere in its course."""
    apps = {f"App{number}": _app(random) for number in range(random.randint(3, 6))}
    begin = _workflow(random, list(apps), most_steps)
    times = _draw(begin, apps, random)
    present, end = _interrupt(begin, times, random)
    found = forecast(present, _history(apps, random), NOTICE, random.randrange(2**32))
    return Trial(found, end)


def _app(random: Random) -> TrueApp:
    """Runs of minutes to hours; waits of seconds to an hour."""
    return TrueApp(
        math.exp(random.uniform(math.log(120), math.log(14_400))),
        random.uniform(_SMALL_SPREAD, _LARGE_SPREAD),
        math.exp(random.uniform(math.log(5), math.log(1_800))),
        random.uniform(_SMALL_SPREAD, _LARGE_SPREAD),
    )


def _history(apps: dict[str, TrueApp], random: Random) -> History:
    """20 to 400 jobs an app, over some hours."""
    hours = []
    for number in range(20):
        at = _BEGIN - timedelta(hours=number)
        seen = [
            _observe(name, app, at, random)
            for name, app in apps.items()
            for _ in range(random.randint(1, 20))
        ]
        hours.append(count_hour(at, seen))
    return History({name: join(hour[name] for hour in hours) for name in apps})


def _observe(name: str, app: TrueApp, at: datetime, random: Random) -> Observation:
    started = at + timedelta(seconds=app.wait(random))
    return Observation(name, at, started, started + timedelta(seconds=app.run(random)))


def _workflow(random: Random, apps: list[str], most_steps: int) -> Outset:
    count = random.randint(2, most_steps)
    steps = tuple(
        StepSpec(
            f"s{at}",
            random.choice(apps),
            {},
            depends_on=tuple(
                f"s{need}" for need in range(max(0, at - 5), at) if random.random() < 0.3
            ),
        )
        for at in range(count)
    )
    workflow = Workflow(
        "wf",
        "alice",
        WorkflowState.PENDING,
        (StepState.PENDING,) * count,
        (0,) * count,
        cap=random.randint(1, 8),
    )
    return Outset(compile_spec(Spec("w", "1", {}, steps)), workflow, _BEGIN)


def _draw(begin: Outset, apps: dict[str, TrueApp], random: Random) -> Drawn:
    names = [step.app for step in begin.compiled.spec.steps]
    waits = [apps[name].wait(random) for name in names]
    return Drawn(waits, [apps[name].run(random) + NOTICE for name in names])


def _interrupt(begin: Outset, times: Drawn, random: Random) -> tuple[Outset, float]:
    """The workflow at a random time of its course (in every second trial at its beginning), and how
    long it takes from then on."""
    course = run(begin, PlannedStarts(begin), times)
    if random.random() < 0.5:
        return begin, course.end
    now = random.uniform(0, course.end)
    states, jobs = list(begin.workflow.states), dict[int, Underway]()
    for step, begun in course.begins.items():
        sent = begun - times.waits[step]
        if course.ends[step] <= now:
            states[step] = StepState.SUCCEEDED
        elif sent <= now:
            states[step] = StepState.RUNNING if begun <= now else StepState.QUEUED
            over = course.ends[step] - NOTICE <= now
            jobs[step] = Underway(now - sent, now - begun if begun <= now else None, over)
    attempts = tuple(int(state is not StepState.PENDING) for state in states)
    workflow = replace(
        begin.workflow, state=WorkflowState.RUNNING, states=tuple(states), attempts=attempts
    )
    return Outset(begin.compiled, workflow, _BEGIN, jobs), course.end - now
