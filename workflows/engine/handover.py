"""Sends one job to AppService; every failure becomes a safe outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from workflows.backends.breakers import is_away
from workflows.backends.builtin.actions import Results, Wait, run
from workflows.engine.context import EngineContext
from workflows.engine.inputs import judge_refusal
from workflows.model.errors import (
    InDoubt,
    NotFound,
    NotSent,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
    Unavailable,
)
from workflows.model.values import Job, Outcome
from workflows.rules.plan import backoff
from workflows.spec.builtin_apps import BUILT_IN
from workflows.store import credentials, service_status
from workflows.store.credentials import Credential
from workflows.store.jobs import send_results
from workflows.store.jobs.send_results import SendResult

log = structlog.get_logger(__name__)

_AWAY = timedelta(seconds=5)
"""The first back-off of a job after AppService could not be reached."""
_OFTEN = 2
"""Doublings of it while AppService is away: the breakers let only few jobs try."""
_PATIENT = 8
"""Doublings of it after a defect of ours, or what may be an outage behind AppService: ten minutes.
"""


@dataclass(frozen=True, slots=True)
class Handover:
    """A claimed job, and what it is sent with."""

    job: Job
    credential: Credential | None
    send_by: float
    """On the monotonic clock: later, the claim may be about to be doubted, so nothing leaves."""


def send(context: EngineContext, handover: Handover) -> SendResult:
    """Sends the job. It raises nothing that a service, a network or MongoDB can cause."""
    job, credential = handover.job, handover.credential
    if credential is None:
        return send_results.unsent(job, "there is no usable token", _AWAY)
    if job.app in BUILT_IN:
        return _run(context, job, credential)
    return _start(context, handover, credential)


def _start(context: EngineContext, handover: Handover, credential: Credential) -> SendResult:
    job = handover.job
    try:
        with known_in_logs(job), _asked_first(context, credential):
            job_id = context.appservice.start(
                credential.token,
                job.app,
                job.params,
                key=job.key,
                base_url=job.base_url,
                send_by=handover.send_by,
            )
    except ServiceError as failure:
        if context.observations:
            context.observations.failed_start(job.owner, failure)
        with suppress(Unavailable):  # the outcome of the job matters more than this report
            _remember(context, credential, failure)
        return _handle_failure(context, job, credential, failure)
    return send_results.job_started(job, job_id)


@contextmanager
def _asked_first(context: EngineContext, credential: Credential) -> Iterator[None]:
    """Guards a submission. While a breaker is open, a harmless query precedes it: if its answer is
    lost, no job is in doubt.
    """
    owner, breakers = credential.owner, context.breakers
    if breakers.opened_for(owner):
        with breakers.probe(owner):
            context.appservice.status(credential.token)
    with breakers.call(owner):
        yield


def known_in_logs(job: Job) -> AbstractContextManager[None]:
    """Binds the id of the user's request to the log lines and the call in the block."""
    request = {"request_id": job.request_id} if job.request_id else {}
    return bound_contextvars(workflow_id=job.workflow, step=job.step, **request)


def _remember(context: EngineContext, credential: Credential, failure: ServiceError) -> None:
    """Records what a failed submission shows about the service or the token.

    One user's call says nothing of the service. That submissions are disabled may concern one app
    alone: ``service_status`` knows, and the sweep asks it as soon as something is wrong.
    """
    if isinstance(failure, Unauthorized):
        credentials.mark_refused(context.vault, credential, failure)
    elif context.breakers.opened and is_away(failure):
        service_status.report(service_status.APPSERVICE, service_status.AWAY, str(failure))


def _handle_failure(
    context: EngineContext, job: Job, credential: Credential, failure: ServiceError
) -> SendResult:
    match failure:
        case Unauthorized():
            return send_results.unsent(job, str(failure), timedelta(0))
        case Rejected():
            return _refusal(context, job, credential, failure)
        case InDoubt():
            return _doubt(context, job, failure)
    longest = _OFTEN if is_away(failure) else 5
    return send_results.unsent(job, str(failure), backoff(_AWAY, min(job.tries + 1, longest)))


def _run(context: EngineContext, job: Job, credential: Credential) -> SendResult:
    """A step that the engine runs itself; AppService never hears of it. A fault of ours never fails
    the workflow: the step is tried again, ever more rarely.
    """
    if job.kill or context.clients is None:
        return send_results.withdrawn(job)
    try:
        return _builtin_result(job, run(context.clients, credential.token, job))
    except Unauthorized as refused:
        credentials.mark_refused(context.vault, credential, refused)
        return send_results.unsent(job, str(refused), timedelta(0))
    except (Rejected, NotFound) as refusal:
        return send_results.job_finished(job, Outcome.FAILED, str(refusal), {})
    except (NotSent, InDoubt, ServiceAway, Unavailable) as away:
        return send_results.unsent(job, str(away), backoff(_AWAY, min(job.tries + 1, 5)))
    except Exception as defect:
        context.broken(defect)
        log.exception("A built-in step broke", workflow_id=job.workflow, app=job.app)
        reason = f"the engine could not run it ({type(defect).__name__})"
        return send_results.unsent(job, reason, backoff(_AWAY, min(job.tries + 1, _PATIENT)))


def _builtin_result(job: Job, found: Results | Wait) -> SendResult:
    if isinstance(found, Wait):
        return send_results.unsent(job, found.reason, found.again_in)
    return send_results.job_finished(job, Outcome.SUCCEEDED, "", found)


def _refusal(
    context: EngineContext, job: Job, credential: Credential, rejected: Rejected
) -> SendResult:
    """A refusal that is the user's to fix fails at once; one that may be an outage is retried with
    back-off."""
    if not rejected.maybe_transient:
        return send_results.job_rejected(job, str(rejected))
    verdict = judge_refusal(context, credential.token, job, str(rejected))
    if verdict.fails:
        return send_results.job_rejected(job, verdict.reason)
    wait = backoff(_AWAY, min(job.refusals + 1, _PATIENT))
    return send_results.refused_for_now(job, verdict.reason, wait)


def _doubt(context: EngineContext, job: Job, lost: InDoubt) -> SendResult:
    """Each refusal without a reason doubles the back-off: it may be an outage."""
    limits = context.limits
    patience = backoff(limits.answered_grace, job.refusals + 1)
    believe_in = min(patience, limits.grace) if lost.answered else None
    look_in = min(timedelta(seconds=1), limits.lease)
    return send_results.doubtful(job, str(lost), look_in, believe_in)
