"""Attempts that were sent, as WES and provenance show them: pages, single ones, how runs ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflows.model.states import JobState
from workflows.model.values import Job, Outcome, job_key
from workflows.store import documents
from workflows.store.jobs.kills import KILLED, UNANSWERED
from workflows.store.jobs.rows import BULKY, value
from workflows.store.mongo import Row, collection, translate_errors

Place = tuple[int, int]
"""The index of a step, and the number of its attempt."""

_UNDER_WAY: Final = [JobState.SENDING, JobState.ACTIVE]
_SHOWN: Final = {"params": 0, **BULKY}
SENT: Final[Row] = {
    "sent_at": {"$type": "date"},
    "state": {"$in": [*_UNDER_WAY, JobState.DONE, JobState.REJECTED]},
}


def was_sent(job: Job) -> bool:
    """Whether the attempt was handed to BV-BRC, or begun by the engine; the same as ``SENT``."""
    states = (*_UNDER_WAY, JobState.DONE, JobState.REJECTED)
    return job.sent_at is not None and job.state in states


def page(workflow: str, after: Place | None, limit: int) -> list[Job]:
    """Up to ``limit`` attempts that were sent, by step and attempt, without what was sent."""
    query: Row = {**_of(workflow), **SENT}
    if after is not None:
        step, attempt = after
        query["$or"] = [{"step": {"$gt": step}}, {"step": step, "attempt": {"$gt": attempt}}]
    order = [("step", 1), ("attempt", 1)]
    with translate_errors():
        rows = collection(documents.Job).find(query, _SHOWN).sort(order).limit(limit)
        return [value(each) for each in rows]


def get(workflow: str, step: int, attempt: int) -> Job | None:
    """One attempt, if it was sent."""
    query = {"_id": job_key(workflow, step, attempt), **SENT}
    with translate_errors():
        row = collection(documents.Job).find_one(query, _SHOWN)
    return value(row) if row else None


def failed_at_bvbrc(workflows: Collection[str]) -> set[str]:
    """Those of the workflows of which a job failed at BV-BRC; one short query for each."""
    failed = {"outcome": Outcome.FAILED, "job_id": {"$gt": ""}}
    jobs = collection(documents.Job)
    with translate_errors():
        return {each for each in workflows if jobs.find_one({**_of(each), **failed}, {"_id": 1})}


def being_killed(workflows: Collection[str]) -> set[str]:
    """Those of the cancelled workflows of which a job is not known to be dead yet."""
    if not workflows:
        return set()
    query = {
        "workflow": {"$in": list(workflows)},
        "open": True,
        "state": {"$in": _UNDER_WAY},
        "kill_reply": {"$nin": [KILLED, UNANSWERED]},
    }
    with translate_errors():
        return set(collection(documents.Job).distinct("workflow", query))


def _of(workflow: str) -> Row:
    """All jobs of a workflow, by the index of the keys."""
    return {"_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"}}
