"""Explains why a step does not run, since when, and what would unblock it.

``plan`` decides; this module describes its decisions and their outcome. It has no effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
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
from workflows.rules.holds import Hold, Scope, describe, find_hold
from workflows.rules.plan import plan
from workflows.rules.reasons.jobs import (
    explain_at_bvbrc,
    explain_doubt,
    explain_hanging_calls,
    explain_look_up,
    explain_token,
)
from workflows.rules.reasons.values import Code, Reason, Surroundings
from workflows.spec.compiled_spec import CompiledSpec

MOST_BUSY: Final = 20
"""How many steps under way the reason of a waiting step names: thousands may wait."""


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
                explain_token(job, around),
                f"PUT /api/v1/workflows/{around.workflow_id}/token with a fresh token of"
                " the owner.",
                around.token_expires_at,
            )
        if around.backend_of(app) != APPSERVICE:
            return self._in_house(job)
        if job is None or job.state in (JobState.CHECKING, JobState.INTENDED):
            return self._unsent(job)
        if job.state is JobState.SENDING and job.in_doubt:
            return explain_doubt(job)
        if job.state is JobState.SENDING:
            return (
                Code.QUEUED_AT_BVBRC,
                "The step is being submitted; AppService's checks may take minutes.",
                "AppService answers.",
                job.sent_at,
            )
        return explain_at_bvbrc(job)

    def _unsent(self, job: Job | None) -> tuple[Code, str, str, datetime | None]:
        around = self._around
        if job and job.state is JobState.CHECKING:
            return explain_look_up(job)
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
        return self._without_place()

    def _without_place(self) -> tuple[Code, str, str, datetime | None]:
        """The reason of a job that nothing but its place among others keeps from being sent."""
        around = self._around
        if around.user_jobs >= around.most_user_jobs:
            return self._at_cap()
        if around.hanging_calls:
            return explain_hanging_calls(around.hanging_calls)
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


def _name_steps(names: Sequence[str], word: str = "and") -> str:
    """``step 'a'``, ``steps 'a' and 'b'``; of many the first five."""
    quoted = [f"'{name}'" for name in names[:5]]
    if len(names) > len(quoted):
        quoted.append(f"{len(names) - len(quoted)} more")
    if len(quoted) == 1:
        return f"step {quoted[0]}"
    return f"steps {', '.join(quoted[:-1])} {word} {quoted[-1]}" if quoted else "a step"
