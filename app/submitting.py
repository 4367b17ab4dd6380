"""Routes that take workflows in: submit, plan, register, submit by id, validate."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, g, request
from flask_smorest import Blueprint

from app import bodies
from app.answers import as_json
from app.auth import caller
from app.connections import connections
from app.intake import take
from app.routes import JSON, Answer, Body, route
from app.schemas import Submitted
from workflows.engine import requests as engine
from workflows.engine.reading import state_of
from workflows.store import workflows
from workflows.workflow import Json

blueprint = Blueprint("submitting", __name__, description="Hand workflows in.")

SUBMITTED = "Workflow submitted successfully"


@route(
    blueprint,
    "POST",
    "/workflows/submit",
    body=Body({"type": "object"}, {}),
    answers={
        201: Answer("It is stored and will run", {JSON: Submitted}, headers=["Location"]),
        200: Answer("It had been submitted before", {JSON: Submitted}, headers=["Location"]),
    },
    refuses=[403, 404, 409],
)
def submit() -> Response:
    """Submit a workflow"""
    found = bodies.read_json(request)
    if isinstance(found, dict) and list(found) == ["workflow_id"]:
        return _start(str(found["workflow_id"]), HTTPStatus.CREATED)
    taken = take(found)
    accepted = engine.submit(
        connections().parts,
        caller(),
        engine.Submission(
            taken.spec,
            taken.document,
            idempotency_key=request.headers.get("Idempotency-Key"),
            body=request.get_data(),
        ),
    )
    if accepted.created:
        connections().hints.advance(accepted.id, g.request_id)
    status = HTTPStatus.CREATED if accepted.created else HTTPStatus.OK
    return _submitted(accepted.id, accepted.state, status)


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/submit",
    body=Body({"type": "object"}, {}, required=False),
    answers={200: Answer("It runs", {JSON: Submitted}, headers=["Location"])},
    refuses=[403, 404, 409],
)
def submit_by_id(workflow_id: str) -> Response:
    """Start a planned workflow"""
    bodies.read_optional_object(request)
    return _start(workflow_id, HTTPStatus.OK)


def _start(workflow_id: str, status: HTTPStatus) -> Response:
    connections().gate.may(workflows.get(workflow_id, {"owner": 1})["owner"])
    row = engine.start(connections().parts, caller(), workflow_id)
    connections().hints.advance(workflow_id, g.request_id)
    return _submitted(workflow_id, state_of(row), status)


def _submitted(workflow_id: str, state: str, status: HTTPStatus) -> Response:
    body: dict[str, Json] = {"workflow_id": workflow_id, "status": state, "message": SUBMITTED}
    headers = {"Location": f"/api/v1/workflows/{workflow_id}"}
    return as_json(body, status, headers)
