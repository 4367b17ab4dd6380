"""Routes that show the progress of workflows."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.request_schemas import StatusQuery
from app.api.schemas.response_schemas import Status, WholeWorkflow
from app.connections import connections
from app.http.auth import LINK
from app.http.json_response import as_json, with_etag
from app.http.routes import JSON, Answer, route
from workflows.engine.reports import views
from workflows.model.states import StepState

blueprint = Blueprint("watching", __name__, description="Read the progress of workflows.")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/status",
    answers={
        200: Answer("The progress", {JSON: Status}, examples.STATUS, headers=["ETag"]),
        304: Answer("Nothing has changed since the answer with this ETag", headers=["ETag"]),
    },
    refuses=[403, 404],
    headers={"If-None-Match": "The ETag of an earlier answer"},
    query=StatusQuery,
    access=LINK,
)
def workflow_status(arguments: dict[str, Any], workflow_id: str) -> Response:
    """Show the state of a workflow and of its steps

    Of a workflow with many steps: those in some states (`steps=failed`), or a page of them.
    """
    page = views.StepPage(
        frozenset(StepState(state) for state in arguments["steps"]),
        arguments.get("page_size"),
        arguments["page_token"],
    )
    return with_etag(as_json(views.status(connections().gate.load(workflow_id), page)))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>",
    answers={200: Answer("The whole workflow", {JSON: WholeWorkflow})},
    refuses=[403, 404],
    access=LINK,
)
def get_workflow(workflow_id: str) -> Response:
    """Show the whole workflow

    The submitted document, with references resolved as far as possible, and the progress of each
    step. It can be submitted again as it is.
    """
    return as_json(views.whole(connections().gate.load(workflow_id)))
