"""Adds rows to a batch: checked as its first ones were, against what it was submitted with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from flask import g

from app.api.submit.submission import idempotency_key
from app.batches import answers, kinds, submission
from app.batches.submission import Fields, Taken
from app.connections import connections
from app.http.auth import caller
from workflows.engine.batches import additions
from workflows.engine.batches import commands as batches
from workflows.engine.batches.additions import Added, Once
from workflows.model.errors import Conflict, Forbidden, Problem
from workflows.model.values import Json
from workflows.spec.batches.planned import AnyBatch
from workflows.spec.batches.table import SAMPLE_NAMES, Table
from workflows.spec.checks.suggestions import list_names
from workflows.store.batches.stored import StoredBatch

FIELDS: Final = Fields(("samples",), ("skip_invalid",), ())
_TRIES: Final = 20
"""Of requests that add rows to one batch at the same time, each lets the others go on."""


def add(batch: StoredBatch, taken: Taken) -> tuple[Added, dict[str, list[Json]]]:
    """Store the rows, once for each Idempotency-Key, with what was found in them. Raises
    ``Invalid``, ``Conflict``, ``QuotaExceeded``, and ``Forbidden`` for an admin, who is not the one
    whose work they are.
    """
    if batch.owner != caller().name:
        raise Forbidden("Only its owner adds samples to a batch.")
    once = Once(idempotency_key(), submission.identity(taken))
    for _ in range(_TRIES):
        repeated = additions.find_repeated(batch, once)
        if repeated:
            return repeated, answers.NO_FINDINGS
        _check_quotas(batch)
        checked = _check(batch, taken)
        added = additions.add(connections().context, caller(), batch, checked, once)
        if added:
            connections().quotas.stored(batch.owner, added.bytes, starts=False)
            connections().hints.advance_batch(batch.id, g.request_id)
            return added, answers.find_remarks(checked)
        batch = batches.reload(batch)
    raise Conflict("Other rows are being added to this batch: try again")


def _check_quotas(batch: StoredBatch) -> None:
    found = connections()
    found.quotas.check_stored(batch.owner, starts=True)
    if batch.finished_at is None:
        return
    unfinished = batches.count_unfinished(batch.owner)
    if unfinished >= found.settings.batches.unfinished_per_user:
        found.quotas.refuse_batch(unfinished, found.settings.batches.unfinished_per_user)


def _check(batch: StoredBatch, taken: Taken) -> AnyBatch:
    """The rows, as the batch that they would be alone, with its rows before them."""
    former, sent = additions.load_former(batch), taken.table
    names = [each for each in sent.columns if each.lower() in SAMPLE_NAMES]
    columns = dict.fromkeys((*former.table.columns, *names))
    table = Table(tuple(columns), sent.rows, former.table.rows)
    skip = {"skip_invalid": taken.fields.get("skip_invalid")}
    check, _ = kinds.prepare(replace(taken, fields={**former.request, **skip}, table=table))
    checked = check()
    unused = [each for each in sent.columns if each not in columns]
    all_columns = tuple(dict.fromkeys((*checked.table.columns, *unused)))
    return replace(
        checked,
        table=replace(checked.table, columns=all_columns),
        warnings=(*checked.warnings, *_unused(unused, former.table)),
    )


def _unused(columns: Sequence[str], former: Table) -> list[Problem]:
    hint = f"its columns are {list_names(former.columns)}"
    return [
        Problem("samples", "unused_column", f"the first rows had no column {each!r}", hint)
        for each in columns
    ]
