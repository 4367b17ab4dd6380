"""Jobs at AppService: which to poll, their updates, and which to kill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from pymongo import UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError

from workflows.model.states import JobState
from workflows.model.values import Job, Json, Outcome
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.mongo import NOW, Row, collection, later, map_by_id, sound, translate_errors

KILLED, GONE, UNANSWERED = "killed", "gone", "unanswered"
"""What is known of a kill: it worked; there was nothing to kill; an answer was lost and then there
was nothing left."""


@dataclass(frozen=True, slots=True)
class Watched:
    """As much of an active job as a poll needs."""

    key: str
    workflow: str
    job_id: str
    submitted_at: datetime
    started_at: datetime | None
    missing_since: datetime | None
    looks_for: bool = False
    """When it has ended well its results are to be looked for."""


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
    fields: Row
    news: bool = True
    """Whether the workflow must process it."""

    @property
    def to_be_found(self) -> bool:
        """Whether its outputs are to be searched now."""
        return self.fields.get("results_due") is not None


def running(started_at: datetime) -> Row:
    return {"started_at": started_at, "missing_since": None}


def end_fields(
    outcome: Outcome, started_at: datetime | None, finished_at: datetime, reason: str
) -> Row:
    fields: Row = {
        "state": str(JobState.DONE),
        "outcome": str(outcome),
        "finished_at": finished_at,
        "reason": reason,
        "missing_since": None,
        "kill_due": None,
    }
    return fields | ({"started_at": started_at} if started_at else {})


def ended_well(now: datetime, started_at: datetime | None, finished_at: datetime) -> Row:
    """It has ended, which its workflow learns when its results are known: ``known`` says so."""
    fields: Row = {"finished_at": finished_at, "results_due": now, "missing_since": None}
    return fields | ({"started_at": started_at} if started_at else {})


def result_fields(outcome: Outcome, reason: str, results: Mapping[str, Json]) -> Row:
    """The results of a job that had ended before."""
    return {
        "state": str(JobState.DONE),
        "outcome": str(outcome),
        "reason": reason,
        "results": dict(results),
        "results_due": None,
        "kill_due": None,
    }


def owners() -> list[str]:
    """Users who have a job at AppService."""
    with translate_errors():
        return list(collection(documents.Job).distinct("owner", {"state": JobState.ACTIVE}))


def under_way(owner: str) -> int:
    """How many of the user's jobs are at AppService or being sent."""
    states = [JobState.SENDING, JobState.ACTIVE]
    with translate_errors():
        return collection(documents.Job).count_documents({"state": {"$in": states}, "owner": owner})


def take_turns(names: Sequence[str], interval: timedelta) -> dict[str, UserLock]:
    """The periodic locks (``sweep``, ``poll:<owner>``) that we get: each at most once an interval.

    Locks that another process has had in this interval are missing.
    """
    turns, token = collection(documents.Lock), uuid4().hex
    free = {"_id": {"$in": list(names)}, "$expr": {"$not": {"$gt": ["$next", NOW]}}}
    update = [{"$set": {"previous": "$last", "last": NOW, "next": later(interval), "token": token}}]
    with translate_errors():
        if turns.update_many(free, update).matched_count < len(names):
            _make(names)
            turns.update_many(free, update)
        rows = turns.find({"_id": {"$in": list(names)}, "token": token})
        return {row["_id"]: UserLock(row.get("previous"), row["last"]) for row in rows}


def _make(names: Sequence[str]) -> None:
    """Create missing rows, as free locks."""
    turns = collection(documents.Lock)
    missing = set(names) - {row["_id"] for row in turns.find({"_id": {"$in": list(names)}})}
    if missing:
        with suppress(BulkWriteError):  # another process made one in between
            turns.insert_many([{"_id": name} for name in sorted(missing)], ordered=False)


