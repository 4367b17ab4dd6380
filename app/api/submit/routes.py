"""Routes that accept workflows: submit, plan, register, submit by id, validate."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response, g, request
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.request_schemas import (
    ById,
    Nothing,
    SubmitQuery,
    ValidateQuery,
    WorkflowDocument,
)
from app.api.schemas.response_schemas import Planned, Submitted
from app.api.submit import submission as accepting
from app.api.submit.validation import Plan, take, take_plan
from app.connections import connections
from app.forecast import forecasts
from app.forecast.schemas import ValidatedWorkflow
from app.http import request_bodies
from app.http.admission import DOCUMENT
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from workflows.engine import commands as engine
from workflows.engine.forecast.views import workflow_json
from workflows.model.errors import Invalid, Problem
from workflows.model.states import WorkflowState
from workflows.model.values import Json

blueprint = Blueprint("submitting", __name__, description="Submit workflows.")

_WORKFLOW: Final = Body(WorkflowDocument, {"two steps": examples.WORKFLOW}, max_bytes=DOCUMENT)


@route(
    blueprint,
    "POST",
    "/workflows/submit",
    body=Body(
        {"oneOf": [WorkflowDocument, ById]},
        {"two steps": examples.WORKFLOW, "planned before": {"workflow_id": examples.ID}},
        max_bytes=DOCUMENT,
    ),
    answers={
        201: Answer(
            "It runs", {JSON: Submitted}, examples.SUBMITTED, ["Location"], accepting.ABOUT_IT
        ),
        200: Answer("It was submitted before", {JSON: Submitted}, examples.SUBMITTED, ["Location"]),
    },
    refuses=[403, 404, 409],
    headers=accepting.HEADERS,
    query=SubmitQuery,
)
def submit_workflow(arguments: dict[str, Any]) -> Response:  # noqa: ARG001 - accept reads it
    """Submit a workflow

    Once answered, the workflow is stored durably and runs to its end, also where a process or a
    service fails on the way.
    """
    found = request_bodies.read_json(request)
    if isinstance(found, dict) and list(found) == ["workflow_id"]:
        return _start(_id(found["workflow_id"]), HTTPStatus.CREATED)
    accepted = accepting.accepted_before()
    if accepted is not None:
        return accepting.answer(accepted)
    checked = take(found)
    accepted = accepting.accept(checked.spec, checked.workflow_json)
    return accepting.answer(accepted, checked.spec)


@route(
    blueprint,
    "POST",
    "/workflows/plan",
    body=_WORKFLOW,
    answers={
        201: Answer(
            "It is stored", {JSON: Planned}, examples.PLANNED, ["Location"], accepting.ABOUT_IT
        )
    },
    refuses=[409],
    query=SubmitQuery,
)
def plan_workflow(arguments: dict[str, Any]) -> Response:  # noqa: ARG001 - it is read below
    """Store a workflow without starting it, also one with problems"""
    return _planned_response(take_plan(request_bodies.read_json(request)))


@route(
    blueprint,
    "POST",
    "/workflows/register",
    body=_WORKFLOW,
    answers={
        201: Answer(
            "It is stored", {JSON: Planned}, examples.PLANNED, ["Location"], accepting.ABOUT_IT
        )
    },
    refuses=[409],
    query=SubmitQuery,
)
def register_workflow(arguments: dict[str, Any]) -> Response:  # noqa: ARG001 - it is read below
    """Store a workflow that can run, without starting it"""
    checked = take(request_bodies.read_json(request))
    return _planned_response(Plan(checked.spec, checked.workflow_json))


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/submit",
    body=Body(Nothing, {"nothing": {}}, required=False),
    answers={200: Answer("It runs", {JSON: Submitted}, examples.SUBMITTED, ["Location"])},
    refuses=[403, 404, 409],
)
def submit_by_id(workflow_id: str) -> Response:
    """Start a planned workflow

    It starts once, however many callers ask for it.
    """
    request_bodies.read_optional_object(request)
    return _start(workflow_id, HTTPStatus.OK)


@route(
    blueprint,
    "POST",
    "/workflows/validate",
    body=_WORKFLOW,
    answers={200: Answer("It can run", {JSON: ValidatedWorkflow}, examples.VALIDATED)},
    query=ValidateQuery,
)
def validate_workflow(arguments: dict[str, Any]) -> Response:
    """Check a workflow; nothing is stored

    With `forecast`, the answer says how long it would take if it were submitted now.
    """
    taken = take(request_bodies.read_json(request))
    engine.check_size(taken.workflow_json)
    forecast = {}
    if arguments["forecast"]:
        made, limit = forecasts.of_spec(taken.spec), connections().context.limits.cap
        forecast["forecast"] = workflow_json(made, limit)
    return as_json(
        {
            "valid": True,
            "workflow_json": taken.workflow_json,
            "warnings": [
                warning.as_json()
                for warning in (*taken.warnings, *accepting.token_warnings(taken.spec))
            ],
            "auto_fixes": [fix.as_json() for fix in taken.auto_fixes],
            "message": "Workflow validated successfully",
            **forecast,
        }
    )


def _id(found: Json) -> str:
    """The id in a body; raises ``Invalid``. Ids are ASCII; JSON allows texts that UTF-8 does
    not."""
    if not isinstance(found, str) or not found.isascii():
        message = "it must be the id of a workflow, as a text"
        raise Invalid([Problem("workflow_id", "wrong_type", message)])
    return found


def _start(workflow_id: str, fresh: HTTPStatus) -> Response:
    """``fresh`` is the status of the one answer that started it; the others are 200."""
    found = connections()
    workflow = found.gate.load(workflow_id)
    if workflow.state is WorkflowState.PLANNED:
        found.quotas.check_active(workflow.owner)
    workflow, started = engine.start(found.context, caller(), workflow_id)
    if started:
        found.quotas.stored(workflow.owner, 0, starts=True)
        found.hints.advance(workflow_id, g.request_id)
    return accepting.accepted_response(
        workflow_id, workflow.status, fresh if started else HTTPStatus.OK
    )


def _planned_response(plan: Plan) -> Response:
    problems = [problem.as_json() for problem in plan.problems]
    spec, document = accepting.with_reuse(plan.spec, plan.document)
    submission = engine.Submission(spec, document, planned=True, problems=problems)
    quotas, user = connections().quotas, caller().name
    quotas.check_stored(user, starts=False)
    accepted = engine.submit(connections().context, caller(), submission)
    quotas.stored(user, accepted.bytes, starts=False)
    faults = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    body = {
        "workflow_id": accepted.id,
        "status": accepted.state,
        "workflow_name": plan.spec.name,
        "step_count": len(plan.spec.steps),
        "problems": problems,
        "message": f"Workflow planned, but it cannot run: {faults}"
        if problems
        else "Workflow planned successfully",
    }
    return as_json(body, HTTPStatus.CREATED, accepting.location(accepted.id))
