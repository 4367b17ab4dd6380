"""Looks up submissions in doubt, whose answer is lost or whose sender died, instead of repeating
them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from workflows.backends.base import NoAnswer, TokenRefused, Unanswered
from workflows.backends.breakers import PROBE_SECONDS
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.engine.jobs.handover import answer_text, caller_of
from workflows.engine.jobs.kill import kill_surplus
from workflows.model.errors import IllegalMove
from workflows.model.values import Job
from workflows.rules.endings import tell
from workflows.store.jobs import lookups, send_results
from workflows.store.mongo import clock
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential

log = structlog.get_logger(__name__)

_TOGETHER = 16
"""Look-ups that are begun together."""
_PAUSE = timedelta(seconds=PROBE_SECONDS)
"""The time to the next look where AppService is away: other calls may have taken this probe, and
who waited longer each time would miss the outage's end."""
_MARGIN = timedelta(minutes=5)
"""How far a backend's clock may differ from ours where it is asked for a span of time."""


def resolve_jobs(context: EngineContext, limit: int = 200) -> Advanced:
    """Look up the submissions that are due; returns the work that became possible."""
    total = Advanced()

    def take(changed: Sequence[str]) -> None:
        nonlocal total
        if workflows := [workflow for workflow in changed if workflow]:
            total += advance(context, workflows)
            context.sends()

    for _ in range(0, limit, _TOGETHER):
        calls = _lookups(context)
        context.lookups.run(calls, take)
        if sum(map(len, calls.values())) < _TOGETHER:
            break
    return total


def _lookups(context: EngineContext) -> dict[str, list[Callable[[], str]]]:
    """By owner, what is due now; none of users whose look-ups hang, or whose breaker is open."""
    again_in = min(context.limits.lease, timedelta(seconds=15))
    found = {name: backend.status() for name, backend in context.backends.items()}
    reachable = [name for name, status in found.items() if status.reachable]
    named = reachable if len(reachable) < len(found) else ()
    barred = context.lookups.busy().union(*(status.barred for status in found.values()))
    calls: dict[str, list[Callable[[], str]]] = defaultdict(list)
    for _ in range(_TOGETHER):
        if context.stopping.is_set():
            break
        job = lookups.take(again_in, named, barred)
        if job is None:
            break
        calls[job.owner].append(partial(_resolve_one, context, job))
    return calls


def _resolve_one(context: EngineContext, job: Job) -> str:
    """Look one up; the workflow where something changed, else nothing."""
    repeatable = context.backends[job.backend].synchronous
    changed = lookups.rerun(job) if repeatable else resolve(context, job)
    return job.workflow if changed else ""


def resolve(context: EngineContext, job: Job) -> bool:
    """Look one up: adopt the job if it is found; believe that it is absent only after the grace.

    True where something changed.
    """
    credential = credentials.usable(context.vault, job.owner)
    if credential is None:
        return False
    if not context.backends[job.backend].admit([job.owner]):
        lookups.look_again(job, _PAUSE)
        return False
    found = _find(context, credential, job)
    if isinstance(found, TokenRefused):
        credentials.mark_refused(context.vault, credential, found.refusal)
        return False
    if isinstance(found, Unanswered):
        error = answer_text(found)
        log.warning("A submission cannot be looked up", workflow_id=job.workflow, error=error)
        lookups.look_again(job, _PAUSE)
        return False
    if found:
        return _adopt(context, job, found)
    return _conclude(context, credential, job)


def _conclude(context: EngineContext, credential: Credential, job: Job) -> bool:
    """The job is absent: sends it again, unless it is unwanted or was refused for too long."""
    if job.kill:
        return lookups.withdraw(job)
    waited = clock() - job.refused_since if job.refused_since else timedelta(0)
    if not job.answered or waited < context.limits.outage_patience:
        return lookups.send_again(job)
    backend, caller = context.backends[job.backend], caller_of(credential)
    patience = context.limits.outage_patience
    verdict = backend.judge_refusal(caller, job, job.reason, patience)
    if not verdict.fails:
        return lookups.send_again(job)
    return lookups.give_up(job, tell("refused", detail=verdict.reason))


def _find(context: EngineContext, credential: Credential, job: Job) -> tuple[str, ...] | NoAnswer:
    if job.sent_at is None:
        raise IllegalMove(f"job {job.key} is being sent but has no time of sending")
    backend = context.backends[job.backend]
    return backend.find(caller_of(credential), job, job.sent_at - _MARGIN)


def _adopt(context: EngineContext, job: Job, found: tuple[str, ...]) -> bool:
    """Adopts the lowest id; the others are duplicates and are killed. So are all of them where the
    attempt has ended without a job in the meantime."""
    adopted = lookups.adopt(job, found[0])
    known = found[0] if adopted else send_results.known_id(job)
    surplus = [job_id for job_id in found if job_id != known]
    if surplus:
        log.error("Surplus jobs are killed", workflow_id=job.workflow, job_ids=surplus)
        kill_surplus(context, job, surplus)
    log.info("A lost submission was found", workflow_id=job.workflow, step=job.step, job_id=known)
    return adopted
