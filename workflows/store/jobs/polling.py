"""Jobs at AppService: which to poll, and their updates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from pymongo import ReturnDocument, UpdateMany
from pymongo.errors import BulkWriteError

from workflows.model.job_moves import END, NOTE, REPORT, Mark, Transition
from workflows.model.states import JobState
from workflows.model.values import APPSERVICE, Job, Json, Outcome
from workflows.store import documents
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import (
    NOW,
    Row,
    collection,
    later,
    map_by_id,
    query,
    sound,
    translate_errors,
    unjournaled,
)

UNLOCKED: Final[Row] = {"$expr": {"$not": {"$gt": ["$next", NOW]}}}
"""Of a lock: its interval is over."""


@dataclass(frozen=True, slots=True)
class Watched:
    """As much of an active job as a poll needs."""

    key: str
    workflow: str
    job_id: str
    app: str
    submitted_at: datetime
    started_at: datetime | None
    missing_since: datetime | None
    looks_for: bool = False
    """When it has ended well its results are to be looked for."""
    backend: str = APPSERVICE
    has_basis: bool = False
    """If it ends well, what it left is to be noted."""


@dataclass(frozen=True, slots=True)
class UserLock:
    """The right to poll one user's jobs now: for what falls into the time from ``since`` on."""

    since: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """The update of one job by a poll; only changed fields are written."""

    key: str
    workflow: str
    move: Transition
    fields: Row
    """Values; a field whose value is None is removed."""

    @property
    def unprocessed(self) -> bool:
        """Whether the workflow must process it."""
        return self.move.mark is Mark.PROCESS

    @property
    def to_be_found(self) -> bool:
        """Whether the job's outputs must be searched for now."""
        return self.fields.get("results_due") is not None

    @property
    def to_be_asked_why(self) -> bool:
        """Whether it failed and the reason is to be asked now."""
        return self.fields.get("evidence_due") is not None


def record_running(job: Watched, started_at: datetime) -> JobUpdate:
    """AppService says that it runs."""
    fields: Row = {"started_at": started_at, "missing_since": None}
    return JobUpdate(job.key, job.workflow, REPORT, fields)


def record_end(
    job: Watched,
    outcome: Outcome,
    started_at: datetime | None,
    finished_at: datetime,
    reason: str,
) -> JobUpdate:
    """It has ended, or AppService no longer knows it."""
    fields: Row = {
        "outcome": str(outcome),
        "finished_at": finished_at,
        "reason": reason,
        "missing_since": None,
        **_set_start(started_at),
        **_seen_due(outcome, finished_at, job.has_basis),
    }
    return JobUpdate(job.key, job.workflow, END, fields)


def record_success(
    job: Watched, now: datetime, started_at: datetime | None, finished_at: datetime
) -> JobUpdate:
    """It has ended well. Its workflow learns that with its outputs (``record_outputs``)."""
    fields: Row = {"finished_at": finished_at, "results_due": now, "missing_since": None}
    move = REPORT if job.started_at is None else NOTE
    return JobUpdate(job.key, job.workflow, move, fields | _set_start(started_at))


def record_missing(job: Watched, since: datetime | None) -> JobUpdate:
    """AppService did not name it, from ``since`` on; None where it names it again."""
    return JobUpdate(job.key, job.workflow, NOTE, {"missing_since": since})


def record_outputs(
    job: Job, outcome: Outcome, reason: str, results: Mapping[str, Json]
) -> JobUpdate:
    """The outputs of a job that had ended before."""
    fields: Row = {
        "outcome": str(outcome),
        "reason": reason,
        "results": dict(results),
        "results_due": None,
        **_seen_due(outcome, job.finished_at, job.basis is not None),
    }
    return JobUpdate(job.key, job.workflow, END, fields)


def _set_start(started_at: datetime | None) -> Row:
    return {"started_at": started_at} if started_at else {}


def _seen_due(outcome: Outcome, finished_at: datetime | None, has_basis: bool) -> Row:
    """When to note what the job left: from its end on."""
    return {"seen_due": finished_at} if has_basis and outcome is Outcome.SUCCEEDED else {}


def owners() -> list[str]:
    """Users who have a job at AppService."""
    with translate_errors():
        return list(collection(documents.Job).distinct("owner", {"state": JobState.ACTIVE}))


def under_way(owner: str) -> int:
    """How many of the user's jobs are at AppService or being sent."""
    states = [JobState.SENDING, JobState.ACTIVE]
    with translate_errors():
        return int(query(documents.Job, state__in=states, owner=owner).count())


