"""Finds what a job left in the Workspace, where only the run tells under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import Rejected
from workflows.model.values import Json
from workflows.spec.output_globs import folders, leads_on, matching

MOST_FOLDERS: Final = 100
MOST_PATHS: Final = 10_000
"""Of one output."""


def match_globs(
    workspace: Workspace, token: str, globs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Json]:
    """The values of outputs, by name. Raises ``Rejected`` and what the client raises."""
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
