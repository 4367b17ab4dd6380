"""Finds users with a job to send, at a cost that follows the answer and not the number of waiting
jobs.

The index ``waiting`` holds each job of the outbox that has a due date, by user. It is read from one
user on, a page at a time; behind a user with many jobs the next page begins at the next user. A
user without a usable token is met once: the due date of such a user's jobs is removed (they are
*parked*), so they leave the index, until the user hands in a token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from workflows.model.job_moves import PARK, UNPARK, UNPARK_CHECK
from workflows.model.states import JobState
from workflows.model.values import APPSERVICE, Job
from workflows.store import documents
from workflows.store.jobs.rows import of_backends, readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import DUE, NOW, Row, collection
from workflows.store.users import preferences as users
from workflows.store.users.preferences import Share

IN_OUTBOX: Final[Row] = {
    "state": JobState.INTENDED,
    "owner": {"$type": "string"},
    "due": {"$type": "date"},
}
"""Jobs that are not parked, as the partial index is asked for them."""
_FEW, _MANY = 64, 512
"""Entries of the index in a page: behind one that held few users, and behind one that held many."""
_PAGES = 40
"""Pages in one question at most, about 20,000 entries; the next question goes on behind them."""


@dataclass(frozen=True, slots=True)
class User:
    """What a claim has to know of a user."""

    share: Share
    active: int
    """Jobs at AppService."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Users who have a job that is due and a usable token, in the order of service."""

    users: Mapping[str, User]
    read_up_to: str
    """The last user whose entries were read."""
    complete: bool
    """Whether there are no others."""


def users_after(name: str, most: int, now: datetime, backends: Collection[str] = ()) -> Waiting:
    """Up to ``most`` users by name, from the one behind ``name`` on and around; with jobs of these
    backends alone, where any are named. ``now`` is MongoDB's.
    """
    found: dict[str, User] = {}
    last, pages = name, 0
    for first_due in _pages(name, backends):
        pages += 1
        due = [owner for owner, at in first_due.items() if at <= now]
        for some in (due[start : start + most] for start in range(0, len(due), most)):
            if len(found) < most:
                usable = _usable(some)
                park(set(some) - usable.keys())
                found |= {owner: usable[owner] for owner in some if owner in usable}
        last = list(first_due)[-1]
        if len(found) >= most:
            break
    complete = len(found) < most and pages < _PAGES
    return Waiting(dict(islice(found.items(), most)), last, complete)


def _usable(owners: Sequence[str]) -> dict[str, User]:
    """Those of these users who have a usable token, in one question."""
    jobs = collection(documents.Job).name
    counts: list[Row] = [
        {"$match": {"state": JobState.ACTIVE, "owner": {"$in": list(owners)}}},
        {"$group": {"_id": "$owner", "active": {"$sum": 1}}},
    ]
    question = [
        {"$match": _usable_token(owners)},
        {"$project": {"token": {"$literal": True}}},
        users.stage(owners),
        {"$unionWith": {"coll": jobs, "pipeline": counts}},
    ]
    tokens, shares, active = list[str](), dict[str, Share](), dict[str, int]()
    for row in collection(documents.Credential).aggregate(question):
        if "token" in row:
            tokens.append(row["_id"])
        elif "active" in row:
            active[row["_id"]] = row["active"]
        else:
            shares[row["_id"]] = users.share_of(row)
    return {owner: User(shares.get(owner, Share()), active.get(owner, 0)) for owner in tokens}


def _pages(name: str, backends: Collection[str]) -> Iterator[dict[str, datetime]]:
    """The users of each page, each with the time at which the first job is due."""
    pages = 0
    for part in ({"$gt": name}, {"$lte": name}):
        owners, size = dict(part), _FEW
        while pages < _PAGES and (rows := _page(owners, size, backends)):
            pages += 1
            first_due: dict[str, datetime] = {}
            for row in rows:
                first_due.setdefault(row["owner"], row["due"])
            yield first_due
            if len(rows) < size:
                break
            owners["$gt"] = rows[-1]["owner"]
            size = _MANY if 2 * len(first_due) > len(rows) else _FEW


