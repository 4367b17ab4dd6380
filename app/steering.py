"""Routes that change the course of workflows."""

from __future__ import annotations

from flask import Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest

from app import bodies
from app.answers import as_json
from app.connections import connections
from app.routes import JSON, Answer, Body, route
from app.schemas import Cancelled
from workflows.engine import reading
from workflows.engine import requests as engine
from workflows.errors import Conflict
from workflows.store import jobs, specs, workflows

blueprint = Blueprint("steering", __name__, description="Change the course of workflows.")


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/cancel",
    body=Body({"type": "object"}, {}, required=False),
    answers={200: Answer("It is cancelled", {JSON: Cancelled})},
    refuses=[403, 404],
)
def cancel(workflow_id: str) -> Response:
    """Cancel a workflow and kill its jobs"""
    bodies.read_optional_object(request)
    parts = connections().parts
    connections().gate.may(workflows.get(workflow_id, {"owner": 1})["owner"])
    try:
        engine.cancel(parts, workflow_id)
    except Conflict as ended:
        raise BadRequest(str(ended)) from ended
    connections().hints.kill_jobs(g.request_id)
    row = workflows.get(workflow_id)
    names = [step.name for step in specs.get(row["spec"]).spec.steps]
    receipts = engine.receipts(names, row, jobs.of_workflow(workflow_id))
    return as_json(
        {
            "workflow_id": workflow_id,
            "status": reading.state_of(row),
            "message": "Workflow cancelled successfully",
            "steps": [
                {"step_name": each.step_name, "job_id": each.job_id, "outcome": each.outcome}
                for each in receipts
            ],
        }
    )
