"""Routes about batches: submit, add rows, read, cancel, retry, pause, resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from flask import Response, g, request, stream_with_context
from flask_smorest import Blueprint
from werkzeug.exceptions import BadRequest

from app.api.schemas.request_schemas import Nothing
from app.api.submit import submission as api_submission
from app.batches import additions, answers, kinds, live, schemas, submission
from app.connections import connections
from app.http import request_bodies
from app.http.admission import DOCUMENT
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import EVENT_STREAM, FORM, JSON, Answer, Body, route
from workflows.engine import holds
from workflows.engine.batches import commands as batches
from workflows.engine.batches import views as batch_views
from workflows.model.errors import Conflict, Invalid, Problem
from workflows.model.states import RETRY_WORKFLOW, WorkflowState
from workflows.model.values import Json
from workflows.rules.holds import Scope
from workflows.store.batches import user_commands
from workflows.store.batches.stored import StoredBatch

blueprint = Blueprint(
    "batches", __name__, description="One workflow over a table of samples (docs/batches.md)."
)

CSV: Final = "text/csv"
_NOTHING: Final = Body(Nothing, {"nothing": {}}, required=False)
_BATCH: Final = Answer("The batch", {JSON: schemas.WholeBatch}, schemas.example())


@route(
    blueprint,
    "POST",
    "/batches",
    body=Body(
        schemas.BatchDocument,
        {"two samples": schemas.REQUEST, "two samples in CWL": schemas.CWL_REQUEST},
        media_types=(JSON, FORM),
        max_bytes=DOCUMENT,
    ),
    query=schemas.BatchQuery,
    answers={
        201: Answer("It runs", {JSON: schemas.AcceptedBatch}, schemas.ACCEPTED, ["Location"]),
        200: Answer(
            "It was submitted before; or with `dry_run` what would be stored",
            {JSON: {"oneOf": [schemas.AcceptedBatch, schemas.DryRun]}},
        ),
    },
    refuses=[404, 409],
    headers=api_submission.HEADERS,
)
def submit_batch(arguments: dict[str, Any]) -> Response:
    """Submit a workflow for each row of a table

    JSON, or a form with the parts `workflow` (JSON) and `samples` (a CSV or TSV file). In place of
    `workflow`: `cwl` or `template`, whose inputs the columns give (`map`, `inputs`). Every row is
    checked before anything is stored; any problem refuses all, unless `skip_invalid` is set. Once
    answered, each row becomes a workflow exactly once, in the order of the table.
    """
    taken = submission.take(*kinds.KINDS)
    check, template = kinds.prepare(taken)
    return answers.submit(taken, check, template, dry_run=arguments["dry_run"])


@route(
    blueprint,
    "GET",
    "/batches",
    answers={200: Answer("A page of them", {JSON: schemas.BatchPage})},
    query=schemas.BatchListQuery,
)
def list_batches(arguments: dict[str, Any]) -> Response:
    """List the caller's batches

    Newest first.
    """
    size, following = arguments["page_size"], arguments["page_token"]
    found, token = batches.page_of(caller().name, size, following)
    return as_json({"batches": batch_views.list_items(found), "next_page_token": token})


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>",
    answers={200: _BATCH},
    refuses=[403, 404],
)
def get_batch(batch_id: str) -> Response:
    """Show how far a batch is

    Its rows are counted by state, and those that failed by reason.
    """
    return _whole(batch_id)


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>/workflows",
    answers={200: Answer("A page of its rows", {JSON: schemas.BatchRows})},
    query=schemas.RowQuery,
    refuses=[403, 404],
)
def list_batch_rows(arguments: dict[str, Any], batch_id: str) -> Response:
    """List the rows of a batch in the order of the table"""
    batch, size = load(batch_id), arguments["page_size"]
    rows = batch_views.rows(batch, int(arguments["page_token"] or 0) - 1)
    wanted = set(arguments["status"])
    page = list(islice((row for row in rows if not wanted or row.state in wanted), size + 1))
    token = str(page[size - 1].index + 1) if len(page) > size else None
    shown = [row.as_json() for row in page[:size]]
    return as_json({"batch_id": batch_id, "workflows": shown, "next_page_token": token})


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>/results",
    answers={
        200: Answer(
            "The table of results, as JSON or CSV",
            {CSV: {"type": "string"}, JSON: schemas.BatchResults},
        )
    },
    refuses=[403, 404],
)
def batch_results(batch_id: str) -> Response:
    """Show the table of results

    The columns of the table, then `workflow_id`, `status` and `error`, then a column for each of
    the workflow's outputs. CSV, unless `Accept` asks for JSON alone.
    """
    batch = load(batch_id)
    if request.accept_mimetypes.best_match([CSV, JSON]) == JSON:
        return as_json(batch_views.results_json(batch))
    return Response(
        stream_with_context(batch_views.results_csv(batch)),
        mimetype=CSV,
        headers={"Content-Disposition": f'attachment; filename="{batch_id}.csv"'},
    )


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>/events",
    answers={
        200: Answer(
            "Live: the batch whenever its counts have changed, until it has ended",
            {EVENT_STREAM: {"type": "string"}},
        )
    },
    refuses=[403, 404],
)
def watch_batch(batch_id: str) -> Response:
    """Follow a batch live

    Server-sent events `batch`, whose data are the JSON of `GET /batches/{id}`.
    """
    return live.answer(connections().broadcaster, load(batch_id))


@route(
    blueprint,
    "POST",
    "/batches/<batch_id>/samples",
    body=Body(
        schemas.FurtherSamples,
        {"two samples": schemas.FURTHER},
        media_types=(JSON, FORM),
        max_bytes=DOCUMENT,
    ),
    answers={
        201: Answer("They are rows of it", {JSON: schemas.AddedSamples}, schemas.ADDED),
        200: Answer("They were added before", {JSON: schemas.AddedSamples}),
    },
    refuses=[403, 404, 409],
    headers={"Idempotency-Key": "Repeating the same key and body adds the rows once"},
)
def add_samples(batch_id: str) -> Response:
    """Add rows to a batch

    JSON, or a form whose part `samples` is a file. The rows are checked whole, as the first ones
    were, against what the batch was submitted with. A sample that the batch has already is refused.
    A batch that has ended is under way again; 409 for one that was cancelled.
    """
    batch, taken = load(batch_id), submission.take(additions.FIELDS)
    added, found = additions.add(batch, taken)
    return answers.respond_to_addition(load(batch_id), added, found)


@route(
    blueprint,
    "POST",
    "/batches/<batch_id>/cancel",
    body=_NOTHING,
    answers={
        200: Answer(
            "It is cancelled",
            {JSON: schemas.CancelledBatch},
            schemas.example(
                status="cancelled",
                counts={"cancelled": 292, "succeeded": 8},
                receipts={"never_started": 241, "killed": 20, "kill_requested": 31},
            ),
        )
    },
    refuses=[403, 404],
)
def cancel_batch(batch_id: str) -> Response:
    """Cancel a batch: no further row begins, and all that runs is killed

    No further step starts after the answer. Cancel again to see how far the kills are. A batch that
    has ended otherwise is refused with 400.
    """
    request_bodies.read_optional_object(request)
    found = connections()
    try:
        workflows = batches.cancel(load(batch_id))
    except Conflict as ended:
        raise BadRequest(str(ended)) from ended
    for workflow in workflows:
        found.hints.advance(workflow, g.request_id)
    found.hints.kill_jobs(g.request_id)
    found.hints.advance_batch(batch_id, g.request_id)
    batch = load(batch_id)
    receipts = {name: number for name, number in batches.receipts(batch).items() if number}
    return as_json({**batch_views.whole(batch), "receipts": receipts})


@route(
    blueprint,
    "POST",
    "/batches/<batch_id>/retry",
    body=Body(schemas.RetryBatch, {"failed rows": {"status": ["failed"]}}, required=False),
    answers={
        200: Answer("The rows run again", {JSON: schemas.RetriedBatch}, schemas.example(retried=1))
    },
    refuses=[403, 404, 409],
)
def retry_batch(batch_id: str) -> Response:
    """Retry rows that failed or were cancelled

    As a retry of each workflow: steps that succeeded are kept. At most `max_active` are under way
    at the same time. Rows that a cancel kept from beginning begin now, unless samples are named.
    409 if there is no such row.
    """
    sent = request_bodies.read_optional_object(request)
    states, samples = _read_retry(sent)
    batch, found = load(batch_id), connections()
    found.quotas.check_active(batch.owner)
    retried = batches.retry(found.context, caller(), batch, states, samples)
    found.hints.advance_batch(batch_id, g.request_id)
    return as_json({**batch_views.whole(load(batch_id)), "retried": retried})


@route(
    blueprint,
    "POST",
    "/batches/<batch_id>/pause",
    body=_NOTHING,
    answers={200: _BATCH},
    refuses=[403, 404, 409],
)
def pause_batch(batch_id: str) -> Response:
    """Pause a batch: no further row begins; what runs goes on

    A hold of scope `batch` keeps the further steps of its rows, too, from starting.
    """
    return _command(batch_id, "pause", user_commands.pause)


@route(
    blueprint,
    "POST",
    "/batches/<batch_id>/resume",
    body=_NOTHING,
    answers={200: _BATCH},
    refuses=[403, 404, 409],
)
def resume_batch(batch_id: str) -> Response:
    """Resume a paused batch, and lift the holds on it

    409 if an admin holds it: only an admin lifts that hold.
    """
    request_bodies.read_optional_object(request)
    holds.lift_all(connections().gate.viewer(), Scope.BATCH, load(batch_id).id)
    connections().hints.start_jobs(g.request_id)
    return _command(batch_id, "resume", user_commands.resume)


@route(
    blueprint,
    "PATCH",
    "/batches/<batch_id>",
    body=Body(schemas.ChangeBatch, {"more at once": {"max_active": 100}}),
    answers={200: _BATCH},
    refuses=[403, 404, 409],
)
def change_batch(batch_id: str) -> Response:
    """Change how many workflows of a batch are under way at the same time"""
    sent = request_bodies.read_optional_object(request)
    _refuse_fields(sent, ("max_active",))
    most = submission.check_max_active(sent.get("max_active"))
    return _command(batch_id, "change", lambda batch: user_commands.change_max_active(batch, most))


def load(batch_id: str) -> StoredBatch:
    """The batch, where the caller of this route may see it. Raises ``NotFound``, ``Forbidden``."""
    return batches.load(batch_id, connections().gate.viewer())


def _whole(batch_id: str) -> Response:
    return as_json(batch_views.whole(load(batch_id)))


def _command(batch_id: str, verb: str, run: Callable[[str], bool]) -> Response:
    request_bodies.read_optional_object(request)
    batch = load(batch_id)
    if not run(batch.id):
        raise Conflict(f"Cannot {verb} a batch with status '{batches.status_of(batch)}'")
    connections().hints.advance_batch(batch_id, g.request_id)
    return _whole(batch_id)


def _read_retry(
    sent: Mapping[str, Json],
) -> tuple[set[WorkflowState], set[str] | None]:
    _refuse_fields(sent, ("status", "samples"))
    states = _texts(sent, "status")
    unknown = sorted((states or set()) - {str(state) for state in RETRY_WORKFLOW})
    if unknown:
        message = f"{unknown[0]!r} cannot be retried: failed and cancelled can"
        raise Invalid([Problem("status", "bad_argument", message)])
    chosen = RETRY_WORKFLOW if states is None else {WorkflowState(state) for state in states}
    return set(chosen), _texts(sent, "samples")


def _texts(sent: Mapping[str, Json], name: str) -> set[str] | None:
    value = sent.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Invalid([Problem(name, "wrong_type", "it must be a list of texts")])
    return set(value)


def _refuse_fields(sent: Mapping[str, Json], known: tuple[str, ...]) -> None:
    problems = [
        Problem(name, "unknown_field", "there is no such field", f"known are {', '.join(known)}")
        for name in sent
        if name not in known
    ]
    if problems:
        raise Invalid(problems)
