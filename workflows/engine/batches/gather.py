"""Makes the gather of a batch: a workflow of the results of all rows, once they have ended.

It is made in one transaction with the note that it was, which fails if the batch has changed since
it was read. So it is made once, wherever a process dies, and not while a row runs again.
"""

from __future__ import annotations

from workflows.engine.batches.standing import find_standing
from workflows.engine.batches.views import result_rows
from workflows.engine.context import EngineContext
from workflows.model.errors import Invalid
from workflows.model.states import WorkflowState
from workflows.model.values import Json
from workflows.rules.batch_gather import gather_begins
from workflows.spec.batches.gather import BATCH, collect
from workflows.spec.batches.outputs import output_names
from workflows.spec.document import spec_from
from workflows.store.batches import inserts, tables
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows.inserts import NewWorkflow, Write, prepare


def make_gather(context: EngineContext, batch: StoredBatch, room: int) -> list[str]:
    """Make it if all rows have ended well enough; returns its workflow if this process did."""
    stopped = batch.paused or batch.is_cancelled
    if not batch.awaits_gather or stopped or room <= 0 or batch.made < batch.count:
        return []
    standing = find_standing(batch)
    if standing.gather is None or not gather_begins(standing.gather, standing.counts):
        return []
    succeeded = standing.counts[WorkflowState.SUCCEEDED]
    try:
        write = _write(context, batch)
    except Invalid as too_large:
        inserts.refuse_gather(batch, succeeded, str(too_large))
        return []
    if not inserts.make_gather(batch, write, succeeded):
        return []
    context.accepted()
    return [inserts.gather_id(batch)]


def _write(context: EngineContext, batch: StoredBatch) -> Write:
    """What stores its workflow. Raises ``Invalid`` where that is too large."""
    checked = tables.get(batch.id, batch.count)
    assert checked.gather  # noqa: S101 - the batch says so
    document = checked.gather.workflow(_lists(batch), {**batch.labels, BATCH: batch.id})
    spec = spec_from(document)
    new = NewWorkflow(
        id=inserts.gather_id(batch),
        spec=spec,
        owner=batch.owner,
        state=WorkflowState.PENDING,
        cap=min(spec.max_parallel_steps or context.limits.cap, context.limits.cap),
        request_id=batch.request_id,
        batch={BATCH: batch.id},
    )
    return prepare(new, document)


def _lists(batch: StoredBatch) -> dict[str, list[Json]]:
    """Output to its values over the rows that succeeded, in the order of the table."""
    names = output_names(tables.get(batch.id, batch.count))
    rows = [values for row, values in result_rows(batch) if row.state == WorkflowState.SUCCEEDED]
    return {name: collect(values[place] for values in rows) for place, name in enumerate(names)}
