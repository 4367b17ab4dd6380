"""The reasons of a job under way: sent, in doubt, at BV-BRC, its results looked for."""

from __future__ import annotations

from datetime import datetime

from workflows.model.values import Job
from workflows.rules.reasons.values import Code, Surroundings


def explain_token(job: Job | None, around: Surroundings) -> str:
    ended = "was refused by BV-BRC" if around.token_refused else "has expired"
    if around.token_expires_at is None:
        ended = "is not known"
    if job and job.job_id:
        return f"The owner's token {ended}: the state of job {job.job_id} cannot be queried."
    return f"The owner's token {ended}: the step cannot be submitted."


def explain_look_up(job: Job) -> tuple[Code, str, str, datetime | None]:
    """The reason of a job whose result may be there already."""
    if job.basis:
        message = "Another job computes the same; the step waits for its results."
        return Code.LOOKING_FOR_RESULTS, message, "That job ends.", job.intended_at
    message = "The engine looks whether an earlier job has computed the same."
    unblocked_by = "The Workspace has answered; without an answer the step runs after a minute."
    return Code.LOOKING_FOR_RESULTS, message, unblocked_by, job.intended_at


def explain_doubt(job: Job) -> tuple[Code, str, str, datetime | None]:
    if job.answered:
        return (
            Code.SUBMISSION_IN_DOUBT,
            f"AppService answered with an error that may hide a job: {job.reason}.",
            "The engine asks AppService whether the job exists; if not, the step is sent again.",
            job.refused_since or job.sent_at,
        )
    return (
        Code.SUBMISSION_IN_DOUBT,
        f"The step was sent, but the answer was lost: {job.reason or 'no answer came'}.",
        "The engine asks AppService whether the job exists; a step is never sent twice.",
        job.sent_at,
    )


def explain_hanging_calls(count: int) -> tuple[Code, str, str, datetime | None]:
    """The reason of a job that waits behind its owner's submissions (``rules/call_places.py``)."""
    return (
        Code.SERVICE_UNAVAILABLE,
        f"AppService does not answer {count} submissions of this user, so further ones go one at a"
        " time, or wait.",
        "AppService answers, or the engine gives up waiting and looks for their jobs.",
        None,
    )


def explain_at_bvbrc(job: Job) -> tuple[Code, str, str, datetime | None]:
    killed = " It is being killed." if job.kill else ""
    if job.failing:
        message = f"Job {job.job_id} has failed; the engine is asking BV-BRC why."
        return Code.RUNNING, message, "BV-BRC answers, or the deadline passes.", job.finished_at
    if job.globs and job.finished_at:
        return _looked_for(job)
    if job.started_at:
        message = f"Job {job.job_id} is running.{killed}"
        return Code.RUNNING, message, "The job ends.", job.started_at
    message = f"Job {job.job_id} waits in BV-BRC's queue.{killed}"
    return Code.QUEUED_AT_BVBRC, message, "BV-BRC starts the job.", job.submitted_at


def _looked_for(job: Job) -> tuple[Code, str, str, datetime | None]:
    """The reason of a job that has completed and whose results are not known yet."""
    message = f"Job {job.job_id} has ended; its results are being looked for"
    if job.reason:
        unblocked_by = "The Workspace can be reached again; the engine retries until then."
        return Code.SERVICE_UNAVAILABLE, f"{message}: {job.reason}.", unblocked_by, job.finished_at
    return Code.RUNNING, f"{message}.", "The Workspace answers.", job.finished_at