def _page(owners: Row, size: int, backends: Collection[str]) -> list[Row]:
    rows = collection(documents.Job).find(
        {
            "state": JobState.INTENDED,
            "owner": owners,
            "due": {"$type": "date"},
            **of_backends(backends),
        },
        {"_id": 0, "owner": 1, "due": 1},
        sort=[("owner", 1), ("due", 1)],
        limit=size,
        hint=documents.WAITING_ELSEWHERE
        if backends and APPSERVICE not in backends
        else documents.WAITING,
    )
    return list(rows)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a user's waiting jobs, in an order."""

    condition: Row = field(default_factory=dict)
    order: Row = field(default_factory=lambda: {"due": 1})
    then: Sequence[Row] = ()
    """Stages that choose among them."""


def first_jobs(
    owners: Mapping[str, Sequence[Part]],
    limit: int,
    backends: Collection[str],
    unheld: Sequence[Row] = (),
) -> list[Job]:
    """The first waiting jobs of each part of these few users' jobs; in one question, a pipeline for
    each, so that each reads its section of the index. ``unheld``: stages that leave out what is
    held.
    """
    parts = [
        [
            {
                "$match": {
                    "state": JobState.INTENDED,
                    "owner": owner,
                    "due": {"$type": "date"},
                    "$expr": DUE,
                    **part.condition,
                    **of_backends(backends),
                }
            },
            {"$sort": part.order},
            *unheld,
            *part.then,
            {"$limit": limit},
        ]
        for owner, parts_of_user in owners.items()
        for part in parts_of_user
    ]
    if not parts:
        return []
    rows = collection(documents.Job)
    rest = [{"$unionWith": {"coll": rows.name, "pipeline": pipeline}} for pipeline in parts[1:]]
    found = rows.aggregate([*parts[0], *rest])
    return [job for row in found if (job := readable(row))]


_PRIORITY: Final[Row] = {"priority": -1, "due": 1}
_BY_AGE: Final = (Part(),)
_BY_PRIORITY: Final = (
    Part({"priority": {"$gt": 0}}, _PRIORITY),
    Part({"priority": None}),
    Part({"priority": {"$lt": 0}}, _PRIORITY),
)
"""A job without a priority has 0."""
_SOON = 200
"""Of a user with refused jobs so many of the first ones are looked at, refused or not."""
_REFUSED: Final[Row] = {"refusals": {"$gt": 0}}


def parts_of(*, prioritised: bool, refused: bool) -> Sequence[Part]:
    """Of one user: those of the highest priority first, if any have one. Of a user whose jobs an
    outage refuses, a refused one, which may have to wait, and then the others."""
    parts = _BY_PRIORITY if prioritised else _BY_AGE
    if not refused:
        return parts
    soon: Row = {"$limit": _SOON}
    again = [soon, {"$match": _REFUSED}, {"$limit": 1}]
    others = [soon, {"$match": {"$nor": [_REFUSED]}}]
    return [replace(part, then=then) for part in parts for then in (again, others)]


def park(owners: Collection[str]) -> None:
    """Take the jobs of users without a usable token out of the index.

    A token that was stored at the same time may have been too early to bring these jobs back, so
    that is asked again afterwards.
    """
    if not owners:
        return
    collection(documents.Job).update_many(
        {**guard(PARK), "owner": {"$in": sorted(owners)}, "due": {"$type": "date"}},
        update(PARK, unset=["due"]),
    )
    unpark(with_token(owners))


def unpark(owners: Collection[str]) -> int:
    """Jobs that waited for a token of these users are due now; answers with how many."""
    if not owners:
        return 0
    jobs, of_owners = collection(documents.Job), {"owner": {"$in": sorted(owners)}}
    checks = jobs.update_many(
        {**guard(UNPARK_CHECK), **of_owners}, update(UNPARK_CHECK, {"reuse_due": NOW})
    )
    result = jobs.update_many({**guard(UNPARK), **of_owners}, update(UNPARK, {"due": NOW}))
    return result.modified_count + checks.modified_count


def unpark_usable() -> int:
    """The same for every user who has a usable token: repairs what a process left undone that
    died between storing a token and ``unpark``."""
    parked = collection(documents.Job).distinct(
        "owner", {"$or": [guard(UNPARK), guard(UNPARK_CHECK)]}
    )
    return unpark(with_token(parked)) if parked else 0


def with_token(owners: Collection[str]) -> set[str]:
    """Those of these users who have a token that has neither ended nor been refused."""
    rows = collection(documents.Credential).find(_usable_token(owners), {"_id": 1})
    return {row["_id"] for row in rows}


def _usable_token(owners: Collection[str]) -> Row:
    return {
        "_id": {"$in": list(owners)},
        "refused_at": None,
        "$expr": {"$gt": ["$expires_at", NOW]},
    }
