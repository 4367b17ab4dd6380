"""The slowest sweeps of the last day, for operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import UpdateOne

from workflows.store import clock, documents
from workflows.store.mongo import Row, collection, translate_errors, unjournaled

MOST: Final = 5
SLOW: Final = timedelta(seconds=0.1)
_KEPT: Final = timedelta(days=1)
_SWEEP: Final = {"_id": "sweep"}


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep, and how long it took to find and distribute the due work."""

    at: datetime
    seconds: float


def record(took: timedelta) -> None:
    """Keep it if it was slow, and is one of the slowest; of most sweeps nothing is written."""
    if took < SLOW:
        return
    now = clock.now()
    found = {"at": now, "seconds": took.total_seconds()}
    slowest = {"$each": [found], "$sort": {"seconds": -1}, "$slice": MOST}
    last = f"slowest.{MOST - 1}"
    is_slow: Row = {
        "$or": [{last: {"$exists": False}}, {f"{last}.seconds": {"$lt": found["seconds"]}}]
    }
    writes = [
        UpdateOne(
            {**_SWEEP, "slowest.at": {"$lt": now - _KEPT}},
            {"$pull": {"slowest": {"at": {"$lt": now - _KEPT}}}},
        ),
        UpdateOne({**_SWEEP, **is_slow}, {"$push": {"slowest": slowest}}),
    ]
    with translate_errors():
        unjournaled(documents.Lock).bulk_write(writes)


def slowest() -> list[Sweep]:
    """The slowest first."""
    with translate_errors():
        row = collection(documents.Lock).find_one(_SWEEP, {"slowest": 1}) or {}
    return [Sweep(each["at"], each["seconds"]) for each in row.get("slowest", ())]
