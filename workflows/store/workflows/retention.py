"""Finds and deletes old workflows, each with all its documents or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.store import documents, removals
from workflows.store.mongo import Row, ago, query, translate_errors


@dataclass(frozen=True, slots=True)
class Kind:
    """Workflows that may go at all, and the time that their age is counted from."""

    since: str
    condition: Mapping[str, Any]

    def older(self, age: timedelta) -> Row:
        """The query for those of that age."""
        return {**self.condition, "$expr": {"$lte": [f"${self.since}", ago(age)]}}


ENDED: Final = Kind(
    "finished_at",
    {"state": {"$in": sorted(FINAL_WORKFLOW)}, "finished_at": {"$type": "date"}},
)
NEVER_STARTED: Final = Kind("created_at", {"state": WorkflowState.PLANNED})


def older(kind: Kind, age: timedelta, limit: int, but: Collection[str] = ()) -> list[str]:
    """The oldest first, without those named."""
    with translate_errors():
        found = query(documents.Workflow, id__nin=sorted(but), __raw__=kind.older(age))
        return list(found.order_by(kind.since).limit(limit).scalar("id"))


def remove(kind: Kind, age: timedelta, workflow: str) -> bool:
    """False if it was retried since, or if one of its jobs has not ended at AppService."""
    if not removals.hide(workflow, kind.older(age)):
        return False
    removals.erase(workflow)
    return True
