"""Views of a workflow, joined from its stored value, its spec and its jobs; never a token.

API and pages share these views. They take a ``StoredWorkflow``, which only ``engine.access.load``
gives to routes and pages.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workflows.engine.jobs.intents import results
from workflows.engine.reports.pauses import paused_of
from workflows.model.errors import Invalid
from workflows.model.job_moves import FINAL_JOB
from workflows.model.states import ACTIVE_WORKFLOW, JobState, StepState
from workflows.model.values import Job, Json, Outcome, Spec, Workflow
from workflows.rules.endings import tell
from workflows.rules.event_log import format_elapsed
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.resolver import Resolver
from workflows.store import parked
from workflows.store.jobs import failures
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow, WorkflowSummary

MOST_TAILS: Final = 20
"""Failed attempts of which a workflow's document shows the end of stderr, the first ones."""


@dataclass(frozen=True, slots=True)
class StepPage:
    """Which steps of a wide workflow are shown."""

    states: Collection[StepState] = ()
    """Steps in these states; empty: all."""
    size: int | None = None
    start: int = 0
    """The number of the first step that may be shown, in the order of the document."""

    @property
    def is_whole(self) -> bool:
        return not self.states and self.size is None and self.start == 0

    def pick(self, states: Sequence[StepState]) -> tuple[list[int], int | None]:
        """The numbers of the steps on this page, and where the next one starts."""
        found: list[int] = []
        for step in range(self.start, len(states)):
            if self.states and states[step] not in self.states:
                continue
            if len(found) == self.size:
                return found, step
            found.append(step)
        return found, None


def status(workflow: StoredWorkflow, page: StepPage = StepPage()) -> dict[str, Any]:
    """The short answer: every step with its state and its AppService id (``""`` before). With a
    page of the steps, also how many are in each state.
    """
    spec, progress = specs.get(workflow.spec_id).spec, workflow.progress
    shown, following = page.pick(progress.states)
    whole = len(shown) == len(progress.states)
    among = None if whole else [(step, progress.attempts[step]) for step in shown]
    counts = {str(state): number for state, number in Counter(progress.states).items()}
    paging = {
        "step_counts": counts,
        "next_page_token": None if following is None else str(following),
    }
    return {
        "workflow_id": workflow.id,
        "workflow_name": workflow.name,
        "status": workflow.status,
        "created_at": stamp(workflow.created_at),
        "updated_at": stamp(workflow.updated_at),
        "error_message": workflow.failure or None,
        **waiting_fields([workflow])[workflow.id],
        **({} if page.is_whole else paging),
        **_template(workflow),
        "steps": _steps(workflow, spec, shown, among),
    }


def _steps(
    workflow: StoredWorkflow,
    spec: Spec,
    shown: Sequence[int],
    among: Sequence[tuple[int, int]] | None,
) -> list[dict[str, Any]]:
    """``among``: these steps with their attempts; None: all of them."""
    progress = workflow.progress
    ids = job_rows.ids_of(workflow.id, among)
    failed = StepState.FAILED in progress.states
    reasons = job_rows.failures_of(workflow.id, among) if failed else {}
    sources = job_rows.sources_of(workflow.id) if spec.reuse and spec.reuse.wanted else {}
    steps = []
    for step in shown:
        attempt, state = (step, progress.attempts[step]), progress.states[step]
        known: dict[str, Any] = {}
        if state is StepState.FAILED:
            known["error_message"] = reasons.get(attempt, "")
        if attempt in sources:
            known["reused_from"] = sources[attempt]
        name = spec.steps[step].name
        steps.append(
            {
                "step_id": ids.get(attempt, ""),
                "step_name": name,
                "name": name,
                "status": state,
                "app": spec.steps[step].app,
                **known,
            }
        )
    return steps


def waiting_fields(workflows: Sequence[WorkflowSummary]) -> dict[str, dict[str, Any]]:
    """Workflow id to ``{paused, parked, parked_since}``: whether a hold or a restart keeps its
    steps from starting, whether it waits for a fresh token, and since when; None also where that is
    not known, because its owner had the token deleted.
    """
    paused = paused_of(workflows)
    active = {each.owner for each in workflows if each.status in ACTIVE_WORKFLOW}
    since = parked.since_of(active)
    return {
        each.id: {"paused": each.id in paused, **_show_parked(each, since)} for each in workflows
    }


