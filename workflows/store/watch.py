"""Jobs at AppService: whom to ask about, what was learnt, what must be killed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

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
        update: Row = {"$set": fields | ({"news": True} if self.news else {})}
        if gone:
            update["$unset"] = gone
        if self.news:
            update["$inc"] = {"version": 1}
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


def take_turn(name: str, interval: timedelta) -> Turn | None:
    """The turn at ``name`` (``poll:<owner>``, ``sweep``), at most one in each interval.

    None where somebody has had it already.
    """
    turns = collection(models.Turn)
    update = [{"$set": {"previous": "$last", "last": NOW, "next": later(interval)}}]
    after = ReturnDocument.AFTER
    with translated():
        taken = turns.find_one_and_update(
            {"_id": name, "$expr": {"$lte": ["$next", NOW]}}, update, return_document=after
        )
        if taken is None:
            try:
                taken = turns.find_one_and_update(
                    {"_id": name, "next": None}, update, upsert=True, return_document=after
                )
            except DuplicateKeyError:  # it exists, and its time has not come
                return None
    return Turn(since=taken.get("previous"), now=taken["last"]) if taken else None


def active(owner: str) -> list[Watched]:
    fields = {
        "workflow": 1,
        "job_id": 1,
        "submitted_at": 1,
        "started_at": 1,
        "missing_since": 1,
    }
    with translated():
        rows = collection(models.Job).find({"state": JobState.ACTIVE, "owner": owner}, fields)
        return [
            Watched(
                row["_id"],
                row["workflow"],
                row["job_id"],
                row["submitted_at"],
                row.get("started_at"),
                row.get("missing_since"),
            )
            for row in rows
        ]


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
