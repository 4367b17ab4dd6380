"""Jobs at AppService: whom to ask about, what was learnt, what must be killed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from workflows import models
from workflows.states import JobState
from workflows.store.jobs import value
from workflows.store.mongo import NOW, Row, collection, later, translated
from workflows.workflow import Job, Outcome


@dataclass(frozen=True, slots=True)
class Watched:
    """As much of an active job as a poll needs."""

    key: str
    workflow: str
    job_id: str
    submitted_at: datetime
    started_at: datetime | None
    missing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to poll one user's jobs now: for what falls into the time from ``since`` on."""

    since: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a poll learnt about one job; only what changed is written."""

    key: str
    workflow: str
    fields: Row
    news: bool = True
    """Whether the workflow must take it in."""

    def write(self) -> UpdateOne:
        fields = {name: value for name, value in self.fields.items() if value is not None}
        gone = {name: "" for name, value in self.fields.items() if value is None}
        update: Row = {"$set": fields}
        if gone:
            update["$unset"] = gone
        if self.news:
            update |= {"$inc": {"version": 1}, "$currentDate": {"news": True}}
        if not update["$set"]:
            del update["$set"]
        return UpdateOne({"_id": self.key, "state": JobState.ACTIVE}, update)


def running(started_at: datetime) -> Row:
    return {"started_at": started_at, "missing_since": None}


def ended(outcome: Outcome, started_at: datetime | None, finished_at: datetime, reason: str) -> Row:
    fields: Row = {
        "state": str(JobState.DONE),
        "outcome": str(outcome),
        "finished_at": finished_at,
        "reason": reason,
        "missing_since": None,
        "kill_due": None,
    }
    return fields | ({"started_at": started_at} if started_at else {})


def owners() -> list[str]:
    """Users who have a job at AppService."""
    with translated():
        return list(collection(models.Job).distinct("owner", {"state": JobState.ACTIVE}))


def under_way(owner: str) -> int:
    """How many of the user's jobs are at AppService or on the way there."""
    states = [JobState.SENDING, JobState.ACTIVE]
    with translated():
        return collection(models.Job).count_documents({"state": {"$in": states}, "owner": owner})


def take_turns(names: Sequence[str], interval: timedelta) -> dict[str, Turn]:
    """Those turns (``sweep``, ``poll:<owner>``) that are ours: at most one in each interval.

    Missing are those that somebody has had already.
    """
    turns, token = collection(models.Turn), uuid4().hex
    free = {"_id": {"$in": list(names)}, "$expr": {"$not": {"$gt": ["$next", NOW]}}}
    update = [{"$set": {"previous": "$last", "last": NOW, "next": later(interval), "token": token}}]
    with translated():
        if turns.update_many(free, update).matched_count < len(names):
            _make(names)
            turns.update_many(free, update)
        rows = turns.find({"_id": {"$in": list(names)}, "token": token})
        return {row["_id"]: Turn(row.get("previous"), row["last"]) for row in rows}


def _make(names: Sequence[str]) -> None:
    """See to it that the rows exist; those that nobody has had yet are free."""
    turns = collection(models.Turn)
    missing = set(names) - {row["_id"] for row in turns.find({"_id": {"$in": list(names)}})}
    if missing:
        with suppress(BulkWriteError):  # somebody else made one in between
            turns.insert_many([{"_id": name} for name in sorted(missing)], ordered=False)


def active(owners: Sequence[str]) -> dict[str, list[Watched]]:
    """What each of these users has at AppService."""
    fields = {
        "owner": 1,
        "workflow": 1,
        "job_id": 1,
        "submitted_at": 1,
        "started_at": 1,
        "missing_since": 1,
    }
    found: dict[str, list[Watched]] = defaultdict(list)
    query = {"state": JobState.ACTIVE, "owner": {"$in": list(owners)}}
    with translated():
        for row in collection(models.Job).find(query, fields):
            found[row["owner"]].append(
                Watched(
                    row["_id"],
                    row["workflow"],
                    row["job_id"],
                    row["submitted_at"],
                    row.get("started_at"),
                    row.get("missing_since"),
                )
            )
    return found


def record(learnt: Sequence[Learnt]) -> None:
    if learnt:
        with translated():
            collection(models.Job).bulk_write([each.write() for each in learnt], ordered=False)


def unwanted(limit: int) -> dict[str, list[Job]]:
    """Jobs that AppService shall be asked (again) to kill now, by owner."""
    found: dict[str, list[Job]] = defaultdict(list)
    with translated():
        rows = collection(models.Job).find(
            {
                "kill_due": {"$type": "date"},
                "state": JobState.ACTIVE,
                "$expr": {"$lte": ["$kill_due", NOW]},
            },
            limit=limit,
        )
        for row in rows:
            found[row["owner"]].append(value(row))
    return found


def receipts(replies: Iterable[tuple[Job, str, timedelta | None]]) -> None:
    """What AppService answered to each kill; with a time where it must be asked again."""
    writes = [
        UpdateOne(
            {"_id": job.key},
            [
                {"$set": {"kill_reply": {"$literal": reply}}},
                {"$set": {"kill_due": later(again)}} if again else {"$unset": "kill_due"},
            ],
        )
        for job, reply, again in replies
    ]
    if writes:
        with translated():
            collection(models.Job).bulk_write(writes, ordered=False)


def kills_due() -> bool:
    with translated():
        row = collection(models.Job).find_one(
            {
                "kill_due": {"$type": "date"},
                "state": JobState.ACTIVE,
                "$expr": {"$lte": ["$kill_due", NOW]},
            },
            {"_id": 1},
        )
    return row is not None
