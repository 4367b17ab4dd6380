"""Explains why a step does not run, since when, and what would unblock it.

``plan`` decides; this module describes its decisions and their outcome. It has no effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from workflows.model.states import (
    ACTIVE_WORKFLOW,
    FINAL_STEP,
    FINAL_WORKFLOW,
    IN_FLIGHT,
    SATISFIED,
    JobState,
    StepState,
)
from workflows.model.values import APPSERVICE, Job, Workflow
from workflows.rules.holds import Hold, Scope, Subject, describe, find_hold
from workflows.rules.plan import plan
from workflows.spec.compiled_spec import CompiledSpec

MOST_BUSY: Final = 20
"""How many steps under way the reason of a waiting step names: thousands may wait."""


class Code(StrEnum):
    """The reason's code."""

    WAITING_FOR_STEPS = "waiting_for_steps"
    PARALLELISM_CAP = "parallelism_cap"
    USER_CAP = "user_cap"
    SUBMISSION_IN_DOUBT = "submission_in_doubt"
    RETRY_AT = "retry_at"
    PAUSED = "paused"
    SERVICE_UNAVAILABLE = "service_unavailable"
    SERVICE_DISABLED = "service_disabled"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason
    QUEUED_AT_BVBRC = "queued_at_bvbrc"
    RUNNING = "running"
    LOOKING_FOR_RESULTS = "looking_for_results"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one step is not done yet."""

    step_name: str
    state: StepState
    code: Code
    message: str
    unblocked_by: str
    since: datetime | None = None
    """None where it was not recorded."""
    until: datetime | None = None
    """When the reason ends by itself, if that is known."""
    waiting_for: tuple[str, ...] = ()
    """Names of the steps that it waits for; under a parallelism cap, the first few under way."""
    job_id: str = ""
    hold: Hold | None = None
    """The hold that keeps the step from starting."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The facts outside of its workflow that a step's progress depends on."""

    now: datetime
    began: datetime
    """When the workflow was submitted."""
    workflow_id: str = ""
    backend_of: Callable[[str], str] = lambda _: APPSERVICE
    """The name of the backend that runs an app."""
    token_expires_at: datetime | None = None
    """None if the engine keeps no token of the user."""
    token_refused: bool = False
    service: str = "up"
    """``up``, ``away`` or ``disabled``: AppService, as far as known."""
    service_since: datetime | None = None
    service_reason: str = ""
    user_jobs: int = 0
    """The user's jobs that are at AppService or being sent."""
    most_user_jobs: int = 1_000_000
    holds: Sequence[Hold] = ()
    """Those that may keep a step from starting."""
    subject_of: Callable[[str], Subject] = lambda app: Subject("", app, "")
    """A job of an app in this workflow, as far as holds are concerned."""

    @property
    def token_ended(self) -> bool:
        return (
            self.token_refused or self.token_expires_at is None or self.token_expires_at <= self.now
        )


def explain(
    compiled: CompiledSpec, workflow: Workflow, jobs: Sequence[Job], around: Surroundings
) -> tuple[Reason, ...]:
    """Returns one reason for each unfinished step; none for a workflow that is not under way.

    ``jobs`` are all jobs of the workflow, in every state.
    """
    if workflow.state not in ACTIVE_WORKFLOW and workflow.state not in FINAL_WORKFLOW:
        return ()
    planned = plan(compiled, workflow, jobs, around.now).workflow
    return tuple(_View(compiled, planned, jobs, around).reasons())


def outlook(compiled: CompiledSpec, workflow: Workflow) -> str:
    """Says that further steps are to be planned, and after which steps; empty if none are."""
    if workflow.state in FINAL_WORKFLOW or workflow.cancel_requested:
        return ""
    if workflow.unplannable:
        return f"Further steps cannot be planned, so the workflow will fail: {workflow.unplannable}"
    states = {step: workflow.states[step] for step in workflow.waits_for}
    waits = [step for step, state in states.items() if state not in FINAL_STEP]
    done = [step for step, state in states.items() if state is StepState.SUCCEEDED]
    names = [compiled.spec.steps[step].name for step in done or waits]
    if done:
        return f"Further steps are being planned from the results of {_name_steps(names)}."
    return f"Further steps follow once {_name_steps(names, 'or')} has succeeded." if waits else ""


