"""Jobs that their workflow no longer wants, until AppService has answered for each kill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from pymongo import UpdateOne

from workflows.model.job_moves import CONCLUDE_KILL, RETRY_KILL, TAKE_KILL
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs.rows import readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import Row, collection, later, translate_errors

KILLED, GONE, UNANSWERED = "killed", "gone", "unanswered"
"""What is known of a kill: it worked; there was nothing to kill; an answer was lost and then there
was nothing left."""

DUE: Row = guard(TAKE_KILL)


def take(limit: int, again_in: timedelta) -> dict[str, list[Job]]:
    """Jobs that AppService must be asked (again) to kill now, by owner. The attempt is counted
    before it is made; no other process takes them within ``again_in``.
    """
    found: dict[str, list[Job]] = defaultdict(list)
    rows = collection(documents.Job)
    with translate_errors():
        taken = list(rows.find(DUE, limit=limit))
        if taken:
            asks = {"$add": [{"$ifNull": ["$kill_asks", 0]}, 1]}
            rows.update_many(
                guard(TAKE_KILL, [row["_id"] for row in taken]),
                update(TAKE_KILL, {"kill_due": later(again_in), "kill_asks": asks}),
            )
    for row in taken:
        if job := readable(row):
            found[job.owner].append(job)
    return found


def record(replies: Iterable[tuple[Job, str, timedelta | None]]) -> None:
    """Store what AppService answered to each kill; with a time where it must be asked again.

    ``killed`` stays: a later answer does not replace it. ``gone`` means that the job ended by
    itself only if it answers the first kill, since the answer to an earlier one may be lost.
    """
    writes = [_write(job, reply, again) for job, reply, again in replies]
    if writes:
        with translate_errors():
            collection(documents.Job).bulk_write(writes, ordered=False)


def _write(job: Job, reply: str, again: timedelta | None) -> UpdateOne:
    fields: Row = {"kill_reply": _keep_killed(reply)}
    if again is None:
        return UpdateOne(
            guard(CONCLUDE_KILL, [job.key]), update(CONCLUDE_KILL, fields, ["kill_due"])
        )
    fields["kill_due"] = later(again)
    return UpdateOne(guard(RETRY_KILL, [job.key]), update(RETRY_KILL, fields))


def _keep_killed(reply: str) -> Row:
    fresh: Row = {"$literal": reply}
    if reply == GONE:
        fresh = {"$cond": [{"$gt": ["$kill_asks", 1]}, UNANSWERED, GONE]}
    return {"$cond": [{"$eq": ["$kill_reply", KILLED]}, KILLED, fresh]}
