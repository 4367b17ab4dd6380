"""The shapes of what goes in and out, as ``/openapi.json`` shows them. No answer has a token."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, RAISE, Schema, fields, validate

from workflows.states import StepState, WorkflowState

WORKFLOW_STATES = [str(state) for state in WorkflowState]
STEP_STATES = [str(state) for state in StepState]


def said(text: str, **more: Any) -> dict[str, Any]:
    """A field's description."""
    return {"metadata": {"description": text, **more}}


def state(states: list[str]) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(states))


def time(text: str, *, null: bool = False) -> fields.String:
    """ISO 8601 in UTC with ``Z``."""
    return fields.String(required=True, allow_none=null, **said(text, format="date-time"))


def text(description: str, *, null: bool = False) -> fields.String:
    return fields.String(required=True, allow_none=null, **said(description))


class Answered(Schema):
    """What we answer has these fields and no others."""

    class Meta:
        unknown = RAISE


class Problem(Answered):
    path = text("Where: `steps[1].params.contigs`; empty for the whole")
    code = text("A stable word, see docs/errors.md")
    message = text("What is wrong")
    suggestion = text("The way out, may be empty")


class Error(Answered):
    detail = text("One string that a person can act on")
    errors = fields.List(fields.Nested(Problem), required=True)


class Submitted(Answered):
    workflow_id = text("Its id; who knows it may read the workflow, so treat it with care")
    status = state(WORKFLOW_STATES)
    message = text("For people")


class StepStatus(Answered):
    step_id = text("AppService's task id, empty before there is one")
    step_name = text("As submitted")
    status = state(STEP_STATES)
    app = text("The BV-BRC app")


class Status(Answered):
    workflow_id = text("Its id")
    workflow_name = text("As submitted")
    status = state(WORKFLOW_STATES)
    created_at = time("When it was accepted")
    updated_at = time("When anything last changed")
    steps = fields.List(fields.Nested(StepStatus), required=True)


class Receipt(Answered):
    step_name = text("As submitted")
    job_id = text("AppService's task id, empty where there was none")
    outcome = state(["never_started", "killed", "already_finished", "kill_requested"])


class Cancelled(Submitted):
    steps = fields.List(fields.Nested(Receipt), required=True)


class Health(Schema):
    class Meta:
        unknown = INCLUDE

    status = state(["healthy", "degraded", "unhealthy"])
    mongodb = state(["connected", "disconnected"])
    version = text("Of the engine")
