"""Deletes batches whose workflows are gone."""

from __future__ import annotations

from datetime import timedelta

from pymongo.client_session import ClientSession

from workflows.store import documents
from workflows.store.batches import row_plans, tables
from workflows.store.batches.queries import of_batch
from workflows.store.mongo import Row, ago, collection, has_come, transaction, translate_errors


def remove_old(age: timedelta, limit: int) -> int:
    """Delete ended batches of that age that have no workflow left; returns their number."""
    with translate_errors():
        rows = collection(documents.Batch).find(_ended_before(age), {"_id": 1}, limit=limit)
        found = [row["_id"] for row in rows]
    return sum(remove(batch, age) for batch in found)


def remove(batch: str, age: timedelta) -> bool:
    """False if a workflow of it is still there, or if rows were added since it was found."""

    def work(session: ClientSession) -> bool:
        if collection(documents.Workflow).find_one(of_batch(batch), {"_id": 1}, session=session):
            return False
        ended = {**_ended_before(age), "_id": batch}
        rows = collection(documents.Batch)
        if not rows.delete_one(ended, session=session).deleted_count:
            return False
        collection(documents.BatchTable).delete_one({"_id": batch}, session=session)
        row_plans.delete(batch, session)
        return True

    removed = transaction(work)
    if removed:
        tables.forget(batch)
    return removed


def _ended_before(age: timedelta) -> Row:
    return has_come("finished_at", ago(age))
