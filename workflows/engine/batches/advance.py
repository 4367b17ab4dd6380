"""Advances a batch: makes workflows of its next rows, and restarts rows, as far as it has room;
when all have ended, it makes the gather.

Any process may do this at any time, also two at once, and may die at any line: the transaction that
makes rows is guarded by how many were made before (``store/batches/inserts.py``).
"""

from __future__ import annotations

import json
from typing import Final

import structlog

from workflows.engine.advance import Advanced, advance
from workflows.engine.batches.gather import make_gather
from workflows.engine.batches.standing import find_standing
from workflows.engine.commands import restart
from workflows.engine.context import EngineContext
from workflows.engine.notifications import outgoing
from workflows.model.errors import NotFound
from workflows.model.states import RETRY_WORKFLOW, WorkflowState
from workflows.rules.batch_gather import gather_begins
from workflows.rules.batch_progress import free_places
from workflows.rules.webhooks.events import BatchEnd, Subject
from workflows.spec.batches.check import CheckedBatch
from workflows.spec.batches.planned import AnyBatch
from workflows.spec.document import spec_from
from workflows.store import clock
from workflows.store.batches import (
    inserts,
    progress,
    row_plans,
    stored,
    tables,
    user_commands,
)
from workflows.store.batches.stored import StoredBatch
from workflows.store.users import usage
from workflows.store.workflows import stored as stored_workflows
from workflows.store.workflows.inserts import NewWorkflow, Write, prepare
from workflows.store.workflows.specs import UNKNOWN_ORIGIN, Origin

log = structlog.get_logger(__name__)

MADE_TOGETHER: Final = 25
"""Rows in one transaction."""
_QUIET: Final = 6
"""After so many intervals a batch is looked at that waits for its workflows alone: each of them
reports its end, and only a lost message makes this look necessary."""


def advance_batch(context: EngineContext, batch_id: str) -> Advanced:
    """Make and restart as many workflows as the batch has room for, and advance these."""
    done = Advanced()
    while batch := stored.find(batch_id):
        if batch.cancel_pending:
            user_commands.cancel_workflows(batch_id)
            done += advance(context, progress.active_workflows(batch_id))
            continue
        room, held_up_by = _find_room(context, batch)
        begun = [] if batch.paused else _restart_rows(context, batch, room)
        begun += _make_rows(context, batch, min(room - len(begun), MADE_TOGETHER))
        begun = begun or make_gather(context, batch, room)
        if begun:
            done += advance(context, begun)
        else:
            _conclude(context, batch, held_up_by)
            break
    return done


def _find_room(context: EngineContext, batch: StoredBatch) -> tuple[int, str]:
    """How many workflows may begin, and the quota that keeps further ones waiting."""
    limits, user = context.limits, usage.read_stored(batch.owner)
    if user.bytes >= limits.user_bytes:
        return 0, "stored_bytes"
    if user.active >= limits.user_workflows:
        return 0, "active_workflows"
    active = progress.count_active(batch.id)
    return free_places(batch.max_active, active, limits.user_workflows, user.active), ""


def _restart_rows(context: EngineContext, batch: StoredBatch, room: int) -> list[str]:
    """Restart rows of which a user's retry wants it; a cancel takes the wish away."""
    if room <= 0:
        return []
    found = progress.wanted_retries(batch.id, min(room, MADE_TOGETHER))
    return [workflow for workflow in found if _restart_row(context, batch, workflow)]


def _restart_row(context: EngineContext, batch: StoredBatch, workflow: str) -> bool:
    try:
        found = stored_workflows.get(workflow)
    except NotFound:
        return False
    wanted = {"retry_wanted": True}
    return found.state in RETRY_WORKFLOW and restart(context, found, batch.owner, wanted)


def _make_rows(context: EngineContext, batch: StoredBatch, most: int) -> list[str]:
    """Make the next rows; none if another process makes them, or a user has stopped the batch."""
    number = min(most, batch.count - batch.made)
    if number <= 0 or batch.paused or batch.is_cancelled:
        return []
    checked = tables.get(batch.id, batch.count)
    writes = [
        _write(context, batch, checked, row) for row in range(batch.made, batch.made + number)
    ]
    if not inserts.make(batch, writes):
        return []
    for _ in writes:
        context.accepted()
    return [inserts.workflow_id(batch, row) for row in range(batch.made, batch.made + number)]


def _write(context: EngineContext, batch: StoredBatch, checked: AnyBatch, row: int) -> Write:
    """What stores the workflow of one row."""
    found, labels = checked.table.rows[row], {**batch.labels, "batch": batch.id}
    origin, waits_for = UNKNOWN_ORIGIN, frozenset[str]()
    if isinstance(checked, CheckedBatch):
        document = checked.document(found, labels)
    else:
        planned = row_plans.get(batch.id, row)
        document, waits_for = (
            planned.with_labels(labels, found.sample),
            frozenset(planned.waits_for),
        )
        origin = Origin(json.dumps(checked.source_of(found)), json.dumps(dict(checked.request)))
    spec = spec_from(document)
    new = NewWorkflow(
        id=inserts.workflow_id(batch, row),
        spec=spec,
        owner=batch.owner,
        state=WorkflowState.PENDING,
        cap=min(spec.max_parallel_steps or context.limits.cap, context.limits.cap),
        waits_for=[place for place, step in enumerate(spec.steps) if step.name in waits_for],
        request_id=batch.request_id,
        batch={"batch": batch.id, "row": row, "sample": found.sample},
        template=batch.template,
    )
    return prepare(new, document, origin)


def _conclude(context: EngineContext, batch: StoredBatch, held_up_by: str) -> None:
    """Store that the batch has ended, or when to look at it again."""
    standing = find_standing(batch)
    if standing.status != WorkflowState.RUNNING:
        subject = Subject(batch.id, batch.name, standing.status, batch.labels)
        end = BatchEnd(subject, batch.version, clock.now(), standing.counts, standing.gather_state)
        found = outgoing.report_batch(context, batch.owner, end)
        if progress.finish(batch, found) and found:
            context.notifies()
        return
    gather = standing.gather
    further = batch.made < batch.count or (gather and gather_begins(gather, standing.counts))
    waits = further and not batch.paused
    interval = context.limits.polling_interval
    progress.look_again(batch.id, interval if waits else _QUIET * interval, held_up_by)
