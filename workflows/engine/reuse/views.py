"""What people see of the reuse of results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.jobs.intents import why_not_reused
from workflows.engine.reports.views import stamp
from workflows.model.errors import NotFound
from workflows.model.states import JobState
from workflows.model.values import Job, Reused
from workflows.reuse.choice import Missed
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow


def step_reuse(workflow: StoredWorkflow, name: str) -> dict[str, Any]:
    """Of the present attempt of a step. Raises ``NotFound``."""
    spec = specs.get(workflow.spec_id).spec
    step = next((at for at, each in enumerate(spec.steps) if each.name == name), None)
    if step is None:
        raise NotFound(f"Workflow '{workflow.id}' has no step '{name}'.")
    attempt = workflow.progress.attempts[step]
    job = job_rows.get(workflow.id, step, attempt) if attempt else None
    why = why_not_reused(spec, job) if job else ""
    outcome, message = _outcome(job, why)
    return {
        "step_name": name,
        "attempt": attempt,
        "outcome": outcome,
        "message": message,
        "reused_from": _source(job.reused) if job and job.reused else None,
        "miss": _miss(job.miss) if job and job.miss else None,
        "key": job.basis.key if job and job.basis else None,
    }


def _outcome(job: Job | None, why_not: str) -> tuple[str, str]:
    if job is None:
        return "waiting", "The step has no job yet."
    if job.reused:
        return "reused", f"The step was {job.reason}; no job ran for it."
    if job.state is JobState.CHECKING:
        return "looking", "An earlier job that has computed the same is being looked for."
    if job.miss:
        return "missed", job.miss["message"]
    return "not_asked", why_not or "The job was stored before results could be reused."


def _source(reused: Reused) -> dict[str, Any]:
    return {
        "key": reused.source,
        "workflow_id": reused.workflow,
        "step_name": reused.step_name,
        "job_id": reused.job_id,
        "started_at": stamp(reused.started_at),
        "finished_at": stamp(reused.finished_at),
        "job_seconds": reused.duration.total_seconds(),
        "path": f"{reused.folder}/{reused.name}",
    }


def _miss(found: Mapping[str, str]) -> dict[str, str]:
    return {name: found.get(name, "") for name in Missed.__slots__}
