"""Routes that say when workflows and batches end."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.batches.routes import load
from app.connections import connections
from app.forecast import forecasts, schemas
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route
from workflows.engine.forecast.views import batch_json, workflow_json

blueprint = Blueprint("forecasts", __name__, description="When workflows end (docs/forecast.md).")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/forecast",
    answers={200: Answer("The forecast", {JSON: schemas.WorkflowForecast})},
    refuses=[403, 404],
)
def forecast_workflow(workflow_id: str) -> Response:
    """Show when a workflow is likely to end

    And each of its steps, what decides about it, and what the cap on parallel steps costs: from
    how long earlier jobs of the apps waited and ran. Where these are too few, `no_history` names
    the apps.
    """
    found = forecasts.of_workflow(connections().gate.load(workflow_id))
    limit = connections().context.limits.cap
    return as_json({"workflow_id": workflow_id, **workflow_json(found, limit)})


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>/forecast",
    answers={200: Answer("The forecast", {JSON: schemas.BatchForecast})},
    refuses=[403, 404],
)
def forecast_batch(batch_id: str) -> Response:
    """Show when a batch is likely to end

    And what `max_active` costs.
    """
    found = forecasts.of_batch(load(batch_id))
    return as_json({"batch_id": batch_id, **batch_json(found)})
