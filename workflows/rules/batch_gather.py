"""Decisions about the gather of a batch: whether it begins, and what people see of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflows.model.states import ACTIVE_WORKFLOW, WorkflowState
from workflows.rules.batch_progress import DELETED, WAITING, rows_status
from workflows.spec.batches.gather import ALL

SKIPPED: Final = "skipped"
"""The state of a gather that does not begin, since too few rows have succeeded."""


@dataclass(frozen=True, slots=True)
class GatherFacts:
    """What is stored of a gather."""

    require: str
    rows: int | None
    """The number of rows that it was made of; None: it has not begun."""
    state: str = ""
    """Of its workflow; empty: there is none, or it was deleted."""
    problem: str = ""
    """Why no workflow could be made of it."""


def why_skipped(gather: GatherFacts, counts: Mapping[str, int]) -> str:
    """Why it does not begin although all rows have ended; empty: it does."""
    succeeded, rows = counts.get(WorkflowState.SUCCEEDED, 0), sum(counts.values())
    if not succeeded:
        return "No row has succeeded."
    if gather.require == ALL and succeeded < rows:
        return f"It requires all rows, and {rows - succeeded} of {rows} did not succeed."
    return ""


def gather_begins(gather: GatherFacts, counts: Mapping[str, int]) -> bool:
    """Whether it is to begin now."""
    ended = rows_status(counts, cancelled=False) != WorkflowState.RUNNING
    return gather.rows is None and ended and not why_skipped(gather, counts)


def gather_state(gather: GatherFacts, counts: Mapping[str, int], *, cancelled: bool) -> str:
    """The state of its workflow, or ``WAITING``, ``SKIPPED``, ``DELETED``."""
    if gather.rows is not None:
        return str(WorkflowState.FAILED) if gather.problem else gather.state or DELETED
    if cancelled:
        return str(WorkflowState.CANCELLED)
    ended = rows_status(counts, cancelled=False) != WorkflowState.RUNNING
    return SKIPPED if ended and why_skipped(gather, counts) else WAITING


def batch_status(counts: Mapping[str, int], gather: GatherFacts | None, *, cancelled: bool) -> str:
    """``running``, ``failed``, ``cancelled`` or ``succeeded``, from the rows and the gather."""
    status = rows_status(counts, cancelled=cancelled)
    if gather is None or status == WorkflowState.RUNNING:
        return status
    state = gather_state(gather, counts, cancelled=cancelled)
    if state in (WAITING, *ACTIVE_WORKFLOW):
        return str(WorkflowState.RUNNING)
    if state in (WorkflowState.FAILED, WorkflowState.CANCELLED):
        return max(status, state, key=_WEIGHT.index)
    unmet = state == SKIPPED and status == WorkflowState.SUCCEEDED
    return str(WorkflowState.FAILED) if unmet else status


_WEIGHT: Final = (WorkflowState.SUCCEEDED, WorkflowState.CANCELLED, WorkflowState.FAILED)


def gather_message(gather: GatherFacts, counts: Mapping[str, int], *, cancelled: bool) -> str:
    """What people should know of it besides its state; empty: nothing."""
    if gather.problem:
        return gather.problem
    if gather.rows is not None:
        more = counts.get(WorkflowState.SUCCEEDED, 0) - gather.rows
        if more <= 0:
            return ""
        return f"It was made of {gather.rows} rows; {more} more have succeeded since."
    if gather_state(gather, counts, cancelled=cancelled) != SKIPPED:
        return ""
    return f"{why_skipped(gather, counts)} It begins once a retry of rows has changed that."
