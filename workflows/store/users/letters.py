"""Letters to a user's addresses, counted over all processes for one day (UTC)."""

from __future__ import annotations

from typing import Final

from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors

_TODAY: Final[Row] = {"$dateTrunc": {"date": NOW, "unit": "day"}}
_IS_TODAYS: Final[Row] = {"$eq": ["$letters_day", _TODAY]}
_SENT: Final[Row] = {"$cond": [_IS_TODAYS, "$letters", 0]}


def take(owner: str, most: int) -> bool:
    """Count a letter that is about to be sent; false, and nothing is counted, where there were
    ``most`` today."""
    counted = {"$min": [{"$add": [_SENT, 1]}, {"$max": [_SENT, most]}]}
    with translate_errors():
        before = collection(documents.User).find_one_and_update(
            {"_id": owner},
            [{"$set": {"letters": counted, "letters_day": _TODAY}}],
            upsert=True,
            projection={"sent": _SENT},
        )
    return before is None or int(before["sent"]) < most


def give_back(owner: str) -> None:
    """The letter was not sent."""
    with translate_errors():
        collection(documents.User).update_one(
            {"_id": owner, "letters": {"$gt": 0}, "$expr": _IS_TODAYS}, {"$inc": {"letters": -1}}
        )
