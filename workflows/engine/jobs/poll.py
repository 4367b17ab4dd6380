"""Ask backends about users' jobs, store what changed, and let those workflows go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

import structlog

from workflows.backends.base import Backend, JobReport, TokenRefused, Unanswered
from workflows.backends.declared_apps import brings_outputs
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.engine.jobs.handover import caller_of
from workflows.engine.jobs.likely_ends import MOST, by_forecast, choose_jobs
from workflows.model.values import Outcome
from workflows.rules.endings import tell_lost
from workflows.rules.poll_schedule import due, due_early, youngest
from workflows.store.jobs import failures, polling
from workflows.store.jobs.polling import JobUpdate, UserLock, Watched
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential

log = structlog.get_logger(__name__)

BATCH = 200
"""Job ids in one call."""
_EARLY_INTERVAL = timedelta(seconds=0.8)
"""The time between two early looks at jobs of one user; they are asked for once a second."""


def poll_jobs(context: EngineContext, owners: Sequence[str]) -> Advanced:
    """Poll the due jobs of some users, over all their workflows.

    Without a usable token, or while AppService is away, nothing is polled and nothing is lost. A
    hanging call delays only its own user, who is not polled until it ends.
    """
    base = context.limits.polling_interval
    admitted = _admit(context, owners)
    locks = _take_locks("poll", admitted, base * 0.9)
    tokens = credentials.usable_of(context.vault, list(locks)) if locks else {}
    active = polling.active(list(tokens)) if tokens else {}
    _report_watch_time(context, [(jobs, locks[owner]) for owner, jobs in active.items()])
    chosen = choose_jobs(context, active, locks, partial(_is_due, base), regular=True)
    return ask(context, _questions(admitted, tokens, locks, chosen))


def poll_young_jobs(context: EngineContext, owners: Sequence[str]) -> Advanced:
    """The same between two intervals, for jobs that have just started and those that are likely to
    end."""
    base = context.limits.polling_interval
    admitted = _admit(context, owners)
    locks = _take_locks("young", admitted, _EARLY_INTERVAL)
    tokens = credentials.usable_of(context.vault, list(locks)) if locks else {}
    active = _read_active(context, list(tokens), locks)
    chosen = choose_jobs(context, active, locks, partial(_is_due_early, base), regular=False)
    return ask(context, _questions(admitted, tokens, locks, chosen))


def _questions(
    admitted: Mapping[str, Sequence[Backend]],
    tokens: Mapping[str, Credential],
    locks: Mapping[str, UserLock],
    chosen: Mapping[str, Sequence[Watched]],
) -> list[_Question]:
    return [
        _Question(backend, tokens[owner], batch, locks[owner].now)
        for owner, jobs in chosen.items()
        for backend, batch in _batches(admitted[owner], jobs)
    ]


def _is_due(base: timedelta, job: Watched, lock: UserLock, forecast: bool) -> bool:
    return not forecast and due(job.key, job.submitted_at, lock.since, lock.now, base)


def _is_due_early(base: timedelta, job: Watched, lock: UserLock, _forecast: bool) -> bool:
    return due_early(job.submitted_at, lock.since, lock.now, base)


def _read_active(
    context: EngineContext, owners: Sequence[str], locks: Mapping[str, UserLock]
) -> dict[str, list[Watched]]:
    """The young jobs; all jobs of users for whom forecasts may speak."""
    if not owners:
        return {}
    forecast = polling.with_few(owners, MOST) if by_forecast(context) else []
    others = [owner for owner in owners if owner not in forecast]
    since = min(youngest(locks[owner].now) for owner in owners)
    return {
        **(polling.active(forecast) if forecast else {}),
        **(polling.active(others, since) if others else {}),
    }


def _admit(context: EngineContext, owners: Sequence[str]) -> dict[str, list[Backend]]:
    """Users whose calls neither hang here nor are held back, each with the backends to ask."""
    busy = context.polls.busy()
    free = [owner for owner in owners if owner not in busy]
    admitted: dict[str, list[Backend]] = defaultdict(list)
    for backend in context.backends.values():
        for owner in [] if backend.synchronous else backend.admit(free):
            admitted[owner].append(backend)
    return admitted


def _take_locks(kind: str, owners: Collection[str], interval: timedelta) -> dict[str, UserLock]:
    """The users whose lock is ours."""
    locks = polling.take_locks([f"{kind}:{owner}" for owner in owners], interval) if owners else {}
    return {name.partition(":")[2]: lock for name, lock in locks.items()}


@dataclass(frozen=True, slots=True)
class _Question:
    """One call."""

    backend: Backend
    credential: Credential
    jobs: Sequence[Watched]
    now: datetime


def _report_watch_time(
    context: EngineContext, looks: Sequence[tuple[Sequence[Watched], UserLock]]
) -> None:
    """Reports how long these jobs have been at AppService since the previous poll."""
    together = timedelta(0)
    for jobs, lock in looks:
        before = lock.since or lock.now
        together += sum((lock.now - max(before, job.submitted_at) for job in jobs), timedelta(0))
    context.watched(max(together, timedelta(0)))


def _batches(
    backends: Sequence[Backend], jobs: Sequence[Watched]
) -> Iterable[tuple[Backend, list[Watched]]]:
    for backend in backends:
        rest = (job for job in jobs if job.backend == backend.name)
        while batch := list(islice(rest, BATCH)):
            yield backend, batch


def ask(context: EngineContext, questions: Sequence[_Question]) -> Advanced:
    """Make the calls concurrently. Answers that arrive together are processed together; a late one
    is processed when it arrives, and delays only its own user."""
    total = Advanced()

    def take(answers: Sequence[Sequence[JobUpdate]]) -> None:
        nonlocal total
        learnt = [each for answer in answers for each in answer]
        polling.record(learnt)
        total += advance(context, [each.workflow for each in learnt if each.unprocessed])
        total += Advanced(
            finds=sum(each.to_be_found for each in learnt),
            failures=sum(each.to_be_asked_why for each in learnt),
        )

    calls: dict[str, list[Callable[[], Sequence[JobUpdate]]]] = defaultdict(list)
    for question in questions:
        calls[question.credential.owner].append(partial(_answer, context, question))
    context.polls.run(calls, take)
    return total


def _answer(context: EngineContext, question: _Question) -> list[JobUpdate]:
    """The updates of one call; none if it fails."""
    credential, jobs = question.credential, question.jobs
    job_ids = [job.job_id for job in jobs]
    reports = question.backend.poll(caller_of(credential), job_ids)
    if isinstance(reports, TokenRefused):
        credentials.mark_refused(context.vault, credential, reports.refusal)
        return []
    if isinstance(reports, Unanswered):
        log.warning("AppService could not be asked", jobs=len(jobs), error=reports.reason)
        return []
    learnt = (_read_update(context, job, reports.get(job.job_id), question.now) for job in jobs)
    return [each for each in learnt if each is not None]


def _read_update(
    context: EngineContext, job: Watched, report: JobReport | None, now: datetime
) -> JobUpdate | None:
    """The update of a job; None if nothing has changed."""
    if report is None:
        return _read_missing(context, job, now)
    if report.outcome is Outcome.SUCCEEDED:
        return _read_success(job, report, now)
    if report.outcome is Outcome.FAILED:
        return failures.record_failure(job, now, report, context.limits.evidence_deadline)
    if report.started_at and job.started_at is None:
        return polling.record_running(job, report.started_at)
    if job.missing_since:
        return polling.record_missing(job, None)
    return None


def _read_success(job: Watched, report: JobReport, now: datetime) -> JobUpdate:
    """Outputs that only the run brings are found first (``find_outputs.py``)."""
    started_at, ended_at = report.started_at, report.finished_at or now
    if job.looks_for or brings_outputs(job.app):
        return polling.record_success(job, now, started_at, ended_at)
    return polling.record_end(job, Outcome.SUCCEEDED, started_at, ended_at, "")


def _read_missing(context: EngineContext, job: Watched, now: datetime) -> JobUpdate | None:
    """AppService did not list the job: noted at first, believed after the deadline."""
    if job.missing_since is None:
        return polling.record_missing(job, now)
    if now - job.missing_since < context.limits.lost_deadline:
        return None
    reason = tell_lost(job.job_id, job.missing_since)
    return polling.record_end(job, Outcome.LOST, None, now, reason)
