"""Users with a webhook and work under way whose stored token ends soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.model.webhooks import WebhookState
from workflows.store import documents
from workflows.store.mongo import NOW, collection, later, translate_errors


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a user's token ends."""

    owner: str
    expires_at: datetime


def find_expiring(within: timedelta) -> list[Expiry]:
    with translate_errors():
        owners = collection(documents.Webhook).distinct("owner", {"state": WebhookState.ENABLED})
        rows = collection(documents.Credential).find(
            {
                "_id": {"$in": owners},
                "refused_at": None,
                "$expr": {
                    "$and": [
                        {"$gt": ["$expires_at", NOW]},
                        {"$lte": ["$expires_at", later(within)]},
                    ]
                },
            },
            {"expires_at": 1},
        )
        ends = {row["_id"]: row["expires_at"] for row in rows}
        return _of_the_busy(ends)


def _of_the_busy(ends: Mapping[str, datetime]) -> list[Expiry]:
    active = {"owner": {"$in": sorted(ends)}, "state": {"$in": sorted(ACTIVE_WORKFLOW)}}
    busy = collection(documents.Workflow).distinct("owner", active) if ends else []
    return [Expiry(owner, ends[owner]) for owner in sorted(busy)]
