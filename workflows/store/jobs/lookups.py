"""Submissions in doubt: claimed for a look-up, then adopted or believed absent."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from pymongo import ReturnDocument

from workflows.model.states import JobState
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs.rows import of_apps, readable
from workflows.store.jobs.send_results import (
    SendResult,
    job_rejected,
    job_started,
    unsent,
    withdrawn,
)
from workflows.store.mongo import DUE, NOW, collection, later, translate_errors


def take(
    again_in: timedelta, apps: Collection[str] = (), barred: Collection[str] = ()
) -> Job | None:
    """One submission that is due to be looked up; the next look is put off, so that one looks.
    Of these apps alone, where any are named, and none of the ``barred`` users.

    The time of the look is noted before it is made: only that may be compared with the grace.
    """
    with translate_errors():
        row = collection(documents.Job).find_one_and_update(
            {
                "state": JobState.SENDING,
                "$expr": DUE,
                **of_apps(apps),
                **({"owner": {"$nin": sorted(barred)}} if barred else {}),
            },
            [
                {
                    "$set": {
                        "due": later(again_in),
                        "looked_at": NOW,
                        "in_doubt": True,
                        "version": {"$add": ["$version", 1]},
                    }
                }
            ],
            sort=[("due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return readable(row) if row else None


def look_again(job: Job, in_time: timedelta) -> None:
    """The look could not be made: the next one is made sooner than ``take`` has said."""
    with translate_errors():
        collection(documents.Job).update_one(
            {"_id": job.key, "state": JobState.SENDING, "version": job.version},
            [{"$set": {"due": later(in_time)}}],
        )


def adopt(job: Job, job_id: str) -> bool:
    """The lost submission was found: it is this job. False where another one is known already."""
    open_states = [JobState.SENDING, JobState.INTENDED]
    with translate_errors():
        result = collection(documents.Job).update_one(
            {"_id": job.key, "state": {"$in": open_states}},
            job_started(job, job_id).update,
        )
    return bool(result.modified_count)


def believe_absent(job: Job, *, again: bool) -> bool:
    """Not found, and looked for late enough for that to be believed: send it again, or let it be.

    False where the look was too early, or where something has happened to the job since.
    """
    return _conclude(job, unsent(job, job.reason, timedelta(0)) if again else withdrawn(job))


def give_up(job: Job, reason: str) -> bool:
    """Refused without a reason for too long, and provably absent: the step failed."""
    return _conclude(job, job_rejected(job, reason))


def _conclude(job: Job, sent: SendResult) -> bool:
    """What follows from a look that found nothing. Its age is judged by when it was begun: a job
    may have come to exist while the one who looked was held up.
    """
    with translate_errors():
        result = collection(documents.Job).update_one(
            {
                "_id": job.key,
                "state": JobState.SENDING,
                "claim": job.claim,
                "version": job.version,
                "$expr": {"$lte": ["$absent_after", "$looked_at"]},
            },
            sent.update,
        )
    return bool(result.modified_count)


def rerun(job: Job) -> bool:
    """A step that the engine runs itself, and whose runner fell silent, may always run again."""
    with translate_errors():
        again = unsent(job, "", timedelta(0)).write()
        return bool(collection(documents.Job).bulk_write([again]).modified_count)
