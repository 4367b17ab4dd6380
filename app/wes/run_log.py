"""Runs as WES shows them: pure functions of workflows and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from app.wes.run_request import NATIVE
from app.wes.states import EXIT_CODES, RunState
from workflows.model.states import StepState
from workflows.model.values import Job, Json, Spec
from workflows.store.workflows.stored import StoredWorkflow, WorkflowSummary

MOST_TASKS: Final = 100
"""A run with more of them shows ``task_logs: null`` and answers pages of them."""
_MOST_SYSTEM_LOGS: Final = 20
Link = Callable[[str], str]
"""Makes a path below ``/api/v1/workflows`` or ``/ga4gh/wes/v1`` an absolute address."""


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow, and all that a RunLog is made from."""

    workflow: StoredWorkflow
    spec: Spec
    state: RunState
    jobs: Sequence[Job]
    """Every attempt that was sent, in order."""
    reasons: Sequence[str]
    """Why unfinished steps do not run."""
    outputs: Mapping[str, Json]
    request: Mapping[str, Json]


def list_item(workflow: WorkflowSummary, state: RunState) -> dict[str, Any]:
    """A RunSummary."""
    times = _times(workflow.started_at, workflow.finished_at)
    return {"run_id": workflow.id, "state": state, **times, "tags": dict(workflow.labels)}


def run_log(run: Run, link: Link) -> dict[str, Any]:
    """A RunLog. ``link`` makes absolute addresses."""
    runs = f"/ga4gh/wes/v1/runs/{run.workflow.id}"
    few = len(run.jobs) <= MOST_TASKS
    return {
        "run_id": run.workflow.id,
        "request": dict(run.request),
        "state": run.state,
        "run_log": _log_of_run(run, link),
        "task_logs_url": link(f"{runs}/tasks"),
        "task_logs": [task_log(run.workflow.id, run.spec, job, link) for job in run.jobs]
        if few
        else None,
        "outputs": dict(run.outputs),
    }


def task_log(workflow: str, spec: Spec, job: Job, link: Link) -> dict[str, Any]:
    """A TaskLog: one attempt of a step."""
    name = spec.steps[job.step].name
    at = f"/api/v1/workflows/{workflow}/steps/{name}"
    attempt = f"?attempt={job.attempt}"
    texts = {
        "stdout": f"{link(f'{at}/stdout')}{attempt}",
        "stderr": f"{link(f'{at}/stderr')}{attempt}",
    }
    return {
        "id": task_id(job),
        "name": name,
        **_times(job.started_at, job.finished_at),
        **(texts if job.job_id else {}),
        "system_logs": _about_job(job),
    }


def task_id(job: Job) -> str:
    """Unique in the run."""
    return f"{job.step}.{job.attempt}"


def _about_job(job: Job) -> list[str]:
    texts = [f"BV-BRC task {job.job_id}" if job.job_id else "", job.reason]
    if job.reused:
        place = f"{job.reused.folder}/{job.reused.name}"
        texts.append(f"No job ran for it; its files stay where they were: {place}")
    return [text for text in texts if text]


def _log_of_run(run: Run, link: Link) -> dict[str, Any]:
    workflow = run.workflow
    begins = [job.started_at for job in run.jobs if job.started_at is not None]
    begins += [workflow.started_at] if workflow.started_at else []
    log = link(f"/api/v1/workflows/{workflow.id}/log")
    code = {"exit_code": EXIT_CODES[run.state]} if run.state in EXIT_CODES else {}
    return {
        "name": workflow.name,
        **_times(min(begins, default=None), workflow.finished_at),
        "stdout": log,
        "stderr": log,
        **code,
        "system_logs": [*run.reasons, *_failures(run)][:_MOST_SYSTEM_LOGS],
    }


def _failures(run: Run) -> Iterator[str]:
    """Why it failed, step by step."""
    progress = run.workflow.progress
    if progress.unplannable:
        yield f"Further steps cannot be planned: {progress.unplannable}"
    last = {job.step: job for job in run.jobs}
    for step, state in enumerate(progress.states):
        if state is StepState.FAILED:
            reason = last[step].reason if step in last else ""
            yield f"Step '{run.spec.steps[step].name}' failed: {reason or 'the job failed'}"


def _times(start: datetime | None, end: datetime | None) -> dict[str, str]:
    """Whole seconds; what is not known is left out."""
    known = {"start_time": start, "end_time": end}
    return {name: format_time(at) for name, at in known.items() if at is not None}


def format_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def native_request() -> dict[str, Json]:
    """The request of a workflow that was submitted as JSON."""
    return {
        "workflow_type": NATIVE,
        "workflow_type_version": "1.0",
        "workflow_url": "workflow.json",
        "workflow_params": {},
    }


def native_outputs(
    spec: Spec, states: Sequence[StepState], outputs: Sequence[Mapping[str, Json]]
) -> dict[str, Json]:
    """``<step>.<output>`` of each step that has succeeded."""
    return {
        f"{step.name}.{name}": value
        for step, state, made in zip(spec.steps, states, outputs, strict=True)
        if state is StepState.SUCCEEDED
        for name, value in made.items()
    }


def cwl_outputs(final: Sequence[Json], types: Mapping[str, str]) -> dict[str, Json]:
    """By the names of the document's outputs; Workspace paths as File or Directory, as typed."""
    named = {
        name: value for item in final if isinstance(item, dict) for name, value in item.items()
    }
    return {name: _cwl_value(value, types.get(name, "")) for name, value in named.items()}


def _cwl_value(value: Json, of_type: str) -> Json:
    if isinstance(value, list):
        return [_cwl_value(item, of_type) for item in value]
    kind = next((kind for kind in ("Directory", "File") if kind in of_type), "")
    if kind and isinstance(value, str) and value.startswith("/"):
        return {"class": kind, "location": f"ws://{value}", "basename": value.rpartition("/")[2]}
    return value
