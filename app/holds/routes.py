"""Routes about holds: list, set, lift; pause and resume one workflow."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, g, request
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.request_schemas import Nothing
from app.api.schemas.response_schemas import Submitted
from app.connections import connections
from app.holds.request import read_hold
from app.holds.schemas import EXAMPLE, PAUSED, REQUEST, Hold, Holds, NewHold, Paused
from app.http import request_bodies
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from workflows.engine import holds
from workflows.engine.access import Caller
from workflows.store.workflows.stored import StoredWorkflow

blueprint = Blueprint("holds", __name__, description="Keep work from starting (docs/holds.md).")

_NOTHING = Body(Nothing, {"nothing": {}}, required=False)


@route(
    blueprint,
    "GET",
    "/holds",
    answers={200: Answer("Those that last", {JSON: Holds}, {"holds": [EXAMPLE]})},
)
def list_holds() -> Response:
    """List the holds that concern the caller

    Those on everything, on apps, on the caller's work, and those that the caller has set; an admin
    sees all.
    """
    found = holds.list_visible(_caller())
    under_way = holds.count_under_way(found)
    return as_json({"holds": [holds.as_json(hold, under_way[hold.id]) for hold in found]})


@route(
    blueprint,
    "POST",
    "/holds",
    body=Body(NewHold, {"a maintenance": REQUEST}),
    answers={201: Answer("It holds", {JSON: Hold}, EXAMPLE, ["Location"])},
    refuses=[403, 404, 409],
)
def set_hold() -> Response:
    """Keep work from starting

    Nothing that it concerns is sent after the answer; jobs at BV-BRC go on there. `under_way`
    counts jobs that were being sent before, and of which BV-BRC has not answered: they may start.
    It lasts until it is lifted or `until` comes, over every restart. Users may hold their own
    work, batches and workflows, admins everything.
    """
    caller = _caller()
    wanted = read_hold(request_bodies.read_optional_object(request), caller)
    found = holds.set_hold(
        caller,
        wanted.scope,
        wanted.target,
        wanted.mode,
        wanted.reason,
        owner=wanted.owner,
        until=wanted.until,
    )
    headers = {"Location": f"/api/v1/holds/{found.hold.id}"}
    return as_json(holds.as_json(found.hold, found.under_way), HTTPStatus.CREATED, headers)


@route(
    blueprint,
    "DELETE",
    "/holds/<hold_id>",
    answers={204: Answer("It is lifted")},
    refuses=[403, 404],
)
def lift_hold(hold_id: str) -> Response:
    """Lift a hold

    What it kept starts now, unless another hold keeps it. The user who set it may lift it, and an
    admin.
    """
    holds.lift(_caller(), hold_id)
    connections().hints.start_jobs(g.request_id)
    return Response(status=204)


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/pause",
    body=_NOTHING,
    answers={200: Answer("No further step starts", {JSON: Paused}, PAUSED)},
    refuses=[403, 404, 409],
)
def pause_workflow(workflow_id: str) -> Response:
    """Pause a workflow: no further step starts until it is resumed

    Jobs at BV-BRC go on there, and those of which it has not answered (`under_way`) may still
    start. A workflow that is not under way is refused with 409.
    """
    request_bodies.read_optional_object(request)
    workflow = connections().gate.load(workflow_id)
    under_way = holds.pause(_caller(), workflow)
    return _answer(workflow, "Workflow paused", under_way=under_way)


@route(
    blueprint,
    "POST",
    "/workflows/<workflow_id>/resume",
    body=_NOTHING,
    answers={200: Answer("It goes on", {JSON: Submitted}, examples.SUBMITTED)},
    refuses=[403, 404, 409],
)
def resume_workflow(workflow_id: str) -> Response:
    """Resume a paused workflow

    Also one that a restart has paused. 409 if an admin holds it: only an admin lifts that hold.
    """
    request_bodies.read_optional_object(request)
    workflow = connections().gate.load(workflow_id)
    holds.resume(_caller(), workflow)
    connections().hints.start_jobs(g.request_id)
    connections().hints.advance(workflow_id, g.request_id)
    return _answer(workflow, "Workflow resumed")


def _caller() -> Caller:
    return connections().gate.viewer()


def _answer(workflow: StoredWorkflow, message: str, **more: int) -> Response:
    found = {"workflow_id": workflow.id, "status": workflow.status, "message": message}
    return as_json({**found, **more})
