"""Deletes a user's data: an ended workflow with all its documents, and the stored token."""

from __future__ import annotations

from workflows.model.errors import Conflict
from workflows.model.states import FINAL_WORKFLOW
from workflows.store import removals
from workflows.store.users import credentials
from workflows.store.workflows import stored


def delete_workflow(workflow: str) -> None:
    """Delete a workflow that has ended or was never started, with its specs, jobs and events.

    Raises ``NotFound``, and ``Conflict`` while it is active or a job of it may still run.
    """
    if not removals.hide(workflow, removals.DELETABLE):
        raise _refusal(workflow)
    removals.erase(workflow)


def _refusal(workflow: str) -> Conflict:
    state = stored.get(workflow).status
    if state in FINAL_WORKFLOW:
        return Conflict(
            "Cannot delete a workflow while its jobs are being killed at BV-BRC;"
            " try again when no outcome is 'kill_requested'"
        )
    return Conflict(f"Cannot delete workflow with status '{state}'; cancel it first")


def forget_token(owner: str) -> None:
    """Delete the user's token. Steps that need one wait until the user hands in another."""
    credentials.forget(owner)
