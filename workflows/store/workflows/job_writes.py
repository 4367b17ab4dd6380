"""The writes of advances to jobs, in the transaction of the advance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import InsertOne, UpdateMany

from workflows.model.job_moves import REQUEST_KILL, WITHDRAW
from workflows.store.jobs import rows as job_rows
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import NOW, Row
from workflows.store.workflows.changes import Change, Claimed

Write = InsertOne[Row] | UpdateMany
_ROWS = 10_000
"""More rows than a batch has."""


def job_writes(changes: Sequence[Change]) -> list[Write]:
    """The writes of advances to jobs: new intents, kills, and acknowledged changes."""
    writes: list[Write] = [
        InsertOne(job_rows.row(job, now) | {"due": _due(change.before), "intended_at": now})
        for change in changes
        for now in (change.before.now,)
        for job in change.new_jobs
    ]
    writes += _kill_writes([job.key for change in changes for job in change.kills])
    alike: dict[tuple[int, bool, bool], list[str]] = defaultdict(list)
    for change in changes:
        announced = {job.key for job in change.announced}
        settled = {job.key for job in change.settled}
        for job in change.seen:
            if job.unprocessed or job.key in announced | settled:
                alike[job.version, job.key in announced, job.key in settled].append(job.key)
    return writes + [_acknowledge(keys, *how) for how, keys in alike.items()]


def _due(before: Claimed) -> datetime:
    """Since when a new job may be sent. Of a batch, the jobs of its first rows go first, so that
    samples are finished one after the other and not all at the end.
    """
    if not before.batch:
        return before.now
    return before.begun_at - timedelta(milliseconds=max(0, _ROWS - before.row))


def _kill_writes(keys: Sequence[str]) -> list[Write]:
    if not keys:
        return []
    return [
        UpdateMany(guard(WITHDRAW, keys), update(WITHDRAW)),
        UpdateMany(
            guard(REQUEST_KILL, keys), update(REQUEST_KILL, {"kill": True, "kill_due": NOW})
        ),
    ]


def _acknowledge(keys: Sequence[str], version: int, announced: bool, settled: bool) -> UpdateMany:
    """Acknowledges the change, unless the job has a newer one.

    That its submission is recorded is stored in any case, since otherwise the event would be
    written again.
    """
    gone = ["changed_at", "open"] if settled else ["changed_at"]
    wanted: Row = {"_id": {"$in": keys}}
    if not announced:
        return UpdateMany({**wanted, "version": version}, {"$unset": dict.fromkeys(gone, "")})
    seen = {"$eq": ["$version", version]}
    kept = {name: {"$cond": [seen, "$$REMOVE", f"${name}"]} for name in gone}
    return UpdateMany(wanted, [{"$set": {"announced": True, **kept}}])
