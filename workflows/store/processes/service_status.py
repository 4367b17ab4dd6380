"""The stored state of BV-BRC's services: up, away or disabled, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors

APPSERVICE = "appservice"
UP, AWAY, DISABLED = "up", "away", "disabled"


@dataclass(frozen=True, slots=True)
class Health:
    state: str = UP
    reason: str = ""
    since: datetime | None = None


def report(service: str, state: str, reason: str = "") -> None:
    """Record a change of a service's state; the same state again keeps its ``since``."""
    with translate_errors():
        collection(documents.Service).update_one(
            {"_id": service},
            [
                {
                    "$set": {
                        "since": {"$cond": [{"$eq": ["$state", state]}, "$since", NOW]},
                        "state": state,
                        "reason": {"$literal": reason},
                        "checked_at": NOW,
                    }
                }
            ],
            upsert=True,
        )


def all_services() -> dict[str, tuple[Health, datetime | None]]:
    """Each service that is known: its state, and when it was last checked."""
    with translate_errors():
        rows = collection(documents.Service).find({})
        return {row["_id"]: (_read(row), row.get("checked_at")) for row in rows}


def health(service: str) -> Health:
    with translate_errors():
        row = collection(documents.Service).find_one({"_id": service})
    return _read(row) if row else Health()


def _read(row: Row) -> Health:
    return Health(row["state"], row.get("reason", ""), row.get("since"))
