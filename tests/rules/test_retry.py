"""Which steps a retry starts again."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from workflows.model.states import SATISFIED, StepState
from workflows.rules.retry import states_after_retry, steps_again

DEPENDENTS = ((1,), (2,), (), ())
"""A chain of three steps, and one by itself."""
SUCCEEDED = StepState.SUCCEEDED


@pytest.mark.parametrize("state", StepState)
def test_what_did_not_succeed_starts_again(state: StepState) -> None:
    again = steps_again((SUCCEEDED, state), ((), ()))

    assert again == (frozenset() if state in SATISFIED else {1})


@pytest.mark.parametrize(
    ("start_from", "again"),
    [((), ()), ((0,), (0, 1, 2)), ((1,), (1, 2)), ((2, 1), (1, 2)), ((3,), (3,))],
)
def test_a_step_starts_again_with_all_that_depends_on_it(
    start_from: Collection[int], again: Collection[int]
) -> None:
    assert steps_again((SUCCEEDED,) * 4, DEPENDENTS, start_from) == set(again)


def test_the_others_keep_their_results() -> None:
    states = (SUCCEEDED, StepState.FAILED, SUCCEEDED)

    assert states_after_retry(states, {1}) == [SUCCEEDED, StepState.PENDING, SUCCEEDED]
