"""Jobs on their way to AppService, claimed by one sender: fairly between users, within bounds.

``claim`` runs in a transaction that every claim of every process conflicts with, so that the users'
caps hold whoever claims at the same time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from pymongo.client_session import ClientSession

from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.rules.fair_share import share
from workflows.store import documents
from workflows.store.jobs.rows import of_apps, readable
from workflows.store.mongo import DUE, NOW, Row, collection, later, transaction, translated

_SOME = 8
"""Jobs of each user among which is chosen, however many users wait."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be under way at once."""

    user_jobs: int
    """Jobs of one user that are being sent or are at AppService."""
    user_sending: int
    """Jobs of one user that are being sent."""
    lookup_after: timedelta
    """How long a sender may be silent before its submission is looked up."""
    absent_after: timedelta
    """How old a submission must be before "not found" is believed."""
    sending: int
    """Calls of start_app2 under way, of all users and processes together."""

    def room(self, sending: int, under_way: int) -> int:
        """How many more jobs of a user may be sent, who has so many on the way already."""
        return max(0, min(self.user_jobs - under_way, self.user_sending - sending))


def claim(free: int, bounds: Bounds, apps: Collection[str] = ()) -> list[Job]:
    """Take up to ``free`` jobs to send, shared fairly between users that have a usable token; of
    these apps alone, where any are named.

    Who waits is read before the transaction: it chooses among them, and takes only those that
    still wait. The users' counts are taken inside.
    """
    waiting = _waiting(free, apps)
    if not waiting:
        return []
    token = uuid4().hex

    def work(session: ClientSession) -> list[Job]:
        chosen = _chosen(waiting, free, bounds, session)
        taken = _taken(chosen, token, bounds, session) if chosen else set()
        return [
            replace(job, state=JobState.SENDING, claim=token) for job in chosen if job.key in taken
        ]

    return transaction(work)


def _waiting(free: int, apps: Collection[str]) -> dict[str, list[Job]]:
    """The longest waiting jobs of each user who has a usable token: of few users as many as could
    go, of many some more than the share of each.
    """
    with translated():
        names = collection(documents.Job).distinct(
            "owner", {"state": JobState.INTENDED, **of_apps(apps)}
        )
        owners = sorted(_with_token(names)) if names else []
        found: dict[str, list[Job]] = defaultdict(list)
        limit = min(free, max(_SOME, 4 * free // max(1, len(owners))))
        for job in _first(owners, limit, apps):
            found[job.owner].append(job)
    return found


def _first(owners: Sequence[str], limit: int, apps: Collection[str]) -> list[Job]:
    """In one question: a pipeline for each user, so that each reads its part of the index."""
    parts: list[list[Row]] = [
        [
            {
                "$match": {
                    "state": JobState.INTENDED,
                    "owner": owner,
                    "$expr": DUE,
                    **of_apps(apps),
                }
            },
            {"$sort": {"due": 1}},
            {"$limit": limit},
        ]
        for owner in owners
    ]
    if not parts:
        return []
    rows = collection(documents.Job)
    rest = [{"$unionWith": {"coll": rows.name, "pipeline": pipeline}} for pipeline in parts[1:]]
    found = rows.aggregate([*parts[0], *rest])
    return [job for row in found if (job := readable(row))]


def _chosen(
    waiting: Mapping[str, Sequence[Job]], free: int, bounds: Bounds, session: ClientSession
) -> list[Job]:
    """Every choice writes the one row of turns, so that of two at the same time one begins anew:
    what it counted is then no longer true."""
    collection(documents.Turn).update_one(
        {"_id": "outbox"}, {"$inc": {"count": 1}}, upsert=True, session=session
    )
    calls, sending, under_way = _counts(waiting, session)
    free = min(free, bounds.sending - calls)
    queues = {
        owner: [job.key for job in jobs[: bounds.room(sending[owner], under_way[owner])]]
        for owner, jobs in waiting.items()
    }
    jobs = {job.key: job for each in waiting.values() for job in each}
    return [jobs[key] for key in share(free, queues, sending)]


def _taken(chosen: Sequence[Job], token: str, bounds: Bounds, session: ClientSession) -> set[str]:
    """Mark them as being sent; the keys of those that still waited."""
    rows, keys = collection(documents.Job), [job.key for job in chosen]
    marked = rows.update_many(
        {"_id": {"$in": keys}, "state": JobState.INTENDED},
        [
            {
                "$set": {
                    "state": JobState.SENDING,
                    "claim": token,
                    "sent_at": NOW,
                    "due": later(bounds.lookup_after),
                    "absent_after": later(bounds.absent_after),
                    "version": {"$add": ["$version", 1]},
                }
            }
        ],
        session=session,
    )
    if marked.modified_count == len(keys):
        return set(keys)
    mine = rows.find({"_id": {"$in": keys}, "claim": token}, {"_id": 1}, session=session)
    return {row["_id"] for row in mine}


def _counts(
    owners: Iterable[str], session: ClientSession
) -> tuple[int, Counter[str], Counter[str]]:
    """How many calls are under way, of all users; how many jobs of each of these are being sent;
    and are being sent or at AppService. A submission in doubt holds up nobody else's call.
    """
    theirs = {"state": JobState.ACTIVE, "owner": {"$in": sorted(owners)}}
    by = {"owner": "$owner", "state": "$state", "in_doubt": {"$eq": ["$in_doubt", True]}}
    groups = collection(documents.Job).aggregate(
        [
            {"$match": {"$or": [{"state": JobState.SENDING}, theirs]}},
            {"$group": {"_id": by, "count": {"$sum": 1}}},
        ],
        session=session,
    )
    calls, sending, under_way = 0, Counter[str](), Counter[str]()
    for group in groups:
        which, count = group["_id"], group["count"]
        under_way[which["owner"]] += count
        if which["state"] == JobState.SENDING:
            sending[which["owner"]] += count
            calls += 0 if which["in_doubt"] else count
    return calls, sending, under_way


def _with_token(owners: Iterable[str]) -> set[str]:
    rows = collection(documents.Credential).find(
        {
            "_id": {"$in": list(owners)},
            "refused_at": None,
            "$expr": {"$gt": ["$expires_at", NOW]},
        },
        {"_id": 1},
    )
    return {row["_id"] for row in rows}
