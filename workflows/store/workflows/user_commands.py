"""Users' commands on a stored workflow: start, cancel, retry.

No lease is needed: each write says in what state the workflow must be.
"""

from __future__ import annotations

from collections.abc import Sequence

from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession

from workflows.model.states import ACTIVE_WORKFLOW, RETRY_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Event
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.batches.queries import AWAITS_GATHER, CHANGED
from workflows.store.mongo import NOW, Row, collection, transaction, translate_errors
from workflows.store.webhooks import outbox
from workflows.store.workflows import events

_PLANNING = ("unplannable", "replan_due", "replan_failures", "replan_reason")
"""The fields of the planning of further steps; a retry resets them."""
_OF_A_ROW = ("row_failure", "retry_wanted")
"""The same of a row of a batch."""


def begin(workflow: str, request_id: str) -> bool:
    """``planned`` → ``pending``; true for the one caller that did it."""
    with translate_errors():
        result = collection(documents.Workflow).update_one(
            {"_id": workflow, "state": WorkflowState.PLANNED},
            [
                {
                    "$set": {
                        "state": WorkflowState.PENDING,
                        "request_id": {"$literal": request_id},
                        "submitted_at": NOW,
                        "updated_at": NOW,
                        "next_check": NOW,
                    }
                }
            ],
        )
    return bool(result.modified_count)


def request_cancel(workflow: str) -> bool:
    """Stores the cancel and ends the lease, so that no further step starts.

    False where it had ended already.
    """
    going = [*ACTIVE_WORKFLOW, WorkflowState.PLANNED]
    with translate_errors():
        result = collection(documents.Workflow).update_one(
            {"_id": workflow, "state": {"$in": going}},
            [
                {
                    "$set": {
                        "cancel_requested_at": {"$ifNull": ["$cancel_requested_at", NOW]},
                        "next_check": NOW,
                        "updated_at": NOW,
                    }
                },
                {"$unset": ["lease", "paused"]},
            ],
        )
    return bool(result.matched_count)


def restart(  # noqa: PLR0913, PLR0917 - what is written, and when
    workflow: str,
    revision: int,
    states: Sequence[StepState],
    event: Event,
    request_id: str,
    condition: Row | None = None,
    version: RawBSONDocument | None = None,
    messages: Sequence[Message] = (),
    batch: str = "",
) -> bool:
    """Restart a failed or cancelled workflow with new step states, and a new version of its spec if
    there is one: all of it, or nothing. The gather of its ``batch`` waits for it, where it has not
    begun.

    False if it was changed after ``revision``, or does not meet the condition.
    """
    unchanged: Row = {
        "_id": workflow,
        "state": {"$in": list(RETRY_WORKFLOW)},
        "revision": revision,
        **(condition or {}),
    }

    def work(session: ClientSession) -> bool:
        result = collection(documents.Workflow).update_one(
            unchanged, _restart_update(states, event, request_id, version), session=session
        )
        if result.modified_count:
            if version is not None:
                collection(documents.Spec).insert_one(version, session=session)
            events.append([(workflow, event)], session)
            outbox.insert(messages, session)
            if batch:
                _let_gather_wait(batch, session)
        return bool(result.modified_count)

    return transaction(work)


def _let_gather_wait(batch: str, session: ClientSession) -> None:
    """The batch is under way again. A process that was about to make its gather, or to end it,
    finds that it has changed."""
    collection(documents.Batch).update_one(
        {"_id": batch, "cancel_requested_at": None, **AWAITS_GATHER},
        [{"$set": {"next_check": NOW, **CHANGED}}, {"$unset": "finished_at"}],
        session=session,
    )


def _restart_update(
    states: Sequence[StepState], event: Event, request_id: str, version: RawBSONDocument | None
) -> list[Row]:
    """The update that makes it pending and removes what its last run left."""
    fields: Row = {
        "state": WorkflowState.PENDING,
        "states": list(states),
        "retries": {"$literal": {}},
        "sequence": event.sequence,
        "last_event_at": event.at,
        "submitted_at": {"$ifNull": ["$submitted_at", NOW]},
        "taken_up_at": NOW,
        "request_id": {"$literal": request_id},
        "revision": {"$add": ["$revision", 1]},
        "next_check": NOW,
        "updated_at": NOW,
    }
    if version is not None:
        bytes_stored = {"$ifNull": ["$bytes", 0]}
        fields |= {"spec": version["_id"], "bytes": {"$add": [bytes_stored, len(version.raw)]}}
    ended = ("cancel_requested_at", "finished_at", "lease", "failure")
    return [{"$set": fields}, {"$unset": [*ended, *_PLANNING, *_OF_A_ROW]}]
