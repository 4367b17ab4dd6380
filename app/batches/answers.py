"""Answers a submission of a batch: checked, stored or only shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from flask import Response

from app.api.submit.submission import reuse_warnings
from app.batches import submission
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from workflows.engine.batches import commands as batches
from workflows.engine.batches.additions import Added
from workflows.engine.batches.commands import Accepted
from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.batches.planned import AnyBatch
from workflows.spec.document import spec_from
from workflows.spec.resolver import Resolver
from workflows.store.batches.stored import StoredBatch

NO_FINDINGS: Final[dict[str, list[Json]]] = {"warnings": [], "auto_fixes": [], "skipped": []}
_SHOWN: Final = 3


def submit(
    taken: submission.Taken,
    check: Callable[[], AnyBatch],
    template: Mapping[str, Json] | None = None,
    *,
    dry_run: bool,
) -> Response:
    """Stores the batch that ``check`` answers, once for each Idempotency-Key."""
    if dry_run:
        return as_json(_dry_run(taken, check))
    accepted = submission.accepted_before(taken)
    if accepted is not None:
        return _accepted_response(accepted, HTTPStatus.OK, NO_FINDINGS)
    checked = check()
    found = find_remarks(checked)
    warning = batches.token_warning(connections().context, caller(), checked, taken.max_active)
    if warning:
        found["warnings"].append(warning.as_json())
    accepted = submission.accept(taken, checked, template=template)
    status = HTTPStatus.CREATED if accepted.created else HTTPStatus.OK
    return _accepted_response(accepted, status, found)


def respond_to_addition(
    batch: StoredBatch, added: Added, found: Mapping[str, list[Json]]
) -> Response:
    """The batch with the number of rows that were added to it."""
    status = HTTPStatus.CREATED if added.created else HTTPStatus.OK
    return as_json({**_head(batch, found), "added": added.rows}, status)


def find_remarks(checked: AnyBatch) -> dict[str, list[Json]]:
    """What a user should know of a batch that can run."""
    warnings = (*checked.warnings, *reuse_warnings(spec_from(checked.typical)))
    return {
        "warnings": [each.as_json() for each in warnings],
        "auto_fixes": [each.as_json() for each in checked.auto_fixes],
        "skipped": [each.as_json() for each in checked.skipped],
    }


def _accepted_response(
    accepted: Accepted, status: HTTPStatus, found: Mapping[str, list[Json]]
) -> Response:
    batch = batches.accepted_batch(accepted)
    return as_json(_head(batch, found), status, {"Location": f"/api/v1/batches/{batch.id}"})


def _head(batch: StoredBatch, found: Mapping[str, list[Json]]) -> dict[str, Json]:
    return {
        "batch_id": batch.id,
        "name": batch.name,
        "count": batch.count,
        "status": batches.status_of(batch),
        **{name: list(each) for name, each in found.items()},
    }


def _dry_run(taken: submission.Taken, check: Callable[[], AnyBatch]) -> dict[str, Json]:
    try:
        checked = check()
    except Invalid as invalid:
        return {
            "valid": False,
            "name": "",
            "count": len(taken.table.rows),
            "workflows": [],
            "gather": None,
            "problems": [each.as_json() for each in invalid.problems],
            **NO_FINDINGS,
        }
    return {
        "valid": True,
        "name": checked.name,
        "count": len(checked.table.rows),
        "workflows": list(map(_resolve, checked.first_documents(_SHOWN))),
        "gather": dict(checked.gather.document) if checked.gather else None,
        "problems": [],
        **find_remarks(checked),
    }


def _resolve(document: dict[str, Json]) -> dict[str, Json]:
    """The workflow with the parameters of its steps as they will be sent, as far as is known."""
    spec = spec_from(document)
    resolver = Resolver(spec, [1] * len(spec.steps))
    steps = []
    for number, step in enumerate(document["steps"]):
        try:
            steps.append({**step, "params": resolver.params(number)})
        except Invalid:
            steps.append(step)
    return {**document, "steps": steps}
