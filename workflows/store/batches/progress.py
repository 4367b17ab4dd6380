"""How far a batch is: counted from its workflows at each question, so that no count can drift."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pymongo.client_session import ClientSession

from workflows.model.states import ACTIVE_WORKFLOW, FINAL_WORKFLOW, WorkflowState
from workflows.model.values import Workflow
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.batches.queries import ROWS, of_batch, of_batches
from workflows.store.batches.stored import StoredBatch
from workflows.store.mongo import NOW, Row, collection, later, transaction, translate_errors
from workflows.store.webhooks import outbox
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows.stored import StoredWorkflow, read_workflow

_CANCELLED: Final = str(WorkflowState.CANCELLED)


@dataclass(frozen=True, slots=True)
class RowState:
    """The workflow of a row."""

    row: int
    workflow: str
    state: str
    """As users see it: a cancel that was answered counts."""
    failure: str
    """Why it fails or has failed; empty while no step has."""


@dataclass(slots=True)
class States:
    """Of the workflows of a batch, as users see them."""

    rows: Counter[str] = field(default_factory=Counter)
    """State to how many rows are in it."""
    gather: str = ""
    """Of its gather; empty: there is none."""


def count_states(batches: Collection[str]) -> dict[str, States]:
    """Batch to the states of its workflows.

    A workflow that a retry of the batch is about to restart counts as pending.
    """
    found: defaultdict[str, States] = defaultdict(States)
    by = {
        "batch": "$batch",
        "is_row": {"$gt": ["$row", None]},
        "state": "$state",
        "cancel": {"$gt": ["$cancel_requested_at", None]},
        "retry": {"$eq": ["$retry_wanted", True]},
    }
    with translate_errors():
        groups = collection(documents.Workflow).aggregate(
            [
                {"$match": of_batches(batches)},
                {"$group": {"_id": by, "count": {"$sum": 1}}},
            ],
            hint=documents.BATCH_STATES,
        )
        for group in groups:
            key = group["_id"]
            state = _shown_state(key["state"], cancel=key["cancel"], retry=key["retry"])
            if key["is_row"]:
                found[key["batch"]].rows[state] += group["count"]
            else:
                found[key["batch"]].gather = state
    return found


def _shown_state(state: str, *, cancel: bool, retry: bool) -> str:
    if retry:
        return str(WorkflowState.PENDING)
    return _CANCELLED if cancel and state not in FINAL_WORKFLOW else state


def count_active(batch: str) -> int:
    """Workflows of it that have not ended, its gather too."""
    with translate_errors():
        return int(
            collection(documents.Workflow).count_documents(
                {**of_batch(batch), "state": {"$in": sorted(ACTIVE_WORKFLOW)}},
                hint=documents.BATCH_STATES,
            )
        )


def active_workflows(batch: str) -> list[str]:
    """Those that have not ended, its gather first, then in the order of the table."""
    return _ids({**of_batch(batch), "state": {"$in": sorted(ACTIVE_WORKFLOW)}})


def wanted_retries(batch: str, limit: int) -> list[str]:
    """Those that a retry of the batch is to restart, in the order of the table."""
    ended = {"state": {"$in": sorted(FINAL_WORKFLOW)}, "retry_wanted": True}
    return _ids({**of_batch(batch), **ended}, limit)


def _ids(query: Row, limit: int = 0) -> list[str]:
    """``limit``: 0 for none."""
    with translate_errors():
        rows = collection(documents.Workflow).find(query, {"_id": 1}).sort("row", 1).limit(limit)
        return [row["_id"] for row in rows]


def row_states(batch: str, after: int = -1) -> list[RowState]:
    """The workflows of the rows behind one, in the order of the table."""
    fields = ("row", "state", "cancel_requested_at", "retry_wanted", "failure")
    with translate_errors():
        rows = (
            collection(documents.Workflow)
            .find({**of_batch(batch), "row": {"$gt": after}}, dict.fromkeys(fields, 1))
            .sort("row", 1)
        )
        return [_row_state(row) for row in rows]


def _row_state(row: Row) -> RowState:
    state = _shown_state(
        row["state"],
        cancel=row.get("cancel_requested_at") is not None,
        retry=bool(row.get("retry_wanted")),
    )
    return RowState(row["row"], row["_id"], state, row.get("failure") or "")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Rows that failed for one reason."""

    app: str
    reason: str
    count: int
    samples: Sequence[str]
    """Some of them, the first of the table."""


