"""Finds a job's outputs in the Workspace by patterns, if only the run determines their names.

A completed job is reported to its workflow when its outputs are known. The search is idempotent:
the results of a completed job no longer change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from workflows.bvbrc.workspace import Workspace
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.model.errors import InDoubt, NotFound, NotSent, Rejected, ServiceAway, Unauthorized
from workflows.model.values import Job, Json, Outcome
from workflows.spec.output_globs import folders, leads_on, matching, missing
from workflows.store import credentials
from workflows.store.jobs import output_search, polling
from workflows.store.jobs.polling import JobUpdate

log = structlog.get_logger(__name__)

MOST_FOLDERS: Final = 100
MOST_PATHS: Final = 10_000
"""Of one output."""
_TOGETHER = 16
"""Searches that are begun together."""


def find_results(context: EngineContext, limit: int = 200) -> Advanced:
    """Look for what is due to be looked for, side by side: a user's Workspace that hangs delays
    nobody else. Ends where the Workspace turns out to be away.
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
    """How the job has ended; None where the Workspace cannot be asked now."""
    try:
        return _look_for_outputs(context, job)
    except (Unauthorized, NotSent, InDoubt, ServiceAway) as failure:
        return _wait(job, str(failure))


def _look_for_outputs(context: EngineContext, job: Job) -> JobUpdate:
    """How the job has ended. Raises ``Unauthorized``, and other errors if the Workspace cannot be
    asked."""
    credential = credentials.usable(context.vault, job.owner)
    if credential is None or context.clients is None:
        raise Unauthorized("there is no usable token")
    try:
        found = _match_globs(context.clients.workspace, credential.token, job.globs)
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
        raise
    except (Rejected, NotFound) as refusal:
        return _job_end(job, Outcome.FAILED, f"its results cannot be seen: {refusal}", {})
    if absent := missing(job.globs, found):
        patterns = ", ".join(f"'{name}' ({job.globs[name]['glob']})" for name in absent)
        return _job_end(job, Outcome.FAILED, f"the job left nothing for {patterns}", {})
    return _job_end(job, Outcome.SUCCEEDED, "", found)


def _match_globs(
    workspace: Workspace, token: str, globs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    return {
        name: matching(output, _paths(workspace, token, output)) for name, output in globs.items()
    }


def _paths(workspace: Workspace, token: str, output: Mapping[str, Any]) -> Iterator[str]:
    """The paths in the folders of the patterns; raises ``Rejected`` for too many."""
    rest, count = list(folders(output)), 0
    for number, folder in enumerate(rest):  # grows while it is walked
        if number >= MOST_FOLDERS:
            raise Rejected(f"there are more than {MOST_FOLDERS} folders to look into")
        for item in workspace.ls(token, folder):
            count += 1
            if count > MOST_PATHS:
                raise Rejected(f"there are more than {MOST_PATHS} files to choose from")
            if item.is_folder and leads_on(output, item.path):
                rest.append(item.path)
            yield item.path


def _wait(job: Job, reason: str) -> JobUpdate | None:
    """Later, unless nobody wants them any more: no job outlives its workflow."""
    if job.kill:
        return _job_end(job, Outcome.FAILED, f"nobody looked: {reason}", {})
    log.warning("Results cannot be looked for", workflow_id=job.workflow, error=reason)
    output_search.say(job, reason)
    return None


def _job_end(job: Job, outcome: Outcome, reason: str, found: Mapping[str, Json]) -> JobUpdate:
    return polling.record_outputs(job, outcome, reason, found)


def _settle(context: EngineContext, updates: Sequence[JobUpdate]) -> Advanced:
    polling.record(updates)
    return advance(context, [update.workflow for update in updates])
