"""Letters to a user's addresses, counted over all processes for one day (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime

from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors


def take(owner: str, at: datetime, most: int) -> bool:
    """Count a letter that is about to be sent; false, and nothing is counted, where there were
    ``most`` on the day of ``at``."""
    day = _day(at)
    sent: Row = {"$cond": [{"$gte": ["$letters_day", day]}, "$letters", 0]}
    counted = {"$min": [{"$add": [sent, 1]}, {"$max": [sent, most]}]}
    latest = {"$max": ["$letters_day", day]}  # another process may have begun the next day
    with translate_errors():
        before = collection(documents.User).find_one_and_update(
            {"_id": owner},
            [{"$set": {"letters": counted, "letters_day": latest}}],
            upsert=True,
            projection={"sent": sent},
        )
    return before is None or int(before["sent"]) < most


def give_back(owner: str, at: datetime) -> None:
    """The letter that was counted at that time was not sent."""
    counted: Row = {"_id": owner, "letters": {"$gt": 0}, "letters_day": _day(at)}
    with translate_errors():
        collection(documents.User).update_one(counted, {"$inc": {"letters": -1}})


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
