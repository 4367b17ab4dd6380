"""Statistics of the engine: a few indexed queries whose cost follows the unfinished work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.model.states import ACTIVE_WORKFLOW, JobState
from workflows.rules.concurrency_limit import ConcurrencyLimit
from workflows.rules.health import Heartbeat
from workflows.rules.holds import Hold
from workflows.store import documents, holds
from workflows.store.jobs import reservations
from workflows.store.mongo import NOW, Row, clock, collection, query, translate_errors
from workflows.store.processes import service_status
from workflows.store.processes.heartbeats import list_heartbeats
from workflows.store.processes.service_status import Health
from workflows.store.webhooks.backlog import Backlog, read_backlog

_OPEN = (JobState.CHECKING, JobState.INTENDED, JobState.SENDING, JobState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Progress:
    """The unfinished work and how long it has waited."""

    workflows: Mapping[str, int]
    """Active states to how many workflows are in them."""
    jobs: Mapping[str, int]
    """Open states to how many jobs are in them."""
    in_doubt: int
    """Submissions whose answer is lost and which are not found yet."""
    parked: int
    """Jobs that wait for a fresh token of their owner."""
    unsent: timedelta
    """How long the oldest job waits that could be sent: zero where there is none. What a hold
    keeps could not."""
    overdue: timedelta
    """How long the most overdue workflow has waited for its advance."""
    swept: timedelta | None
    """How long ago the last sweep began; None before the first."""
    service: Health
    """What is known of AppService."""
    present: tuple[Heartbeat, ...]
    submissions: ConcurrencyLimit
    """The adaptive limit of start_app2 calls under way."""
    notifications: Backlog = field(default_factory=Backlog)
    """Messages to webhooks."""
    holds: tuple[Hold, ...] = ()
    """What keeps jobs from starting."""


def progress(user_jobs: int) -> Progress:
    """All at once. ``user_jobs``: the cap on jobs of one user, who can send no more at it."""
    with translate_errors():
        now = clock()
        counts = _open_jobs()
        present = holds.present()
        parked, unsent = _waiting(counts, user_jobs, now, present)
        return Progress(
            workflows=active_workflows(),
            jobs={state: sum(owners.values()) for state, owners in counts.items()},
            in_doubt=_in_doubt(),
            parked=parked,
            unsent=unsent,
            overdue=_overdue(now),
            swept=_swept(now),
            service=service_status.health(service_status.APPSERVICE),
            present=tuple(list_heartbeats()),
            submissions=reservations.observed_limit(),
            notifications=read_backlog(now),
            holds=tuple(present),
        )


def active_workflows() -> dict[str, int]:
    """Active states to counts; every state is there."""
    found = {str(state): 0 for state in sorted(ACTIVE_WORKFLOW)}
    rows = collection(documents.Workflow).aggregate(
        [
            {"$match": {"state": {"$in": list(found)}}},
            {"$group": {"_id": "$state", "count": {"$sum": 1}}},
        ]
    )
    return found | {row["_id"]: row["count"] for row in rows}


def workflow_states() -> dict[str, int]:
    """All states to counts, from the index of states alone."""
    grouped: list[Row] = [
        {"$sort": {"state": 1}},
        {"$group": {"_id": "$state", "count": {"$sum": 1}}},
    ]
    with translate_errors():
        rows = collection(documents.Workflow).aggregate(grouped, hint={"state": 1})
        return {row["_id"]: row["count"] for row in rows}


def _open_jobs() -> dict[str, dict[str, int]]:
    """Open states to owners to counts."""
    found: dict[str, dict[str, int]] = {str(state): {} for state in _OPEN}
    rows = collection(documents.Job).aggregate(
        [
            {"$match": {"state": {"$in": list(found)}}},
            {"$group": {"_id": {"state": "$state", "owner": "$owner"}, "count": {"$sum": 1}}},
        ]
    )
    for row in rows:
        found[row["_id"]["state"]][row["_id"]["owner"]] = row["count"]
    return found


def _waiting(
    counts: Mapping[str, Mapping[str, int]],
    user_jobs: int,
    now: datetime,
    present: Sequence[Hold],
) -> tuple[int, timedelta]:
    """How many jobs wait for a token, and how long the oldest that could go has waited."""
    intended = counts[JobState.INTENDED]
    if not intended:
        return 0, timedelta(0)
    usable = _with_token(list(intended))
    under_way = {
        owner: counts[JobState.SENDING].get(owner, 0) + counts[JobState.ACTIVE].get(owner, 0)
        for owner in usable
    }
    free = [owner for owner in usable if under_way[owner] < user_jobs]
    oldest = collection(documents.Job).aggregate(
        [
            {"$match": {"state": JobState.INTENDED, "owner": {"$in": free}}},
            # Of a batch, the due date is older than the job: it is the place in the queue.
            {"$match": {"due": {"$type": "date"}}},
            *holds.job_stages(present),
            {"$group": {"_id": None, "due": {"$min": {"$max": ["$due", "$intended_at"]}}}},
        ]
    )
    parked = sum(count for owner, count in intended.items() if owner not in usable)
    return parked, max([now - row["due"] for row in oldest] + [timedelta(0)])


def _with_token(owners: list[str]) -> set[str]:
    valid: Row = {"$expr": {"$gt": ["$expires_at", NOW]}}
    usable = query(documents.Credential, id__in=owners, refused_at=None, __raw__=valid)
    return set(usable.scalar("id"))


def _in_doubt() -> int:
    return int(query(documents.Job, state=JobState.SENDING, in_doubt=True).count())


def _overdue(now: datetime) -> timedelta:
    """Due to be looked at, or for its further steps to be planned."""
    ages = [timedelta(0)]
    for due in ("next_check", "replan_due"):
        row: Row | None = collection(documents.Workflow).find_one(
            {due: {"$type": "date"}, "paused": {"$ne": True}}, {due: 1}, sort=[(due, 1)]
        )
        ages += [now - row[due]] if row else []
    return max(ages)


def _swept(now: datetime) -> timedelta | None:
    lock = query(documents.Lock, id="sweep").only("last").first()
    return now - lock.last if lock and lock.last else None