def failures(batch: str, groups: int, samples: int) -> list[FailureGroup]:
    """The most frequent reasons, each with its first samples."""
    by = {"app": "$row_failure.app", "reason": "$row_failure.kind"}
    with translate_errors():
        found = collection(documents.Workflow).aggregate(
            [
                {"$match": {**of_batch(batch), **ROWS, "state": WorkflowState.FAILED}},
                {"$group": {"_id": by, "count": {"$sum": 1}, "rows": _first_samples(samples)}},
                {"$sort": {"count": -1}},
                {"$limit": groups},
            ]
        )
        return [
            FailureGroup(
                each["_id"].get("app") or "",
                each["_id"].get("reason") or "",
                each["count"],
                [row["sample"] for row in each["rows"]],
            )
            for each in found
        ]


def _first_samples(most: int) -> Row:
    output = {"row": "$row", "sample": "$sample"}
    return {"$topN": {"n": most, "sortBy": {"row": 1}, "output": output}}


def progress_of(batch: str, after: int, limit: int) -> list[tuple[int, str, Workflow]]:
    """Row, spec and progress of the next workflows behind a row, in the order of the table."""
    with translate_errors():
        rows = (
            collection(documents.Workflow)
            .find({**of_batch(batch), "row": {"$gt": after}}, workflow_rows.PROGRESS)
            .sort("row", 1)
            .limit(limit)
        )
        return [(row["row"], row["spec"], workflow_rows.value(row)) for row in rows]


def workflows_of(batch: str, after: int, limit: int) -> list[tuple[int, StoredWorkflow]]:
    """The next workflows behind a row with its number, in the order of the table."""
    with translate_errors():
        rows = (
            collection(documents.Workflow)
            .find({**of_batch(batch), "row": {"$gt": after}})
            .sort("row", 1)
            .limit(limit)
        )
        return [(row["row"], read_workflow(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Changes:
    """Differs after any change of the workflows of a batch's rows."""

    workflows: int
    revisions: int
    updated_at: datetime | None


def changes_of(batch: str) -> Changes:
    sums: Row = {
        "workflows": {"$sum": 1},
        "revisions": {"$sum": "$revision"},
        "updated_at": {"$max": "$updated_at"},
    }
    with translate_errors():
        groups = collection(documents.Workflow).aggregate(
            [{"$match": {**of_batch(batch), **ROWS}}, {"$group": {"_id": None, **sums}}]
        )
        for group in groups:
            return Changes(group["workflows"], group["revisions"], group["updated_at"])
    return Changes(0, 0, None)


def active_progress(batch: str, limit: int) -> list[tuple[str, Workflow]]:
    """Spec and progress of the rows that have not ended, in the order of the table."""
    query = {**of_batch(batch), **ROWS, "state": {"$in": sorted(ACTIVE_WORKFLOW)}}
    with translate_errors():
        rows = (
            collection(documents.Workflow)
            .find(query, workflow_rows.PROGRESS)
            .sort("row", 1)
            .limit(limit)
        )
        return [(row["spec"], workflow_rows.value(row)) for row in rows]


def failure_of(workflow: str) -> str:
    """Why it fails or has failed; empty while no step has."""
    with translate_errors():
        row = collection(documents.Workflow).find_one({"_id": workflow}, {"failure": 1})
    return (row or {}).get("failure") or ""


def with_open_jobs(workflows: Collection[str]) -> set[str]:
    """Those with a job that has not ended at AppService."""
    query = {"workflow": {"$in": list(workflows)}, "open": True}
    with translate_errors():
        return set(collection(documents.Job).distinct("workflow", query))


def cancelled_rows(batch: str) -> list[str]:
    """Their workflows."""
    with translate_errors():
        rows = collection(documents.Workflow).find(
            {**of_batch(batch), **ROWS, "cancel_requested_at": {"$type": "date"}}, {"_id": 1}
        )
        return [row["_id"] for row in rows]


def finish(batch: StoredBatch, messages: Sequence[Message] = ()) -> bool:
    """The batch has ended, unless something has changed since it was read. ``messages``: about
    that, to its owner's webhooks."""

    def work(session: ClientSession) -> bool:
        ended = collection(documents.Batch).update_one(
            {"_id": batch.id, "version": batch.version, "finished_at": None},
            [
                {"$set": {"finished_at": NOW, "updated_at": NOW}},
                {"$unset": ["next_check", "held_up_by"]},
            ],
            session=session,
        )
        if ended.modified_count:
            outbox.insert(messages, session)
        return bool(ended.modified_count)

    return transaction(work)


def look_again(batch: str, wait: timedelta, held_up_by: str) -> None:
    """When the sweep looks at the batch next, if nothing else brings it up before."""
    with translate_errors():
        collection(documents.Batch).update_one(
            {"_id": batch, "finished_at": None},
            [{"$set": {"next_check": later(wait), "held_up_by": {"$literal": held_up_by}}}],
        )