def active(owners: Sequence[str], since: datetime | None = None) -> dict[str, list[Watched]]:
    """What each of these users has at AppService and is not known to have ended; of what was
    submitted from ``since`` on, where that is given."""
    fields = {
        "owner": 1,
        "workflow": 1,
        "job_id": 1,
        "submitted_at": 1,
        "started_at": 1,
        "missing_since": 1,
        "globs": 1,
    }
    found: dict[str, list[Watched]] = defaultdict(list)
    query: Row = {"state": JobState.ACTIVE, "owner": {"$in": list(owners)}, "results_due": None}
    if since:
        query["submitted_at"] = {"$gte": since}
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
        row["submitted_at"],
        row.get("started_at"),
        row.get("missing_since"),
        bool(row.get("globs")),
    )


def record(learnt: Sequence[JobUpdate]) -> None:
    """Only of jobs that are still at AppService; those that learnt alike in one statement."""
    alike: dict[tuple[bool, tuple[str, ...]], list[JobUpdate]] = defaultdict(list)
    for each in learnt:
        gone = tuple(name for name, value in each.fields.items() if value is None)
        alike[each.news, (*sorted(set(each.fields) - {*gone}), "", *gone)].append(each)
    if alike:
        with translate_errors():
            writes = [_write(each) for each in alike.values()]
            collection(documents.Job).bulk_write(writes, ordered=False)


def _write(alike: Sequence[JobUpdate]) -> UpdateMany:
    """Of jobs with the same fields set, and the same removed."""
    first = alike[0]
    names = [name for name, value in first.fields.items() if value is not None]
    gone = [name for name in first.fields if name not in names]
    fields: Row = {
        name: map_by_id({each.key: each.fields[name] for each in alike}) for name in names
    }
    if first.news:
        fields |= {"version": {"$add": ["$version", 1]}, "news": NOW}
    stages: list[Row] = [{"$set": fields}] if fields else []
    stages += [{"$unset": gone}] if gone else []
    guard = {"_id": {"$in": [each.key for each in alike]}, "state": JobState.ACTIVE}
    return UpdateMany(guard, stages)


KILL: Row = {
    "kill_due": {"$type": "date"},
    "state": JobState.ACTIVE,
    "$expr": {"$lte": ["$kill_due", NOW]},
}


def claim_unwanted(limit: int, again_in: timedelta) -> dict[str, list[Job]]:
    """Unwanted jobs whose kill is due now, by owner. The attempt is counted before it is made, and
    no other caller gets these jobs within ``again_in``.
    """
    found: dict[str, list[Job]] = defaultdict(list)
    rows = collection(documents.Job)
    with translate_errors():
        taken = list(rows.find(KILL, limit=limit))
        if taken:
            asks = {"$add": [{"$ifNull": ["$kill_asks", 0]}, 1]}
            rows.update_many(
                {"_id": {"$in": [row["_id"] for row in taken]}, **KILL},
                [{"$set": {"kill_due": later(again_in), "kill_asks": asks}}],
            )
    for row in taken:
        if job := readable(row):
            found[job.owner].append(job)
    return found


def receipts(replies: Iterable[tuple[Job, str, timedelta | None]]) -> None:
    """Stores AppService's answer to each kill, with a time if it must be repeated.

    ``killed`` stays, whatever a repeated kill answers. ``gone`` means only at the first kill that
    the job ended by itself.
    """
    writes = [
        UpdateOne(
            {"_id": job.key},
            [
                {"$set": {"kill_reply": _sticky(reply)}},
                {"$set": {"kill_due": later(again)}} if again else {"$unset": "kill_due"},
            ],
        )
        for job, reply, again in replies
    ]
    if writes:
        with translate_errors():
            collection(documents.Job).bulk_write(writes, ordered=False)


def _sticky(reply: str) -> Row:
    fresh: Row = {"$literal": reply}
    if reply == GONE:
        fresh = {"$cond": [{"$gt": ["$kill_asks", 1]}, UNANSWERED, GONE]}
    return {"$cond": [{"$eq": ["$kill_reply", KILLED]}, KILLED, fresh]}
