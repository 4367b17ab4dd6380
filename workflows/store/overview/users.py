"""Users by what they use, from one index alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors

MILLISECONDS: Final = 2_000
"""How long it may take: it reads one entry for each stored workflow."""


@dataclass(frozen=True, slots=True)
class UserUse:
    """What one user has stored."""

    owner: str
    workflows: int
    active: int
    bytes: int


def users(limit: int) -> list[UserUse]:
    """Those with most active workflows first, then those who have stored most."""
    active = {"$cond": [{"$in": ["$state", sorted(ACTIVE_WORKFLOW)]}, 1, 0]}
    steps: list[Row] = [
        {"$project": {"_id": 0, "owner": 1, "state": 1, "bytes": 1}},
        {
            "$group": {
                "_id": "$owner",
                "workflows": {"$sum": 1},
                "active": {"$sum": active},
                "bytes": {"$sum": "$bytes"},
            }
        },
        {"$sort": {"active": -1, "bytes": -1, "_id": 1}},
        {"$limit": limit},
    ]
    with translate_errors():
        rows = collection(documents.Workflow).aggregate(
            steps, hint=documents.USAGE_INDEX, maxTimeMS=MILLISECONDS
        )
        return [UserUse(row["_id"], row["workflows"], row["active"], row["bytes"]) for row in rows]
