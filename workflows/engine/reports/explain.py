"""Collects the facts about a workflow for ``workflows.rules.explain``."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from workflows.backends.declared_apps import backend_of
from workflows.engine.context import EngineContext
from workflows.engine.reports.pauses import find_whole_hold
from workflows.engine.reports.views import stamp
from workflows.model.states import ACTIVE_WORKFLOW, FINAL_WORKFLOW, WorkflowState
from workflows.rules.explain import explain, outlook
from workflows.rules.holds import Hold, Subject, describe
from workflows.rules.reasons.values import Reason, Surroundings
from workflows.store import holds
from workflows.store.jobs import calls, polling
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import clock
from workflows.store.processes import service_status
from workflows.store.templates.references import template_name
from workflows.store.users import credentials
from workflows.store.users import preferences as users
from workflows.store.workflows import specs
from workflows.store.workflows.standings import Standing, standings
from workflows.store.workflows.stored import StoredWorkflow

_PATH: Final = "/api/v1/workflows/"


def explanation(workflow: StoredWorkflow, context: EngineContext) -> dict[str, Any]:
    """One reason for each step that has not ended."""
    compiled, jobs = specs.get(workflow.spec_id), job_rows.history(workflow.id)
    surroundings = _surroundings(workflow, context)
    reasons = explain(compiled, workflow.progress, jobs, surroundings)
    message = _paused_reason(workflow, surroundings) or _message(workflow, len(reasons))
    if workflow.failure:
        message += f" {workflow.failure}"
    return {
        "workflow_id": workflow.id,
        "status": workflow.status,
        "priority": workflow.progress.priority,
        "weight": users.shares([workflow.owner]).get(workflow.owner, users.Share()).weight,
        "message": message + _outlook(workflow, outlook(compiled, workflow.progress)),
        "steps": [_reason_json(reason) for reason in reasons],
    }


def _surroundings(workflow: StoredWorkflow, context: EngineContext) -> Surroundings:
    expires_at, refused = credentials.expiry(context.vault, workflow.owner)
    service = service_status.health(service_status.APPSERVICE)
    present = holds.concerning(workflow.owner, workflow=workflow.id, batch=workflow.batch)
    standing = standings([workflow.id] if present else ()).get(workflow.id, Standing())
    active = workflow.status in ACTIVE_WORKFLOW
    return Surroundings(
        now=clock(),
        backend_of=backend_of,
        began=workflow.begun_at,
        workflow_id=workflow.id,
        token_expires_at=expires_at,
        token_refused=refused,
        service=service.state,
        service_since=service.since,
        service_reason=service.reason,
        user_jobs=polling.under_way(workflow.owner),
        most_user_jobs=context.limits.user_jobs,
        hanging_calls=calls.hold_back(workflow.owner) if active else 0,
        holds=present,
        subject_of=partial(_subject, workflow, standing.begun_at),
    )


def _subject(workflow: StoredWorkflow, begun_at: datetime | None, app: str) -> Subject:
    template = template_name(workflow.template)
    return Subject(workflow.owner, app, workflow.id, workflow.batch, begun_at, template)


def _paused_reason(workflow: StoredWorkflow, surroundings: Surroundings) -> str:
    if not workflow.paused:
        begun_at = surroundings.subject_of("").begun_at
        hold = find_whole_hold(surroundings.holds, workflow, begun_at)
        is_active = workflow.status in ACTIVE_WORKFLOW
        return f"It is paused. {describe(hold)} Set by {hold.by}." if hold and is_active else ""
    return (
        "Paused by a restart (executor.enable_auto_resume is false). Submit it again by its id"
        f" to resume: POST {_PATH}{workflow.id}/submit, or POST {_PATH}{workflow.id}/resume."
    )


def _message(workflow: StoredWorkflow, unfinished: int) -> str:
    state = workflow.status
    if state == WorkflowState.PLANNED:
        if workflow.problems:
            return "It is planned, but cannot run: it has problems."
        return f"It is planned; it starts with POST {_PATH}{workflow.id}/submit."
    steps = "1 step has" if unfinished == 1 else f"{unfinished} steps have"
    if state in FINAL_WORKFLOW:
        return f"It is {state}" + (f"; {steps} a job that is being killed." if unfinished else ".")
    return f"It is under way: {steps} not ended yet."


def _outlook(workflow: StoredWorkflow, said: str) -> str:
    """The text about steps that are not planned yet, and what delays their planning."""
    if not said or not workflow.replan_reason:
        return said and f" {said}"
    return f" {said} Planning failed for now ({workflow.replan_reason}) and will be retried."


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
        "hold": _hold_json(reason.hold),
    }


def _hold_json(hold: Hold | None) -> dict[str, Any] | None:
    if hold is None:
        return None
    known = {"scope": str(hold.scope), "mode": str(hold.mode)}
    return {"hold_id": hold.id, **known, "by": hold.by, "reason": hold.reason}
