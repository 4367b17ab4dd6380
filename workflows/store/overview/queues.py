"""How much waits in each queue of MongoDB, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mongoengine import Document

from workflows.model.states import JobState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors

MOST_COUNTED: Final = 10_000
MILLISECONDS: Final = 800
"""How long one question may take."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that is due."""

    name: str
    waiting: int
    """At most ``MOST_COUNTED``."""
    oldest: datetime | None
    """Since when the first of it has been due."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The jobs of one user that are to be sent."""

    owner: str
    waiting: int
    oldest: datetime | None
    """None: all of them wait for a token."""


_NOT_PAUSED: Final[Row] = {"paused": {"$ne": True}}
_QUEUES: Final[Sequence[tuple[str, type[Document], str, Row]]] = (
    ("advances", documents.Workflow, "next_check", _NOT_PAUSED),
    ("replans", documents.Workflow, "replan_due", _NOT_PAUSED),
    ("changes of jobs", documents.Job, "changed_at", {}),
    ("look-ups", documents.Job, "due", {"state": JobState.SENDING}),
    ("kills", documents.Job, "kill_due", {}),
    ("kills of duplicates", documents.Job, "surplus_due", {}),
    ("outputs to find", documents.Job, "results_due", {}),
    ("reasons to ask for", documents.Job, "evidence_due", {}),
)
"""Name, collection, the field with the due date, and further conditions."""


def queues(now: datetime) -> list[Queue]:
    """All of them; ``now`` is MongoDB's."""
    with translate_errors():
        return [_queue(*queue, now) for queue in _QUEUES]


def _queue(name: str, document: type[Document], field: str, more: Row, now: datetime) -> Queue:
    rows = collection(document)
    due: Row = {**more, field: {"$type": "date", "$lte": now}}
    first = rows.find_one(due, {field: 1}, sort=[(field, 1)], max_time_ms=MILLISECONDS)
    if first is None:
        return Queue(name, 0, None)
    count = rows.count_documents(due, limit=MOST_COUNTED, maxTimeMS=MILLISECONDS)
    return Queue(name, count, first[field])


def outboxes(limit: int) -> list[Outbox]:
    """Of each user with jobs to send, those with most first; from the index of states alone."""
    steps: list[Row] = [
        {"$match": {"state": JobState.INTENDED}},
        {"$project": {"_id": 0, "owner": 1, "due": 1}},
        {"$group": {"_id": "$owner", "count": {"$sum": 1}, "oldest": {"$min": "$due"}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": limit},
    ]
    with translate_errors():
        found = collection(documents.Job).aggregate(steps, maxTimeMS=MILLISECONDS)
        return [Outbox(row["_id"], row["count"], row["oldest"]) for row in found]
