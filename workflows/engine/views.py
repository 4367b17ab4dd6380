"""Views of a workflow, joined from its row, its spec and its jobs; never a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.engine.job_intents import results
from workflows.model.errors import Invalid
from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.model.values import Json
from workflows.rules.event_log import format_elapsed
from workflows.spec.resolver import Resolver
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import Row
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows import specs

Allowed = Callable[[str], None]
"""Raises ``Forbidden`` where the reader may not see what belongs to that owner."""


def everybody(_owner: str) -> None:
    """Admits every reader."""


def status(workflow: str, allowed: Allowed = everybody) -> dict[str, Any]:
    """The short answer: every step with its state and its AppService id (``""`` before)."""
    row = workflow_rows.get(workflow)
    allowed(row["owner"])
    ids = job_rows.ids_of(workflow)
    spec = specs.get(row["spec"]).spec
    return {
        "workflow_id": row["_id"],
        "workflow_name": row["name"],
        "status": state_of(row),
        "created_at": stamp(row["created_at"]),
        "updated_at": stamp(row["updated_at"]),
        "steps": [
            {
                "step_id": ids.get((step, row["attempts"][step]), ""),
                "step_name": each.name,
                "status": row["states"][step],
                "app": each.app,
            }
            for step, each in enumerate(spec.steps)
        ],
    }


def whole(workflow: str, allowed: Allowed = everybody) -> dict[str, Any]:
    """The whole document: the submitted spec and its progress."""
    row = workflow_rows.get(workflow)
    allowed(row["owner"])
    document = specs.document(row["spec"])
    attempts = job_rows.of_workflow(workflow)
    last = {each["step"]: each for each in attempts}
    outputs, final = _outputs(row)
    return {
        **document,
        "workflow_id": row["_id"],
        "owner": row["owner"],
        "status": state_of(row),
        "step_count": row["step_count"],
        **{name: stamp(row.get(name)) for name in ("created_at", "updated_at", "submitted_at")},
        "started_at": stamp(row.get("started_at")),
        "completed_at": stamp(row.get("finished_at")),
        "error_message": _error(document, row, last),
        "workflow_outputs": final,
        "steps": [
            {
                **spec,
                "outputs": outputs[step],
                "status": row["states"][step],
                **_progress(last.get(step), row["attempts"][step]),
            }
            for step, spec in enumerate(document["steps"])
        ],
        "execution_metadata": {
            "attempts": [_attempt(document, each) for each in attempts],
            "problems": row.get("problems") or [],
            "waits_for": [
                document["steps"][step]["step_name"] for step in row.get("waits_for", ())
            ],
            "cancel_requested_at": stamp(row.get("cancel_requested_at")),
        },
    }


def state_of(row: Row) -> str:
    """The state as users see it: an answered cancel counts before the engine has processed it."""
    state: str = row["state"]
    if row.get("cancel_requested_at") and state not in FINAL_WORKFLOW:
        return str(WorkflowState.CANCELLED)
    return state


def stamp(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, with ``Z``, to the millisecond."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _progress(job: Row | None, attempt: int) -> dict[str, Any]:
    current = job if job and job["attempt"] == attempt else {}
    begun, ended = current.get("started_at"), current.get("finished_at")
    job_id = current.get("job_id") or ""
    return {
        "step_id": job_id,
        "task_id": job_id,
        "attempt": attempt,
        "submitted_at": stamp(current.get("submitted_at")),
        "started_at": stamp(begun),
        "completed_at": stamp(ended),
        "elapsed_time": format_elapsed(_span(begun, ended)) if begun and ended else None,
        "error_message": current.get("reason") or None,
    }


def _span(begun: datetime, ended: datetime) -> timedelta:
    return max(ended - begun, timedelta(0))


def _attempt(document: Mapping[str, Json], job: Row) -> dict[str, Any]:
    return {
        "step_name": document["steps"][job["step"]]["step_name"],
        "attempt": job["attempt"],
        "state": job["state"],
        "in_doubt": bool(job.get("in_doubt")) and job["state"] == "sending",
        "task_id": job.get("job_id") or "",
        "outcome": job.get("outcome"),
        "reason": job.get("reason") or "",
        "params": job.get("params") or {},
        **{
            name: stamp(job.get(name))
            for name in ("intended_at", "submitted_at", "started_at", "finished_at")
        },
    }


def _error(document: Mapping[str, Json], row: Row, last: Mapping[int, Row]) -> str | None:
    """Why it failed: what makes further steps impossible, or the first failed step."""
    if row.get("unplannable"):
        return f"Further steps cannot be planned: {row['unplannable']}"
    for step, state in enumerate(row["states"]):
        if state == "failed":
            reason = (last.get(step) or {}).get("reason") or "the job failed"
            return f"Step '{document['steps'][step]['step_name']}' failed: {reason}"
    return None


def _outputs(row: Row) -> tuple[list[Mapping[str, Json]], Sequence[Json]]:
    """Each step's outputs and the workflow's, resolved; as submitted where that cannot be yet."""
    blueprint = specs.get(row["spec"])
    spec = blueprint.spec
    value = workflow_rows.value(row)
    known = results(value, blueprint, range(len(spec.steps)))
    resolver = Resolver(spec, value.attempts, known)
    outputs: list[Mapping[str, Json]] = []
    for step, each in enumerate(spec.steps):
        try:
            outputs.append(resolver.outputs(step))
        except Invalid:
            outputs.append(each.outputs)
    try:
        return outputs, resolver.workflow_outputs()
    except Invalid:
        return outputs, spec.workflow_outputs
