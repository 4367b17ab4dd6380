"""The outbox: jobs to send, claimed by one sender each, fairly between users and within the caps.

``reservations`` says how claims of many processes at the same time keep the caps exact, and
``waiting`` how those are found who have something to send.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pymongo import UpdateMany
from pymongo.errors import PyMongoError

from workflows.model.errors import Unavailable
from workflows.model.job_moves import CLAIM
from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.rules.call_places import Counts
from workflows.rules.fair_share import share
from workflows.rules.holds import Hold, Mode, Scope
from workflows.store import documents
from workflows.store.holds import job_stages
from workflows.store.jobs import calls, reservations, waiting
from workflows.store.jobs.calls import View
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import (
    NOW,
    collection,
    later,
    meaning,
    translate_errors,
)
from workflows.store.users.preferences import Share

_SOME = 8
"""Jobs of each user among which is chosen, however many users wait."""
_FEWEST, _MOST = 16, 200
"""Users among whom is chosen: as many as there are places, within these bounds."""
_ROUNDS = 20
"""So many times further users are looked for where all jobs of the first ones are held."""
_TRIES = 50
"""Of several claims at once one reserves its places, and the others count again."""


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
    empties: bool = False
    """Whether it has seen every job that may go now, and left none."""


@dataclass(frozen=True, slots=True)
class Troubled:
    """Users whose calls have lately gone wrong, as far as the asking process knows."""

    barred: frozenset[str] = frozenset()
    """None of their jobs goes."""
    failing: frozenset[str] = frozenset()
    """Their jobs go one at a time."""
    refused: frozenset[str] = frozenset()
    """Of their jobs those that were refused before go one at a time."""


NOBODY: Final = Troubled()


def claim(
    free: int, bounds: Bounds, backends: Collection[str] = (), troubled: Troubled = NOBODY
) -> Claimed:
    """Take up to ``free`` jobs to send, shared fairly between users that have a usable token; of
    these backends alone, where any are named. What a hold keeps from starting is left in the
    outbox.

    Raises ``Unavailable``.
    """
    with translate_errors():
        view = _current()
        if any(hold.scope is Scope.GLOBAL and hold.mode is Mode.HOLD for hold in view.holds):
            return Claimed()
        if _free_places(view, bounds) <= 0 and not _leaves_place(view, bounds, 0):
            return Claimed()
        choice = _Choice(free, backends, troubled, view.holds)
        name = served = view.book.served
        for _ in range(_ROUNDS if view.holds else 1):
            look = _look_behind(name, view.book.now, choice)
            if look.jobs:
                return _claim(look, view, free, bounds)
            if look.up_to == name:
                break
            name = look.up_to
        if name != served:
            reservations.pass_over(name)
        return Claimed(empties=look.complete)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which jobs a claim may take."""

    free: int
    backends: Collection[str]
    troubled: Troubled
    holds: Sequence[Hold]


@dataclass(frozen=True, slots=True)
class _Look:
    """Users with their first jobs, in the order of service."""

    up_to: str
    """The last user that was looked at."""
    jobs: Mapping[str, Sequence[Job]]
    weights: Mapping[str, int]
    choice: _Choice
    """What was looked for."""
    complete: bool
    """Whether these are all jobs that may go now."""
    active: Mapping[str, int]
    """Jobs at AppService. Counted after what is being sent was, it counts twice what has been
    answered in between, and misses nothing: what is claimed in between ends this claim's try."""


