"""Hands one job to its backend; every failure becomes an outcome that is safe."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from workflows.backends.base import (
    Caller,
    Finished,
    InDoubt,
    NoAnswer,
    NotStarted,
    Refused,
    Started,
    Submission,
    SubmitResult,
    TokenRefused,
    rest,
)
from workflows.engine.context import EngineContext
from workflows.engine.reuse.inputs import glance
from workflows.model.errors import Unavailable
from workflows.model.values import Job, Outcome
from workflows.rules.endings import tell
from workflows.rules.plan import backoff
from workflows.store.jobs import send_results
from workflows.store.jobs.send_results import SendResult
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential

WITHHELD: Final = "a hold was set while it was about to be sent"


@dataclass(frozen=True, slots=True)
class Handover:
    """A claimed job, and what it is sent with."""

    job: Job
    credential: Credential | None
    send_by: float
    """On the monotonic clock: later, the claim may be about to be doubted, so nothing leaves."""
    may_leave: Callable[[], bool] = lambda: True
    """Asked just before the first byte leaves; false where a hold was set since the claim."""


def send(context: EngineContext, handover: Handover) -> SendResult:
    """Sends the job. It raises nothing that a service, a network or MongoDB can cause."""
    job, credential = handover.job, handover.credential
    if credential is None:
        return send_results.unsent(job, "there is no usable token", rest(0, 1))
    if not handover.may_leave():
        return send_results.withheld(job, WITHHELD, timedelta(0))
    submission = Submission(
        job,
        caller_of(credential),
        handover.send_by,
        context.limits.outage_patience,
        handover.may_leave,
    )
    basis = glance(context.reuse, credential.token, job)
    result = context.backends[job.backend].submit(submission)
    if isinstance(result, TokenRefused):
        with suppress(Unavailable):  # what became of the job matters more
            credentials.mark_refused(context.vault, credential, result.refusal)
    if isinstance(result, NotStarted) and result.defect:
        context.broken(result.defect)
    if isinstance(result, Started):
        return send_results.job_started(job, result.job_id, basis)
    return _to_store(context, job, result)


def caller_of(credential: Credential) -> Caller:
    return Caller(credential.owner, credential.token)


def answer_text(missing: NoAnswer) -> str:
    """Why there is no answer."""
    return str(missing.refusal) if isinstance(missing, TokenRefused) else missing.reason


def _to_store(context: EngineContext, job: Job, result: SubmitResult) -> SendResult:
    match result:
        case Started(job_id):
            return send_results.job_started(job, job_id)
        case Finished(outcome, reason, outputs):
            if outcome is Outcome.FAILED:
                reason = tell("built-in step", app=job.app, detail=reason)
            return send_results.job_finished(job, outcome, reason, outputs)
        case Refused(reason):
            return send_results.job_rejected(job, tell("refused", detail=reason))
        case NotStarted(reason, again_in, refused):
            keep = send_results.refused_for_now if refused else send_results.unsent
            return keep(job, reason, again_in)
        case TokenRefused(refusal):
            return send_results.unsent(job, str(refusal), timedelta(0))
        case InDoubt():
            return _doubt(context, job, result)


def _doubt(context: EngineContext, job: Job, lost: InDoubt) -> SendResult:
    """Each refusal without a reason doubles the back-off: it may be an outage."""
    limits = context.limits
    patience = backoff(limits.answered_grace, job.refusals + 1)
    believe_in = min(patience, limits.grace) if lost.answered else None
    look_in = min(timedelta(seconds=1), limits.lease)
    return send_results.doubtful(job, lost.reason, look_in, believe_in)
