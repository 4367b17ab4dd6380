"""Routes that tell how far workflows are."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.answers import as_json
from app.auth import LINK
from app.connections import connections
from app.routes import JSON, TEXT, Answer, route
from app.schemas import Status
from workflows import narrative
from workflows.engine import reading
from workflows.store import events, workflows

blueprint = Blueprint("watching", __name__, description="See how far workflows are.")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/status",
    answers={200: Answer("How far it is", {JSON: Status})},
    refuses=[403, 404],
    access=LINK,
)
def status(workflow_id: str) -> Response:
    """Tell the state of a workflow and of its steps"""
    connections().parts  # noqa: B018
    connections().gate.may_read(workflows.get(workflow_id, {"owner": 1})["owner"])
    return as_json(reading.status(workflow_id))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>",
    answers={200: Answer("How far it is", {JSON: {"type": "object"}})},
    refuses=[403, 404],
    access=LINK,
)
def get(workflow_id: str) -> Response:
    """Tell all that is known of a workflow"""
    connections().parts  # noqa: B018
    connections().gate.may_read(workflows.get(workflow_id, {"owner": 1})["owner"])
    return as_json(reading.whole(workflow_id))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/log",
    answers={200: Answer("Its history", {TEXT: {"type": "string"}})},
    refuses=[403, 404],
)
def log(workflow_id: str) -> Response:
    """Tell a workflow's history as lines of text"""
    connections().parts  # noqa: B018
    connections().gate.may(workflows.get(workflow_id, {"owner": 1})["owner"])
    return Response(narrative.text(events.of_workflow(workflow_id)), mimetype="text/plain")