def _look_behind(name: str, now: datetime, choice: _Choice) -> _Look:
    """The next users behind one."""
    most = min(max(_FEWEST, choice.free), _MOST)
    found = waiting.users_after(name, most, now, choice.backends)
    owners = [owner for owner in found.users if owner not in choice.troubled.barred]
    of = found.users
    limit = min(choice.free, max(_SOME, 4 * choice.free // max(1, len(owners))))
    jobs = _first_jobs({owner: of[owner].share for owner in owners}, choice, limit)
    return _Look(
        up_to=list(of)[-1] if of else found.read_up_to,
        jobs=jobs,
        complete=found.complete
        and len(owners) == len(of)
        and all(len(of_user) < limit for of_user in jobs.values()),
        weights={each: of[each].share.weight for each in owners},
        choice=choice,
        active={each: of[each].active for each in owners},
    )


def _current() -> View:
    """The view with the holds, without claims whose process is gone."""
    view = calls.read(with_holds=True)
    for reserved in view.book.overdue:
        reservations.revoke(reserved)
    return calls.read(with_holds=True) if view.book.overdue else view


def _first_jobs(owners: Mapping[str, Share], choice: _Choice, limit: int) -> dict[str, list[Job]]:
    """The longest waiting jobs of each user, in the order of the users: of few users as many as
    could go, of many some more than the share of each.
    """
    found: dict[str, list[Job]] = {owner: [] for owner in owners}
    unheld = job_stages(choice.holds)
    refused = choice.troubled.refused
    parts = {
        owner: waiting.parts_of(prioritised=each.prioritises, refused=owner in refused)
        for owner, each in owners.items()
    }
    for job in waiting.first_jobs(parts, limit, choice.backends, unheld):
        found[job.owner].append(job)
    return {owner: jobs for owner, jobs in found.items() if jobs}


def _claim(look: _Look, view: View, free: int, bounds: Bounds) -> Claimed:
    """Choose among these by what is on the way, and take those that are as they were read."""
    jobs, token = look.jobs, uuid4().hex
    view.counts.under_way.update({owner: look.active[owner] for owner in jobs})
    for _ in range(_TRIES):
        places = _free_places(view, bounds)
        most = min(free, places)
        rooms = _rooms(look, most, bounds, view.counts)
        candidates = _candidates(look, view.counts)
        chosen = _choose(candidates, rooms, most, view.counts.sending, look.weights)
        queries_first = _leaves_place(view, bounds, len(chosen))
        if not chosen:
            return Claimed((), queries_first)
        last, full = _last_served(jobs, chosen), len(chosen) == places
        if reservations.reserve(view.book, token, chosen, last, full=full):
            taken = _take(chosen, token, bounds, view.book.now)
            all_taken = len(taken) == sum(map(len, jobs.values()))
            return Claimed(taken, queries_first, look.complete and all_taken)
        view = calls.read(jobs)
    return Claimed()


def _take(chosen: Sequence[Job], token: str, bounds: Bounds, now: datetime) -> list[Job]:
    """Mark what was reserved; those that are as they were read."""
    taken = mark_sending(chosen, token, bounds)
    with suppress(Unavailable), translate_errors():  # it ends by itself, a little later
        reservations.release(token, frees=len(taken) < len(chosen))
    return [
        replace(job, state=JobState.SENDING, claim=token, sent_at=now)
        for job in chosen
        if job.key in taken
    ]


def _leaves_place(view: View, bounds: Bounds, chosen: int) -> bool:
    """Whether more could begin if no query waited."""
    if not (bounds.adaptive and view.book.queries):
        return False
    return view.counts.free_places(view.book.limit.places, 0) > chosen


def _free_places(view: View, bounds: Bounds) -> int:
    """How many more calls may begin; queries that wait go first."""
    book, counts = view.book, view.counts
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
        view = calls.read_once()
    book, counts = view.book, view.counts
    announced = token in book.queries
    before = book.queries.index(token) if announced else len(book.queries) + 1
    free = counts.occupying + before < min(ceiling, book.limit.places)
    return Room(free, book.limit.is_brief)


def _rooms(look: _Look, free: int, bounds: Bounds, counts: Counts) -> dict[str, int]:
    """How many jobs of each user may go."""
    return {
        owner: min(
            bounds.room(counts.sending[owner], counts.under_way[owner]),
            max(0, counts.places_of(owner, free, failing=owner in look.choice.troubled.failing)),
        )
        for owner in look.jobs
    }


def _candidates(look: _Look, counts: Counts) -> dict[str, list[Job]]:
    """The users' jobs without refused ones that wait until another one of the user is answered."""
    found = {owner: list(jobs) for owner, jobs in look.jobs.items()}
    for owner in look.choice.troubled.refused & found.keys():
        again = [job for job in found[owner] if job.refusals]
        waits = {job.key for job in again[counts.places_of_refused(owner) :]}
        found[owner] = [job for job in found[owner] if job.key not in waits]
    return found


def _choose(
    jobs: Mapping[str, Sequence[Job]],
    rooms: Mapping[str, int],
    free: int,
    sending: Mapping[str, int],
    weights: Mapping[str, int],
) -> list[Job]:
    """Which of the users' waiting jobs go now: at most ``free``, fairly."""
    queues = {
        owner: [job.key for job in of_user[: rooms[owner]]] for owner, of_user in jobs.items()
    }
    by_key = {job.key: job for of_user in jobs.values() for job in of_user}
    return [by_key[key] for key in share(free, queues, sending, weights)]


def _last_served(jobs: Mapping[str, Sequence[Job]], chosen: Sequence[Job]) -> str:
    served = {job.owner for job in chosen}
    return next(owner for owner in reversed(list(jobs)) if owner in served)


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
