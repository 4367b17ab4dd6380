"""Routes about the results of workflows: what they are, and their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import quote

import structlog
from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.request_schemas import FileQuery
from app.api.schemas.response_schemas import Outputs
from app.api.steps import owner_token
from app.connections import connections
from app.http import metering
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route
from workflows.bvbrc.downloads import Download
from workflows.bvbrc.workspace import Item
from workflows.engine.reports.outputs import list_results, outputs
from workflows.model.errors import Conflict, NotFound, ServiceError, Unauthorized
from workflows.store.workflows import result_checks
from workflows.store.workflows.stored import StoredWorkflow

log = structlog.get_logger(__name__)

BYTES: Final = "application/octet-stream"
SMALL_BYTES: Final = 256 * 1024
"""Texts up to this size are shown on a page."""

blueprint = Blueprint("results", __name__, description="Read the results of workflows.")


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/outputs",
    answers={200: Answer("The results", {JSON: Outputs}, examples.OUTPUTS)},
    refuses=[403, 404],
)
def workflow_outputs(workflow_id: str) -> Response:
    """Show the outputs of a workflow and of its steps

    Each with the address of BV-BRC's page where it is a Workspace path. Of steps that succeeded,
    the Workspace is asked whether the files exist and how large they are; where it cannot be asked
    within two seconds, that is left out. `at_end` says the same of the moment when the workflow had
    ended.
    """
    return as_json(read_outputs(connections().gate.load(workflow_id)))


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/outputs/file",
    query=FileQuery,
    answers={200: Answer("Its bytes", {BYTES: {"type": "string", "format": "binary"}})},
    refuses=[403, 404, 409],
)
def download_output(arguments: dict[str, Any], workflow_id: str) -> Response:
    """Download a result

    A file among the outputs of steps that succeeded, read from the Workspace with the owner's token
    while it is sent; at most `api.download_limit_bytes`. It counts as a live stream of the quota.
    """
    return download(connections().gate.load(workflow_id), arguments["path"])


def read_outputs(workflow: StoredWorkflow) -> dict[str, Any]:
    """The outputs with their sizes, as far as the Workspace tells."""
    found = connections()

    def look(folders: Sequence[str]) -> Mapping[str, Item]:
        return found.workspace.ls_many(owner_token(workflow.owner), folders)

    return outputs(workflow, found.links, look, result_checks.read_seen(workflow.id))


def open_result(workflow: StoredWorkflow, path: str) -> Download:
    """Raises ``NotFound`` for what is no result of the workflow, ``Conflict``, ``ServiceError``."""
    if path not in list_results(workflow):
        raise NotFound(f"Workflow '{workflow.id}' has no result at this path.")
    try:
        return connections().downloads.open(owner_token(workflow.owner), path)
    except Unauthorized as refused:
        raise Conflict("BV-BRC refuses the owner's token; PUT a fresh one first.") from refused


def read_text(workflow: StoredWorkflow, path: str) -> tuple[str | None, Item]:
    """A small text, and what the Workspace says of it; None for what is large or no text."""
    found = open_result(workflow, path)
    if found.item.size_bytes > SMALL_BYTES:
        found.close()
        return None, found.item
    content = bytearray()
    for part in found.parts:
        content += part
        if len(content) > SMALL_BYTES:
            found.close()
            return None, found.item
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None, found.item
    return (None if "\0" in text else text), found.item


def download(workflow: StoredWorkflow, path: str) -> Response:
    """Its bytes as a file to be saved: no browser shows them, of any type."""
    with ExitStack() as stack:
        stack.enter_context(metering.streaming())
        stack.enter_context(connections().broadcaster.take_place())
        found = open_result(workflow, path)
        name = quote(found.item.name, safe="")
        response = Response(
            _parts(found),
            mimetype=BYTES,
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                "Cache-Control": "no-store",
            },
        )
        response.call_on_close(stack.pop_all().close)
    return response


def _parts(found: Download) -> Iterator[bytes]:
    """A failure while it is sent ends the answer without its last chunk: the client notices."""
    try:
        yield from found.parts
    except ServiceError as failure:
        log.warning("A download broke off", error=str(failure))
        raise
