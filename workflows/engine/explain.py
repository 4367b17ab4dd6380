"""Collects the facts about a workflow for ``workflows.rules.explain``."""

from __future__ import annotations

from typing import Any

from workflows.engine.context import EngineContext
from workflows.engine.views import Allowed, stamp, state_of
from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.rules.explain import Reason, Surroundings, explain, outlook
from workflows.store import credentials, service_status
from workflows.store.jobs import polling
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import Row, clock
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows import specs


def explanation(workflow: str, context: EngineContext, allowed: Allowed) -> dict[str, Any]:
    """One reason for each step that has not ended. Raises ``NotFound``, ``Forbidden``."""
    row = workflow_rows.get(workflow)
    allowed(row["owner"])
    blueprint, value = specs.get(row["spec"]), workflow_rows.value(row)
    reasons = explain(blueprint, value, job_rows.history(workflow), _surroundings(row, context))
    message = _paused_reason(row) or _message(
        state_of(row), len(reasons), bool(row.get("problems"))
    )
    return {
        "workflow_id": workflow,
        "status": state_of(row),
        "message": message + _outlook(row, outlook(blueprint, value)),
        "steps": [_reason_json(reason) for reason in reasons],
    }


def _surroundings(row: Row, context: EngineContext) -> Surroundings:
    owner = row["owner"]
    expires_at, refused = credentials.expiry(context.vault, owner)
    service = service_status.health(service_status.APPSERVICE)
    return Surroundings(
        now=clock(),
        began=row.get("submitted_at") or row["created_at"],
        token_expires_at=expires_at,
        token_refused=refused,
        service=service.state,
        service_since=service.since,
        service_reason=service.reason,
        user_jobs=polling.under_way(owner),
        most_user_jobs=context.limits.user_jobs,
    )


def _paused_reason(row: Row) -> str:
    if not row.get("held"):
        return ""
    return (
        "Paused by a restart (executor.enable_auto_resume is false). Submit it again by its id"
        " to resume: POST /api/v1/workflows/{id}/submit."
    )


def _message(state: str, unfinished: int, problems: bool) -> str:
    if state == WorkflowState.PLANNED:
        if problems:
            return "It is planned, but cannot run: it has problems."
        return "It is planned; it starts with POST /api/v1/workflows/{id}/submit."
    steps = "1 step has" if unfinished == 1 else f"{unfinished} steps have"
    if state in FINAL_WORKFLOW:
        return f"It is {state}" + (f"; {steps} a job that is being killed." if unfinished else ".")
    return f"It is under way: {steps} not ended yet."


def _outlook(row: Row, said: str) -> str:
    """The text about steps that are not planned yet, and what delays their planning."""
    if not said or not row.get("replan_reason"):
        return said and f" {said}"
    return f" {said} Planning failed for now ({row['replan_reason']}) and will be retried."


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "step_name": reason.step_name,
        "status": str(reason.state),
        "code": str(reason.code),
        "message": reason.message,
        "unblocked_by": reason.unblocked_by,
        "since": stamp(reason.since),
        "until": stamp(reason.until),
        "waiting_for": list(reason.waiting_for),
        "job_id": reason.job_id,
    }
