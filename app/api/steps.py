"""Routes about the steps of a workflow: why they wait, and the output of their jobs."""

from __future__ import annotations

from typing import Any, Literal

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.request_schemas import AttemptQuery
from app.api.response_schemas import Explanation
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, TEXT, Answer, route
from workflows.engine.explain import explanation
from workflows.model.errors import Conflict, NotFound, Unauthorized
from workflows.store import credentials
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs

blueprint = Blueprint("steps", __name__, description="Inspect the steps of a workflow.")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/explain",
    answers={200: Answer("A reason for each", {JSON: Explanation}, examples.EXPLANATION)},
    refuses=[403, 404],
)
def explain_workflow(workflow_id: str) -> Response:
    """Explain why each unfinished step does not run, since when, and what would unblock it"""
    found = connections()
    return as_json(explanation(found.gate.load(workflow_id), found.context))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/steps/<path:step_name>/stdout",
    answers={200: Answer("The first mebibyte", {TEXT: {"type": "string"}})},
    refuses=[403, 404, 409],
    query=AttemptQuery,
)
def step_stdout(arguments: dict[str, Any], workflow_id: str, step_name: str) -> Response:
    """Show the standard output of a step's job"""
    return read_job_output(workflow_id, step_name, "stdout", arguments.get("attempt"))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/steps/<path:step_name>/stderr",
    answers={200: Answer("The first mebibyte", {TEXT: {"type": "string"}})},
    refuses=[403, 404, 409],
    query=AttemptQuery,
)
def step_stderr(arguments: dict[str, Any], workflow_id: str, step_name: str) -> Response:
    """Show the standard error of a step's job"""
    return read_job_output(workflow_id, step_name, "stderr", arguments.get("attempt"))


def read_job_output(
    workflow_id: str,
    step_name: str,
    name: Literal["stdout", "stderr"],
    attempt: int | None = None,
) -> Response:
    """Of the latest attempt, unless another one is named.

    Raises ``NotFound``, ``Forbidden``, ``Conflict``, and AppService's failures.
    """
    found = connections()
    workflow = found.gate.load(workflow_id)
    steps = specs.get(workflow.spec_id).spec.steps
    step = next((at for at, each in enumerate(steps) if each.name == step_name), None)
    if step is None:
        raise NotFound(f"Workflow '{workflow_id}' has no step '{step_name}'.")
    number = attempt or workflow.progress.attempts[step]
    job_id = job_rows.ids_of(workflow_id).get((step, number))
    if not job_id:
        which = f"Attempt {attempt} of step" if attempt else "Step"
        raise NotFound(f"{which} '{step_name}' has no job at BV-BRC.")
    limit = found.settings.api.text_limit_bytes
    try:
        text = found.appservice.text(_token(workflow.owner), job_id, name, limit_bytes=limit)
    except Unauthorized as refused:
        raise Conflict("BV-BRC refuses the owner's token; PUT a fresh one first.") from refused
    return Response(text, mimetype=TEXT)


def _token(owner: str) -> str:
    """The owner's token: the one in the request, or for an admin the stored one."""
    asking = caller()
    if asking.name == owner:
        return asking.token
    kept = credentials.usable(connections().context.vault, owner)
    if kept is None:
        raise Conflict("The owner's token has expired; a fresh one must be PUT first.")
    return kept.token
