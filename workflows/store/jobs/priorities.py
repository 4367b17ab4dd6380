"""Changes which of a user's waiting jobs go first."""

from __future__ import annotations

from workflows.model.states import ACTIVE_WORKFLOW, JobState, WorkflowState
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors
from workflows.store.users import preferences as users


def change(workflow: str, owner: str, priority: int) -> bool:
    """Change the priority of a workflow that has not ended, and of its jobs in the outbox; false if
    it has ended.

    It ends the lease, so that no advance that has read the former priority stores jobs with it.
    Idempotent: the same again repairs what a dead process left undone.
    """
    going = [*ACTIVE_WORKFLOW, WorkflowState.PLANNED]
    fields: Row = {"priority": priority, "updated_at": NOW}
    with translate_errors():
        users.note_priorities([owner])
        result = collection(documents.Workflow).update_one(
            {"_id": workflow, "state": {"$in": going}},
            [{"$set": {**fields, **_DUE}}, {"$unset": "lease"}],
        )
        if not result.matched_count:
            return False
        write: Row = {"$set": {"priority": priority}} if priority else {"$unset": {"priority": ""}}
        collection(documents.Job).update_many(
            {"workflow": workflow, "open": True, "state": {"$in": _UNSENT}}, write
        )
    return True


_UNSENT = [JobState.CHECKING, JobState.INTENDED]
_DUE: Row = {
    "next_check": {"$cond": [{"$eq": ["$state", WorkflowState.PLANNED]}, "$$REMOVE", NOW]},
}
"""An advance that lost its lease is made again at once; a plan is not advanced."""
