"""What is on the way: the outbox's document, the jobs that are being sent, and the holds, as they
were at one time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from workflows.model.states import JobState
from workflows.rules.call_places import Counts
from workflows.rules.holds import Hold
from workflows.store import documents, holds
from workflows.store.jobs import reservations
from workflows.store.jobs.reservations import Book
from workflows.store.mongo import Row, collection, translate_errors

_SNAPSHOT = ReadConcern("snapshot")
_NO_SNAPSHOT = 246
_TRIES, _PAUSE_SECONDS = 20, 0.05


@dataclass(frozen=True, slots=True)
class View:
    """All of it."""

    book: Book
    counts: Counts
    holds: Sequence[Hold] = ()
    """Empty where they were not asked for."""


def read(owners: Collection[str] = (), *, with_holds: bool = False) -> View:
    """The same as ``read_once``. A collection or an index that was just made has no snapshot until
    a majority has it: a few milliseconds."""
    for _ in range(_TRIES):
        try:
            return read_once(owners, with_holds=with_holds)
        except OperationFailure as early:
            if early.code != _NO_SNAPSHOT:
                raise
        time.sleep(_PAUSE_SECONDS)
    return read_once(owners, with_holds=with_holds)


def read_once(owners: Collection[str] = (), *, with_holds: bool = False) -> View:
    """Of jobs at AppService only those of the ``owners``. In one question, since several would not
    see the same time."""
    rows = collection(documents.Job)
    there: list[Row] = [
        {"$match": {"state": JobState.ACTIVE, "owner": {"$in": sorted(owners)}}},
        {"$group": {"_id": "$owner", "active": {"$sum": 1}}},
    ]
    also: list[Row] = [{"$unionWith": {"coll": rows.name, "pipeline": there}}] if owners else []
    also += [holds.stage()] if with_holds else []
    question = [*_SENT, *also, reservations.stage()]
    found = list(rows.with_options(read_concern=_SNAPSHOT).aggregate(question))
    if not found or "now" not in found[-1]:
        reservations.create()
        return read_once(owners, with_holds=with_holds)
    book = reservations.from_row(found.pop())
    present = [holds.from_row(row) for row in found if "scope" in row]
    return View(book, _counts(book, [row for row in found if "scope" not in row]), present)


def hold_back(owner: str) -> int:
    """How many submissions of the user hang, if that keeps others of the user's from beginning."""
    with translate_errors():
        return read().counts.hold_back(owner)


_IN_DOUBT: Final[Row] = {"$eq": ["$in_doubt", True]}
_SENT: Final[Sequence[Row]] = (
    {"$match": {"state": JobState.SENDING}},
    {
        "$group": {
            "_id": {
                "owner": "$owner",
                "in_doubt": _IN_DOUBT,
                # Of those in doubt there may be thousands.
                "claim": {"$cond": [_IN_DOUBT, None, "$claim"]},
                "sent_at": {"$cond": [_IN_DOUBT, None, "$sent_at"]},
                "again": {"$gt": ["$refusals", 0]},
            },
            "count": {"$sum": 1},
        }
    },
)
"""Jobs that are being sent; those of one claim have one time."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _counts(book: Book, groups: Sequence[Row]) -> Counts:
    """Jobs that a claim has marked whose places are still reserved are counted once."""
    tokens = {each.token for each in book.reserved}
    counts = Counts(sending=Counter(book.places), under_way=Counter(book.places))
    for group in groups:
        if "active" in group:
            counts.under_way[group["_id"]] += group["active"]
        elif group["_id"]["in_doubt"]:
            counts.under_way[group["_id"]["owner"]] += group["count"]
        elif group["_id"]["claim"] not in tokens:
            _count(counts, book, group["_id"], group["count"])
        elif group["_id"]["again"]:
            counts.again[group["_id"]["owner"]] += group["count"]
    return counts


def _count(counts: Counts, book: Book, calls: Row, count: int) -> None:
    """Count so many calls of one user that are alike. A call that hangs is late, too."""
    owner, sent_at = calls["owner"], calls.get("sent_at") or _LONG_AGO
    passed = book.answered is not None and sent_at < book.answered
    counts.under_way[owner] += count
    counts.sending[owner] += count
    if book.now - sent_at > book.limit.late_after:
        counts.late[owner] += count
        counts.passed[owner] += count if passed else 0
    elif calls["again"]:
        counts.again[owner] += count
    if book.now - sent_at > book.limit.hangs_after:
        counts.hanging[owner] += count
        counts.hanging_passed[owner] += count if passed else 0
