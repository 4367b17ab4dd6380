"""Removes a workflow and its documents, in two steps.

1. ``hide``: one transaction deletes the workflow's row and stores a removal. From then on no route,
   page or worker finds the workflow: each of them begins at that row.
2. ``erase``: deletes specs, jobs and events, however many there are, and marks the removal erased.

A process that dies between the two leaves a removal that is not erased; the retention task goes on
with it. An erased removal stays for ``KEPT``, so that each host can delete its log files.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pymongo.client_session import ClientSession

from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, query, transaction, translate_errors
from workflows.store.workflows import specs

DELETABLE: Final[Row] = {"state": {"$in": sorted({*FINAL_WORKFLOW, WorkflowState.PLANNED})}}
"""Of a workflow: it has ended, or was never started."""
KEPT: Final = timedelta(days=7)
_AT_WORK: Final[Row] = {
    "$or": [
        {"open": True},
        {"kill_due": {"$type": "date"}},
        {"surplus_due": {"$type": "date"}},
    ]
}
"""Of a job: it has not ended at AppService, or must still be killed there."""


def hide(workflow: str, condition: Row) -> bool:
    """Delete the workflow's row where it meets the condition. False where it does not, or where a
    job of it may still run at AppService.
    """

    def work(session: ClientSession) -> bool:
        if collection(documents.Job).find_one({**_keys(workflow), **_AT_WORK}, session=session):
            return False
        rows = collection(documents.Workflow)
        if not rows.delete_one({**condition, "_id": workflow}, session=session).deleted_count:
            return False
        collection(documents.Removal).update_one(
            {"_id": workflow}, [{"$set": {"hidden_at": NOW}}], upsert=True, session=session
        )
        return True

    return transaction(work)


def erase(workflow: str) -> None:
    """Delete what belonged to a hidden workflow; repeating it is harmless."""
    with translate_errors():
        for row in collection(documents.Spec).find(_keys(workflow), {"_id": 1}):
            specs.forget(row["_id"])
        collection(documents.Event).delete_many({"workflow": workflow})
        collection(documents.Job).delete_many(_keys(workflow))
        collection(documents.Spec).delete_many(_keys(workflow))
        collection(documents.Removal).update_one(
            {"_id": workflow}, [{"$set": {"erased_at": NOW}}], upsert=True
        )


def list_unfinished(limit: int) -> list[str]:
    """Workflows that are hidden and not erased."""
    with translate_errors():
        return list(query(documents.Removal, erased_at=None).limit(limit).scalar("id"))


def recent() -> set[str]:
    """Every workflow that was removed within ``KEPT``."""
    with translate_errors():
        return set(query(documents.Removal).scalar("id"))


def _keys(workflow: str) -> Row:
    """Specs and jobs have keys that begin with the workflow's id and a slash."""
    return {"_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"}}
