"""CreateGroup: a group of the genomes or features that jobs made, or that other groups hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import BuiltinStep, Clients, Results, declare
from workflows.backends.builtin.groups import save_group
from workflows.backends.builtin.job_results import genome_id, visible_path
from workflows.bvbrc.workspace import MEMBERS, GroupType, Workspace
from workflows.model.errors import Rejected
from workflows.model.values import Job

GROUP_TYPES: Final = {
    "genome_group": "genome",
    "genomes": "genome",
    "feature_group": "feature",
    "features": "feature",
}


def _create_group(clients: Clients, token: str, job: Job) -> Results:
    params = job.params
    word = step_params.string(params, "group_type")
    simple = GROUP_TYPES.get(word, word)
    if simple not in ("genome", "feature"):
        raise Rejected(f"there is no group type {word!r}")
    kind: GroupType = "genome_group" if simple == "genome" else "feature_group"
    members = [
        member
        for path in step_params.strings(params, "job_result_paths")
        for member in _members(clients.workspace, token, path, kind)
    ]
    folder = step_params.string(params, "output_group_path")
    return {"group_path": save_group(clients, token, job, kind, members, folder)}


def _members(workspace: Workspace, token: str, path: str, kind: GroupType) -> list[str]:
    """Of a group its members; of a job's result the genome that it made."""
    found = workspace.job_result(token, visible_path(path))
    ids = found.get("id_list")
    if isinstance(ids, Mapping):
        return step_params.strings(ids, MEMBERS[kind])
    return [genome_id(found)] if kind == "genome_group" and genome_id(found) else []


STEP: Final = BuiltinStep(
    "CreateGroup",
    "Writes a genome or feature group of the results of earlier steps.",
    (
        declare("job_result_paths", "wstype", required=1, allow_multiple=1),
        declare("group_type", "enum", required=1, enum=["genome", "feature"]),
        declare("group_name", "string", required=1),
        declare("output_group_path", "folder"),
        declare("service_type", "string"),
    ),
    ("group_path",),
    _create_group,
    synonyms={"group_type": GROUP_TYPES},
)
