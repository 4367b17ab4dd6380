"""Renames outputs whose names are taken in the Workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import Problem, ServiceError
from workflows.spec.document import document
from workflows.spec.validate import Validated, folders, rename_taken

MOST_FOLDERS: Final = 20
"""The most folders that are listed: each is a call, and a user waits for the answer."""


def without_conflicts(workspace: Workspace, token: str, checked: Validated) -> Validated:
    """The workflow with every taken ``output_file`` changed, and each change among the fixes.

    If the Workspace cannot be asked, names stay unchanged, and a warning says so.
    """
    wanted = sorted(folders(checked.spec))
    try:
        taken = {
            item.path for folder in wanted[:MOST_FOLDERS] for item in workspace.ls(token, folder)
        }
    except ServiceError as away:
        return _add_warning(checked, f"the Workspace could not be asked for names in use: {away}")
    spec, fixes = rename_taken(checked.spec, taken)
    if fixes:
        fixed = (*checked.auto_fixes, *fixes)
        checked = Validated(spec, document(spec), checked.warnings, fixed)
    if len(wanted) > MOST_FOLDERS:
        return _add_warning(checked, f"only {MOST_FOLDERS} folders were searched for names in use")
    return checked


def _add_warning(checked: Validated, message: str) -> Validated:
    warning = Problem("", "conflicts_not_checked", message)
    return replace(checked, warnings=(*checked.warnings, warning))
