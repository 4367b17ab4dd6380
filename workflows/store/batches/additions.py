"""Adds rows to stored batches, each addition once.

One transaction writes the longer table and counts its rows. It fails if other rows were added, if
the batch was cancelled, or if its gather has begun, since it was read. So a row belongs to a batch
whole or not at all, and the rows that the batch makes next are the same for every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from workflows.model.values import Json
from workflows.store import documents
from workflows.store.batches import row_plans
from workflows.store.batches.queries import CHANGED
from workflows.store.batches.stored import StoredBatch
from workflows.store.mongo import NOW, Row, collection, transaction, translate_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRows:
    """Rows that are to be added to a batch."""

    count: int
    content: bytes
    """The whole table (``tables.encode``)."""
    plans: Sequence[bytes] = ()
    """From the first document on that has a plan of an added row (``row_plans``)."""
    bytes: int
    """What the batch takes more than before."""
    key: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Addition:
    """Rows that were added under an Idempotency-Key."""

    digest: str
    rows: int


def add(batch: StoredBatch, new: NewRows) -> bool:
    """Add rows, to be made as the batch has room; it is under way again if it had ended. False if
    other rows were added, if it was cancelled, or if its gather has begun, since it was read.
    """

    def work(session: ClientSession) -> bool:
        counted = collection(documents.Batch).update_one(
            {
                "_id": batch.id,
                "count": batch.count,
                "cancel_requested_at": None,
                "gather_rows": None,
            },
            [
                {
                    "$set": {
                        "count": batch.count + new.count,
                        "bytes": {"$add": ["$bytes", new.bytes]},
                        "next_check": NOW,
                        "updated_at": NOW,
                        **CHANGED,
                    }
                },
                {"$unset": "finished_at"},
            ],
            session=session,
        )
        if not counted.modified_count:
            return False
        change: Row = {"$set": {"content": new.content}}
        if new.key:
            noted: dict[str, Json] = {"key": new.key, "digest": new.digest, "rows": new.count}
            change["$push"] = {"additions": noted}
        collection(documents.BatchTable).update_one({"_id": batch.id}, change, session=session)
        row_plans.add(batch.id, batch.count, new.plans, session)
        return True

    return transaction(work)


def find_repeated(batch: str, key: str) -> Addition | None:
    """What was added to the batch under this Idempotency-Key."""
    chosen = {"additions": {"$elemMatch": {"key": key}}}
    with translate_errors():
        row = collection(documents.BatchTable).find_one({"_id": batch, **chosen}, chosen)
    found = row["additions"][0] if row else None
    return Addition(found["digest"], found["rows"]) if found else None
