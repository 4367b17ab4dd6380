"""The outbox: jobs to send, claimed by one sender each, fairly between users and within the caps.

``reservations`` says how claims of many processes at the same time keep the caps exact, and
``waiting`` how those are found who have something to send.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from pymongo import UpdateMany
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from workflows.model.errors import Unavailable
from workflows.model.job_moves import CLAIM
from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.rules.call_places import Counts
from workflows.rules.fair_share import share
from workflows.rules.holds import Hold, Mode, Scope
from workflows.store import documents, holds
from workflows.store.holds import job_stages
from workflows.store.jobs import reservations, waiting
from workflows.store.jobs.reservations import Book
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import (
    NOW,
    Row,
    collection,
    later,
    meaning,
    translate_errors,
)
from workflows.store.users import preferences as users

_SOME = 8
"""Jobs of each user among which is chosen, however many users wait."""
_FEWEST, _MOST = 16, 200
"""Users among whom is chosen: as many as there are places, within these bounds."""
_ROUNDS = 20
"""So many times further users are looked for where all jobs of the first ones are held."""
_TRIES = 50
"""Of several claims at once one reserves its places, and the others count again."""
_NO_SNAPSHOT = 246
_SNAPSHOT = ReadConcern("snapshot")
_SNAPSHOT_TRIES, _SNAPSHOT_PAUSE_SECONDS = 20, 0.05


@dataclass(frozen=True, slots=True)
class Bounds:
    """The caps on jobs under way."""

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
    adaptive: bool = False
    """Whether no more than what AppService bears, as far as observed (``rules.concurrency_limit``).
    """

    def room(self, sending: int, under_way: int) -> int:
        """How many more jobs of a user may be sent, who has so many on the way already."""
        return max(0, min(self.user_jobs - under_way, self.user_sending - sending))


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim has taken."""

    jobs: Sequence[Job] = ()
    queries_first: bool = False
    """Whether a place was left to queries that wait: soon there will be more to take."""


def claim(
    free: int, bounds: Bounds, backends: Collection[str] = (), barred: Collection[str] = ()
) -> Claimed:
    """Take up to ``free`` jobs to send, shared fairly between users that have a usable token; of
    these backends alone, where any are named, and none of the ``barred`` users. What a hold keeps
    from starting is left in the outbox.

    Raises ``Unavailable``.
    """
    with translate_errors():
        present = holds.present()
        if any(hold.scope is Scope.GLOBAL and hold.mode is Mode.HOLD for hold in present):
            return Claimed()
        book = _current()
        choice = _Choice(free, backends, frozenset(barred), present)
        name = book.served
        for _ in range(_ROUNDS if present else 1):
            looked_up_to, jobs, weights = _look_behind(name, book, choice)
            if jobs:
                return _claim(jobs, free, bounds, weights)
            if looked_up_to == name:
                break
            name = looked_up_to
        if name != book.served:
            reservations.pass_over(name)
        return Claimed()


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which jobs a claim may take."""

    free: int
    backends: Collection[str]
    barred: frozenset[str]
    holds: Sequence[Hold]


def _look_behind(
    name: str, book: Book, choice: _Choice
) -> tuple[str, dict[str, list[Job]], dict[str, int]]:
    """The next users behind one, up to the last one that was looked at, with their first jobs and
    their weights."""
    most = min(max(_FEWEST, choice.free), _MOST)
    found = waiting.users_after(name, most, book.now, choice.backends)
    owners = [owner for owner in found.owners if owner not in choice.barred]
    shares = users.shares(owners) if owners else {}
    prioritised = {owner for owner, each in shares.items() if each.prioritises}
    weights = {owner: each.weight for owner, each in shares.items()}
    looked_up_to = found.owners[-1] if found.owners else found.read_up_to
    return looked_up_to, _first_jobs(owners, choice, prioritised), weights


def _current() -> Book:
    """The book, without claims whose process is gone."""
    book = reservations.read()
    for reserved in book.overdue:
        reservations.revoke(reserved)
    return reservations.read() if book.overdue else book


def _first_jobs(
    owners: Sequence[str], choice: _Choice, prioritised: Collection[str]
) -> dict[str, list[Job]]:
    """The longest waiting jobs of each user, in the order of the users: of few users as many as
    could go, of many some more than the share of each.
    """
    found: dict[str, list[Job]] = {owner: [] for owner in owners}
    limit = min(choice.free, max(_SOME, 4 * choice.free // max(1, len(owners))))
    unheld = job_stages(choice.holds)
    for job in waiting.first_jobs(owners, limit, choice.backends, unheld, prioritised):
        found[job.owner].append(job)
    return {owner: jobs for owner, jobs in found.items() if jobs}


def _claim(
    jobs: Mapping[str, Sequence[Job]], free: int, bounds: Bounds, weights: Mapping[str, int]
) -> Claimed:
    """Choose among these by what is on the way now, and take those that are as they were read."""
    token = uuid4().hex
    for _ in range(_TRIES):
        book, counts = _read_settled(jobs)
        places = _free_places(book, counts, bounds)
        chosen = choose(jobs, min(free, places), bounds, counts, weights)
        queries_first = bounds.adaptive and _leaves_place(book, counts, len(chosen))
        if not chosen:
            return Claimed((), queries_first)
        last, full = _last_served(jobs, chosen), len(chosen) == places
        if reservations.reserve(book, token, chosen, last, full=full):
            taken = mark_sending(chosen, token, bounds)
            with suppress(Unavailable), translate_errors():  # it ends by itself, a little later
                reservations.release(token)
            mine = [
                replace(job, state=JobState.SENDING, claim=token, sent_at=book.now)
                for job in chosen
                if job.key in taken
            ]
            return Claimed(mine, queries_first)
    return Claimed()


def _leaves_place(book: Book, counts: Counts, chosen: int) -> bool:
    """Whether more could begin if no query waited."""
    return bool(book.queries) and counts.free_places(book.limit.places, 0) > chosen


def _free_places(book: Book, counts: Counts, bounds: Bounds) -> int:
    """How many more calls may begin; queries that wait go first."""
    places = bounds.sending - counts.calls
    if not bounds.adaptive:
        return places
    return min(places, counts.free_places(book.limit.places, len(book.queries)))


@dataclass(frozen=True, slots=True)
class Room:
    """What a query finds."""

    free: bool
    """A worker of AppService."""
    brief: bool
    """Starts are so brief that a query needs no place."""


def room_for_query(token: str, ceiling: int) -> Room:
    """``token``: under which the query was announced; one that was not needs a second free place,
    since a start may take the first. Raises ``Unavailable``.
    """
    with translate_errors():
        book, counts = _read_counts(())
    announced = token in book.queries
    before = book.queries.index(token) if announced else len(book.queries) + 1
    free = counts.occupying + before < min(ceiling, book.limit.places)
    return Room(free, book.limit.is_brief)


def choose(
    jobs: Mapping[str, Sequence[Job]],
    free: int,
    bounds: Bounds,
    counts: Counts,
    weights: Mapping[str, int],
) -> list[Job]:
    """Which of the users' waiting jobs go now: at most ``free``, fairly."""
    rooms = {
        owner: min(
            bounds.room(counts.sending[owner], counts.under_way[owner]),
            max(0, counts.places_of(owner, free)),
        )
        for owner in jobs
    }
    queues = {
        owner: [job.key for job in of_user[: rooms[owner]]] for owner, of_user in jobs.items()
    }
    by_key = {job.key: job for of_user in jobs.values() for job in of_user}
    return [by_key[key] for key in share(free, queues, counts.sending, weights)]


