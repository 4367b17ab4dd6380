"""Decisions about a batch: its status, and how many further workflows it may begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from workflows.model.errors import Problem
from workflows.model.states import ACTIVE_WORKFLOW, WorkflowState
from workflows.model.values import Spec
from workflows.rules.tokens.lifetime import STEP, rounds
from workflows.spec.compiled_spec import compile_spec

_OWN: Final = re.compile(r"/[^\s'\",;)]+|\b\d{5,}\b")
WAITING: Final = "waiting"
"""The state of a row that has no workflow yet."""
DELETED: Final = "deleted"
"""The state of a row whose workflow was deleted."""


def count_rows(
    states: Mapping[str, int], count: int, made: int, *, cancelled: bool
) -> dict[str, int]:
    """How many of all rows are in each state; states without rows are left out.

    ``states``: of the workflows that there are. Rows that were not made before a cancel never are.
    """
    unmade = str(WorkflowState.CANCELLED) if cancelled else WAITING
    counts = dict(states)
    counts[DELETED] = made - sum(states.values())
    counts[unmade] = counts.get(unmade, 0) + count - made
    order = [WAITING, *map(str, WorkflowState), DELETED]
    return {state: counts[state] for state in order if counts.get(state, 0) > 0}


def rows_status(counts: Mapping[str, int], *, cancelled: bool) -> str:
    """``running``, ``failed``, ``cancelled`` or ``succeeded``, from the states of all rows."""
    if any(counts.get(state) for state in (WAITING, *ACTIVE_WORKFLOW)):
        return str(WorkflowState.RUNNING)
    if counts.get(WorkflowState.FAILED):
        return str(WorkflowState.FAILED)
    if cancelled or counts.get(WorkflowState.CANCELLED):
        return str(WorkflowState.CANCELLED)
    return str(WorkflowState.SUCCEEDED)


def failure_kind(reason: str, job_id: str) -> str:
    """A reason without what differs from row to row: the job's number, paths, and long numbers."""
    text = reason.replace(job_id, "…") if job_id else reason
    return _OWN.sub("…", text) or "the job failed"


def free_places(max_active: int, active: int, allowed: int, used: int) -> int:
    """How many workflows a batch may begin: within its own bound, and within its user's quota."""
    return max(0, min(max_active - active, allowed - used))


def batch_ends_too_late(
    workflows: Sequence[tuple[Spec, int]], cap: int, expires_at: datetime, now: datetime
) -> Problem | None:
    """A warning if a token of this expiry is likely to end before the batch. ``workflows``: what
    runs one after the other, and how often."""
    likely = STEP * sum(_rounds(spec, cap) * turns for spec, turns in workflows)
    if expires_at - now >= likely:
        return None
    return Problem(
        "",
        "token_ends_soon",
        f"your token expires at {expires_at:%Y-%m-%d %H:%M} UTC, and this batch may take about"
        f" {likely / timedelta(hours=1):.0f} h: its steps would then wait",
        "hand in a fresh token before that: PUT /api/v1/workflows/{id}/token of any of its rows",
    )


def _rounds(spec: Spec, cap: int) -> int:
    return rounds(compile_spec(spec), min(spec.max_parallel_steps or cap, cap))
