"""Writes groups of genomes or features to the Workspace."""

from __future__ import annotations

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import Clients
from workflows.bvbrc.workspace import MEMBERS, GroupType, group_path
from workflows.model.errors import Rejected
from workflows.model.values import Job


def save_group(  # noqa: PLR0913, PLR0917 - a group is all of this
    clients: Clients, token: str, job: Job, kind: GroupType, members: list[str], folder: str
) -> str:
    """The path of the group, which is named by the job's ``group_name``."""
    unique = list(dict.fromkeys(members))
    if not unique:
        raise Rejected(f"there are no {MEMBERS[kind]}s to put into the group")
    name = step_params.string(job.params, "group_name")
    path = group_path(job.owner, kind, name)
    if folder:
        path = f"{folder.rstrip('/')}/{name}"
    clients.workspace.save_group(token, path, kind, unique)
    return path
