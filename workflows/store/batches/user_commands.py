"""Users' commands on a stored batch: cancel, retry, pause, resume, another ``max_active``.

A command is stored on the batch first, so that the sweep finishes what a dying process leaves.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflows.model.states import ACTIVE_WORKFLOW, RETRY_WORKFLOW, WorkflowState
from workflows.store import documents
from workflows.store.batches.queries import CHANGED, of_batch
from workflows.store.mongo import NOW, Row, collection, translate_errors

_STATES: Final = sorted(ACTIVE_WORKFLOW)


def request_cancel(batch: str) -> None:
    """Store the cancel: no further row becomes a workflow. It keeps the time of the first one."""
    with translate_errors():
        collection(documents.Batch).update_one(
            {"_id": batch},
            [
                {
                    "$set": {
                        "cancel_requested_at": {"$ifNull": ["$cancel_requested_at", NOW]},
                        "cancel_pending": True,
                        "next_check": NOW,
                        "updated_at": NOW,
                        **CHANGED,
                    }
                }
            ],
        )


def cancel_workflows(batch: str) -> None:
    """Store the cancel in every workflow that has not ended: no further step of them starts.

    A retry that was wanted and not begun is given up first, so that it cannot begin in between.
    """
    with translate_errors():
        rows = collection(documents.Workflow)
        rows.update_many(
            {**of_batch(batch), "retry_wanted": True}, {"$unset": {"retry_wanted": ""}}
        )
        rows.update_many(
            {**of_batch(batch), "state": {"$in": _STATES}, "cancel_requested_at": None},
            [
                {"$set": {"cancel_requested_at": NOW, "next_check": NOW, "updated_at": NOW}},
                {"$unset": ["lease", "paused"]},
            ],
        )
        collection(documents.Batch).update_one({"_id": batch}, {"$unset": {"cancel_pending": ""}})


def request_retry(
    batch: str, states: Collection[WorkflowState], samples: Collection[str] | None
) -> int:
    """Mark the rows in these states for a retry; returns their number. ``samples``: of these alone.

    The batch restarts them as it has room; a row whose cancel is not processed yet, once it is.
    """
    wanted: list[Row] = [{"state": {"$in": sorted(set(states) & RETRY_WORKFLOW)}}]
    if WorkflowState.CANCELLED in states:
        wanted.append({"state": {"$in": _STATES}, "cancel_requested_at": {"$type": "date"}})
    named: Row = {} if samples is None else {"sample": {"$in": sorted(samples)}}
    with translate_errors():
        marked = collection(documents.Workflow).update_many(
            {**of_batch(batch), "$or": wanted, **named}, {"$set": {"retry_wanted": True}}
        )
        if marked.matched_count:
            _reopen(batch, [])
    return int(marked.matched_count)


def withdraw_cancel(batch: str) -> bool:
    """Let a cancelled batch make its further rows and its gather; false if it has neither."""
    further: list[Row] = [{"$expr": {"$lt": ["$made", "$count"]}}, {"gather": {"$type": "string"}}]
    with translate_errors():
        row = collection(documents.Batch).find_one(
            {"_id": batch, "cancel_requested_at": {"$type": "date"}, "$or": further}, {"_id": 1}
        )
        if row:
            _reopen(batch, ["cancel_requested_at", "cancel_pending"])
    return row is not None


def _reopen(batch: str, gone: Collection[str]) -> None:
    collection(documents.Batch).update_one(
        {"_id": batch},
        [
            {"$set": {"next_check": NOW, "updated_at": NOW, **CHANGED}},
            {"$unset": ["finished_at", *gone]},
        ],
    )


def pause(batch: str) -> bool:
    """No further row becomes a workflow; false if the batch has ended."""
    return _change({"_id": batch, "finished_at": None}, {"paused": True})


def resume(batch: str) -> bool:
    """Go on making rows, and resume the workflows that a restart has paused."""
    with translate_errors():
        collection(documents.Workflow).update_many(
            {**of_batch(batch), "paused": True},
            [{"$set": {"next_check": NOW, "updated_at": NOW}}, {"$unset": "paused"}],
        )
    return _change({"_id": batch, "finished_at": None}, {"paused": False, "next_check": NOW})


def change_max_active(batch: str, max_active: int) -> bool:
    """False if the batch has ended."""
    return _change(
        {"_id": batch, "finished_at": None}, {"max_active": max_active, "next_check": NOW}
    )


def pause_all() -> int:
    """Pause every batch that has not ended, until a user resumes it; returns their number."""
    with translate_errors():
        result = collection(documents.Batch).update_many(
            {"finished_at": None}, {"$set": {"paused": True}}
        )
    return int(result.modified_count)


def _change(condition: Row, fields: Row) -> bool:
    with translate_errors():
        result = collection(documents.Batch).update_one(
            condition, [{"$set": {**fields, "updated_at": NOW, **CHANGED}}]
        )
    return bool(result.matched_count)