def _show_parked(workflow: WorkflowSummary, since: Mapping[str, datetime | None]) -> dict[str, Any]:
    waits = workflow.status in ACTIVE_WORKFLOW and workflow.owner in since
    at = parked.begin_of(since, workflow.owner, workflow.begun_at) if waits else None
    return {"parked": waits, "parked_since": stamp(at)}


def list_items(workflows: Sequence[WorkflowSummary]) -> list[dict[str, Any]]:
    """Workflows in a list."""
    waiting = waiting_fields(workflows)
    return [_list_item(each) | waiting[each.id] for each in workflows]


def _list_item(workflow: WorkflowSummary) -> dict[str, Any]:
    return {
        "workflow_id": workflow.id,
        "workflow_name": workflow.name,
        "status": workflow.status,
        "owner": workflow.owner,
        "error_message": workflow.failure or None,
        "step_count": workflow.step_count,
        "apps": workflow.apps,
        "labels": workflow.labels,
        **_times(workflow),
        **_batch(workflow),
        **_template(workflow),
    }


def _batch(workflow: WorkflowSummary) -> dict[str, str]:
    """Of a row of a batch: which one it is; of its gather: the batch alone."""
    found = {"batch_id": workflow.batch, "sample": workflow.sample}
    return {name: value for name, value in found.items() if value}


def _template(workflow: WorkflowSummary) -> dict[str, Any]:
    """Of a workflow that was made from a template: which one."""
    return {"template": dict(workflow.template)} if workflow.template else {}


def _prioritise(document: Mapping[str, Json], priority: int) -> dict[str, Json]:
    """The document with the present priority, which is no part of what never changes."""
    found = {name: value for name, value in document.items() if name != "priority"}
    return found | {"priority": priority} if priority else found


def whole(workflow: StoredWorkflow) -> dict[str, Any]:
    """The whole document: the submitted spec and its progress."""
    document, progress = specs.document(workflow.spec_id), workflow.progress
    attempts = job_rows.of_workflow(workflow.id)
    last = {job.step: job for job in attempts}
    outputs, final = resolve_outputs(workflow)
    names = [step["step_name"] for step in document["steps"]]
    own = _attempts_by_step(workflow.id, attempts)
    return {
        **_prioritise(document, progress.priority),
        "workflow_id": workflow.id,
        "owner": workflow.owner,
        "status": workflow.status,
        "step_count": workflow.step_count,
        **waiting_fields([workflow])[workflow.id],
        **_times(workflow),
        **_batch(workflow),
        **_template(workflow),
        "error_message": failure_reason(names, progress, last),
        "workflow_outputs": final,
        "reused": count_reused(attempts),
        "steps": [
            {
                **spec,
                "outputs": outputs[step],
                "status": progress.states[step],
                **_progress(last.get(step), progress.attempts[step]),
                "attempts": own[step],
            }
            for step, spec in enumerate(document["steps"])
        ],
        "execution_metadata": {
            "attempts": [_attempt(document, job) for job in attempts],
            "problems": workflow.problems,
            "waits_for": [document["steps"][step]["step_name"] for step in progress.waits_for],
            "cancel_requested_at": stamp(workflow.cancel_requested_at),
        },
    }


def count_reused(jobs: Sequence[Job]) -> dict[str, float]:
    """How many steps took the results of earlier jobs, and how long those jobs ran."""
    found = [job.reused for job in jobs if job.reused]
    seconds = sum(each.duration.total_seconds() for each in found)
    return {"steps": len(found), "job_seconds_saved": seconds}


def _times(workflow: WorkflowSummary) -> dict[str, str | None]:
    return {
        "created_at": stamp(workflow.created_at),
        "updated_at": stamp(workflow.updated_at),
        "submitted_at": stamp(workflow.submitted_at),
        "started_at": stamp(workflow.started_at),
        "completed_at": stamp(workflow.finished_at),
    }


