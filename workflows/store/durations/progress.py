"""Which hours have been counted: two marks in the lock of the task that counts."""

from __future__ import annotations

from datetime import datetime

from workflows.store import documents
from workflows.store.mongo import collection, translate_errors

LOCK = "durations"


def marks() -> tuple[datetime | None, datetime | None]:
    """From which hour on jobs are to be counted, and to be counted again."""
    with translate_errors():
        row = collection(documents.Lock).find_one({"_id": LOCK}) or {}
    return row.get("counted"), row.get("recounted")


def move(counted: datetime, recounted: datetime) -> None:
    """Marks never go back, also where a process is late."""
    with translate_errors():
        collection(documents.Lock).update_one(
            {"_id": LOCK}, {"$max": {"counted": counted, "recounted": recounted}}, upsert=True
        )
