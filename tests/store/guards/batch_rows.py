"""Batches and their workflows, as a process would find them."""

from __future__ import annotations

from typing import Any

from tests.store.guards.stored_rows import ALICE, PAST, put
from workflows.store import documents
from workflows.store.batches import stored as batches
from workflows.store.batches.stored import StoredBatch

COLLECTIONS = (
    documents.Batch,
    documents.BatchTable,
    documents.BatchPlan,
    documents.Spec,
    documents.Workflow,
    documents.Delivery,
    documents.Event,
)
ENDED, CANCELLED, PAUSED = {"finished_at": PAST}, {"cancel_requested_at": PAST}, {"paused": True}
GATHERED = {"gather_rows": 3}


def put_batch(key: str = "b1", **fields: Any) -> StoredBatch:
    times = {"created_at": PAST, "updated_at": PAST}
    counts = {"count": 3, "made": 1, "max_active": 2, "bytes": 1, "version": 4}
    row = {"owner": ALICE, "name": "b", "seed": "00", "next_check": PAST, **counts, **times}
    put(documents.Batch, _id=key, **row | fields)
    put(documents.BatchTable, _id=key, content=b"before")
    return batches.get(key)
