"""Routes that show a workflow's history: as a log, as events, and live."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any, Final

from flask import Response, request
from flask_smorest import Blueprint

from app.api.schemas.request_schemas import EventQuery, LogQuery
from app.api.schemas.response_schemas import Events
from app.connections import connections
from app.http.json_response import as_json
from app.http.routes import EVENT_STREAM, JSON, TEXT, Answer, route
from app.live import stream
from workflows.engine.reports.views import stamp
from workflows.model.errors import Invalid, Problem
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Event
from workflows.rules import event_log
from workflows.store.workflows import events
from workflows.store.workflows.stored import StoredWorkflow

blueprint = Blueprint("history", __name__, description="Read a workflow's history, also live.")

RETRY_MILLISECONDS: Final = 2_000
_NUMBER: Final = re.compile("[0-9]{1,12}")


def event_json(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    return {
        "id": event.sequence,
        "at": stamp(event.at),
        "subject": event.subject,
        "step_name": event.step_name,
        "app": event.app,
        "attempt": event.attempt,
        "job_id": event.job_id,
        "before": str(event.before),
        "after": str(event.after),
        "reason": event.reason,
        "duration_seconds": event.duration.total_seconds() if event.duration else None,
    }


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/log",
    answers={
        200: Answer("The log; with `follow`, until the final state", {TEXT: {"type": "string"}})
    },
    refuses=[403, 404],
    query=LogQuery,
)
def read_log(arguments: dict[str, Any], workflow_id: str) -> Response:
    """Show a workflow's history as lines of text

    The same lines as in its log file, from every host.
    """
    workflow = connections().gate.load(workflow_id)
    tail = arguments.get("tail")
    after = max(0, workflow.progress.sequence - tail) if tail is not None else 0
    if arguments["follow"]:
        return stream.answer(connections().broadcaster, workflow_id, after, TEXT, event_log.text)
    return Response(event_log.text(events.of_workflow(workflow_id, after)), mimetype=TEXT)


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/events",
    answers={
        200: Answer(
            "The events so far, or with `Accept: text/event-stream` these and all events"
            " until the final state",
            {JSON: Events, EVENT_STREAM: {"type": "string"}},
        ),
        204: Answer("Of a live stream: no further event follows"),
    },
    refuses=[403, 404],
    query=EventQuery,
    headers={"Last-Event-ID": "Of a live stream: the number of the last event that was received"},
)
def list_events(arguments: dict[str, Any], workflow_id: str) -> Response:
    """List every change of state

    As server-sent events each has its number as `id`, `workflow` or `step` as `event`, and as
    `data` the same JSON as in the list.
    """
    workflow = connections().gate.load(workflow_id)
    if request.accept_mimetypes.best_match([JSON, EVENT_STREAM]) == EVENT_STREAM:
        return live(workflow, arguments["after"])
    limit: int = arguments["limit"]
    found = events.of_workflow(workflow_id, arguments["after"], limit + 1)
    return as_json(
        {
            "workflow_id": workflow_id,
            "events": [event_json(event) for event in found[:limit]],
            "next_after": found[limit - 1].sequence if len(found) > limit else None,
        }
    )


def live(workflow: StoredWorkflow, after: int, alive: str = stream.ALIVE) -> Response:
    """After a final state no event follows: 204 makes an EventSource stop."""
    seen = request.headers.get("Last-Event-ID", "").strip()
    if seen and not _NUMBER.fullmatch(seen):
        raise Invalid([Problem("Last-Event-ID", "bad_argument", "it must be an event's number")])
    last = int(seen) if seen else after
    if workflow.state in FINAL_WORKFLOW and workflow.progress.sequence <= last and seen:
        return Response(status=204)
    return stream.answer(
        connections().broadcaster, workflow.id, last, EVENT_STREAM, partial(_sse, alive)
    )


def _sse(alive: str, batch: stream.Batch) -> str:
    if not batch:
        return f"retry: {RETRY_MILLISECONDS}\n{alive}"
    return "".join(
        f"id: {event.sequence}\nevent: {event.subject}\n"
        f"data: {json.dumps(event_json(event), ensure_ascii=False)}\n\n"
        for event in batch
    )
