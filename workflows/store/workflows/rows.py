"""Workflows in MongoDB: read, and changed under a lease, a chunk in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from workflows.model.errors import LeaseLost
from workflows.model.states import FINAL_WORKFLOW, StepState, WorkflowState
from workflows.model.values import PendingRetry, Workflow
from workflows.rules.batch_progress import failure_kind
from workflows.store import documents
from workflows.store.mongo import (
    NOW,
    Row,
    collection,
    later,
    sound,
    transaction,
    translate_errors,
)
from workflows.store.webhooks import outbox
from workflows.store.workflows import events
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.job_writes import job_writes

UNLEASED: Final[Row] = {"$expr": {"$not": {"$gt": ["$lease.until", NOW]}}}
"""Of a workflow: no process holds it. A missing lease is below any date."""
_STEP_STATES = {str(state): state for state in StepState}
_MANY_CHANGES = 200
"""From so many changed steps on, the whole array is written instead of its elements."""
PROGRESS = {
    "owner": 1,
    "name": 1,
    "spec": 1,
    "state": 1,
    "states": 1,
    "attempts": 1,
    "retries": 1,
    "cap": 1,
    "priority": 1,
    "sequence": 1,
    "last_event_at": 1,
    "failures": 1,
    "request_id": 1,
    "cancel_requested_at": 1,
    "waits_for": 1,
    "unplannable": 1,
    "failure": 1,
    "replan_due": 1,
    "replan_failures": 1,
    "created_at": 1,
    "submitted_at": 1,
    "taken_up_at": 1,
    "started_at": 1,
    "finished_at": 1,
    "batch": 1,
    "row": 1,
    "row_failure": 1,
    "now": NOW,
}


def claim(ids: Iterable[str], lease: timedelta) -> tuple[str, list[Claimed], list[str]]:
    """Take the lease of the workflows that no other process holds; the token fences our writes.
    Paused ones are skipped.

    Last come the ids of those that are claimed but cannot be read.
    """
    wanted = list(ids)
    token = uuid4().hex
    with translate_errors():
        workflows = collection(documents.Workflow)
        workflows.update_many(
            {"_id": {"$in": wanted}, "paused": {"$ne": True}, **UNLEASED},
            [{"$set": {"lease": {"token": token, "until": later(lease)}}}],
        )
        rows = list(workflows.find({"_id": {"$in": wanted}, "lease.token": token}, PROGRESS))
    found = {row["_id"]: sound(row, _read_claimed) for row in rows}
    claimed = [each for each in found.values() if each]
    return token, claimed, [each for each, read in found.items() if read is None]


def renew(token: str, ids: Sequence[str], lease: timedelta) -> None:
    """Lengthen the leases of the workflows that are still held under this token."""
    with translate_errors():
        collection(documents.Workflow).update_many(
            {"_id": {"$in": list(ids)}, "lease.token": token},
            [{"$set": {"lease.until": later(lease)}}],
        )


def commit(token: str, changes: Sequence[Change]) -> list[Change]:
    """Write all changes in one transaction and end their leases; answers with those written.

    A workflow whose lease was lost is skipped, and the others are written without it.
    """
    try:
        transaction(lambda session: _write(session, token, changes))
    except LeaseLost:
        if len(changes) == 1:
            return []
        return [change for one in changes for change in commit(token, [one])]
    return list(changes)


def release(token: str, ids: Sequence[str]) -> None:
    """End the leases of workflows for which nothing is to be written but the time of a check."""
    with translate_errors():
        collection(documents.Workflow).update_many(
            {"_id": {"$in": list(ids)}, "lease.token": token},
            {"$unset": {"lease": "", "next_check": ""}},
        )


def postpone(token: str, workflow: str, wait: timedelta) -> None:
    """An advance failed on a defect of ours: retry later, and count it."""
    failures = {"$cond": [{"$isNumber": "$failures"}, "$failures", 0]}
    with translate_errors():
        collection(documents.Workflow).update_one(
            {"_id": workflow, "lease.token": token},
            [
                {"$set": {"next_check": later(wait), "failures": {"$add": [failures, 1]}}},
                {"$unset": "lease"},
            ],
        )


def existing(ids: Sequence[str]) -> list[str]:
    """Those of them that are stored at all."""
    if not ids:
        return []
    with translate_errors():
        rows = collection(documents.Workflow).find({"_id": {"$in": list(ids)}}, {"_id": 1})
        return [row["_id"] for row in rows]


def _write(session: ClientSession, token: str, changes: Sequence[Change]) -> None:
    """A process that takes a lease away after this check makes the transaction start again."""
    rows = collection(documents.Workflow)
    held = {"_id": {"$in": [change.after.id for change in changes]}, "lease.token": token}
    if rows.count_documents(held, session=session) != len(changes):
        raise LeaseLost
    rows.bulk_write([_update(change) for change in changes], ordered=False, session=session)
    effects = job_writes(changes)
    if effects:
        collection(documents.Job).bulk_write(effects, ordered=False, session=session)
    recorded = [(change.after.id, event) for change in changes for event in change.events]
    if recorded:
        events.append(recorded, session)
    outbox.insert([each for change in changes for each in change.messages], session)


def _update(change: Change) -> UpdateOne:
    before, after = change.before.workflow, change.after
    replan_due = change.before.replan_due or change.before.now if change.replan else None
    fields: Row = {"next_check": change.next_check, "failures": 0, "replan_due": replan_due}
    if change.events or after != before:
        fields |= {
            "state": str(after.state),
            "sequence": after.sequence,
            "last_event_at": after.last_event_at,
            "failure": after.failure or None,
            "retries": {
                str(step): {"at": retry.at, "retries_left": retry.retries_left}
                for step, retry in after.retries.items()
            },
            "updated_at": change.before.now,
            **_steps(before, after),
        }
    if after.state in FINAL_WORKFLOW and change.before.finished_at is None:
        fields["finished_at"] = change.before.now
        fields["results_due"] = change.before.now if change.names_results else None
    if change.before.started_at is None and (began := _began(change)):
        fields["started_at"] = began
    if change.before.batch and not change.before.has_row_failure:
        fields |= _row_failure(change)
    absent = [name for name, value in fields.items() if value is None]
    return UpdateOne(
        {"_id": after.id},
        {
            "$set": {name: value for name, value in fields.items() if value is not None},
            "$unset": {"lease": "", **dict.fromkeys(absent, "")},
            "$inc": {"revision": 1},
        },
    )


def _began(change: Change) -> datetime | None:
    """When the first step started, where that is recorded now."""
    runs = (
        event.at
        for event in change.events
        if event.subject == "workflow" and event.after == WorkflowState.RUNNING
    )
    if change.after.state is WorkflowState.RUNNING:
        return next(runs, change.before.now)
    return next(runs, None)


def _row_failure(change: Change) -> Row:
    """What a batch groups its failed rows by: of the first failure in this advance."""
    for event in change.events:
        if event.subject == "step" and event.after == StepState.FAILED:
            kind = failure_kind(event.reason, event.job_id)
            return {"row_failure": {"app": event.app, "kind": kind}}
    reason = change.after.failure
    return {"row_failure": {"app": "", "kind": failure_kind(reason, "")}} if reason else {}


def _steps(before: Workflow, after: Workflow) -> Row:
    """The changed elements of the parallel arrays, or the arrays where most changed."""
    changed = [
        step
        for step, old in enumerate(before.states)
        if old is not after.states[step] or before.attempts[step] != after.attempts[step]
    ]
    if len(changed) > _MANY_CHANGES or len(before.states) != len(after.states):
        return {"states": list(after.states), "attempts": list(after.attempts)}
    fields: Row = {f"states.{step}": str(after.states[step]) for step in changed}
    return fields | {f"attempts.{step}": after.attempts[step] for step in changed}


def value(row: Row) -> Workflow:
    """The domain's value of a stored row."""
    return Workflow(
        id=row["_id"],
        owner=row["owner"],
        state=WorkflowState(row["state"]),
        states=tuple([_STEP_STATES[state] for state in row["states"]]),
        attempts=tuple(row["attempts"]),
        retries={
            int(step): PendingRetry(retry["at"], retry["retries_left"])
            for step, retry in row.get("retries", {}).items()
        },
        cap=row["cap"],
        cancel_requested=row.get("cancel_requested_at") is not None,
        sequence=row["sequence"],
        last_event_at=row.get("last_event_at"),
        waits_for=tuple(row.get("waits_for", ())),
        unplannable=row.get("unplannable") or "",
        failure=row.get("failure") or "",
        priority=row.get("priority", 0),
    )


def _read_claimed(row: Row) -> Claimed:
    return Claimed(
        workflow=value(row),
        spec_id=row["spec"],
        name=row["name"],
        now=row["now"],
        failures=row.get("failures", 0),
        begun_at=row.get("taken_up_at") or row.get("submitted_at") or row["created_at"],
        started_at=row.get("started_at"),
        finished_at=row.get("finished_at"),
        request_id=row.get("request_id") or "",
        replan_due=row.get("replan_due"),
        replan_failures=row.get("replan_failures", 0),
        batch=row.get("batch") or "",
        row=row.get("row", 0),
        has_row_failure=bool(row.get("row_failure")),
    )
