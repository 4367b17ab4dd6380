"""The outbox's document: slots that claims under way have reserved.

It makes claims exact without a transaction, so nothing that a dead process held is locked. A claim

1. reads this document and counts the jobs that are being sent, both at one point of MongoDB's time;
2. reserves places for the jobs it chose, if no other claim has reserved any since (``count``);
3. marks these jobs as being sent, each only if it is as it was read (``version``);
4. releases the places: from here on the jobs themselves are counted.

A process that dies or stands still between 2 and 4 holds its places for ``LEASE``. Then anybody
revokes its claim: its jobs that are not marked yet get a new version, so that a mark which comes
later matches nothing, and only then the places are free.

A process whose queries wait for a place announces them here. Claims leave that place free, so that
queries go before starts; what a dead process announced ends by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import UpdateOne

from workflows.model.job_moves import REVOKE_CLAIM
from workflows.model.values import Job
from workflows.rules.concurrency_limit import ConcurrencyLimit, Observed, adapt, from_stored
from workflows.store import documents
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import NOW, Row, collection, later, translate_errors, unjournaled

LEASE: Final = timedelta(seconds=3)
"""A claim takes milliseconds."""
ANNOUNCED: Final = timedelta(seconds=2)
"""How long starts leave a place to queries that were announced and not withdrawn."""
_TRIES: Final = 10
_OUTBOX: Final = {"_id": "outbox"}
_READ: Final[Row] = {
    "now": NOW,
    **dict.fromkeys(("count", "served", "claims", "limit", "queries", "answered"), 1),
}
_LEARNT: Final[Row] = dict.fromkeys(("limit", "learnt", "full", "answered"), 1)


@dataclass(frozen=True, slots=True)
class Reserved:
    """What one claim has reserved."""

    token: str
    until: datetime
    jobs: Sequence[Row]
    """``{key, version, owner}`` of each."""


@dataclass(frozen=True, slots=True)
class Book:
    """The document as it was at one time."""

    now: datetime
    count: int
    """How many claims have reserved places so far."""
    served: str
    """The user who was served last; the next claim begins behind that name."""
    reserved: Sequence[Reserved]
    limit: ConcurrencyLimit
    """How many calls AppService bears, as far as was observed."""
    queries: Sequence[str] = ()
    """Tokens of processes whose queries wait for a place, in the order of their coming."""
    answered: datetime | None = None
    """When the youngest call of ``start_app2`` began that has been answered."""

    @property
    def places(self) -> Counter[str]:
        """How many places are reserved for each user."""
        return Counter(job["owner"] for each in self.reserved for job in each.jobs)

    @property
    def overdue(self) -> list[Reserved]:
        """Claims whose process has died or stands still."""
        return [each for each in self.reserved if each.until <= self.now]


def read() -> Book:
    """The document, which the first reader creates."""
    rows = collection(documents.Lock)
    while (row := rows.find_one(_OUTBOX, _READ)) is None:
        create()
    return from_row(row)


def create() -> None:
    """Make the document; does nothing where it is there."""
    collection(documents.Lock).update_one(_OUTBOX, {"$setOnInsert": {"count": 0}}, upsert=True)


def stage() -> Row:
    """A stage that adds the document to the rows of another question, for ``from_row``."""
    pipeline = [{"$match": _OUTBOX}, {"$project": _READ}]
    return {"$unionWith": {"coll": collection(documents.Lock).name, "pipeline": pipeline}}


def from_row(row: Row) -> Book:
    claims = row.get("claims") or []
    return Book(
        now=row["now"],
        count=row.get("count", 0),
        served=row.get("served") or "",
        reserved=[Reserved(each["token"], each["until"], each["jobs"]) for each in claims],
        limit=from_stored(row.get("limit")),
        queries=[each["token"] for each in row.get("queries") or [] if each["until"] > row["now"]],
        answered=row.get("answered"),
    )


def reserve(
    book: Book, token: str, chosen: Sequence[Job], served: str, *, full: bool = False
) -> bool:
    """False where another claim has reserved places since ``book`` was read. ``full``: with these
    jobs as many calls are under way as AppService bears."""
    jobs = [{"key": job.key, "version": job.version, "owner": job.owner} for job in chosen]
    claim: Row = {"token": token, "until": later(LEASE), "jobs": {"$literal": jobs}}
    fields: Row = {
        "count": book.count + 1,
        "served": {"$literal": served},
        "full": full,
        "claims": {"$concatArrays": [{"$ifNull": ["$claims", []]}, [claim]]},
    }
    result = collection(documents.Lock).update_one(
        {**_OUTBOX, "count": book.count}, [{"$set": fields}]
    )
    return bool(result.modified_count)


def release(token: str, *, frees: bool = True) -> None:
    """``frees``: some of its places are free from here on, and other claims have to see it. If not,
    its jobs are counted instead, and it may be lost with its server."""
    lock = collection if frees else unjournaled
    lock(documents.Lock).update_one(_OUTBOX, {"$pull": {"claims": {"token": token}}})


def announce_queries(token: str) -> None:
    """Queries of a process wait: starts leave a place to them, behind those that came before."""
    live: Row = {
        "$filter": {
            "input": {"$ifNull": ["$queries", []]},
            "cond": {"$gt": ["$$this.until", NOW]},
        }
    }
    mine: Row = {"token": token, "until": later(ANNOUNCED)}
    with translate_errors():
        collection(documents.Lock).update_one(
            _OUTBOX,
            [
                {
                    "$set": {
                        "queries": {"$concatArrays": [live, [mine]]},
                        # A claim that read the book before has to read it again.
                        "count": {"$add": [{"$ifNull": ["$count", 0]}, 1]},
                    }
                }
            ],
        )


def withdraw_queries(token: str) -> None:
    """They have been asked."""
    with translate_errors():
        collection(documents.Lock).update_one(_OUTBOX, {"$pull": {"queries": {"token": token}}})


def observed_limit() -> ConcurrencyLimit:
    """The adaptive limit of calls."""
    row = collection(documents.Lock).find_one(_OUTBOX, {"limit": 1}) or {}
    return from_stored(row.get("limit"))


def learn(observed: Observed, ceiling: int, answered: datetime | None = None) -> None:
    """Adapt the limit of calls to what a process observed. What is lost, where many processes learn
    at the same time, is observed again soon. ``answered``: when the youngest call began that was
    answered to it."""
    rows = collection(documents.Lock)
    passes: Row = {"$max": {"answered": answered}} if answered else {}
    for _ in range(_TRIES):
        row = rows.find_one(_OUTBOX, _LEARNT) or {}
        youngest = max(filter(None, (answered, row.get("answered"))), default=None)
        seen, full = observed.believed(youngest), bool(row.get("full"))
        after = adapt(from_stored(row.get("limit")), seen, ceiling, full=full)
        learnt = row.get("learnt")
        result = rows.update_one(
            {**_OUTBOX, "learnt": learnt},
            {"$set": {"limit": after.stored(), "learnt": (learnt or 0) + 1}, **passes},
        )
        if result.modified_count or not row:
            return


def revoke(reserved: Reserved) -> None:
    """What the claim has not marked yet it cannot mark any more; then its places are free."""
    writes = [
        UpdateOne(guard(REVOKE_CLAIM, [job["key"]], version=job["version"]), update(REVOKE_CLAIM))
        for job in reserved.jobs
    ]
    if writes:
        collection(documents.Job).bulk_write(writes, ordered=False)
    release(reserved.token)


def pass_over(name: str) -> None:
    """No user up to this one could be served: the next claim starts after it."""
    collection(documents.Lock).update_one(_OUTBOX, {"$set": {"served": name}})
