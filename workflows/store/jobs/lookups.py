"""Submissions in doubt: claimed for a look-up, then adopted or believed absent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from pymongo import ReturnDocument

from workflows.model.job_moves import (
    ADOPT,
    GIVE_UP,
    LOOK_AGAIN,
    SEND_AGAIN,
    TAKE_LOOKUP,
    WITHDRAW_ABSENT,
)
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs.rows import of_backends, readable
from workflows.store.jobs.send_results import (
    SendResult,
    job_rejected,
    job_started,
    unsent,
    withdrawn,
)
from workflows.store.jobs.transitions import guard, guard_of, update
from workflows.store.mongo import NOW, Row, collection, later, of_none, translate_errors

DUE: Row = guard(TAKE_LOOKUP)


def take(
    again_in: timedelta, backends: Collection[str] = (), barred: Collection[str] = ()
) -> Job | None:
    """One submission that is due to be looked up; the next look is put off, so that one looks.
    Of these backends alone, where any are named, and none of the ``barred`` users.

    The time of the look is noted before it is made: only that may be compared with the grace.
    """
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {
                **DUE,
                **of_backends(backends),
                **of_none(barred),
            },
            update(TAKE_LOOKUP, {"due": later(again_in), "looked_at": NOW, "in_doubt": True}),
            sort=[("due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def look_again(job: Job, in_time: timedelta) -> None:
    """The look could not be made: the next one is made sooner than ``take`` has said."""
    with translate_errors():
        collection(documents.Job).update_one(
            guard_of(LOOK_AGAIN, job), update(LOOK_AGAIN, {"due": later(in_time)})
        )


def adopt(job: Job, job_id: str) -> bool:
    """The lost submission was found: it is this job. False where another one is known already."""
    return _write(replace(job_started(job, job_id), move=ADOPT))


def send_again(job: Job) -> bool:
    """It was not found, and looked for late enough for that to be believed: back to the outbox.
    Its age is judged by when the look was begun: a job may have come to exist while the process
    that looked was held up.

    False where the look was too early, or where something has happened to the job since.
    """
    return _write(replace(unsent(job, job.reason, timedelta(0)), move=SEND_AGAIN))


def withdraw(job: Job) -> bool:
    """The same for a job that its workflow no longer wants: it is not sent again."""
    return _write(replace(withdrawn(job), move=WITHDRAW_ABSENT))


def give_up(job: Job, reason: str) -> bool:
    """Refused without a reason for too long, and provably absent: the step failed."""
    return _write(replace(job_rejected(job, reason), move=GIVE_UP))


def rerun(job: Job) -> bool:
    """A step that the engine runs itself, and whose runner fell silent, may always run again."""
    return _write(unsent(job, "", timedelta(0)))


def _write(sent: SendResult) -> bool:
    with translate_errors():
        result = collection(documents.Job).bulk_write([sent.write()])
    return bool(result.modified_count)
