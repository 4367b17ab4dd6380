"""Completed jobs whose outputs are to be found in the Workspace."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from pymongo import ReturnDocument

from workflows.model.job_moves import EXPLAIN_SEARCH, TAKE_SEARCH
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import Row, collection, later, of_none, translate_errors

DUE: Row = guard(TAKE_SEARCH)


def take(again_in: timedelta, barred: Collection[str] = ()) -> Job | None:
    """The job that has waited longest, of none of the ``barred`` users; no process takes it within
    ``again_in``.
    """
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {**DUE, **of_none(barred)},
            update(TAKE_SEARCH, {"results_due": later(again_in)}),
            sort=[("results_due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def say(job: Job, reason: str) -> None:
    """Stores why the outputs could not be searched, as ``explain`` shows it."""
    with translate_errors():
        collection(documents.Job).update_one(
            guard(EXPLAIN_SEARCH, [job.key]),
            update(EXPLAIN_SEARCH, {"reason": {"$literal": reason}}),
        )
