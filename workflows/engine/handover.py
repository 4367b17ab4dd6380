"""One job is handed to AppService; whatever happens becomes the outcome that is safe."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from circuitbreaker import CircuitBreakerError
from structlog.contextvars import bound_contextvars

from workflows.engine.parts import Parts
from workflows.errors import InDoubt, NotSent, Rejected, ServiceAway, Unauthorized
from workflows.plan import backoff
from workflows.store import credentials, outbox, services
from workflows.store.credentials import Credential
from workflows.store.outbox import Sent
from workflows.workflow import Job

_AWAY = timedelta(seconds=5)
"""How long a job rests after AppService could not be reached, before doubling."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A claimed job, and what it is sent with."""

    job: Job
    credential: Credential | None
    send_by: float
    """On the monotonic clock: later, the claim may be about to be doubted, so nothing leaves."""


def send(parts: Parts, handover: Handover) -> Sent:
    """Raises nothing that a service or a network can bring about."""
    job, credential = handover.job, handover.credential
    if credential is None:
        return outbox.unsent(job, "the token has expired", timedelta(0))
    try:
        with known_in_logs(job), parts.breaker:
            job_id = parts.appservice.start(
                credential.token,
                job.app,
                job.params,
                key=job.key,
                base_url=job.base_url,
                send_by=handover.send_by,
            )
    except Unauthorized as refused:
        credentials.refused(parts.vault, credential)
        return outbox.unsent(job, str(refused), timedelta(0))
    except Rejected as rejected:
        return _refusal(parts, job, rejected)
    except InDoubt as lost:
        return _doubt(parts, job, lost)
    except (NotSent, ServiceAway, CircuitBreakerError) as away:
        return _away(job, away)
    return outbox.started(job, job_id)


def known_in_logs(job: Job) -> AbstractContextManager[None]:
    """What is logged meanwhile, and the call itself, carry the id of the user's request."""
    request = {"request_id": job.request_id} if job.request_id else {}
    return bound_contextvars(workflow_id=job.workflow, step=job.step, **request)


def _refusal(parts: Parts, job: Job, rejected: Rejected) -> Sent:
    if rejected.maybe_transient and job.tries + 1 < parts.limits.unexplained_tries:
        return outbox.unsent(job, str(rejected), backoff(_AWAY, job.tries + 1))
    return outbox.rejected(job, str(rejected))


def _doubt(parts: Parts, job: Job, lost: InDoubt) -> Sent:
    limits = parts.limits
    believe_in = min(limits.answered_grace, limits.grace) if lost.answered else None
    look_in = min(timedelta(seconds=1), limits.lease)
    return outbox.doubtful(job, str(lost), look_in, believe_in)


def _away(job: Job, away: Exception) -> Sent:
    disabled = isinstance(away, ServiceAway) and away.disabled
    services.report("appservice", services.DISABLED if disabled else services.AWAY, str(away))
    return outbox.unsent(job, str(away), backoff(_AWAY, min(job.tries + 1, 5)))
