"""Which steps start when another has ended: by ``plan`` itself, or by its rule counted along.

A call of ``plan`` looks at every step, so a run of a workflow of n steps costs n² looks: half a
millisecond for 20 steps, a minute for 10,000. ``QuickStarts`` follows the same rule with a counter
a step. That both start the same steps at the same times is a law in
``tests/rules/forecast/test_starts.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from heapq import heappop, heappush
from typing import Final, Protocol

from workflows.model.states import JobState
from workflows.model.values import Job, Outcome, Workflow, job_key
from workflows.rules.forecast.outset import Outset
from workflows.rules.plan import plan

PLANNED_STEPS: Final = 20
"""Workflows of so many steps or fewer are driven by ``plan`` itself."""


class Starts(Protocol):
    """The decisions of one run, in the order of time. Times are seconds from the outset."""

    def first(self) -> Sequence[int]:
        """The steps that start at the outset."""

    def after(self, step: int, now: float) -> Sequence[int]:
        """The steps that start because this one has ended well."""

    def wake(self, now: float) -> Sequence[int]:
        """The steps that start because the wait of a retry is over."""


def starts_of(outset: Outset) -> Starts:
    """Those of one run."""
    if len(outset.workflow.states) <= PLANNED_STEPS:
        return PlannedStarts(outset)
    return QuickStarts(outset)


class PlannedStarts:
    """Asks ``plan``, with jobs that end well."""

    def __init__(self, outset: Outset) -> None:
        self._outset = outset
        self._workflow: Workflow = outset.workflow

    def first(self) -> Sequence[int]:
        return self._plan([], 0.0)

    def after(self, step: int, now: float) -> Sequence[int]:
        return self._plan([self._end_job(step, now)], now)

    def wake(self, now: float) -> Sequence[int]:
        return self._plan([], now)

    def _plan(self, jobs: Sequence[Job], now: float) -> list[int]:
        at = self._outset.now + timedelta(seconds=now)
        made = plan(self._outset.compiled, self._workflow, jobs, at)
        self._workflow = made.workflow
        return [start.step for start in made.starts]

    def _end_job(self, step: int, now: float) -> Job:
        workflow, spec = self._workflow, self._outset.compiled.spec.steps[step]
        attempt = workflow.attempts[step]
        return Job(
            key=job_key(workflow.id, step, attempt),
            workflow=workflow.id,
            step=step,
            attempt=attempt,
            owner=workflow.owner,
            app=spec.app,
            params={},
            base_url="",
            state=JobState.DONE,
            outcome=Outcome.SUCCEEDED,
            finished_at=self._outset.now + timedelta(seconds=now),
        )


class QuickStarts:
    """Counts the unmet needs of each step, and takes the first ready one in the document."""

    def __init__(self, outset: Outset) -> None:
        self._dependents = outset.compiled.dag.dependents
        self._free = outset.workflow.cap - len(outset.in_flight)
        self._unmet = list(outset.unmet_needs)
        self._later = dict(outset.retry_waits)
        self._ready = list(outset.startable)

    def first(self) -> Sequence[int]:
        return self._fill()

    def after(self, step: int, now: float) -> Sequence[int]:  # noqa: ARG002 - its retries wake
        self._free += 1
        for dependent in self._dependents[step]:
            self._unmet[dependent] -= 1
            if not self._unmet[dependent]:
                heappush(self._ready, dependent)
        return self._fill()

    def wake(self, now: float) -> Sequence[int]:
        for step in [step for step, at in self._later.items() if at <= now]:
            del self._later[step]
            heappush(self._ready, step)
        return self._fill()

    def _fill(self) -> list[int]:
        found = []
        while self._free > 0 and self._ready:
            found.append(heappop(self._ready))
            self._free -= 1
        return found
