"""Adds further rows to a stored batch: sequencing goes on after the first ones were submitted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflows.engine.batches.commands import digest_of
from workflows.engine.commands import Owner
from workflows.engine.context import EngineContext
from workflows.model.errors import Conflict, Invalid
from workflows.model.values import Json
from workflows.spec.batches.check import CheckedBatch, too_many_steps
from workflows.spec.batches.planned import AnyBatch, PlannedBatch, PlannedRow
from workflows.spec.batches.table import Table, join
from workflows.store.batches import additions, row_plans, tables
from workflows.store.batches.additions import NewRows
from workflows.store.batches.stored import StoredBatch
from workflows.store.users import credentials


@dataclass(frozen=True, slots=True)
class Former:
    """What a batch was submitted with, and its rows."""

    request: dict[str, Json]
    """The fields besides the rows."""
    table: Table


@dataclass(frozen=True, slots=True)
class Once:
    """What tells a repeated request: its Idempotency-Key, and what that belongs to."""

    key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Added:
    """Rows that a batch has."""

    rows: int
    bytes: int
    created: bool
    """False if the same request had added them before."""


def load_former(batch: StoredBatch) -> Former:
    """Raises ``Conflict`` for a batch to which no rows can be added."""
    if batch.is_cancelled:
        raise Conflict("Cannot add samples to a batch that was cancelled")
    if batch.gather_rows is not None:
        raise Conflict(
            "Cannot add samples: the gather of this batch has begun with the rows before them. "
            "Submit them as another batch"
        )
    request = tables.get_request(batch.id)
    if request is None:
        raise Conflict("Cannot add samples to a batch that an earlier version has stored")
    table = tables.get(batch.id, batch.count).table
    return Former(request, replace(table, rows=table.rows[: batch.count]))


def find_repeated(batch: StoredBatch, once: Once) -> Added | None:
    """What the same request added before; ``Conflict`` where its key came with another body."""
    found = additions.find_repeated(batch.id, once.key) if once.key else None
    if found is None:
        return None
    if found.digest != digest_of(once.body):
        raise Conflict("This Idempotency-Key was used before with another body.")
    return Added(found.rows, 0, created=False)


def add(
    context: EngineContext,
    owner: Owner,
    batch: StoredBatch,
    checked: AnyBatch,
    once: Once,
) -> Added | None:
    """Add the rows of ``checked``, whose table names those before them. None if other rows were
    added, or if the batch was cancelled, since it was read. Raises ``Invalid`` where it would be
    too large.
    """
    stored = tables.get(batch.id, batch.count)
    content, former = tables.encode(_join(stored, checked)), tables.encode(stored)
    plans, replaced = _plans(batch, checked)
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    new = NewRows(
        count=len(checked.table.rows),
        content=content,
        plans=plans,
        bytes=len(content) - len(former) + sum(map(len, plans)) - sum(map(len, replaced)),
        key=once.key,
        digest=digest_of(once.body),
    )
    return Added(new.count, new.bytes, created=True) if additions.add(batch, new) else None


def _join(stored: AnyBatch, checked: AnyBatch) -> AnyBatch:
    table = join(stored.table, checked.table)
    if isinstance(stored, CheckedBatch):
        return replace(stored, table=table)
    steps = stored.steps + (checked.steps if isinstance(checked, PlannedBatch) else 0)
    if problems := too_many_steps(steps):
        raise Invalid(problems)
    return replace(stored, table=table, steps=steps)


def _plans(batch: StoredBatch, checked: AnyBatch) -> tuple[list[bytes], list[bytes]]:
    """The documents with the plans of the rows, and those that they replace."""
    if not isinstance(checked, PlannedBatch):
        return [], []
    before = row_plans.since(batch.id, batch.count)
    first = row_plans.get(batch.id, 0)
    new = [_like(first, plan) for plan in checked.plans]
    return row_plans.encode([*before, *new]), row_plans.encode(before)


def _like(first: PlannedRow, plan: PlannedRow) -> PlannedRow:
    """The plan with what the first submission said of reuse."""
    said = {name: first.document[name] for name in ("reuse",) if name in first.document}
    return replace(plan, document={**plan.document, **said})
