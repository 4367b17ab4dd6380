"""CreateGenomeGroup: a group of the genomes with the given ids."""

from __future__ import annotations

from typing import Final

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import BuiltinStep, Clients, Results, declare
from workflows.backends.builtin.groups import save_group
from workflows.model.values import Job


def _create_genome_group(clients: Clients, token: str, job: Job) -> Results:
    folder = step_params.string(job.params, "workspace_path")
    members = step_params.strings(job.params, "genome_ids")
    path = save_group(clients, token, job, "genome_group", members, folder)
    return {"genome_group_path": path}


STEP: Final = BuiltinStep(
    "CreateGenomeGroup",
    "Writes a genome group of given genome ids into the Workspace.",
    (
        declare("group_name", "string", required=1),
        declare("workspace_path", "folder"),
        declare("genome_ids", "string", required=1, allow_multiple=1),
    ),
    ("genome_group_path",),
    _create_genome_group,
    aliases=("bvbrc-create-genome-group",),
    in_cwl=True,
)
