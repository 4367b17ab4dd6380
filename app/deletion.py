"""Routes that delete a user's data: an ended workflow, and the stored token."""

from __future__ import annotations

import structlog
from flask import Response
from flask_smorest import Blueprint

from app.connections import Connections, connections
from app.http.auth import caller
from app.http.routes import Answer, route
from runtime.bootstrap import logs_of
from workflows.engine import deleting

log = structlog.get_logger(__name__)

blueprint = Blueprint("deletion", __name__, description="Delete what the engine keeps of a user.")


@route(
    blueprint,
    "DELETE",
    "/workflows/<workflow_id>",
    answers={204: Answer("It is deleted")},
    refuses=[403, 404, 409],
)
def delete_workflow(workflow_id: str) -> Response:
    """Delete a workflow that has ended, or a plan

    With its document, jobs, history and log. Files in the Workspace stay. An active workflow, or
    one whose jobs are still being killed, is refused with 409.
    """
    found = connections()
    found.gate.load(workflow_id)
    delete(found, workflow_id)
    return Response(status=204)


@route(
    blueprint,
    "DELETE",
    "/credentials",
    answers={204: Answer("No token of the caller is stored")},
)
def forget_token() -> Response:
    """Forget the caller's token

    Steps that need one wait until `PUT /workflows/{id}/token`; jobs that run at BV-BRC go on there.
    A workflow that is submitted afterwards hands the token in again.
    """
    deleting.forget_token(caller().name)
    return Response(status=204)


def delete(found: Connections, workflow_id: str) -> None:
    """Deletes the workflow from MongoDB, then its log files on this host. Other hosts delete theirs
    within an hour.
    """
    deleting.delete_workflow(workflow_id)
    remove_logs(found, workflow_id)


def remove_logs(found: Connections, workflow_id: str) -> None:
    """Of a workflow that was deleted; a failure is logged."""
    try:
        logs_of(found.settings).remove([workflow_id])
    except OSError as failure:
        log.warning("A log file cannot be removed", workflow_id=workflow_id, error=str(failure))
