"""Deletes batches whose workflows are gone."""

from __future__ import annotations

from datetime import timedelta

from pymongo.client_session import ClientSession

from workflows.store import documents
from workflows.store.batches import row_plans, tables
from workflows.store.batches.queries import of_batch
from workflows.store.mongo import ago, collection, has_come, transaction, translate_errors


def remove_old(age: timedelta, limit: int) -> int:
    """Delete ended batches of that age that have no workflow left; returns their number."""
    ended = has_come("finished_at", ago(age))
    with translate_errors():
        rows = collection(documents.Batch).find(ended, {"_id": 1}, limit=limit)
        found = [row["_id"] for row in rows]
    return sum(_remove(batch) for batch in found)


def _remove(batch: str) -> bool:
    """False if a workflow of it is still there."""

    def work(session: ClientSession) -> bool:
        if collection(documents.Workflow).find_one(of_batch(batch), {"_id": 1}, session=session):
            return False
        collection(documents.BatchTable).delete_one({"_id": batch}, session=session)
        row_plans.delete(batch, session)
        return bool(
            collection(documents.Batch)
            .delete_one({"_id": batch, "finished_at": {"$type": "date"}}, session=session)
            .deleted_count
        )

    removed = transaction(work)
    if removed:
        tables.forget(batch)
    return removed
