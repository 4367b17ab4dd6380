"""Jobs that nobody wants any more are killed at AppService, and each kill has a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from circuitbreaker import CircuitBreakerError

from workflows.bvbrc.appservice import KillReply
from workflows.engine.parts import Parts
from workflows.errors import ServiceError, Unauthorized
from workflows.store import credentials, watch
from workflows.workflow import Job

log = structlog.get_logger(__name__)

_LIMIT = 1_000
_AGAIN = timedelta(seconds=10)
"""When AppService is asked once more where a kill did not work."""


def kill_jobs(parts: Parts) -> int:
    """Ask for the death of every unwanted job that is known to AppService; how many were asked."""
    unwanted = watch.unwanted(_LIMIT)
    for owner, jobs in unwanted.items():
        _kill(parts, owner, jobs)
    return sum(map(len, unwanted.values()))


def _kill(parts: Parts, owner: str, jobs: Sequence[Job]) -> None:
    credential = credentials.usable(parts.vault, owner)
    if credential is None:
        watch.receipts((job, "", _AGAIN) for job in jobs)
        return
    try:
        with parts.breaker:
            replies = parts.appservice.kill(credential.token, [job.job_id for job in jobs])
    except Unauthorized:
        credentials.refused(parts.vault, credential)
        return
    except (ServiceError, CircuitBreakerError) as away:
        log.warning("AppService could not be asked to kill", jobs=len(jobs), error=str(away))
        watch.receipts((job, "", min(_AGAIN, parts.limits.polling_interval)) for job in jobs)
        return
    watch.receipts((job, *_receipt(replies.get(job.job_id))) for job in jobs)


def _receipt(reply: KillReply | None) -> tuple[str, timedelta | None]:
    """What to note, and when to ask again: never once it is dead or gone."""
    if reply is None:
        return "", _AGAIN
    if reply.killed:
        return "killed", None
    return ("gone", None) if reply.gone else (reply.message, _AGAIN)