def _last_served(jobs: Mapping[str, Sequence[Job]], chosen: Sequence[Job]) -> str:
    served = {job.owner for job in chosen}
    return next(owner for owner in reversed(list(jobs)) if owner in served)


def _read_settled(owners: Collection[str]) -> tuple[Book, Counts]:
    """The same as ``_read_counts``. A collection or an index that was just made has no snapshot
    until a majority has it: a few milliseconds."""
    for _ in range(_SNAPSHOT_TRIES):
        try:
            return _read_counts(owners)
        except OperationFailure as early:
            if early.code != _NO_SNAPSHOT:
                raise
        time.sleep(_SNAPSHOT_PAUSE_SECONDS)
    return _read_counts(owners)


def _read_counts(owners: Collection[str]) -> tuple[Book, Counts]:
    """The book and what is on the way, in one question: both as they were at one time. Of jobs at
    AppService only those of the ``owners``."""
    rows = collection(documents.Job)
    there: list[Row] = [
        {"$match": {"state": JobState.ACTIVE, "owner": {"$in": sorted(owners)}}},
        {"$group": {"_id": "$owner", "active": {"$sum": 1}}},
    ]
    also = [{"$unionWith": {"coll": rows.name, "pipeline": there}}] if owners else []
    question = [*_SENT, *also, reservations.stage()]
    found = list(rows.with_options(read_concern=_SNAPSHOT).aggregate(question))
    book = next((reservations.from_row(row) for row in found if "now" in row), None)
    if book is None:
        reservations.create()
        return _read_counts(owners)
    return book, _counts(book, [row for row in found if "now" not in row])


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
    if book.now - sent_at > book.limit.hangs_after:
        counts.hanging[owner] += count
        counts.hanging_passed[owner] += count if passed else 0


def mark_sending(chosen: Sequence[Job], token: str, bounds: Bounds) -> set[str]:
    """Mark them as being sent; the keys of those that are as they were read.

    One statement for all that were read in the same version costs MongoDB half as much as one for
    each. Its client does not repeat such a statement by itself after a failover, so that is done
    here: what the first try has marked does not match a second time.
    """
    fields = {
        "claim": token,
        "sent_at": NOW,
        "due": later(bounds.lookup_after),
        "absent_after": later(bounds.absent_after),
    }
    mark, by_version = update(CLAIM, fields), defaultdict[int, list[str]](list)
    for job in chosen:
        by_version[job.version].append(job.key)
    writes = [
        UpdateMany(guard(CLAIM, keys, version=version), mark)
        for version, keys in by_version.items()
    ]
    rows, keys = collection(documents.Job), [job.key for job in chosen]
    try:
        marked = rows.bulk_write(writes, ordered=False)
    except PyMongoError as failure:
        if meaning(failure) is failure:
            raise
        marked = rows.bulk_write(writes, ordered=False)
    if marked.modified_count == len(keys):
        return set(keys)
    mine = rows.find({"_id": {"$in": keys}, "state": JobState.SENDING, "claim": token}, {"_id": 1})
    return {row["_id"] for row in mine}
