"""Jobs that succeeded, until what they left in the Workspace is noted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from pymongo import ReturnDocument

from workflows.model.job_moves import NOTE_LATER, NOTE_RESULTS, TAKE_RESULTS
from workflows.model.values import Job
from workflows.reuse.inputs import File
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import Row, collection, later, of_none, translate_errors

DUE: Row = guard(TAKE_RESULTS)
LONGEST: Final = timedelta(days=1)
"""How long after its end is tried to note what a job left."""


def take(again_in: timedelta, barred: Collection[str] = ()) -> Job | None:
    """The job that has waited longest, of none of the ``barred`` users; no other process takes it
    within ``again_in``."""
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {**DUE, **of_none(barred)},
            update(TAKE_RESULTS, {"seen_due": later(again_in)}),
            sort=[("seen_due", 1)],
            projection={"evidence": 0},
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def note_later(job: Job, wait: timedelta) -> None:
    """It cannot be noted now; given up a day after the job's end."""
    with translate_errors():
        collection(documents.Job).update_one(
            guard(NOTE_LATER, [job.key]), update(NOTE_LATER, {"seen_due": later(wait)})
        )


def note(job: Job, seen: Sequence[File], key: str) -> None:
    """``key``: empty for a job whose results may not be reused."""
    fields: Row = {"reuse_key": key} if key else {}
    if seen:
        fields["outputs_seen"] = {"$literal": [[each.path, each.uuid, each.size] for each in seen]}
    with translate_errors():
        collection(documents.Job).update_one(
            guard(NOTE_RESULTS, [job.key]), update(NOTE_RESULTS, fields, ["seen_due"])
        )