def stamp(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, with ``Z``, to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _progress(job: Job | None, attempt: int) -> dict[str, Any]:
    """How far the present attempt of a step is; ``job``: of its last attempt."""
    current = job if job and job.attempt == attempt else None
    job_id = current.job_id if current else ""
    begun, ended = (current.started_at, current.finished_at) if current else (None, None)
    return {
        "step_id": job_id,
        "task_id": job_id,
        "attempt": attempt,
        "submitted_at": stamp(current.submitted_at if current else None),
        "started_at": stamp(begun),
        "completed_at": stamp(ended),
        "elapsed_time": format_elapsed(_span(begun, ended)) if begun and ended else None,
        "error_message": (current.reason or None) if current and not current.reused else None,
        "exit_code": current.exit_code if current else None,
        "cluster_status": (current.cluster_status or None) if current else None,
        "reused_from": current.reused.source if current and current.reused else None,
    }


def _attempts_by_step(workflow: str, jobs: Sequence[Job]) -> Mapping[int, list[dict[str, Any]]]:
    """Each step's attempts, the first one first; an empty list for a step without any."""
    failed = any(job.outcome is Outcome.FAILED for job in jobs)
    tails = failures.tails_of(workflow, MOST_TAILS) if failed else {}
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        found[job.step].append(_attempt_of_step(job, tails.get(job.key)))
    return found


def _attempt_of_step(job: Job, tail: str | None) -> dict[str, Any]:
    optional = {
        "exit_code": job.exit_code,
        "cluster_status": job.cluster_status or None,
        "stderr_tail": tail,
        "reused_from": job.reused.source if job.reused else None,
    }
    return {
        "attempt": job.attempt,
        "job_id": job.job_id,
        "status": str(attempt_status(job)),
        "reason": job.reason,
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
        **{name: value for name, value in optional.items() if value is not None},
    }


def attempt_status(job: Job) -> StepState:
    """An attempt's state in the words of steps."""
    if job.state not in FINAL_JOB:
        return StepState.RUNNING if job.started_at else StepState.QUEUED
    if job.outcome is Outcome.SUCCEEDED:
        return StepState.SUCCEEDED
    if job.state is JobState.WITHDRAWN or job.kill:
        return StepState.CANCELLED
    return StepState.FAILED


def _span(begun: datetime, ended: datetime) -> timedelta:
    return max(ended - begun, timedelta(0))


def _attempt(document: Mapping[str, Json], job: Job) -> dict[str, Any]:
    return {
        "step_name": document["steps"][job.step]["step_name"],
        "attempt": job.attempt,
        "state": job.state,
        "in_doubt": job.in_doubt and job.state is JobState.SENDING,
        "task_id": job.job_id,
        "outcome": job.outcome,
        "reason": job.reason,
        "exit_code": job.exit_code,
        "cluster_status": job.cluster_status or None,
        "params": job.params,
        "reused_from": job.reused.source if job.reused else None,
        "intended_at": stamp(job.intended_at),
        "submitted_at": stamp(job.submitted_at),
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
    }


def failure_reason(names: Sequence[str], progress: Workflow, last: Mapping[int, Job]) -> str | None:
    """Why it failed: what makes further steps impossible, or the first failed step."""
    if progress.failure:
        return progress.failure
    if progress.unplannable:
        return tell("CWL expression", detail=progress.unplannable)
    for step, state in enumerate(progress.states):
        if state is StepState.FAILED:
            reason = last[step].reason if step in last else ""
            return f"Step '{names[step]}' failed: {reason or 'the job failed'}"
    return None


def resolve_outputs(workflow: StoredWorkflow) -> tuple[list[Mapping[str, Json]], Sequence[Json]]:
    """Each step's outputs and the workflow's, resolved; as submitted where that cannot be yet."""
    return resolve_results(workflow.progress, specs.get(workflow.spec_id))


def resolve_results(
    progress: Workflow, compiled: CompiledSpec
) -> tuple[list[Mapping[str, Json]], Sequence[Json]]:
    """The same from a workflow's progress and spec."""
    spec = compiled.spec
    known = results(progress, compiled, range(len(spec.steps)))
    resolver = Resolver(spec, progress.attempts, known)
    outputs: list[Mapping[str, Json]] = []
    for step, each in enumerate(spec.steps):
        try:
            outputs.append(resolver.outputs(step))
        except Invalid:
            outputs.append(each.outputs)
    return outputs, [_final(resolver, raw, at) for at, raw in enumerate(spec.workflow_outputs)]


def _final(resolver: Resolver, raw: Json, position: int) -> Json:
    try:
        return resolver.workflow_output(position)
    except Invalid:
        return raw
