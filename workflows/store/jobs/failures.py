"""Jobs that AppService reports as failed, until the engine knows why: then their workflow learns of
the failure. What a job left behind is kept with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from pymongo import ReturnDocument

from workflows.model.job_moves import ASK_AGAIN, END, NOTE, REPORT, TAKE_FAILURE
from workflows.model.values import Job, Outcome
from workflows.store import documents
from workflows.store.jobs.polling import JobUpdate, Watched
from workflows.store.jobs.rows import readable
from workflows.store.jobs.transitions import guard, update
from workflows.store.mongo import Row, collection, later, of_none, translate_errors

DUE: Row = guard(TAKE_FAILURE)


class Report(Protocol):
    """What AppService reports of a job that failed."""

    @property
    def word(self) -> str: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that failed, taken by one process to ask why."""

    job: Job
    word: str
    """AppService's own word for its end."""
    last_time: bool
    """True if the deadline has passed: what is known now must do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a job that failed left behind; texts are masked."""

    stderr: str = ""
    stdout: str = ""
    note: str = ""
    unread: str = ""
    """What could not be read, and why."""


TAIL: Final = 2_000
"""Characters of stderr that a workflow's document shows."""
NOTHING: Final = Kept()


@dataclass(frozen=True, slots=True)
class Findings:
    """What is stored of a failure besides its sentence."""

    exit_code: int | None = None
    cluster_status: str = ""
    kept: Kept = NOTHING


def record_failure(job: Watched, now: datetime, report: Report, deadline: timedelta) -> JobUpdate:
    """It has failed; its workflow learns that with the reason (``record_reason``)."""
    fields: Row = {
        "word": report.word[:100],
        "finished_at": report.finished_at or now,
        "evidence_due": now,
        "evidence_until": now + deadline,
        "missing_since": None,
    }
    started = {"started_at": report.started_at} if report.started_at else {}
    move = REPORT if job.started_at is None else NOTE
    return JobUpdate(job.key, job.workflow, move, fields | started)


def take(again_in: timedelta, barred: Collection[str] = ()) -> FailedJob | None:
    """The job that has waited longest, of none of the ``barred`` users; no other process takes it
    within ``again_in``."""
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {**DUE, **of_none(barred)},
            update(TAKE_FAILURE, {"evidence_due": later(again_in)}),
            sort=[("evidence_due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    job = readable(row) if row else None
    if row is None or job is None:
        return None
    last_time = row["evidence_due"] - again_in >= row["evidence_until"]
    return FailedJob(job, row.get("word") or "", last_time)


def ask_again(job: Job, wait: timedelta) -> None:
    with translate_errors():
        collection(documents.Job).update_one(
            guard(ASK_AGAIN, [job.key]), update(ASK_AGAIN, {"evidence_due": later(wait)})
        )


def record_reason(job: Job, now: datetime, reason: str, findings: Findings) -> JobUpdate:
    """The end of a job whose failure is explained as far as it can be."""
    kept = {name: text for name in Kept.__slots__ if (text := getattr(findings.kept, name))}
    if findings.kept.stderr:
        kept["tail"] = findings.kept.stderr[-TAIL:]
    fields: Row = {
        "outcome": str(Outcome.FAILED),
        "finished_at": job.finished_at or now,
        "reason": reason,
        "evidence_due": None,
        "evidence_until": None,
        "exit_code": findings.exit_code,
        "cluster_status": findings.cluster_status or None,
        "evidence": kept or None,
    }
    return JobUpdate(job.key, job.workflow, END, fields)


def tails_of(workflow: str, most: int) -> Mapping[str, str]:
    """The last lines of stderr of the workflow's first ``most`` failed attempts, by job key."""
    with translate_errors():
        rows = (
            collection(documents.Job)
            .find(
                {
                    "_id": {"$gte": f"{workflow}/", "$lt": f"{workflow}0"},
                    "evidence.tail": {"$type": "string"},
                },
                {"evidence.tail": 1},
                limit=most,
            )
            .sort([("step", 1), ("attempt", 1)])
        )
        return {row["_id"]: row["evidence"]["tail"] for row in rows}


def kept_of(workflow: str, step: int) -> Mapping[int, Kept]:
    """What the step's failed attempts left behind, by attempt."""
    begin = f"{workflow}/{step}/"
    with translate_errors():
        rows = collection(documents.Job).find(
            {"_id": {"$gte": begin, "$lt": f"{workflow}/{step}0"}, "evidence": {"$type": "object"}},
            {"attempt": 1, "evidence": 1},
        )
        return {row["attempt"]: _read_kept(row["evidence"]) for row in rows}


def kept_by(key: str) -> Kept:
    """What one job left behind; empty texts for a job that did not fail."""
    with translate_errors():
        row = collection(documents.Job).find_one({"_id": key}, {"evidence": 1})
    return _read_kept((row or {}).get("evidence") or {})


def _read_kept(stored: Mapping[str, str]) -> Kept:
    return Kept(**{name: stored.get(name, "") for name in Kept.__slots__})
