"""Kills jobs that are not needed any more at their backend; each kill has a receipt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from workflows.backends.base import KillReply, TokenRefused, Unanswered
from workflows.engine.context import EngineContext
from workflows.engine.jobs.handover import caller_of
from workflows.model.values import Job
from workflows.store.jobs import duplicates, kills
from workflows.store.jobs.duplicates import Surplus
from workflows.store.users import credentials

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
        for name in dict.fromkeys(job.backend for job in jobs):
            there = [job for job in jobs if job.backend == name]
            for start in range(0, len(there), _BATCH):
                batch = there[start : start + _BATCH]
                calls[owner].append(partial(_kill, context, name, owner, batch))
    for each in duplicates.take(_LIMIT, _AGAIN):
        calls[each.owner].append(partial(_kill_surplus, context, each))
    context.kills.run(calls, lambda _: None)
    return sum(map(len, unwanted.values()))


def kill_surplus(context: EngineContext, job: Job, job_ids: Sequence[str]) -> None:
    """Kill the duplicates of attempts."""
    duplicates.note(job, job_ids)
    _kill_surplus(context, Surplus(job.key, job.workflow, job.owner, tuple(job_ids), job.backend))


def _kill_surplus(context: EngineContext, found: Surplus) -> None:
    replies = _ask_to_kill(context, found.backend, found.owner, found.job_ids)
    dead = [job_id for job_id, reply in (replies or {}).items() if reply.killed or reply.gone]
    if dead:
        duplicates.settle(found.key, dead)


def _kill(context: EngineContext, backend: str, owner: str, jobs: Sequence[Job]) -> None:
    replies = _ask_to_kill(context, backend, owner, [job.job_id for job in jobs])
    if replies is None:
        again = min(_AGAIN, context.limits.polling_interval)
        kills.record((job, "", again) for job in jobs)
    else:
        kills.record((job, *_receipt(replies.get(job.job_id))) for job in jobs)


def _ask_to_kill(
    context: EngineContext, backend_name: str, owner: str, job_ids: Sequence[str]
) -> Mapping[str, KillReply] | None:
    """The backend's replies by id; None where it could not be asked, or its answer is lost."""
    credential = credentials.usable(context.vault, owner)
    backend = context.backends[backend_name]
    if credential is None or not backend.admit([owner]):
        return None
    replies = backend.cancel(caller_of(credential), job_ids)
    if isinstance(replies, TokenRefused):
        credentials.mark_refused(context.vault, credential, replies.refusal)
        return None
    if isinstance(replies, Unanswered):
        jobs, error = len(job_ids), replies.reason
        log.warning("AppService could not be asked to kill", jobs=jobs, error=error)
        return None
    return replies


def _receipt(reply: KillReply | None) -> tuple[str, timedelta | None]:
    """The receipt, and the time to ask again: none once the job is dead or gone."""
    if reply is None:
        return "", _AGAIN
    if reply.killed:
        return kills.KILLED, None
    return (kills.GONE, None) if reply.gone else (reply.message, _AGAIN)
