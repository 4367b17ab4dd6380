"""Jobs that nobody wants any more are killed at AppService, and each kill has a receipt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from workflows.bvbrc.appservice import KillReply
from workflows.engine.context import EngineContext
from workflows.model.errors import ServiceError, Unauthorized
from workflows.model.values import Job
from workflows.store import credentials
from workflows.store.jobs import duplicates, polling
from workflows.store.jobs.duplicates import Surplus

log = structlog.get_logger(__name__)

_LIMIT = 1_000
_BATCH = 200
"""Jobs in one call."""
_AGAIN = timedelta(seconds=10)
"""When AppService is asked once more where a kill did not work."""


def kill_jobs(context: EngineContext) -> int:
    """Ask for the death of every unwanted job that is known to AppService; how many were asked.

    One user's call that hangs delays nobody else's.
    """
    unwanted = polling.claim_unwanted(_LIMIT, min(_AGAIN, context.limits.lease))
    calls: dict[str, list[Callable[[], None]]] = defaultdict(list)
    for owner, jobs in unwanted.items():
        for start in range(0, len(jobs), _BATCH):
            calls[owner].append(partial(_kill, context, owner, jobs[start : start + _BATCH]))
    for each in duplicates.take(_LIMIT, _AGAIN):
        calls[each.owner].append(partial(_kill_surplus, context, each))
    context.kills.run(calls, lambda _: None)
    return sum(map(len, unwanted.values()))


def kill_surplus(context: EngineContext, job: Job, job_ids: Sequence[str]) -> None:
    """There are more jobs of one attempt than one: these must go, sooner or later."""
    duplicates.note(job, job_ids)
    _kill_surplus(context, Surplus(job.key, job.workflow, job.owner, tuple(job_ids)))


def _kill_surplus(context: EngineContext, found: Surplus) -> None:
    replies = _ask_to_kill(context, found.owner, found.job_ids)
    dead = [job_id for job_id, reply in (replies or {}).items() if reply.killed or reply.gone]
    if dead:
        duplicates.settle(found.key, dead)


def _kill(context: EngineContext, owner: str, jobs: Sequence[Job]) -> None:
    replies = _ask_to_kill(context, owner, [job.job_id for job in jobs])
    if replies is None:
        again = min(_AGAIN, context.limits.polling_interval)
        polling.receipts((job, "", again) for job in jobs)
    else:
        polling.receipts((job, *_receipt(replies.get(job.job_id))) for job in jobs)


def _ask_to_kill(
    context: EngineContext, owner: str, job_ids: Sequence[str]
) -> Mapping[str, KillReply] | None:
    """AppService's replies by id; None where it could not be asked, or its answer is lost."""
    credential = credentials.usable(context.vault, owner)
    if credential is None or not context.breakers.admit([owner]):
        return None
    try:
        with context.breakers.call(owner):
            return context.appservice.kill(credential.token, job_ids)
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
    except ServiceError as away:
        log.warning("AppService could not be asked to kill", jobs=len(job_ids), error=str(away))
    return None


def _receipt(reply: KillReply | None) -> tuple[str, timedelta | None]:
    """What to note, and when to ask again: never once it is dead or gone."""
    if reply is None:
        return "", _AGAIN
    if reply.killed:
        return polling.KILLED, None
    return (polling.GONE, None) if reply.gone else (reply.message, _AGAIN)
