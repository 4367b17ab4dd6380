"""Jobs whose results may be reused. Only those have a ``reuse_key`` that ran and succeeded; a job
whose workflow was deleted is no longer there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.reuse.inputs import File
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.mongo import Row, ago, collection, sound, translate_errors

_MOST: Final = 5
"""Sources that are tried for one job, the newest first."""
_COMPARED: Final = 20
"""Jobs among which the most similar one is found."""


@dataclass(frozen=True, slots=True)
class Source:
    """A job that succeeded, with what it left."""

    job: Job
    seen: Sequence[File]


def with_key(owner: str, key: str, max_age: timedelta) -> list[Source]:
    """The newest first."""
    query = {"owner": owner, "reuse_key": key, **_younger(max_age)}
    with translate_errors():
        rows = list(
            collection(documents.Job)
            .find(query, {"evidence": 0})
            .sort([("finished_at", -1)])
            .limit(_MOST)
        )
    return [found for row in rows if (found := sound(row, _read))]


def of_app(owner: str, app: str) -> list[Job]:
    """The user's newest jobs of an app that could be sources, of any age."""
    query = {"owner": owner, "app": app, "reuse_key": {"$type": "string"}}
    with translate_errors():
        rows = list(
            collection(documents.Job)
            .find(query, {"evidence": 0, "outputs_seen": 0})
            .sort([("finished_at", -1)])
            .limit(_COMPARED)
        )
    return [job for row in rows if (job := readable(row))]


def has_older(owner: str, key: str) -> bool:
    """Whether there is a job with the key at any age."""
    with translate_errors():
        query = {"owner": owner, "reuse_key": key}
        return collection(documents.Job).find_one(query, {"_id": 1}) is not None


def computes_the_same(job: Job, key: str) -> str:
    """The key of another of the user's jobs that computes the same now, or has done so and what it
    left is still to be noted; empty for none. Of jobs that look at the same time, those wait that
    were intended later."""
    others = {"_id": {"$ne": job.key}, "owner": job.owner, "basis.key": key}
    sent = [JobState.INTENDED, JobState.SENDING, JobState.ACTIVE]
    earlier = {"$or": [{"intended_at": {"$lt": job.intended_at}},
                       {"intended_at": job.intended_at, "_id": {"$lt": job.key}}]}  # fmt: skip
    with translate_errors():
        row = collection(documents.Job).find_one(
            {
                "$or": [
                    {**others, "state": {"$in": sent}, "kill": {"$ne": True}},
                    {**others, "state": JobState.CHECKING, **earlier},
                    {**others, "state": JobState.DONE, "seen_due": {"$type": "date"}},
                ]
            },
            {"_id": 1},
        )
    return row["_id"] if row else ""


def _younger(max_age: timedelta) -> Row:
    return {"finished_at": {"$type": "date"}, "$expr": {"$gte": ["$finished_at", ago(max_age)]}}


def _read(row: Row) -> Source | None:
    job = readable(row)
    return Source(job, tuple(File(*each) for each in row["outputs_seen"])) if job else None
