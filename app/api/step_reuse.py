"""The route that says whether a step took the results of an earlier job, and why not."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.explanation_schemas import StepReuse
from app.connections import connections
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route
from workflows.engine.reuse.views import step_reuse

blueprint = Blueprint("reuse", __name__, description="Inspect the reuse of results.")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/steps/<path:step_name>/reuse",
    answers={200: Answer("What was found", {JSON: StepReuse}, examples.STEP_REUSE)},
    refuses=[403, 404],
)
def explain_reuse(workflow_id: str, step_name: str) -> Response:
    """Explain whether a step took the results of an earlier job

    With that job, or with the first part in which the most similar earlier job differs.
    """
    return as_json(step_reuse(connections().gate.load(workflow_id), step_name))
