"""Jobs for which an earlier result is looked for: claimed, then given one, or sent after all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import timedelta

from pymongo import ReturnDocument

from workflows.model.job_moves import (
    CHECK_LATER,
    MISS,
    PARK_CHECK,
    REUSE,
    STOP_CHECK,
    TAKE_CHECK,
    Transition,
)
from workflows.model.values import Basis, Job, Json, Outcome, Reused
from workflows.reuse.choice import Missed
from workflows.store import documents
from workflows.store.jobs.rows import basis_row, readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.jobs.waiting import unpark, with_token
from workflows.store.mongo import NOW, Row, collection, later, of_none, translate_errors

DUE: Row = guard(TAKE_CHECK)
OVERDUE: Row = guard(STOP_CHECK)


def take(again_in: timedelta, patience: timedelta, barred: Collection[str] = ()) -> Job | None:
    """The job that has waited longest, of none of the ``barred`` users; no other process takes it
    within ``again_in``. ``patience``: how long is looked, where that is not said yet."""
    until = {"$ifNull": ["$reuse_until", later(patience)]}
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {**DUE, **of_none(barred)},
            update(TAKE_CHECK, {"reuse_due": later(again_in), "reuse_until": until}),
            sort=[("reuse_due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def look_later(job: Job, wait: timedelta, basis: Basis | None = None) -> None:
    """Look again in a while. With what was read of its inputs, the job waits for another one that
    computes the same, and for as long as that takes."""
    fields: Row = {"reuse_due": later(wait)}
    if basis:
        fields["basis"] = {"$literal": basis_row(basis)}
    gone = ["reuse_until"] if basis else []
    with translate_errors():
        collection(documents.Job).update_one(
            guard(CHECK_LATER, [job.key]), update(CHECK_LATER, fields, gone)
        )


def announce(job: Job, basis: Basis) -> None:
    """Stores what the job computes, before it is asked who computes the same."""
    with translate_errors():
        collection(documents.Job).update_one(
            guard(CHECK_LATER, [job.key]),
            update(CHECK_LATER, {"basis": {"$literal": basis_row(basis)}}),
        )


def park(job: Job) -> None:
    """Its owner has no usable token: it waits for one, as jobs of the outbox do. One that was
    stored at the same time may have been too early to bring it back."""
    gone = ["reuse_due", "reuse_until"]
    with translate_errors():
        collection(documents.Job).update_one(
            guard(PARK_CHECK, [job.key]), update(PARK_CHECK, {}, gone)
        )
        unpark(with_token([job.owner]))


def record_hit(job: Job, reused: Reused, reason: str, results: Mapping[str, Json]) -> bool:
    """The step has its results; false where its workflow did not want the job any more."""
    fields: Row = {
        "outcome": str(Outcome.SUCCEEDED),
        "reason": {"$literal": reason},
        "results": {"$literal": dict(results)},
        "reused": {"$literal": asdict(reused)},
        "sent_at": NOW,
        "finished_at": NOW,
    }
    return _write(job, REUSE, fields, ["reuse_due", "reuse_until", "basis"])


def record_miss(job: Job, missed: Missed, basis: Basis | None) -> bool:
    """It goes to the outbox; false as ``record_hit``."""
    return _write(job, MISS, _miss_fields(missed, basis), _absent_fields(basis))


def stop_overdue(missed: Missed) -> list[str]:
    """The same for every job for which was looked too long; answers with their workflows."""
    jobs = collection(documents.Job)
    with translate_errors():
        overdue = list(jobs.find(OVERDUE, {"workflow": 1}))
        if overdue:
            jobs.update_many(
                guard(STOP_CHECK, [row["_id"] for row in overdue]),
                update(STOP_CHECK, _miss_fields(missed, None), _absent_fields(None)),
            )
        return [row["workflow"] for row in overdue]


def _miss_fields(missed: Missed, basis: Basis | None) -> Row:
    fields = {name: str(value) for name, value in asdict(missed).items() if value}
    read = {"basis": {"$literal": basis_row(basis)}} if basis else {}
    return {"reuse_miss": {"$literal": fields}, **read}


def _absent_fields(basis: Basis | None) -> list[str]:
    return ["reuse_due", "reuse_until", *([] if basis else ["basis"])]


def _write(job: Job, move: Transition, fields: Row, gone: list[str]) -> bool:
    with translate_errors():
        result = collection(documents.Job).update_one(
            guard(move, [job.key]), update(move, fields, gone)
        )
    return bool(result.modified_count)
