"""View models of a workflow, read from the stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.connections import connections
from app.forecast import forecasts
from app.ui.drawing.timeline import Span
from workflows.engine import holds
from workflows.engine.forecast.forecasts import Made
from workflows.engine.jobs.intents import results
from workflows.model.errors import Invalid
from workflows.model.states import (
    ACTIVE_WORKFLOW,
    FINAL_STEP,
    FINAL_WORKFLOW,
    IN_FLIGHT,
    RETRY_STEPS,
    RETRY_WORKFLOW,
    StepState,
    WorkflowState,
)
from workflows.model.values import Job, Json
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.resolver import Resolver
from workflows.store import holds as stored_holds
from workflows.store.jobs import rows as job_rows
from workflows.store.templates.references import template_name
from workflows.store.users import credentials
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow

ORDER: Final = (
    StepState.SUCCEEDED,
    StepState.SKIPPED,
    StepState.RUNNING,
    StepState.QUEUED,
    StepState.READY,
    StepState.PENDING,
    StepState.FAILED,
    StepState.UPSTREAM_FAILED,
    StepState.CANCELLED,
)
"""In this order states are counted and drawn."""


@dataclass(frozen=True, slots=True)
class Head:
    """The common part of a workflow's pages."""

    workflow: StoredWorkflow
    compiled: CompiledSpec
    now: datetime
    token_ends: datetime | None
    """None: the owner's token is not kept here."""
    token_refused: bool

    @property
    def id(self) -> str:
        return self.workflow.id

    @property
    def state(self) -> WorkflowState:
        return self.workflow.status

    @property
    def states(self) -> tuple[StepState, ...]:
        return self.workflow.progress.states

    @property
    def begun(self) -> datetime:
        return self.workflow.begun_at

    @property
    def ended(self) -> datetime | None:
        return self.workflow.finished_at if self.final else None

    @property
    def final(self) -> bool:
        return self.state in FINAL_WORKFLOW

    @property
    def elapsed(self) -> timedelta:
        return (self.ended or self.now) - self.begun

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many steps are in each state, of those that occur."""
        return in_order(Counter(self.states))

    @property
    def over(self) -> int:
        return count_final(self.counts)

    @property
    def in_flight(self) -> list[int]:
        return [step for step, state in enumerate(self.states) if state in IN_FLIGHT]

    @property
    def anew(self) -> list[int]:
        """Steps that a retry starts again."""
        return [step for step, state in enumerate(self.states) if state in RETRY_STEPS]

    @property
    def may_pause(self) -> bool:
        return self.state in ACTIVE_WORKFLOW

    @property
    def hold(self) -> str:
        """What keeps its steps from starting, by a restart, or by a hold on it, on its batch or
        on its template; empty if nothing does."""
        if not self.may_pause:
            return ""
        if self.workflow.paused:
            return "Paused by a restart: no further step starts until it is resumed."
        template = template_name(self.workflow.template)
        return holds.describe_all(stored_holds.on_workflow(self.id, self.workflow.batch, template))

    @property
    def forecast(self) -> Made | None:
        """When it is likely to end; None where that is not asked, or may not be computed now."""
        if self.state not in ACTIVE_WORKFLOW or self.hold or self.parked:
            return None
        return forecasts.for_page(lambda: forecasts.of_workflow(self.workflow))

    @property
    def may_cancel(self) -> bool:
        return self.state in ACTIVE_WORKFLOW or self.state == WorkflowState.PLANNED

    @property
    def may_retry(self) -> bool:
        return self.workflow.state in RETRY_WORKFLOW

    @property
    def may_delete(self) -> bool:
        """Unless a job of it is still being killed."""
        return self.final or self.workflow.state == WorkflowState.PLANNED

    @property
    def may_start(self) -> bool:
        return self.state == WorkflowState.PLANNED and not self.workflow.problems

    @property
    def parked(self) -> bool:
        """Whether it waits for a fresh token."""
        ended = self.token_ends is None or self.token_ends <= self.now
        return self.state in ACTIVE_WORKFLOW and (self.token_refused or ended)


def in_order(counts: Mapping[Any, int]) -> list[tuple[str, int]]:
    """States that occur, with their counts, in the order in which they are drawn."""
    return [(str(state), counts[state]) for state in ORDER if counts.get(state)]


def count_final(counts: Sequence[tuple[str, int]]) -> int:
    """How many steps are in a final state."""
    return sum(count for state, count in counts if state in FINAL_STEP)


def head(workflow_id: str) -> Head:
    """Raises ``NotFound``, and ``Forbidden`` where it belongs to another user."""
    workflow = connections().gate.load(workflow_id)
    ends, refused = credentials.expiry(connections().context.vault, workflow.owner)
    return Head(workflow, specs.get(workflow.spec_id), datetime.now(UTC), ends, refused)


def present_jobs(found: Head, history: Sequence[Job]) -> dict[int, Job]:
    """Step index to the job of its present attempt."""
    attempts = found.workflow.progress.attempts
    return {job.step: job for job in history if job.attempt == attempts[job.step]}


def spans(history: Sequence[Job]) -> list[Span]:
    """The attempts that were handed over."""
    return [
        Span(
            job.step,
            job.attempt,
            begun,
            job.started_at,
            job.finished_at,
            str(job.outcome or ""),
            reused=job.reused is not None,
        )
        for job in history
        if (begun := job.submitted_at or (job.intended_at if job.reused else None))
    ]


def attempts_of(workflow_id: str, step: int) -> list[Job]:
    """Every job of a step, with what was sent."""
    return [job for job in job_rows.of_workflow(workflow_id) if job.step == step]


def outputs(found: Head, step: int) -> Mapping[str, Json]:
    """Resolved, or as they were written where that cannot be yet."""
    try:
        return _resolver(found, [step, *found.compiled.dag.needs[step]]).outputs(step)
    except Invalid:
        return found.compiled.spec.steps[step].outputs


def workflow_outputs(found: Head) -> Sequence[Any]:
    """As ``outputs``, of the workflow as a whole."""
    spec = found.compiled.spec
    try:
        return _resolver(found, range(len(spec.steps))).workflow_outputs()
    except Invalid:
        return spec.workflow_outputs


def _resolver(found: Head, steps: Sequence[int]) -> Resolver:
    progress = found.workflow.progress
    known = results(progress, found.compiled, steps)
    return Resolver(found.compiled.spec, progress.attempts, known)
