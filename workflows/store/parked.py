"""Users whose token cannot be used: their active workflows are *parked* until a fresh one comes.

It is derived from the users' tokens whenever it is asked for, so it can never be out of date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents
from workflows.store.mongo import NOW, collection, translate_errors

MOST_USERS: Final = 1_000
"""Users with active workflows that an overview looks at, those with most of them first."""


def since_of(owners: Collection[str]) -> dict[str, datetime | None]:
    """Of these users those without a usable token, and since when; None: no token is kept of them.

    One query, by id.
    """
    if not owners:
        return {}
    ended = {"$or": [{"$lte": ["$expires_at", NOW]}, {"$gt": ["$refused_at", None]}]}
    with translate_errors():
        rows = list(
            collection(documents.Credential).find(
                {"_id": {"$in": sorted(owners)}}, {"expires_at": 1, "refused_at": 1, "ended": ended}
            )
        )
    known = {row["_id"] for row in rows}
    found: dict[str, datetime | None] = dict.fromkeys(set(owners) - known)
    for row in rows:
        if row["ended"]:
            found[row["_id"]] = min(
                filter(None, (row.get("expires_at"), row.get("refused_at"))), default=None
            )
    return found


def owners(of: Iterable[str] | None = None) -> list[str]:
    """Of these users those without a usable token; None: of all who have an active workflow."""
    if of is None:
        active = {"state": {"$in": sorted(ACTIVE_WORKFLOW)}}
        with translate_errors():
            of = collection(documents.Workflow).distinct("owner", active)
    return sorted(since_of(set(of)))


def begin_of(since: Mapping[str, datetime | None], owner: str, begun: datetime) -> datetime | None:
    """Since when a workflow of a parked user is parked: never before it began."""
    at = since[owner]
    return max(at, begun) if at else None
