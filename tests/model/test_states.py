"""The tables of moves, and the page that is made from them."""

from __future__ import annotations

import runpy
from enum import StrEnum

import pytest

from tests.shared import ROOT
from workflows.model.errors import IllegalMove
from workflows.model.job_moves import JOB_MOVES
from workflows.model.states import (
    FINAL_STEP,
    FINAL_WORKFLOW,
    STEP_MOVES,
    WORKFLOW_MOVES,
    StepState,
    WorkflowState,
    check_move,
)


def test_the_page_of_states_is_what_the_tables_say() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "states.py"))["page"]()

    assert (ROOT / "docs" / "states.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("moves", [WORKFLOW_MOVES, STEP_MOVES, JOB_MOVES])
def test_every_state_has_its_row_and_can_be_left_or_reached(
    moves: dict[StrEnum, frozenset[StrEnum]],
) -> None:
    kind = type(next(iter(moves)))
    reached = frozenset[StrEnum]().union(*moves.values())

    assert set(moves) == set(kind)
    assert all(state in reached or moves[state] for state in kind)


def test_an_illegal_move_is_refused() -> None:
    with pytest.raises(IllegalMove, match="no move from succeeded to running"):
        check_move(WORKFLOW_MOVES, WorkflowState.SUCCEEDED, WorkflowState.RUNNING)


def test_what_users_call_final_is_final() -> None:
    assert {"succeeded", "failed", "cancelled"} == FINAL_WORKFLOW
    assert {"succeeded", "failed", "upstream_failed", "cancelled", "skipped"} == FINAL_STEP
    assert check_move(STEP_MOVES, StepState.READY, StepState.QUEUED) is StepState.QUEUED
