"""The states and the legal moves between them; docs/states.md is generated from this module.

A move that is not in a table is a defect of ours and raises ``IllegalMove``. A *final* state has no
moves, except those of a user's retry (``RETRY_*``: new attempts of ended steps). The moves of jobs
are in ``job_moves``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from workflows.model.errors import IllegalMove


class WorkflowState(StrEnum):
    """The state of a workflow."""

    PLANNED = "planned"  # stored, not started
    PENDING = "pending"  # accepted, not yet advanced
    QUEUED = "queued"  # advanced; no step is running yet
    RUNNING = "running"  # at least one step has started at BV-BRC
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """The state of a step."""

    PENDING = "pending"  # waits for other steps
    READY = "ready"  # can start; waits for a free slot or for its retry time
    QUEUED = "queued"  # handed to AppService, or being handed over
    RUNNING = "running"  # AppService says so and has a start time
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"  # a step it depends on did not succeed
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # its condition was false


class JobState(StrEnum):
    """The state of one attempt of a step, as the outbox and the polls keep it."""

    CHECKING = "checking"  # stored; an earlier result that it may reuse is being looked for
    INTENDED = "intended"  # stored, and to be sent to AppService
    SENDING = "sending"  # being sent, or sent without an answer (in doubt)
    ACTIVE = "active"  # AppService has it
    DONE = "done"  # AppService says that it ended, or no longer knows it
    REJECTED = "rejected"  # AppService refused it
    WITHDRAWN = "withdrawn"  # never started: its workflow ended first


WORKFLOW_MOVES: Mapping[WorkflowState, frozenset[WorkflowState]] = {
    WorkflowState.PLANNED: frozenset({WorkflowState.PENDING, WorkflowState.CANCELLED}),
    WorkflowState.PENDING: frozenset(
        {
            WorkflowState.QUEUED,
            WorkflowState.RUNNING,
            WorkflowState.SUCCEEDED,
            WorkflowState.FAILED,
            WorkflowState.CANCELLED,
        }
    ),
    WorkflowState.QUEUED: frozenset(
        {
            WorkflowState.RUNNING,
            WorkflowState.SUCCEEDED,
            WorkflowState.FAILED,
            WorkflowState.CANCELLED,
        }
    ),
    WorkflowState.RUNNING: frozenset(
        {WorkflowState.SUCCEEDED, WorkflowState.FAILED, WorkflowState.CANCELLED}
    ),
    WorkflowState.SUCCEEDED: frozenset(),
    WorkflowState.FAILED: frozenset(),
    WorkflowState.CANCELLED: frozenset(),
}

STEP_MOVES: Mapping[StepState, frozenset[StepState]] = {
    StepState.PENDING: frozenset(
        {StepState.READY, StepState.UPSTREAM_FAILED, StepState.CANCELLED, StepState.SKIPPED}
    ),
    StepState.READY: frozenset({StepState.QUEUED, StepState.CANCELLED, StepState.SKIPPED}),
    StepState.QUEUED: frozenset(
        {
            StepState.READY,  # its attempt failed and it has another one
            StepState.RUNNING,
            StepState.SUCCEEDED,
            StepState.FAILED,
            StepState.CANCELLED,
        }
    ),
    StepState.RUNNING: frozenset(
        {StepState.READY, StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED}
    ),
    StepState.SUCCEEDED: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.UPSTREAM_FAILED: frozenset(),
    StepState.CANCELLED: frozenset(),
    StepState.SKIPPED: frozenset(),
}

RETRY_WORKFLOW = frozenset({WorkflowState.FAILED, WorkflowState.CANCELLED})
"""The states of a workflow that ``retry`` accepts; it moves to ``pending``."""
RETRY_STEPS = frozenset({StepState.FAILED, StepState.CANCELLED, StepState.UPSTREAM_FAILED})
"""The steps that a retry starts again; they move to ``pending``. The others keep their results."""

FINAL_WORKFLOW = frozenset(state for state, moves in WORKFLOW_MOVES.items() if not moves)
FINAL_STEP = frozenset(state for state, moves in STEP_MOVES.items() if not moves)
ACTIVE_WORKFLOW = frozenset(WorkflowState) - FINAL_WORKFLOW - {WorkflowState.PLANNED}
IN_FLIGHT = frozenset({StepState.QUEUED, StepState.RUNNING})
"""Step states that occupy one of a workflow's parallel slots."""
SATISFIED = frozenset({StepState.SUCCEEDED, StepState.SKIPPED})
"""Step states that let dependents go on."""

State = TypeVar("State", WorkflowState, StepState, JobState)


def check_move(moves: Mapping[State, frozenset[State]], before: State, after: State) -> State:
    """``after``, if the table allows it; otherwise raises ``IllegalMove``."""
    if after not in moves[before]:
        raise IllegalMove(f"{type(before).__name__}: no move from {before} to {after}")
    return after
