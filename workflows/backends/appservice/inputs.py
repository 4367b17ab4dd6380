"""Asks the Workspace whether the inputs of a refused job exist."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import NotFound, Rejected, ServiceError, Unavailable
from workflows.model.values import Job
from workflows.rules.outages import Inputs, Verdict, input_paths, is_written_by, judge
from workflows.store.jobs import rows as jobs
from workflows.store.mongo import clock

_LONGEST_SECONDS: Final = 60.0
"""How long a sending thread asks; inputs not checked by then count as unproven."""


def judge_refusal(
    workspace: Workspace | None, token: str, job: Job, refusal: str, patience: timedelta
) -> Verdict:
    """Judges a refusal of the job that may be an outage. Asks the Workspace and MongoDB; an outage
    of either proves nothing."""
    try:
        inputs = check_inputs(workspace, token, job)
        waited = clock() - job.refused_since if job.refused_since else timedelta(0)
    except Unavailable as away:
        inputs, waited = Inputs(unproven=str(away)), timedelta(0)
    return judge(refusal, inputs, waited, patience)


def check_inputs(workspace: Workspace | None, token: str, job: Job) -> Inputs:
    """Raises ``Unavailable``."""
    paths = input_paths(job.params, job.owner)
    if not paths:
        return Inputs()
    if workspace is None:
        return Inputs(unproven="this process does not ask it")
    absent, unproven, until = list[str](), "", time.monotonic() + _LONGEST_SECONDS
    for path in paths:
        try:
            if not _exists(workspace, token, job.owner, path):
                absent.append(path)
            if time.monotonic() > until:
                unproven = "it answers too slowly"
        except ServiceError as away:
            unproven = str(away)
        if unproven:
            break
    steps = jobs.finished_steps(job.workflow) if absent else []
    written = [path for path in absent if is_written_by(path, steps)]
    missing = [path for path in absent if path not in written]
    return Inputs(tuple(missing), tuple(written), unproven)


def _exists(workspace: Workspace, token: str, owner: str, path: str) -> bool:
    """Raises ``ServiceError`` where the Workspace cannot say.

    It takes a caller whose token it cannot verify for an anonymous one, who may read nothing of the
    owner's (protocol.md 6.1). So "no permission" counts only if it lets the owner see the own home.
    """
    try:
        workspace.item(token, path)
    except NotFound:
        return False
    except Rejected:
        workspace.item(token, f"/{owner}/home")
        return False
    return True
