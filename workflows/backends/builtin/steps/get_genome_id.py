"""GetGenomeId: the id of the genome that a job made."""

from __future__ import annotations

from typing import Final

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import BuiltinStep, Clients, Results, declare
from workflows.backends.builtin.job_results import genome_id, visible_path
from workflows.model.errors import NotFound, Rejected
from workflows.model.values import Job


def _get_genome_id(clients: Clients, token: str, job: Job) -> Results:
    """From the job's result, which is small; else from the genome object itself."""
    path = step_params.string(job.params, "genome_ws_path")
    try:
        found = genome_id(clients.workspace.job_result(token, visible_path(path)))
    except NotFound:
        found = ""
    if not found:
        found = genome_id(clients.workspace.job_result(token, path))
    if not found:
        raise Rejected(f"{path} names no genome")
    return {"genome_id": found}


STEP: Final = BuiltinStep(
    "GetGenomeId",
    "Reads the genome id of a genome that an annotation wrote into the Workspace.",
    (declare("genome_ws_path", "wstype", required=1),),
    ("genome_id",),
    _get_genome_id,
    aliases=("bvbrc-get-genome-id",),
    in_cwl=True,
)
