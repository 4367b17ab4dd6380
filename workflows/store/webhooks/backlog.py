"""How many messages wait, and how long those have waited that could be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.model.webhooks import Channel, WebhookState
from workflows.store import documents
from workflows.store.mongo import collection


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages to webhooks and e-mail addresses that have not been delivered."""

    pending: int = 0
    """Those that wait for a further attempt, too."""
    oldest: timedelta = timedelta(0)
    """How long the oldest has waited to whose receiver nothing has failed of late."""
    letters: int = 0
    """Those of ``pending`` that are e-mail."""


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
    rows = list(
        collection(documents.Webhook).find(
            {"_id": {"$in": list(found)}}, {"kind": 1, "state": 1, "failing_since": 1}
        )
    )
    well = [
        row
        for row in rows
        if row["state"] == WebhookState.ENABLED and row.get("failing_since") is None
    ]
    ages = [now - found[row["_id"]]["due"] for row in well]
    pending = sum(group["count"] for group in found.values())
    letters = sum(
        found[row["_id"]]["count"] for row in rows if row.get("kind") == str(Channel.EMAIL)
    )
    return Backlog(pending, max([timedelta(0), *ages]), letters)
