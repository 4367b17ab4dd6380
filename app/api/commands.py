"""Routes that change workflows: cancel, retry, renew a token."""

from __future__ import annotations

from flask import Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest

from app.api import examples
from app.api.retry import changes as retry_changes
from app.api.retry import routes as retries
from app.api.schemas.request_schemas import FreshToken, Nothing, RetryChanges
from app.api.schemas.response_schemas import Cancelled, Submitted
from app.connections import connections
from app.http import request_bodies
from app.http.admission import DOCUMENT
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from workflows.bvbrc.token import strip
from workflows.engine import commands as engine
from workflows.engine.batches import commands as batches
from workflows.engine.commands import Owner
from workflows.model.errors import BadToken, Conflict, Forbidden, Invalid, Problem
from workflows.model.values import Json
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs

blueprint = Blueprint(
    "steering", __name__, description="Cancel and retry workflows, and renew their token."
)

_NOTHING = Body(Nothing, {"nothing": {}}, required=False)


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/cancel",
    body=_NOTHING,
    answers={200: Answer("It is cancelled", {JSON: Cancelled}, examples.CANCELLED)},
    refuses=[403, 404],
)
def cancel_workflow(workflow_id: str) -> Response:
    """Cancel a workflow and kill its jobs

    No further step starts after the answer. The outcome of each step is kept up to date: cancel
    again to see it. A workflow that has ended otherwise is refused with 400.
    """
    request_bodies.read_optional_object(request)
    found = connections()
    found.gate.load(workflow_id)
    try:
        engine.cancel(found.context, workflow_id)
    except Conflict as ended:
        raise BadRequest(str(ended)) from ended
    found.hints.kill_jobs(g.request_id)
    workflow = found.gate.load(workflow_id)
    names = [step.name for step in specs.get(workflow.spec_id).spec.steps]
    attempts = job_rows.of_workflow(workflow_id)
    return as_json(
        {
            "workflow_id": workflow_id,
            "status": workflow.status,
            "message": "Workflow cancelled successfully",
            "steps": [
                {"step_name": each.step_name, "job_id": each.job_id, "outcome": each.outcome}
                for each in engine.receipts(names, workflow.progress.states, attempts)
            ],
        }
    )


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/retry",
    body=Body(
        RetryChanges,
        {"as it was": {}, "other parameters": examples.RETRY},
        required=False,
        max_bytes=DOCUMENT,
    ),
    answers={200: Answer("It runs again", {JSON: Submitted}, examples.SUBMITTED)},
    refuses=[403, 404, 409],
)
def retry_workflow(workflow_id: str) -> Response:
    """Retry a failed or cancelled workflow

    Its failed, cancelled and upstream_failed steps start as new attempts; finished ones are kept.
    With `params` steps get other parameters, which are checked as a submission is; with `from`
    steps that succeeded start again, too, with all that depends on them.
    """
    changes = retry_changes.read(request_bodies.read_optional_object(request))
    workflow = retries.retry(connections().gate.load(workflow_id), changes)
    return as_json(
        {
            "workflow_id": workflow_id,
            "status": workflow.status,
            "message": "Workflow taken up again",
        }
    )


@route(
    blueprint,
    "PUT",
    "/workflows/<workflow_id>/token",
    body=Body(FreshToken, {"the token is in the header": {}}, required=False),
    answers={204: Answer("The token is stored, and parked steps go on")},
    refuses=[403, 404],
)
def renew_token(workflow_id: str) -> Response:
    """Hand in a fresh token of the workflow's owner

    The one in the Authorization header; an admin sends the owner's as `token` in the body.
    """
    return _renew(connections().gate.load(workflow_id).owner)


@route(
    blueprint,
    "PUT",
    "/batches/<batch_id>/token",
    body=Body(FreshToken, {"the token is in the header": {}}, required=False),
    answers={204: Answer("The token is stored, and parked steps go on")},
    refuses=[403, 404],
)
def renew_batch_token(batch_id: str) -> Response:
    """Hand in a fresh token of the batch's owner

    It serves all rows, as `PUT /workflows/{id}/token` of any of them does.
    """
    return _renew(batches.load(batch_id, connections().gate.viewer()).owner)


def _renew(owner: str) -> Response:
    """Stores the token of the request, for all work of its user."""
    sent = request_bodies.read_optional_object(request)
    found = connections()
    _refuse_unknown(sent, "token")
    fresh = _fresh(sent["token"]) if "token" in sent else caller()
    if fresh.name != owner:
        raise Forbidden("The fresh token must be the owner's.")
    engine.renew(found.context, fresh)
    found.hints.start_jobs(g.request_id)
    return Response(status=204)


def _refuse_unknown(sent: dict[str, Json], known: str) -> None:
    """Refuses unknown fields: a token under another name would be ignored, and an old one kept."""
    unknown = [
        Problem(name, "unknown_field", "there is no such field", f"known is {known!r}")
        for name in sent
        if name != known
    ]
    if unknown:
        raise Invalid(unknown)


def _fresh(token: object) -> Owner:
    if not isinstance(token, str):
        raise BadToken("The token in the body must be a text.")
    stripped = strip(token)
    identity = connections().gate.identity(stripped)
    return Owner(identity.user, stripped, identity.expires_at)