def with_few(owners: Sequence[str], most: int) -> list[str]:
    """Those users who have so many jobs at AppService at most; each costs one look at the index."""
    with translate_errors():
        jobs = collection(documents.Job)
        return [
            owner
            for owner in owners
            if jobs.count_documents({"state": JobState.ACTIVE, "owner": owner}, limit=most + 1)
            <= most
        ]


def take_locks(names: Sequence[str], interval: timedelta) -> dict[str, UserLock]:
    """The periodic locks (``sweep``, ``poll:<owner>``) that we get: each at most once an interval.

    Locks that another process has had in this interval are missing. One that is lost with its
    server is taken once more, which does no harm.
    """
    locks, token = unjournaled(documents.Lock), uuid4().hex
    free = {"_id": {"$in": list(names)}, **UNLOCKED}
    update = [{"$set": {"previous": "$last", "last": NOW, "next": later(interval), "token": token}}]
    fields = {"previous": 1, "last": 1}
    with translate_errors():
        if len(names) == 1:  # as a sweep takes it: one question
            take = partial(
                locks.find_one_and_update,
                free,
                update,
                fields,
                return_document=ReturnDocument.AFTER,
            )
            row = take() or (take() if _make(names) else None)
            return {row["_id"]: UserLock(row.get("previous"), row["last"])} if row else {}
        if locks.update_many(free, update).matched_count < len(names) and _make(names):
            locks.update_many(free, update)
        rows = locks.find({"_id": {"$in": list(names)}, "token": token}, fields)
        return {row["_id"]: UserLock(row.get("previous"), row["last"]) for row in rows}


def last_taken(names: Sequence[str]) -> dict[str, datetime]:
    """When each of these locks was taken last; one that never was is missing."""
    with translate_errors():
        rows = collection(documents.Lock).find({"_id": {"$in": list(names)}}, {"last": 1})
        return {row["_id"]: row["last"] for row in rows if row.get("last")}


def _make(names: Sequence[str]) -> bool:
    """Create missing rows, as free locks; whether any was missing."""
    locks = collection(documents.Lock)
    missing = set(names) - {row["_id"] for row in locks.find({"_id": {"$in": list(names)}})}
    if missing:
        with suppress(BulkWriteError):  # another process made one in between
            locks.insert_many([{"_id": name} for name in sorted(missing)], ordered=False)
    return bool(missing)


def active(owners: Sequence[str], since: datetime | None = None) -> dict[str, list[Watched]]:
    """What each of these users has at AppService and is not known to have ended; of what was
    submitted from ``since`` on, where that is given."""
    fields = {
        "owner": 1,
        "workflow": 1,
        "job_id": 1,
        "app": 1,
        "submitted_at": 1,
        "started_at": 1,
        "missing_since": 1,
        "globs": 1,
        "backend": 1,
        "basis.key": 1,
    }
    found: dict[str, list[Watched]] = defaultdict(list)
    query: Row = {
        "state": JobState.ACTIVE,
        "owner": {"$in": list(owners)},
        "results_due": None,
        "evidence_due": None,
    }
    if since:
        query["due"] = {"$gte": since}  # the same time, and the index has it
    with translate_errors():
        for row in collection(documents.Job).find(query, fields):
            if watched := sound(row, _read_watched):
                found[row["owner"]].append(watched)
    return found


def _read_watched(row: Row) -> Watched:
    return Watched(
        row["_id"],
        row["workflow"],
        row["job_id"],
        row["app"],
        row["submitted_at"],
        row.get("started_at"),
        row.get("missing_since"),
        bool(row.get("globs")),
        row.get("backend") or APPSERVICE,
        bool(row.get("basis")),
    )


def record(learnt: Sequence[JobUpdate]) -> None:
    """Only of jobs that are still at AppService; those that learnt alike in one statement."""
    alike: dict[tuple[str, tuple[str, ...]], list[JobUpdate]] = defaultdict(list)
    for each in learnt:
        gone = tuple(name for name, value in each.fields.items() if value is None)
        alike[each.move.name, (*sorted(set(each.fields) - {*gone}), "", *gone)].append(each)
    if alike:
        with translate_errors():
            writes = [_write(each) for each in alike.values()]
            collection(documents.Job).bulk_write(writes, ordered=False)


def _write(alike: Sequence[JobUpdate]) -> UpdateMany:
    """Of jobs that make the same move with the same fields set, and the same removed."""
    first = alike[0]
    names = [name for name, value in first.fields.items() if value is not None]
    fields: Row = {
        name: map_by_id({each.key: each.fields[name] for each in alike}) for name in names
    }
    return UpdateMany(
        guard(first.move, [each.key for each in alike]),
        update(first.move, fields, [name for name in first.fields if name not in names]),
    )
