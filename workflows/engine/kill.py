"""Kills unwanted jobs at AppService and stores a receipt of each kill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from workflows.backends.appservice.client import KillReply
from workflows.engine.context import EngineContext
from workflows.model.errors import ServiceError, Unauthorized
from workflows.model.values import Job
from workflows.store import credentials
from workflows.store.jobs import duplicates, kills
from workflows.store.jobs.duplicates import Surplus

log = structlog.get_logger(__name__)

_LIMIT = 1_000
_BATCH = 200
"""Jobs in one call."""
_AGAIN = timedelta(seconds=10)
"""The time after which a failed kill is repeated."""


def kill_jobs(context: EngineContext) -> int:
    """Kill every unwanted job that AppService knows; returns their number.

    A call of one user that hangs does not delay the others.
    """
    unwanted = kills.take(_LIMIT, min(_AGAIN, context.limits.lease))
    calls: dict[str, list[Callable[[], None]]] = defaultdict(list)
    for owner, jobs in unwanted.items():
        for start in range(0, len(jobs), _BATCH):
            calls[owner].append(partial(_kill, context, owner, jobs[start : start + _BATCH]))
    for each in duplicates.take(_LIMIT, _AGAIN):
        calls[each.owner].append(partial(_kill_surplus, context, each))
    context.kills.run(calls, lambda _: None)
    return sum(map(len, unwanted.values()))


def kill_surplus(context: EngineContext, job: Job, job_ids: Sequence[str]) -> None:
    """Kill the duplicates of attempts."""
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
        kills.record((job, "", again) for job in jobs)
    else:
        kills.record((job, *_receipt(replies.get(job.job_id))) for job in jobs)


def _ask_to_kill(
    context: EngineContext, owner: str, job_ids: Sequence[str]
) -> Mapping[str, KillReply] | None:
    """AppService's replies by id; None if it could not be asked or its answer was lost."""
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
    """The receipt, and the time to ask again: none once the job is dead or gone."""
    if reply is None:
        return "", _AGAIN
    if reply.killed:
        return kills.KILLED, None
    return (kills.GONE, None) if reply.gone else (reply.message, _AGAIN)
