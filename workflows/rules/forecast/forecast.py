"""The forecast of a workflow: many runs in virtual time, each with other durations.

The cost is bounded: a run of n steps takes about 5 µs a step, and all runs of a forecast together
look at no more steps than ``_MOST_STEPS``, but for ``_FEWEST_RUNS`` runs of a very large workflow:
20 runs and 15 of the comparison, 2 s for 10,000 steps (benchmarks/results/forecast.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from workflows.rules.durations.history import History
from workflows.rules.forecast.draws import Drawn, Durations, durations_of
from workflows.rules.forecast.outset import Outset
from workflows.rules.forecast.starts import QuickStarts, starts_of
from workflows.rules.forecast.virtual_run import Course, run

MOST_RUNS: Final = 200
_FEWEST_RUNS: Final = 30
_MOST_STEPS: Final = 200_000
"""Steps that all runs look at together."""
_CAP_PART: Final = 4
"""The comparison of caps has a quarter of the runs for each cap."""
_CAP_FACTORS: Final = (2, 4)


@dataclass(frozen=True, slots=True)
class Band:
    """Seconds from the outset: the median, and what nine runs in ten do not exceed."""

    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class StepForecast:
    """One open step."""

    step: int
    start: Band
    """When its job starts at BV-BRC; zero for one that runs."""
    end: Band
    criticality: float
    """In which part of the runs (0 to 1) it was on the critical path."""
    observations: int
    """How many earlier jobs it rests on."""


@dataclass(frozen=True, slots=True)
class CapForecast:
    """The end with another number of steps at the same time."""

    cap: int
    end: Band


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one workflow."""

    end: Band
    steps: Sequence[StepForecast]
    """The open ones, in the order of the document."""
    critical_path: Sequence[int]
    """Of a run in the middle."""
    caps: Sequence[CapForecast]
    """The workflow's own cap first; then higher ones, as far as they make a difference."""
    runs: int


def runs_for(steps: int) -> int:
    """How many runs a workflow with so many open steps gets."""
    return min(MOST_RUNS, max(_FEWEST_RUNS, _MOST_STEPS // max(steps, 1)))


def forecast(
    outset: Outset,
    history: History,
    notice_seconds: float,
    seed: int,
    most_runs: int = MOST_RUNS,
) -> Forecast:
    """The same seed gives the same forecast. Raises ``LookupError`` where an app has no history
    (``missing_apps``)."""
    durations = durations_of(outset, history, notice_seconds)
    runs = min(runs_for(len(durations.steps)), most_runs)
    draws = list(_draw(durations, seed, runs))
    courses = [run(outset, starts_of(outset), drawn) for drawn in draws]
    ends = [course.end for course in courses]
    return Forecast(
        band(ends),
        _steps(durations, courses),
        _middle(courses).decisive_steps(),
        _compare(outset, draws[: max(runs // _CAP_PART, 5)], band(ends)),
        runs,
    )


def quick_end(
    outset: Outset, history: History, notice_seconds: float, seed: int, runs: int
) -> Band:
    """The end alone, from so many runs. Raises as ``forecast``."""
    durations = durations_of(outset, history, notice_seconds)
    draws = _draw(durations, seed, runs)
    return band([run(outset, QuickStarts(outset), drawn).end for drawn in draws])


def band(values: Sequence[float]) -> Band:
    """Of one value in each run."""
    ordered = sorted(values)
    return Band(_quantile(ordered, 0.5), _quantile(ordered, 0.9))


def _quantile(ordered: Sequence[float], part: float) -> float:
    """Interpolated; ``ordered`` is not empty."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _draw(durations: Durations, seed: int, runs: int) -> list[Drawn]:
    random = Random(seed)  # noqa: S311 - nothing secret
    return [durations.draw(random) for _ in range(runs)]


def _steps(durations: Durations, courses: Sequence[Course]) -> list[StepForecast]:
    decisive = Counter(step for course in courses for step in course.decisive_steps())
    return [
        StepForecast(
            each.step,
            band([course.begins[each.step] for course in courses]),
            band([course.ends[each.step] for course in courses]),
            decisive[each.step] / len(courses),
            each.expected.observations,
        )
        for each in durations.steps
    ]


def _middle(courses: Sequence[Course]) -> Course:
    return sorted(courses, key=lambda course: course.end)[len(courses) // 2]


def _compare(outset: Outset, draws: Sequence[Drawn], end: Band) -> list[CapForecast]:
    """The same jobs with more of them at the same time."""
    cap, most = outset.workflow.cap, len(outset.open_steps)
    found = [CapForecast(cap, end)]
    for other in [cap * factor for factor in _CAP_FACTORS]:
        if found[-1].cap >= most:
            break
        freer = replace(outset, workflow=replace(outset.workflow, cap=other))
        ends = [run(freer, QuickStarts(freer), drawn).end for drawn in draws]
        found.append(CapForecast(other, band(ends)))
    return found
