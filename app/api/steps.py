"""Routes about the steps of a workflow: why they wait, and the output of their jobs."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.explanation_schemas import Explanation
from app.api.schemas.request_schemas import AttemptQuery
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, TEXT, Answer, route
from workflows.bvbrc.job_records import TextName
from workflows.engine.reports.explain import explanation
from workflows.model.errors import Conflict, NotFound, Unauthorized, WorkflowsError
from workflows.model.values import job_key
from workflows.store.jobs import failures
from workflows.store.jobs import rows as job_rows
from workflows.store.users import credentials
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
    """Show the standard output of a step's job

    Of a failed attempt that BV-BRC no longer has, or cannot be asked about now, the end that the
    engine kept.
    """
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
    """Show the standard error of a step's job

    Of a failed attempt that BV-BRC no longer has, or cannot be asked about now, the end that the
    engine kept.
    """
    return read_job_output(workflow_id, step_name, "stderr", arguments.get("attempt"))


def read_job_output(
    workflow_id: str, step_name: str, name: TextName, attempt: int | None = None
) -> Response:
    """Raises ``NotFound``, ``Forbidden``, ``Conflict``, and AppService's failures."""
    workflow = connections().gate.load(workflow_id)
    steps = specs.get(workflow.spec_id).spec.steps
    step = next((at for at, each in enumerate(steps) if each.name == step_name), None)
    if step is None:
        raise NotFound(f"Workflow '{workflow_id}' has no step '{step_name}'.")
    number = attempt or workflow.progress.attempts[step]
    job_id = job_rows.ids_of(workflow_id).get((step, number))
    if not job_id:
        which = f"Attempt {attempt} of step" if attempt else "Step"
        raise NotFound(f"{which} '{step_name}' has no job at BV-BRC.")
    try:
        text = _ask_bvbrc(workflow.owner, job_id, name)
    except WorkflowsError as failure:
        text = _kept_copy(job_key(workflow_id, step, number), name, failure)
        if not text:
            raise
    return Response(text, mimetype=TEXT)


def _ask_bvbrc(owner: str, job_id: str, name: TextName) -> str:
    found = connections()
    limit = found.settings.api.text_limit_bytes
    try:
        return found.appservice.text(owner_token(owner), job_id, name, limit_bytes=limit)
    except Unauthorized as refused:
        raise Conflict("BV-BRC refuses the owner's token; PUT a fresh one first.") from refused


def _kept_copy(key: str, name: TextName, failure: WorkflowsError) -> str:
    """The end of the text that was kept when the job failed; empty where none was."""
    text = str(getattr(failures.kept_by(key), name))
    return (
        f"[{str(failure).rstrip('.')}. This is the end, as the engine kept it.]\n{text}"
        if text
        else ""
    )


def owner_token(owner: str) -> str:
    """The owner's token: the one in the request, or for an admin the stored one."""
    asking = caller()
    if asking.name == owner:
        return asking.token
    kept = credentials.usable(connections().context.vault, owner)
    if kept is None:
        raise Conflict("The owner's token has expired; a fresh one must be PUT first.")
    return kept.token
