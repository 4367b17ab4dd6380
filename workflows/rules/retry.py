"""Which steps a retry starts again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from workflows.model.states import FINAL_STEP, RETRY_STEPS, StepState


def steps_again(
    states: Sequence[StepState],
    dependents: Sequence[Sequence[int]],
    start_from: Collection[int] = (),
) -> frozenset[int]:
    """The steps that did not succeed, those of ``start_from``, and all that depend on these. A step
    whose job is still being killed starts again, too.
    """
    again = {
        step for step, state in enumerate(states) if state in RETRY_STEPS or state not in FINAL_STEP
    }
    waiting = list(start_from)
    again.update(waiting)
    for step in waiting:  # grows while it is walked
        further = [each for each in dependents[step] if each not in again]
        again.update(further)
        waiting += further
    return frozenset(again)


def states_after_retry(states: Sequence[StepState], again: Collection[int]) -> list[StepState]:
    """The others keep their results."""
    return [StepState.PENDING if step in again else state for step, state in enumerate(states)]
