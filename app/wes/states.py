"""The states of WES, and which of them a workflow is in; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from workflows.model.states import WorkflowState


class RunState(StrEnum):
    """The words of WES 1.1. Clients stop waiting at any but the first three."""

    QUEUED = "QUEUED"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETE = "COMPLETE"
    EXECUTOR_ERROR = "EXECUTOR_ERROR"
    SYSTEM_ERROR = "SYSTEM_ERROR"
    CANCELED = "CANCELED"
    CANCELING = "CANCELING"
    PREEMPTED = "PREEMPTED"
    UNKNOWN = "UNKNOWN"


_PLAIN: Final[Mapping[WorkflowState, RunState]] = {
    WorkflowState.PENDING: RunState.QUEUED,
    WorkflowState.QUEUED: RunState.QUEUED,
    WorkflowState.RUNNING: RunState.RUNNING,
    WorkflowState.SUCCEEDED: RunState.COMPLETE,
}
ENDED: Final = frozenset(
    {RunState.COMPLETE, RunState.EXECUTOR_ERROR, RunState.SYSTEM_ERROR, RunState.CANCELED}
)
EXIT_CODES: Final[Mapping[RunState, int]] = {
    RunState.COMPLETE: 0,
    RunState.EXECUTOR_ERROR: 1,
    RunState.SYSTEM_ERROR: 1,
}
"""What a command that ran the workflow would end with; clients end with it."""


def run_state(
    status: WorkflowState, *, paused: bool, failed_at_bvbrc: bool, being_killed: bool
) -> RunState:
    """The state of a run. ``status`` is the workflow's, as people see it, and no plan's.

    What goes on by itself is never ``PAUSED``: clients would stop waiting.
    """
    if status is WorkflowState.FAILED:
        return RunState.EXECUTOR_ERROR if failed_at_bvbrc else RunState.SYSTEM_ERROR
    if status is WorkflowState.CANCELLED:
        return RunState.CANCELING if being_killed else RunState.CANCELED
    return RunState.PAUSED if paused else _PLAIN.get(status, RunState.UNKNOWN)


def stored_states(wanted: Collection[RunState]) -> list[WorkflowState]:
    """The workflow states among which runs in the wanted states are; of all, without any wanted.
    Plans are no runs."""
    all_states = [state for state in WorkflowState if state is not WorkflowState.PLANNED]
    return [state for state in all_states if not wanted or _possible(state) & set(wanted)]


def _possible(state: WorkflowState) -> set[RunState]:
    choices = [
        run_state(state, paused=paused, failed_at_bvbrc=other, being_killed=other)
        for paused in (False, True)
        for other in (False, True)
    ]
    return set(choices)
