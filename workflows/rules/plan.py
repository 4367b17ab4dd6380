"""Decides what happens to a workflow now. Every rule of progress is here, and no effect.

``plan`` looks at a workflow, at its jobs that are not settled, and at the clock, and answers with a
``Plan``: values to store and jobs to start or stop. Planning again without a change is idempotent.

Theory of operation. A step is *pending* while it waits for other steps, *ready* when they are
satisfied, *queued* from its intent on, *running* when AppService reports a start, and then final. A
job is one attempt of a step; only the job of the latest attempt can move the step, and a step that
is final never moves again, except by a retry, which a person asks for. ``engine.advance`` is the
one caller: it holds the workflow's lease, reads workflow and jobs, and stores the whole plan in one
transaction fenced by that lease, so a plan takes effect completely or not at all. A crash before
the commit leaves what was stored before, and the next advance decides the same from it; a crash
after it leaves intents in the outbox and kills that are due, which any process carries out. What is
read may be older than what is stored by then: a job that has changed since keeps its mark
``changed_at``, and the next advance processes that change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from workflows.model.job_moves import FINAL_JOB
from workflows.model.states import (
    ACTIVE_WORKFLOW,
    FINAL_STEP,
    IN_FLIGHT,
    SATISFIED,
    STEP_MOVES,
    WORKFLOW_MOVES,
    JobState,
    StepState,
    WorkflowState,
    check_move,
)
from workflows.model.values import Event, Job, OnFailure, Outcome, PendingRetry, Workflow
from workflows.rules.endings import tell
from workflows.spec.compiled_spec import CompiledSpec

LONGEST_BACKOFF = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Start:
    """A step that needs a new job."""

    step: int
    attempt: int
    retries_left: int
    """How many attempts may follow without a user's retry."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The decisions of one advance. ``workflow`` is the new value; the other fields concern its
    jobs."""

    workflow: Workflow
    starts: tuple[Start, ...] = ()
    kills: tuple[Job, ...] = ()
    """Jobs that their workflow no longer wants."""
    announced: tuple[Job, ...] = ()
    """Jobs whose submission is now recorded in an event."""
    settled: tuple[Job, ...] = ()
    """Final jobs that have been processed; later advances skip them."""
    events: tuple[Event, ...] = ()
    next_check: datetime | None = None
    """When to advance the workflow again without a change; None if only a change can move it."""
    replan: bool = False
    """True if a step has succeeded whose results determine further steps: they are to be
    planned."""


def plan(compiled: CompiledSpec, workflow: Workflow, jobs: Sequence[Job], now: datetime) -> Plan:
    """One advance. ``jobs`` are the workflow's unsettled jobs, in any order.

    A workflow in state ``planned`` does not move.
    """
    advance = _Advance(compiled, workflow, now)
    if workflow.state is WorkflowState.PLANNED and not workflow.cancel_requested:
        return advance.result()
    for job in sorted(jobs, key=lambda job: (job.finished_at or now, job.step, job.attempt)):
        advance.observe(job)
    advance.stop(jobs)
    advance.spread()
    advance.start()
    advance.conclude()
    return advance.result()


@dataclass(slots=True)
class _Advance:
    """The working copy of one call of ``plan``."""

    compiled: CompiledSpec
    before: Workflow
    now: datetime
    state: WorkflowState = field(init=False)
    states: list[StepState] = field(init=False)
    attempts: list[int] = field(init=False)
    retries: dict[int, PendingRetry] = field(init=False)
    failure: str = field(init=False)
    last_event_at: datetime | None = field(init=False)
    starts: list[Start] = field(default_factory=list)
    kills: list[Job] = field(default_factory=list)
    announced: list[Job] = field(default_factory=list)
    settled: list[Job] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.before.state
        self.states = list(self.before.states)
        self.attempts = list(self.before.attempts)
        self.retries = dict(self.before.retries)
        self.failure = self.before.failure
        self.last_event_at = self.before.last_event_at

    # What follows from the jobs.

    def observe(self, job: Job) -> None:
        """Process one job's changes; a change of a step that has ended has no effect."""
        if job.state in FINAL_JOB:
            self.settled.append(job)
        current = job.attempt == self.attempts[job.step]
        if not current or self.states[job.step] not in IN_FLIGHT:
            return
        if job.job_id and not job.announced:
            self._announce(job)
        if job.started_at and self.states[job.step] is StepState.QUEUED:
            begun = _latest(job.submitted_at, job.started_at)
            self._move(job.step, StepState.RUNNING, job, at=begun)
            self._run(begun)
        if job.state in FINAL_JOB:
            self._end(job)

    def _announce(self, job: Job) -> None:
        self.announced.append(job)
        at = job.submitted_at or job.started_at or self.now
        self._record(job.step, StepState.READY, StepState.QUEUED, job=job, at=at)

    def _end(self, job: Job) -> None:
        ended = _latest(job.submitted_at, job.started_at, job.finished_at)
        if job.state is JobState.DONE:
            self._run(_latest(job.submitted_at, job.started_at) or job.finished_at)
        if job.state is JobState.DONE and job.outcome is Outcome.SUCCEEDED:
            self._move(job.step, StepState.SUCCEEDED, job, at=ended)
        elif job.state is JobState.WITHDRAWN or job.kill:
            self._move(job.step, StepState.CANCELLED, job, at=ended)
        elif job.state is JobState.DONE and job.retries_left > 0 and not self._stopping():
            wait = backoff(self.compiled.spec.steps[job.step].retry.backoff, job.attempt)
            self.retries[job.step] = PendingRetry(self.now + wait, job.retries_left - 1)
            self._move(job.step, StepState.READY, job, at=ended)
        else:
            name = self.compiled.spec.steps[job.step].name
            self.failure = (
                self.failure or f"Step '{name}' failed: {job.reason or 'no reason given'}"
            )
            self._move(job.step, StepState.FAILED, job, at=ended)

    # What follows for the steps.

    def _stopping(self) -> bool:
        """Whether no step starts any more: the workflow is cancelled, or a step failed and
        ``on_failure`` is ``cancel``."""
        failed = StepState.FAILED in self.states or bool(self.before.unplannable)
        return self.before.cancel_requested or (
            self.compiled.spec.on_failure is OnFailure.CANCEL and failed
        )

    def stop(self, jobs: Sequence[Job]) -> None:
        """If the workflow stops, start no further step and mark every open job for a kill."""
        if not self._stopping():
            return
        if self.before.cancel_requested and self.state not in (
            WorkflowState.CANCELLED,
            WorkflowState.SUCCEEDED,
            WorkflowState.FAILED,
        ):
            self._to(WorkflowState.CANCELLED)
        for step, state in enumerate(self.states):
            if state in (StepState.PENDING, StepState.READY):
                self._move(step, StepState.CANCELLED)
                self.retries.pop(step, None)
        self.kills = [job for job in jobs if job.state not in FINAL_JOB and not job.kill]

    def spread(self) -> None:
        """Propagate finished steps to their dependents, in topological order."""
        states, needs = self.states, self.compiled.dag.needs
        for step in self.compiled.order:
            if states[step] is not StepState.PENDING:
                continue
            if all(states[need] in SATISFIED for need in needs[step]):
                self._move(step, StepState.READY)
            elif any(
                states[need] in FINAL_STEP and states[need] not in SATISFIED for need in needs[step]
            ):
                self._move(step, StepState.UPSTREAM_FAILED)

    def start(self) -> None:
        """Fill the free slots with ready steps, the earliest in the document first."""
        free = self.before.cap - sum(state in IN_FLIGHT for state in self.states)
        for step, state in enumerate(self.states):
            if free <= 0:
                return
            if state is not StepState.READY:
                continue
            retry = self.retries.get(step)
            if retry and retry.at > self.now:
                continue
            self._start(step, retry)
            free -= 1

    def _start(self, step: int, retry: PendingRetry | None) -> None:
        attempts = self.compiled.spec.steps[step].retry.max_attempts
        retries_left = retry.retries_left if retry else attempts - 1
        self.retries.pop(step, None)
        self.attempts[step] += 1
        self.states[step] = check_move(STEP_MOVES, StepState.READY, StepState.QUEUED)
        self.starts.append(Start(step, self.attempts[step], retries_left))

    def conclude(self) -> None:
        """Move the workflow to the state that follows from its steps."""
        if self.state not in ACTIVE_WORKFLOW:
            return
        if all(state in FINAL_STEP for state in self.states) and not self._grows():
            flaw = self.before.unplannable
            good = all(state in SATISFIED for state in self.states) and not flaw
            reason = tell("CWL expression", detail=flaw) if flaw else ""
            self.failure = reason or self.failure
            self._to(WorkflowState.SUCCEEDED if good else WorkflowState.FAILED, reason)
        elif self._has_run():
            self._run()
        elif self.state is WorkflowState.PENDING:
            self._to(WorkflowState.QUEUED)

    def _grows(self) -> bool:
        """Whether results exist that did not when the present steps were planned."""
        if self.state not in ACTIVE_WORKFLOW or self._stopping() or self.before.unplannable:
            return False
        return any(self.states[step] is StepState.SUCCEEDED for step in self.before.waits_for)

    def _run(self, at: datetime | None = None) -> None:
        """The workflow runs since its first step does."""
        if self.state in (WorkflowState.PENDING, WorkflowState.QUEUED):
            self._to(WorkflowState.RUNNING, at=at)

    def _has_run(self) -> bool:
        ran = (StepState.RUNNING, StepState.SUCCEEDED, StepState.FAILED)
        return any(state in ran for state in self.states)

    # What is written.

    def _move(
        self, step: int, after: StepState, job: Job | None = None, at: datetime | None = None
    ) -> None:
        before = self.states[step]
        self.states[step] = check_move(STEP_MOVES, before, after)
        if after is not StepState.READY or job:
            self._record(step, before, after, job=job, at=at or self.now)

    def _record(
        self, step: int, before: StepState, after: StepState, *, job: Job | None, at: datetime
    ) -> None:
        spec = self.compiled.spec.steps[step]
        failed = after in FINAL_STEP or after is StepState.READY
        ended = after in FINAL_STEP and job is not None and job.finished_at is not None
        self.events.append(
            Event(
                sequence=self.before.sequence + len(self.events) + 1,
                at=self._in_order(at),
                subject="step",
                before=before,
                after=after,
                step=step,
                step_name=spec.name,
                app=spec.app,
                attempt=job.attempt if job else 0,
                job_id=job.job_id if job else "",
                reason=job.reason if job and failed else "",
                duration=_duration(job) if ended and job else None,
                reused=bool(job and job.reused and after is StepState.SUCCEEDED),
            )
        )

    def _to(self, after: WorkflowState, reason: str = "", at: datetime | None = None) -> None:
        before, self.state = self.state, check_move(WORKFLOW_MOVES, self.state, after)
        sequence = self.before.sequence + len(self.events) + 1
        self.events.append(
            Event(
                sequence,
                self._in_order(at or self.now),
                "workflow",
                before,
                after,
                reason=reason,
            )
        )

    def _in_order(self, at: datetime) -> datetime:
        """The time of the next event: events stand in the order of time. A change that was found
        out after a later one counts from then on; a job keeps its own times. AppService's clock may
        be ahead.
        """
        self.last_event_at = _latest(min(at, self.now), self.last_event_at) or self.now
        return self.last_event_at

    def result(self) -> Plan:
        after = replace(
            self.before,
            state=self.state,
            states=tuple(self.states),
            attempts=tuple(self.attempts),
            retries=self.retries,
            sequence=self.before.sequence + len(self.events),
            last_event_at=self.last_event_at,
            failure=self.failure,
        )
        return Plan(
            workflow=after,
            starts=tuple(self.starts),
            kills=tuple(self.kills),
            announced=tuple(self.announced),
            settled=tuple(self.settled),
            events=tuple(self.events),
            next_check=min((retry.at for retry in self.retries.values()), default=None),
            replan=self._grows(),
        )


def _latest(*times: datetime | None) -> datetime | None:
    """The latest of the known ones. AppService's times are whole seconds, cut off, so that a job
    seems to start before it was submitted; events stand in the order of time all the same."""
    return max(filter(None, times), default=None)


def backoff(first: timedelta, attempt: int) -> timedelta:
    """How long a step waits after its ``attempt``-th attempt failed: doubled each time, capped."""
    return min(first * 2.0 ** min(attempt - 1, 32), LONGEST_BACKOFF)


def _duration(job: Job) -> timedelta | None:
    """How long the job ran; counted from its submission if it has no start time."""
    begun = job.started_at or job.submitted_at
    return job.finished_at - begun if begun and job.finished_at else None
