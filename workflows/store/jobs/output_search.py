"""Completed jobs whose outputs are to be found in the Workspace."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from pymongo import ReturnDocument

from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.mongo import NOW, Row, collection, later, translate_errors

DUE: Row = {
    "results_due": {"$type": "date"},
    "state": JobState.ACTIVE,
    "$expr": {"$lte": ["$results_due", NOW]},
}


def take(again_in: timedelta, barred: Collection[str] = ()) -> Job | None:
    """The job that has waited longest, of none of the ``barred`` users; nobody else takes it within
    ``again_in``.
    """
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {**DUE, **({"owner": {"$nin": sorted(barred)}} if barred else {})},
            [{"$set": {"results_due": later(again_in)}}],
            sort=[("results_due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def say(job: Job, reason: str) -> None:
    """Stores why the outputs could not be searched, as ``explain`` shows it."""
    with translate_errors():
        collection(documents.Job).update_one(
            {"_id": job.key, "state": JobState.ACTIVE}, {"$set": {"reason": reason}}
        )
