"""Ask AppService about one user's jobs, store what changed, and let those workflows go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice

import structlog
from circuitbreaker import CircuitBreakerError

from workflows.bvbrc.appservice import JobWord, Report
from workflows.engine.advance import Advanced, advance
from workflows.engine.parts import Parts
from workflows.errors import ServiceError, Unauthorized
from workflows.schedule import due
from workflows.store import credentials, watch
from workflows.store.credentials import Credential
from workflows.store.watch import Learnt, Watched
from workflows.workflow import Outcome

log = structlog.get_logger(__name__)

BATCH = 200
"""Job ids in one call of query_tasks."""
_THREADS = 4
"""Calls under way at once for one user."""


def poll_jobs(parts: Parts, owner: str) -> Advanced:
    """One turn for one user: what is due among all jobs of all the user's workflows.

    Without a usable token, or while AppService is away, nothing is asked and nothing is lost.
    """
    turn = watch.take_turn(f"poll:{owner}", parts.limits.polling_interval * 0.9)
    credential = credentials.usable(parts.vault, owner) if turn else None
    if turn is None or credential is None or parts.breaker.opened:
        return Advanced()
    base = parts.limits.polling_interval
    jobs = [
        job
        for job in watch.active(owner)
        if due(job.key, job.submitted_at, turn.since, turn.now, base)
    ]
    return ask(parts, credential, jobs, turn.now)


def ask(parts: Parts, credential: Credential, jobs: Sequence[Watched], now: datetime) -> Advanced:
    """Ask about these jobs, in batches side by side."""
    batches = list(_batches(jobs))
    if len(batches) <= 1:
        results = [_batch(parts, credential, batch, now) for batch in batches]
    else:
        with ThreadPoolExecutor(min(_THREADS, len(batches)), "poll") as pool:
            results = list(pool.map(lambda batch: _batch(parts, credential, batch, now), batches))
    return sum(results, Advanced())


def _batches(jobs: Iterable[Watched]) -> Iterable[list[Watched]]:
    rest = iter(jobs)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _batch(
    parts: Parts, credential: Credential, jobs: Sequence[Watched], now: datetime
) -> Advanced:
    try:
        with parts.breaker:
            reports = parts.appservice.query(credential.token, [job.job_id for job in jobs])
    except Unauthorized:
        credentials.refused(parts.vault, credential)
        return Advanced()
    except (ServiceError, CircuitBreakerError) as away:
        log.warning("AppService could not be asked", jobs=len(jobs), error=str(away))
        return Advanced()
    learnt = [
        news
        for job in jobs
        if (news := _news(parts, job, reports.get(job.job_id), now)) is not None
    ]
    watch.record(learnt)
    return advance(parts, [each.workflow for each in learnt if each.news])


def _news(parts: Parts, job: Watched, report: Report | None, now: datetime) -> Learnt | None:
    """What differs from what is stored; None where nothing does."""
    if report is None:
        return _missing(parts, job, now)
    if report.state in (JobWord.SUCCEEDED, JobWord.FAILED):
        outcome = Outcome.SUCCEEDED if report.state is JobWord.SUCCEEDED else Outcome.FAILED
        reason = "" if outcome is Outcome.SUCCEEDED else f"BV-BRC job {job.job_id} failed"
        fields = watch.ended(outcome, report.started_at, report.finished_at or now, reason)
        return Learnt(job.key, job.workflow, fields)
    if report.started_at and job.started_at is None:
        return Learnt(job.key, job.workflow, watch.running(report.started_at))
    if job.missing_since:
        return Learnt(job.key, job.workflow, {"missing_since": None}, news=False)
    return None


def _missing(parts: Parts, job: Watched, now: datetime) -> Learnt | None:
    """AppService did not name the job: remembered at first, believed after the deadline."""
    if job.missing_since is None:
        return Learnt(job.key, job.workflow, {"missing_since": now}, news=False)
    if now - job.missing_since < parts.limits.lost_deadline:
        return None
    reason = f"BV-BRC has not known job {job.job_id} since {job.missing_since:%Y-%m-%d %H:%M} UTC"
    return Learnt(job.key, job.workflow, watch.ended(Outcome.LOST, None, now, reason))
