"""Workflows that a restart has paused: none is advanced until a user resumes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents
from workflows.store.mongo import NOW, collection, translate_errors


def hold() -> int:
    """Pause every workflow under way until a user resumes it; returns their number."""
    with translate_errors():
        result = collection(documents.Workflow).update_many(
            {"state": {"$in": list(ACTIVE_WORKFLOW)}, "paused": {"$ne": True}},
            {"$set": {"paused": True}, "$unset": {"lease": "", "next_check": ""}},
        )
    return int(result.modified_count)


def resume(workflow: str) -> bool:
    """Resume a paused workflow; false if it was not paused."""
    with translate_errors():
        result = collection(documents.Workflow).update_one(
            {"_id": workflow, "paused": True},
            [{"$set": {"next_check": NOW, "updated_at": NOW}}, {"$unset": "paused"}],
        )
    return bool(result.modified_count)


def paused_since(ids: Sequence[str]) -> dict[str, datetime]:
    """The paused ones among these, each with MongoDB's time of the query."""
    if not ids:
        return {}
    with translate_errors():
        rows = collection(documents.Workflow).find(
            {"_id": {"$in": list(ids)}, "paused": True}, {"now": NOW}
        )
        return {row["_id"]: row["now"] for row in rows}