class _View:
    """A workflow as ``plan`` leaves it, with the latest job of each step."""

    def __init__(
        self,
        compiled: CompiledSpec,
        workflow: Workflow,
        jobs: Sequence[Job],
        around: Surroundings,
    ) -> None:
        self._steps = compiled.spec.steps
        self._needs = compiled.dag.needs
        self._workflow = workflow
        self._around = around
        self._last: Mapping[int, Job] = {
            job.step: job for job in sorted(jobs, key=lambda job: job.attempt)
        }
        self._busy: Sequence[str] = [
            self._steps[step].name
            for step, state in enumerate(workflow.states)
            if state in IN_FLIGHT
        ]
        self._places_end = f"The end of {_name_steps(self._busy, 'or')}."

    def reasons(self) -> Iterator[Reason]:
        for step, state in enumerate(self._workflow.states):
            if state in FINAL_STEP:
                continue
            if state is StepState.PENDING:
                yield self._pending(step)
            elif state is StepState.READY:
                yield self._ready(step)
            else:
                yield self._in_flight(step, state)

    def _pending(self, step: int) -> Reason:
        missing = [
            self._steps[need].name
            for need in self._needs[step]
            if self._workflow.states[need] not in SATISFIED
        ]
        return Reason(
            self._steps[step].name,
            StepState.PENDING,
            Code.WAITING_FOR_STEPS,
            f"It waits for {_name_steps(missing)} to succeed.",
            f"The success of {_name_steps(missing)}.",
            since=self._around.began,
            waiting_for=tuple(missing),
        )

    def _ready(self, step: int) -> Reason:
        retry, name = self._workflow.retries.get(step), self._steps[step].name
        if retry and retry.at > self._around.now:
            return Reason(
                name,
                StepState.READY,
                Code.RETRY_AT,
                f"Attempt {self._workflow.attempts[step]} failed; the step will be tried again.",
                f"The next attempt starts at {retry.at:%H:%M} UTC.",
                since=self._ended_at(step),
                until=retry.at,
            )
        count = len(self._busy)
        return Reason(
            name,
            StepState.READY,
            Code.PARALLELISM_CAP,
            f"{count} of at most {self._workflow.cap} steps of this workflow are under way.",
            self._places_end,
            since=max(map(self._ended_at, self._needs[step]), default=self._around.began),
            waiting_for=tuple(self._busy[:MOST_BUSY]),
        )

    def _ended_at(self, step: int) -> datetime:
        """When the step's last job ended."""
        job = self._last.get(step)
        return (job.finished_at if job else None) or self._around.began

    def _in_flight(self, step: int, state: StepState) -> Reason:
        job = self._last.get(step)
        if job is None or job.attempt != self._workflow.attempts[step]:
            job = None  # this advance will store it
        if job is None or job.state is JobState.INTENDED:
            hold = find_hold(self._around.holds, self._around.subject_of(self._steps[step].app))
            if hold:
                return self._held_by(step, state, hold)
        code, message, unblocked_by, since = self._of_job(job, self._steps[step].app)
        if job and job.miss:
            message += f" No earlier result could be reused: {job.miss['message']}"
        return Reason(
            self._steps[step].name,
            state,
            code,
            message,
            unblocked_by,
            since=since,
            until=job.absent_after if job and code is Code.SUBMISSION_IN_DOUBT else None,
            job_id=job.job_id if job else "",
        )

    def _held_by(self, step: int, state: StepState, hold: Hold) -> Reason:
        ends = f"The hold ends at {hold.until:%Y-%m-%d %H:%M} UTC, or " if hold.until else ""
        lifted = (
            f"POST /api/v1/workflows/{self._around.workflow_id}/resume"
            if hold.scope is Scope.WORKFLOW
            else f"{hold.by} or an admin lifts it: DELETE /api/v1/holds/{hold.id}"
        )
        return Reason(
            self._steps[step].name,
            state,
            Code.PAUSED,
            f"{describe(hold)} {hold.by} has set this hold.",
            f"{ends}{lifted}.",
            since=hold.created_at,
            until=hold.until,
            hold=hold,
        )

    def _of_job(self, job: Job | None, app: str) -> tuple[Code, str, str, datetime | None]:
        around = self._around
        if around.token_ended:
            return (
                Code.TOKEN_EXPIRED,
                _without_token(job, around),
                f"PUT /api/v1/workflows/{around.workflow_id}/token with a fresh token of"
                " the owner.",
                around.token_expires_at,
            )
        if around.backend_of(app) != APPSERVICE:
            return self._in_house(job)
        if job is None or job.state in (JobState.CHECKING, JobState.INTENDED):
            return self._unsent(job)
        if job.state is JobState.SENDING and job.in_doubt:
            return _in_doubt(job)
        if job.state is JobState.SENDING:
            return (
                Code.QUEUED_AT_BVBRC,
                "The step is being submitted; AppService's checks may take minutes.",
                "AppService answers.",
                job.sent_at,
            )
        return _at_bvbrc(job)

    def _unsent(self, job: Job | None) -> tuple[Code, str, str, datetime | None]:
        around = self._around
        if job and job.state is JobState.CHECKING:
            return _looks(job)
        if around.service == "disabled":
            return (
                Code.SERVICE_DISABLED,
                f"BV-BRC accepts no submissions now: {around.service_reason or 'maintenance'}.",
                "BV-BRC accepts submissions again; the engine checks continually.",
                around.service_since,
            )
        if job and job.refused_since and around.service != "away":
            return (
                Code.SERVICE_UNAVAILABLE,
                f"AppService refused the step, possibly because of an outage: {job.reason}.",
                "The outage ends; the engine retries until then.",
                job.refused_since,
            )
        if around.service == "away" or (job and job.tries):
            reason = (job.reason if job else "") or around.service_reason or "no answer"
            return (
                Code.SERVICE_UNAVAILABLE,
                f"AppService could not accept the step: {reason}.",
                "AppService can be reached again; the engine retries until then.",
                around.service_since,
            )
        if around.user_jobs >= around.most_user_jobs:
            return self._at_cap()
        return (
            Code.QUEUED_AT_BVBRC,
            f"The step is about to be submitted to AppService{self._place()}.",
            "A submission slot is free.",
            None,
        )

    def _in_house(self, job: Job | None) -> tuple[Code, str, str, datetime | None]:
        """The reason of a built-in step, which does not depend on AppService."""
        if job and job.state is not JobState.INTENDED:
            return Code.RUNNING, "The engine is running the step.", "The step ends.", job.sent_at
        if job and job.reason:
            message = f"The step will be tried again: {job.reason}."
            return (
                Code.RETRY_AT,
                message,
                "The engine tries it again after its back-off.",
                job.sent_at,
            )
        if self._around.user_jobs >= self._around.most_user_jobs:
            return self._at_cap()
        return Code.RUNNING, "The engine is about to run the step.", "A worker is free.", None

    def _place(self) -> str:
        """Where the workflow stands among its owner's, if that is not usual."""
        priority = self._workflow.priority
        return f", with priority {priority} among your workflows" if priority else ""

    def _at_cap(self) -> tuple[Code, str, str, datetime | None]:
        return (
            Code.USER_CAP,
            f"{self._around.user_jobs} jobs of this user are at BV-BRC, which is the limit"
            f"{self._place()}.",
            "One of the user's jobs ends.",
            None,
        )


