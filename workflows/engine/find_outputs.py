"""What a job left in the Workspace, where only the run tells under which names.

A job that ended well is told to its workflow when that is known. It may be looked for again and
again: what a job left no longer changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from workflows.bvbrc.workspace import Workspace
from workflows.engine.advance import Advanced, advance
from workflows.engine.context import Parts
from workflows.model.errors import InDoubt, NotFound, NotSent, Rejected, ServiceAway, Unauthorized
from workflows.model.values import Job, Json, Outcome
from workflows.spec.output_globs import folders, leads_on, matching, missing
from workflows.store import credentials
from workflows.store.jobs import output_search, polling
from workflows.store.jobs.polling import Learnt

log = structlog.get_logger(__name__)

MOST_FOLDERS: Final = 100
MOST_PATHS: Final = 10_000
"""Of one output."""


def find_results(parts: Parts, limit: int = 200) -> Advanced:
    """Look for what is due to be looked for; ends where the Workspace turns out to be away."""
    total = Advanced()
    again_in = min(parts.limits.lease, timedelta(seconds=15))
    for _ in range(limit):
        job = None if parts.stopping.is_set() else output_search.take(again_in)
        if job is None:
            break
        try:
            total += _settle(parts, _looked(parts, job))
        except Unauthorized as refused:
            total += _wait(parts, job, str(refused))
        except (NotSent, InDoubt, ServiceAway) as away:
            total += _wait(parts, job, str(away))
            break
    return total


def _looked(parts: Parts, job: Job) -> Learnt:
    """How the job has ended. Raises ``Unauthorized``, and where the Workspace cannot be asked."""
    credential = credentials.usable(parts.vault, job.owner)
    if credential is None or parts.clients is None:
        raise Unauthorized("there is no usable token")
    try:
        found = _found(parts.clients.workspace, credential.token, job.globs)
    except Unauthorized as refusal:
        credentials.refused(parts.vault, credential, refusal)
        raise
    except (Rejected, NotFound) as refusal:
        return _ended(job, Outcome.FAILED, f"its results cannot be seen: {refusal}", {})
    if absent := missing(job.globs, found):
        patterns = ", ".join(f"'{name}' ({job.globs[name]['glob']})" for name in absent)
        return _ended(job, Outcome.FAILED, f"the job left nothing for {patterns}", {})
    return _ended(job, Outcome.SUCCEEDED, "", found)


def _found(
    workspace: Workspace, token: str, globs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    return {
        name: matching(output, _paths(workspace, token, output)) for name, output in globs.items()
    }


def _paths(workspace: Workspace, token: str, output: Mapping[str, Any]) -> Iterator[str]:
    """What lies in the folders that the patterns go through; raises ``Rejected`` for too many."""
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


def _wait(parts: Parts, job: Job, reason: str) -> Advanced:
    """Later, unless nobody wants them any more: no job outlives its workflow."""
    if job.kill:
        return _settle(parts, _ended(job, Outcome.FAILED, f"nobody looked: {reason}", {}))
    log.warning("Results cannot be looked for", workflow_id=job.workflow, error=reason)
    output_search.say(job, reason)
    return Advanced()


def _ended(job: Job, outcome: Outcome, reason: str, found: Mapping[str, Json]) -> Learnt:
    return Learnt(job.key, job.workflow, polling.known(outcome, reason, found))


def _settle(parts: Parts, learnt: Learnt) -> Advanced:
    polling.record([learnt])
    return advance(parts, [learnt.workflow])
