"""The pages of batches: a user's list, and one batch with its rows and failures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from app.api import ro_crate
from app.batches import additions, live
from app.batches.routes import CSV, load
from app.batches.submission import Taken
from app.connections import connections
from app.forecast import forecasts
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.live.stream import ALIVE_EVENT
from app.ui.access.session import signed_in
from app.ui.start import outcome
from workflows.engine import holds
from workflows.engine.batches import commands as batches
from workflows.engine.batches import views as batch_views
from workflows.engine.forecast.views import batch_message
from workflows.model.errors import Conflict, Invalid, Problem
from workflows.model.states import FINAL_WORKFLOW, RETRY_WORKFLOW
from workflows.rules.batch_progress import DELETED, WAITING
from workflows.rules.holds import Scope
from workflows.spec.batches.table_file import table_from_file
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.store import holds as stored_holds
from workflows.store.batches import user_commands
from workflows.store.batches.stored import StoredBatch

PAGE: Final = 50
ROWS: Final = 200
"""Rows of one page."""
_LOOKS: Final = {WAITING: "pending", DELETED: "skipped"}
"""States that only rows have, and the state of a workflow whose colour and sign they share."""


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/batches", "list_batches", list_batches)
    for rule, view in (
        ("", show_batch),
        ("/live", live_batch),
        ("/results.csv", download_results),
        ("/ro-crate", save_batch_crate),
    ):
        blueprint.add_url_rule(f"/batches/<batch_id>{rule}", view.__name__, view)
    blueprint.add_url_rule(
        "/batches/<batch_id>/samples", "add_samples", add_samples, methods=["POST"]
    )
    for view in (cancel_batch, retry_batch, pause_batch, resume_batch):
        rule = view.__name__.removesuffix("_batch")
        blueprint.add_url_rule(f"/batches/<batch_id>/{rule}", view.__name__, view, methods=["POST"])
    blueprint.app_template_filter("row_look")(row_look)


def row_look(state: str) -> str:
    """The state of a workflow that a row's state looks like."""
    return _LOOKS.get(state, state)


@signed_in
def list_batches() -> str:
    found, following = batches.page_of(caller().name, PAGE, request.args.get("page", ""))
    return render_template(
        "batches.html",
        lines=[_head(item) for item in batch_views.list_items(found)],
        following=following,
    )


@signed_in
def show_batch(batch_id: str) -> str:
    return _page(batch_id, ())


def _page(batch_id: str, problems: Sequence[Problem]) -> str:
    """``problems``: of rows that were to be added."""
    batch, wanted = load(batch_id), request.args.get("status", "")
    after = request.args.get("after", "")
    rows = batch_views.rows(batch, int(after) if after.isdecimal() and len(after) < 6 else -1)  # noqa: PLR2004 - digits
    page = list(islice((row for row in rows if wanted in ("", row.state)), ROWS + 1))
    shown = batch_views.whole(batch)
    has_ended = shown["status"] in FINAL_WORKFLOW
    held = "" if has_ended else holds.describe_all(stored_holds.on_target(Scope.BATCH, batch.id))
    return render_template(
        "batch.html",
        head=_head(shown),
        rows=page[:ROWS],
        following=page[ROWS - 1].index if len(page) > ROWS else None,
        wanted=wanted,
        has_ended=has_ended,
        has_begun=batch.made > 0,
        problems=problems,
        may_add=_takes_samples(batch) and batch.owner == caller().name,
        once=outcome.visit(),
        may_retry=any(shown["counts"].get(state) for state in RETRY_WORKFLOW)
        or (shown["gather"] or {}).get("status") in RETRY_WORKFLOW,
        now=datetime.now(UTC),
        takes="" if held else _takes(batch, shown["status"]),
        held=held,
    )


def _takes_samples(batch: StoredBatch) -> bool:
    return not batch.is_cancelled and batch.gather_rows is None


def _takes(batch: StoredBatch, status: str) -> str:
    """How long it is likely to take; empty of one that has ended or is paused."""
    if status in FINAL_WORKFLOW or batch.paused:
        return ""
    made = forecasts.for_page(lambda: forecasts.of_batch(batch))
    return batch_message(made) if made else ""


def _head(item: Mapping[str, Any]) -> dict[str, Any]:
    """A batch with what its bar shows."""
    counts: Mapping[str, int] = item["counts"]
    over = sum(counts.get(state, 0) for state in (*FINAL_WORKFLOW, DELETED))
    bar = [(row_look(state), number) for state, number in reversed(list(counts.items()))]
    created = datetime.fromisoformat(item["created_at"])
    return {**item, "over": over, "bar": bar, "created": created}


@signed_in
def live_batch(batch_id: str) -> Response:
    return live.answer(connections().broadcaster, load(batch_id), ALIVE_EVENT)


@signed_in
def download_results(batch_id: str) -> Response:
    text = "".join(batch_views.results_csv(load(batch_id)))
    headers = {"Content-Disposition": f'attachment; filename="{batch_id}.csv"'}
    return Response(text, mimetype=CSV, headers=headers)


@signed_in
def save_batch_crate(batch_id: str) -> Response:
    """What happened, as a Workflow Run RO-Crate to be saved."""
    return ro_crate.batch_response(load(batch_id), as_zip=True)


@signed_in
def cancel_batch(batch_id: str) -> Any:
    found = connections()
    for workflow in batches.cancel(load(batch_id)):
        found.hints.advance(workflow, g.request_id)
    found.hints.kill_jobs(g.request_id)
    return _back(batch_id)


@signed_in
def retry_batch(batch_id: str) -> Any:
    """Rows that failed or were cancelled; with a sample in the form, that one alone."""
    batch, found = load(batch_id), connections()
    found.quotas.check_active(batch.owner)
    sample = request.form.get("sample")
    samples = {sample} if sample else None
    batches.retry(found.context, caller(), batch, RETRY_WORKFLOW, samples)
    return _back(batch_id)


@takes(DOCUMENT)
@signed_in
def add_samples(batch_id: str) -> Any:
    """The rows of a file; what is wrong with them is shown on the page of the batch."""
    batch, file, noted = load(batch_id), request.files.get("file"), Diagnostics()
    raw = file.read() if file else b""
    body = outcome.begin_once([batch_id, hashlib.sha256(raw).hexdigest()]).encode()
    try:
        taken = Taken({}, table_from_file(raw, None, noted), noted, body)
        additions.add(batch, taken)
    except Invalid as invalid:
        return Response(_page(batch_id, invalid.problems), HTTPStatus.BAD_REQUEST)
    return _back(batch_id)


@signed_in
def pause_batch(batch_id: str) -> Any:
    return _change(batch_id, user_commands.pause)


@signed_in
def resume_batch(batch_id: str) -> Any:
    holds.lift_all(connections().gate.viewer(), Scope.BATCH, load(batch_id).id)
    connections().hints.start_jobs(g.request_id)
    return _change(batch_id, user_commands.resume)


def _change(batch_id: str, run: Callable[[str], bool]) -> Any:
    batch: StoredBatch = load(batch_id)
    if not run(batch.id):
        raise Conflict("This batch has ended.")
    return _back(batch_id)


def _back(batch_id: str) -> Any:
    connections().hints.advance_batch(batch_id, g.request_id)
    return redirect(url_for("ui.show_batch", batch_id=batch_id), 303)