def _without_token(job: Job | None, around: Surroundings) -> str:
    ended = "was refused by BV-BRC" if around.token_refused else "has expired"
    if around.token_expires_at is None:
        ended = "is not known"
    if job and job.job_id:
        return f"The owner's token {ended}: the state of job {job.job_id} cannot be queried."
    return f"The owner's token {ended}: the step cannot be submitted."


def _looks(job: Job) -> tuple[Code, str, str, datetime | None]:
    """The reason of a job whose result may be there already."""
    if job.basis:
        message = "Another job computes the same; the step waits for its results."
        return Code.LOOKING_FOR_RESULTS, message, "That job ends.", job.intended_at
    message = "The engine looks whether an earlier job has computed the same."
    unblocked_by = "The Workspace has answered; without an answer the step runs after a minute."
    return Code.LOOKING_FOR_RESULTS, message, unblocked_by, job.intended_at


def _in_doubt(job: Job) -> tuple[Code, str, str, datetime | None]:
    if job.answered:
        return (
            Code.SUBMISSION_IN_DOUBT,
            f"AppService answered with an error that may hide a job: {job.reason}.",
            "The engine asks AppService whether the job exists; if not, the step is sent again.",
            job.refused_since or job.sent_at,
        )
    return (
        Code.SUBMISSION_IN_DOUBT,
        f"The step was sent, but the answer was lost: {job.reason or 'no answer came'}.",
        "The engine asks AppService whether the job exists; a step is never sent twice.",
        job.sent_at,
    )


def _at_bvbrc(job: Job) -> tuple[Code, str, str, datetime | None]:
    killed = " It is being killed." if job.kill else ""
    if job.failing:
        message = f"Job {job.job_id} has failed; the engine is asking BV-BRC why."
        return Code.RUNNING, message, "BV-BRC answers, or the deadline passes.", job.finished_at
    if job.globs and job.finished_at:
        return _looked_for(job)
    if job.started_at:
        message = f"Job {job.job_id} is running.{killed}"
        return Code.RUNNING, message, "The job ends.", job.started_at
    message = f"Job {job.job_id} waits in BV-BRC's queue.{killed}"
    return Code.QUEUED_AT_BVBRC, message, "BV-BRC starts the job.", job.submitted_at


def _looked_for(job: Job) -> tuple[Code, str, str, datetime | None]:
    """The reason of a job that has completed and whose results are not known yet."""
    message = f"Job {job.job_id} has ended; its results are being looked for"
    if job.reason:
        unblocked_by = "The Workspace can be reached again; the engine retries until then."
        return Code.SERVICE_UNAVAILABLE, f"{message}: {job.reason}.", unblocked_by, job.finished_at
    return Code.RUNNING, f"{message}.", "The Workspace answers.", job.finished_at


def _name_steps(names: Sequence[str], word: str = "and") -> str:
    """``step 'a'``, ``steps 'a' and 'b'``; of many the first five."""
    quoted = [f"'{name}'" for name in names[:5]]
    if len(names) > len(quoted):
        quoted.append(f"{len(names) - len(quoted)} more")
    if len(quoted) == 1:
        return f"step {quoted[0]}"
    return f"steps {', '.join(quoted[:-1])} {word} {quoted[-1]}" if quoted else "a step"
