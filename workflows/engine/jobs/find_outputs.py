"""Finds a job's outputs in the Workspace by patterns, if only the run determines their names.

A completed job is reported to its workflow when its outputs are known. The search is idempotent:
the results of a completed job no longer change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from workflows.backends.base import Finished, NoAnswer, TokenRefused
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.engine.jobs.handover import answer_text, caller_of
from workflows.model.errors import Unauthorized
from workflows.model.values import Job, Outcome
from workflows.store.jobs import output_search, polling
from workflows.store.jobs.polling import JobUpdate
from workflows.store.users import credentials

log = structlog.get_logger(__name__)

_TOGETHER = 16
"""Searches that are begun together."""


def find_results(context: EngineContext, limit: int = 200) -> Advanced:
    """Look for the outputs of the due jobs, side by side: a user's Workspace that hangs delays no
    other user. Ends where a backend turns out to be away.
    """
    total, away = Advanced(), False

    def take(answers: Sequence[JobUpdate | None]) -> None:
        nonlocal total, away
        away = away or None in answers
        if updates := [update for update in answers if update]:
            total += _settle(context, updates)

    for _ in range(0, limit, _TOGETHER):
        calls = _due_searches(context)
        context.searches.run(calls, take)
        if away or sum(map(len, calls.values())) < _TOGETHER:
            break
    return total


def _due_searches(context: EngineContext) -> dict[str, list[Callable[[], JobUpdate | None]]]:
    """By owner, what is due now; none of users whose searches hang."""
    again_in = min(context.limits.lease, timedelta(seconds=15))
    calls: dict[str, list[Callable[[], JobUpdate | None]]] = defaultdict(list)
    busy = context.searches.busy()
    for _ in range(_TOGETHER):
        job = None if context.stopping.is_set() else output_search.take(again_in, busy)
        if job is None:
            break
        calls[job.owner].append(partial(_search, context, job))
    return calls


def _search(context: EngineContext, job: Job) -> JobUpdate | None:
    """How the job has ended; None where its backend cannot be asked now."""
    found = _look_for_outputs(context, job)
    return _job_end(job, found) if isinstance(found, Finished) else _wait(job, answer_text(found))


def _look_for_outputs(context: EngineContext, job: Job) -> Finished | NoAnswer:
    credential = credentials.usable(context.vault, job.owner)
    if credential is None:
        return TokenRefused(Unauthorized("there is no usable token"))
    found = context.backends[job.backend].outputs(caller_of(credential), job)
    if isinstance(found, TokenRefused):
        credentials.mark_refused(context.vault, credential, found.refusal)
    return found


def _wait(job: Job, reason: str) -> JobUpdate | None:
    """Look again later, unless the job is to be killed: no job outlives its workflow."""
    if job.kill:
        return _job_end(job, Finished(Outcome.FAILED, f"its outputs were not looked for: {reason}"))
    log.warning("Results cannot be looked for", workflow_id=job.workflow, error=reason)
    output_search.say(job, reason)
    return None


def _job_end(job: Job, found: Finished) -> JobUpdate:
    return polling.record_outputs(job, found.outcome, found.reason, found.outputs)


def _settle(context: EngineContext, updates: Sequence[JobUpdate]) -> Advanced:
    polling.record(updates)
    return advance(context, [update.workflow for update in updates])
