"""How many messages wait, and how long those have waited that could be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.model.webhooks import WebhookState
from workflows.store import documents
from workflows.store.mongo import collection


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages to webhooks that have not been delivered."""

    pending: int = 0
    """Those that wait for a further attempt, too."""
    oldest: timedelta = timedelta(0)
    """How long the oldest has waited to whose webhook nothing has failed of late."""


def read_backlog(now: datetime) -> Backlog:
    """``now``: MongoDB's time."""
    groups = collection(documents.Delivery).aggregate(
        [
            {"$match": {"due": {"$type": "date"}}},
            {"$group": {"_id": "$webhook", "due": {"$min": "$due"}, "count": {"$sum": 1}}},
        ],
        hint=documents.DUE_DELIVERIES,
    )
    found = {group["_id"]: group for group in groups}
    if not found:
        return Backlog()
    well = collection(documents.Webhook).find(
        {"_id": {"$in": list(found)}, "state": WebhookState.ENABLED, "failing_since": None},
        {"_id": 1},
    )
    ages = [now - found[row["_id"]]["due"] for row in well]
    pending = sum(group["count"] for group in found.values())
    return Backlog(pending, max([timedelta(0), *ages]))
