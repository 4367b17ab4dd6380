"""The routes of GA4GH WES 1.1."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from flask import Flask, Response, current_app, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import UnsupportedMediaType

from app.api.schemas.request_schemas import Nothing
from app.api.submit import submission
from app.api.system import VERSION
from app.connections import connections
from app.http import request_bodies
from app.http.addresses import absolute_url
from app.http.admission import DOCUMENT
from app.http.auth import OPEN, caller
from app.http.json_response import as_json, with_etag
from app.http.routes import FORM, JSON, Answer, Body, ErrorBody, route
from app.wes import runs, schemas
from app.wes.errors import wes_error
from app.wes.run_log import list_item, run_log, task_id, task_log
from app.wes.run_request import read_run_request
from app.wes.schemas import FORM_FIELDS
from app.wes.service_info import StateCounts, service_info
from app.wes.states import RunState, stored_states
from app.wes.submit import submit_run
from workflows.engine import commands as engine
from workflows.model.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from workflows.store.jobs import attempts
from workflows.store.workflows import listing, specs
from workflows.store.workflows.filters import Wanted
from workflows.store.workflows.stored import WorkflowSummary

blueprint = Blueprint("wes", __name__, description="GA4GH Workflow Execution Service 1.1.")

_COUNTS: Final = "wes state counts"
_ERROR: Final = ErrorBody(
    schemas.WesError,
    lambda status, detail: wes_error(status, {"detail": detail, "errors": []}),
)
_route: Final = partial(route, blueprint, error=_ERROR)
_TASK: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
_RUN: Final = {"run_id": "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"}
_REQUEST: Final = {
    "workflow_type": "CWL",
    "workflow_type_version": "v1.2",
    "workflow_url": "main.cwl",
    "workflow_params": '{"reads": "SRR1234567"}',
    "tags": '{"project": "outbreak-7"}',
}


def attach(app: Flask) -> None:
    """What these routes keep in a process."""
    app.extensions[_COUNTS] = StateCounts()


@_route(
    "GET",
    "/service-info",
    answers={200: Answer("The service", {JSON: schemas.ServiceInfo})},
    access=OPEN,
)
def wes_service_info() -> Response:
    """Show what this service is and can do"""
    counts: StateCounts = current_app.extensions[_COUNTS]
    settings = connections().settings
    try:
        with connections().patience():
            counted = counts.read()
    except Unavailable:
        counted = {}
    return as_json(service_info(settings, VERSION, absolute_url(""), counted))


@_route(
    "GET",
    "/runs",
    answers={200: Answer("A page of them", {JSON: schemas.RunListResponse})},
    query=schemas.RunsQuery,
)
def wes_list_runs(arguments: dict[str, Any]) -> Response:
    """List the caller's runs

    Newest first. Runs submitted while the pages are read do not shift them.
    """
    states = [RunState(state) for state in arguments["state"]]
    wanted = Wanted(
        states=stored_states(states),
        labels=dict(tag.split(":", 1) for tag in arguments["tags"]),
    )
    found: list[WorkflowSummary] = []
    token = ""
    if wanted.states:
        size, after = arguments["page_size"], arguments["page_token"]
        found, following = listing.page(caller().name, wanted, size, after)
        token = following or ""
    in_state = runs.states_of(found)
    items = [
        list_item(workflow, in_state[workflow.id])
        for workflow in found
        if not states or in_state[workflow.id] in states
    ]
    return as_json({"runs": items, "next_page_token": token})


@_route(
    "POST",
    "/runs",
    body=Body(
        schemas.RUN_REQUEST,
        {"a CWL workflow": _REQUEST},
        media_types=(FORM, FORM_FIELDS),
        max_bytes=DOCUMENT,
    ),
    answers={200: Answer("It runs", {JSON: schemas.RunId}, _RUN)},
    refuses=[409],
    headers=submission.HEADERS,
    patient=False,
)
def wes_run() -> Response:
    """Run a workflow

    A form: the parts of WES, and the workflow's files as `workflow_attachment`.
    """
    if request.mimetype not in (FORM, FORM_FIELDS):
        raise UnsupportedMediaType(f"The body must be a form: {FORM}.")
    with connections().patience():
        before = submission.accepted_before()
    accepted = before or submit_run(read_run_request(request, VERSION))
    return as_json({"run_id": accepted.id})


@_route(
    "GET",
    "/runs/<workflow_id>/status",
    answers={
        200: Answer("The state", {JSON: schemas.RunStatus}, headers=["ETag"]),
        304: Answer("Nothing has changed since the answer with this ETag", headers=["ETag"]),
    },
    refuses=[403, 404],
    headers={"If-None-Match": "The ETag of an earlier answer"},
)
def wes_run_status(workflow_id: str) -> Response:
    """Show the state of a run"""
    workflow = runs.load(workflow_id)
    state = runs.states_of([workflow])[workflow.id]
    return with_etag(as_json({"run_id": workflow.id, "state": state}))


@_route(
    "GET",
    "/runs/<workflow_id>",
    answers={200: Answer("The run", {JSON: schemas.RunLog})},
    refuses=[403, 404],
)
def wes_run_log(workflow_id: str) -> Response:
    """Show a run: its request, logs, tasks and outputs"""
    return as_json(run_log(runs.read(runs.load(workflow_id)), absolute_url))


@_route(
    "GET",
    "/runs/<workflow_id>/tasks",
    answers={200: Answer("A page of them", {JSON: schemas.TaskListResponse})},
    refuses=[403, 404],
    query=schemas.PageQuery,
)
def wes_list_tasks(arguments: dict[str, Any], workflow_id: str) -> Response:
    """List the tasks of a run

    One for each attempt of a step that was sent, in the order of the steps.
    """
    workflow = runs.load(workflow_id)
    size, token = arguments["page_size"], arguments["page_token"]
    after = _place(token) if token else None
    if token and after is None:
        message = "it is no next_page_token of an answer"
        raise Invalid([Problem("page_token", "bad_argument", message)])
    jobs = attempts.page(workflow.id, after, size + 1)
    spec = specs.get(workflow.spec_id).spec
    logs = [task_log(workflow.id, spec, job, absolute_url) for job in jobs[:size]]
    following = task_id(jobs[size - 1]) if len(jobs) > size else ""
    return as_json({"task_logs": logs, "next_page_token": following})


@_route(
    "GET",
    "/runs/<workflow_id>/tasks/<task_id>",
    answers={200: Answer("The task", {JSON: schemas.TaskLog})},
    refuses=[403, 404],
)
def wes_task(workflow_id: str, task_id: str) -> Response:
    """Show a task"""
    workflow = runs.load(workflow_id)
    place = _place(task_id)
    job = attempts.get(workflow.id, *place) if place else None
    if job is None:
        raise NotFound(f"Run '{workflow_id}' has no task '{task_id}'.")
    return as_json(task_log(workflow.id, specs.get(workflow.spec_id).spec, job, absolute_url))


@_route(
    "POST",
    "/runs/<workflow_id>/cancel",
    body=Body(Nothing, {"nothing": {}}, required=False),
    answers={200: Answer("No further step starts", {JSON: schemas.RunId}, _RUN)},
    refuses=[403, 404],
)
def wes_cancel(workflow_id: str) -> Response:
    """Cancel a run

    A run that has ended stays as it is.
    """
    request_bodies.read_optional_object(request)
    found, workflow = connections(), runs.load(workflow_id)
    try:
        engine.cancel(found.context, workflow.id)
    except Conflict:
        return as_json({"run_id": workflow.id})
    found.hints.kill_jobs(g.request_id)
    return as_json({"run_id": workflow.id})


def _place(text: str) -> tuple[int, int] | None:
    """The step and attempt of a task's id."""
    match = _TASK.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None
