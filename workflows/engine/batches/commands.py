"""Commands of users on batches. Routes and pages load a batch here, for those who may see it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from workflows.engine.access import Caller
from workflows.engine.batches.standing import find_standing
from workflows.engine.commands import Owner, renews
from workflows.engine.context import EngineContext
from workflows.model.errors import Conflict, Forbidden, Problem
from workflows.model.states import FINAL_WORKFLOW, RETRY_WORKFLOW, WorkflowState
from workflows.model.values import Json
from workflows.rules.batch_progress import batch_ends_too_late
from workflows.rules.tokens.lifetime import job_outlives_token
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.document import spec_from
from workflows.store.batches import (
    inserts,
    progress,
    row_plans,
    stored,
    tables,
    user_commands,
)
from workflows.store.batches.inserts import NewBatch
from workflows.store.batches.stored import StoredBatch
from workflows.store.mongo import clock
from workflows.store.users import credentials


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked batch and the options of its submission."""

    checked: AnyBatch
    max_active: int
    request_id: str = ""
    idempotency_key: str | None = None
    """The same key and body is accepted once for each user."""
    body: bytes = b""
    request: Mapping[str, Json] = field(default_factory=dict)
    """What was sent besides the rows."""
    template: Mapping[str, Json] = field(default_factory=dict)
    """``{name, version}`` of what its workflows are made from."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A durably stored batch."""

    id: str
    bytes: int
    created: bool
    """False if the same request was accepted before."""


def load(batch: str, caller: Caller) -> StoredBatch:
    """The batch, for its owner or an admin. Raises ``NotFound``, and ``Forbidden`` for others."""
    found = stored.get(batch)
    if not caller.may_see(found.owner):
        raise Forbidden("This batch belongs to another user.")
    return found


def reload(batch: StoredBatch) -> StoredBatch:
    """The batch as it is now. Raises ``NotFound``."""
    return stored.get(batch.id)


def accepted_batch(accepted: Accepted) -> StoredBatch:
    """The batch of its owner's own submission."""
    return stored.get(accepted.id)


def page_of(owner: str, size: int, token: str) -> tuple[list[StoredBatch], str | None]:
    """A user's batches, newest first, and the token of the next page. Raises ``Invalid``."""
    return stored.page(owner, size, token)


def count_unfinished(owner: str) -> int:
    return stored.count_unfinished(owner)


def submit(context: EngineContext, owner: Owner, submission: Submission) -> Accepted:
    """Store a batch; from then on each of its rows becomes a workflow exactly once.

    Raises ``Conflict`` if its Idempotency-Key came with another body before, and ``Invalid`` for a
    batch that is too large to store.
    """
    checked, key = submission.checked, submission.idempotency_key
    content = tables.encode(checked)
    plans = row_plans.encode(checked.plans) if isinstance(checked, PlannedBatch) else ()
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    new = NewBatch(
        id=f"b_{secrets.token_hex(16)}",
        owner=owner.name,
        name=checked.name,
        labels=dict(checked.labels),
        count=len(checked.table.rows),
        max_active=submission.max_active,
        seed=secrets.token_hex(32),
        content=content,
        request=tables.encode_request(submission.request),
        plans=plans,
        request_id=submission.request_id,
        template=submission.template,
        gather=checked.gather.require if checked.gather else "",
        idempotency_key=key,
        body_digest=digest_of(submission.body) if key else None,
    )
    try:
        inserts.create(new)
    except Conflict:
        repeated = find_repeated(owner, key or "", submission.body)
        if repeated is None:
            raise
        return repeated
    return Accepted(new.id, new.bytes, created=True)


def find_repeated(owner: Owner, key: str, body: bytes) -> Accepted | None:
    """The batch that was accepted under this Idempotency-Key before, or None.

    Raises ``Conflict`` where it came with another body.
    """
    found = inserts.find_repeated(owner.name, key)
    if found is None:
        return None
    if found.body_digest != digest_of(body):
        raise Conflict("This Idempotency-Key was used before with another body.")
    return Accepted(found.id, 0, created=False)


def digest_of(body: bytes) -> str:
    """Tells whether an Idempotency-Key came with the same body before."""
    return hashlib.sha256(body).hexdigest()


def token_warning(
    context: EngineContext, owner: Owner, checked: AnyBatch, max_active: int
) -> Problem | None:
    """A warning where the user's token is likely to end before the batch does; where the engine
    renews it, if a job may outlive its own token."""
    spec, rows = spec_from(checked.typical), len(checked.table.rows)
    workflows = [(spec, -(-rows // min(rows, max_active)))]
    if checked.gather:
        workflows.append((spec_from(checked.gather.document), 1))
    ends, now = owner.expires_at, clock()
    warning = batch_ends_too_late(workflows, context.limits.cap, ends, now)
    return job_outlives_token(ends, now) if warning and renews(context, owner.name) else warning


def status_of(batch: StoredBatch) -> str:
    return find_standing(batch).status


def cancel(batch: StoredBatch) -> list[str]:
    """No further workflow of the batch is made, and no further step starts, after the return.

    Returns the workflows that are to be advanced. Cancelling is idempotent. Raises ``Conflict``
    where the batch has ended otherwise.
    """
    state = status_of(batch)
    if state in FINAL_WORKFLOW:
        if state != WorkflowState.CANCELLED:
            raise Conflict(f"Cannot cancel batch with status '{state}'")
        return []
    user_commands.request_cancel(batch.id)
    user_commands.cancel_workflows(batch.id)
    return progress.active_workflows(batch.id)


def retry(
    context: EngineContext,
    owner: Owner,
    batch: StoredBatch,
    states: Collection[WorkflowState],
    samples: Collection[str] | None,
) -> int:
    """Restart the rows and the gather in these states, or those of the samples among them, and
    return their number. What a cancel kept from being made is made now, unless samples are named.

    Raises ``Conflict`` if there is nothing of that.
    """
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    whole = WorkflowState.CANCELLED in states and samples is None
    withdrawn = whole and user_commands.withdraw_cancel(batch.id)
    unmade = batch.count - batch.made if withdrawn else 0
    number = unmade + user_commands.request_retry(batch.id, states, samples)
    if not number and not withdrawn:
        words = " or ".join(sorted(set(states) & RETRY_WORKFLOW))
        raise Conflict(f"No row of this batch to retry is {words}")
    return number


def receipts(batch: StoredBatch) -> dict[str, int]:
    """Of a cancelled batch: outcome to rows. A row is ``kill_requested`` until none of its jobs is
    left at BV-BRC."""
    counts = find_standing(batch).counts
    cancelled = progress.cancelled_rows(batch.id)
    killing = len(progress.with_open_jobs(cancelled))
    never = batch.count - batch.made
    ended = sum(counts.get(state, 0) for state in FINAL_WORKFLOW) - len(cancelled) - never
    return {
        "never_started": never,
        "killed": len(cancelled) - killing,
        "kill_requested": killing,
        "already_finished": max(0, ended),
    }
