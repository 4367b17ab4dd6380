"""Routes about priorities: of a workflow among its owner's, and users' weights."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from app.api.schemas.request_schemas import ChangeWorkflow
from app.api.schemas.response_schemas import Submitted
from app.api.schemas.schema_fields import Answered, described_as, text
from app.api.schemas.schema_fields import count as integer
from app.connections import connections
from app.http import request_bodies
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from workflows.model.errors import Conflict, Forbidden, Invalid, Problem
from workflows.model.values import Json
from workflows.rules.fair_share import HEAVIEST
from workflows.spec.checks.shape import HIGHEST_PRIORITY, is_priority
from workflows.store.jobs import priorities
from workflows.store.users import preferences as users

blueprint = Blueprint("priorities", __name__, description="Who goes first (docs/priorities.md).")


class Prioritised(Submitted):
    priority = integer("Among its owner's work")


class ChangeUser(Schema):
    class Meta:
        unknown = RAISE

    weight = fields.Integer(
        required=True,
        validate=validate.Range(min=1, max=HEAVIEST),
        **described_as("How many of the user's jobs go in each round; 1 is usual"),
    )


class UserShare(Answered):
    user = text("A user")
    weight = integer("How many of the user's jobs go in each round")


_CHANGED: Final = {
    "workflow_id": "wf_7d3f0c2f2e6a4d55a3f0d6f6f6c1a110",
    "status": "running",
    "message": "Priority changed",
    "priority": 5,
}


@route(
    blueprint,
    "PATCH",
    "/workflows/<workflow_id>",
    body=Body(ChangeWorkflow, {"first": {"priority": 5}}),
    answers={200: Answer("It is changed", {JSON: Prioritised}, _CHANGED)},
    refuses=[403, 404, 409],
)
def change_workflow(workflow_id: str) -> Response:
    """Change the priority of a workflow among its owner's

    From −10 to 10; its jobs that wait to be sent follow. It never goes before the fair share of
    other users. A workflow that has ended is refused with 409.
    """
    sent = request_bodies.read_optional_object(request)
    workflow = connections().gate.load(workflow_id)
    wanted = _read(sent, "priority")
    if not is_priority(wanted):
        most = HIGHEST_PRIORITY
        message = f"it must be an integer from -{most} to {most}"
        raise Invalid([Problem("priority", "wrong_type", message)])
    if not priorities.change(workflow_id, workflow.owner, int(wanted)):
        raise Conflict(f"Cannot change workflow with status '{workflow.status}'")
    connections().hints.start_jobs(g.request_id)
    return as_json(
        {
            "workflow_id": workflow_id,
            "status": workflow.status,
            "message": "Priority changed",
            "priority": wanted,
        }
    )


@route(
    blueprint,
    "PUT",
    "/admin/users/<user>",
    body=Body(ChangeUser, {"twice as much": {"weight": 2}}),
    answers={200: Answer("It is set", {JSON: UserShare}, {"user": "alice@bvbrc", "weight": 2})},
    refuses=[403],
)
def change_user(user: str) -> Response:
    """Change the weight of a user (admins)

    In each round of the fair share a user has as many jobs sent as the weight says; the caps on a
    user's jobs stay.
    """
    wanted = _read(request_bodies.read_optional_object(request), "weight")
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= HEAVIEST:
        message = f"it must be an integer from 1 to {HEAVIEST}"
        raise Invalid([Problem("weight", "wrong_type", message)])
    if not connections().gate.viewer().is_admin:
        raise Forbidden("Only an admin may change the weight of a user.")
    users.set_weight(user, wanted)
    return as_json({"user": user, "weight": wanted})


def _read(sent: dict[str, Json], known: str) -> Json:
    problems = [
        Problem(name, "unknown_field", "there is no such field", f"known is {known!r}")
        for name in sent
        if name != known
    ]
    if problems:
        raise Invalid(problems)
    return sent.get(known)
