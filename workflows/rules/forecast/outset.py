"""Where a forecast begins: a workflow as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from workflows.model.states import IN_FLIGHT, SATISFIED, StepState
from workflows.model.values import OnFailure, Workflow
from workflows.spec.compiled_spec import CompiledSpec


@dataclass(frozen=True, slots=True)
class Underway:
    """A job that has not ended, as far as a forecast needs it."""

    waited_seconds: float | None = None
    """Since its submission; None: it has not been submitted."""
    ran_seconds: float | None = None
    """Since its start; None: it has not started."""
    has_ended: bool = False
    """BV-BRC has ended it, and only its outputs are still looked for."""
    input_bytes: int | None = None


NOT_SENT = Underway()


@dataclass(frozen=True)
class Outset:
    """One workflow and its jobs at the time ``now``."""

    compiled: CompiledSpec
    workflow: Workflow
    """Its ``cap`` is what the forecast counts with."""
    now: datetime
    jobs: Mapping[int, Underway] = field(default_factory=dict)
    """Of steps in flight; a step that is missing here has not been sent."""

    @cached_property
    def stops(self) -> bool:
        """Whether no step starts any more, as in ``plan``."""
        failed = StepState.FAILED in self.workflow.states or bool(self.workflow.unplannable)
        return self.workflow.cancel_requested or (
            self.compiled.spec.on_failure is OnFailure.CANCEL and failed
        )

    @cached_property
    def open_steps(self) -> Sequence[int]:
        """Steps in flight, and those that will start if no further step fails; in the order of the
        document."""
        states, needs, stops = self.workflow.states, self.compiled.dag.needs, self.stops
        may_run = [False] * len(states)
        for step in self.compiled.order:
            if states[step] in IN_FLIGHT:
                may_run[step] = True
            elif states[step] is StepState.READY:
                may_run[step] = not stops
            elif states[step] is StepState.PENDING:
                may_run[step] = not stops and all(
                    may_run[need] or states[need] in SATISFIED for need in needs[step]
                )
        return [step for step, runs in enumerate(may_run) if runs]

    @cached_property
    def unmet_needs(self) -> Sequence[int]:
        """For each open step, how many of its needs have not ended well; 0 for the others."""
        states, found = self.workflow.states, [0] * len(self.workflow.states)
        for step in self.open_steps:
            needs = self.compiled.dag.needs[step]
            found[step] = sum(states[need] not in SATISFIED for need in needs)
        return found

    @cached_property
    def retry_waits(self) -> Mapping[int, float]:
        """Open steps that failed before, with the seconds until their next attempt may start."""
        retries = self.workflow.retries
        return {
            step: (retries[step].at - self.now).total_seconds()
            for step in self.open_steps
            if step in retries and retries[step].at > self.now
        }

    @cached_property
    def startable(self) -> Sequence[int]:
        """Open steps that start as soon as there is a place, in the order of the document."""
        states = self.workflow.states
        return [
            step
            for step in self.open_steps
            if step not in self.retry_waits
            and (
                states[step] is StepState.READY
                or (states[step] is StepState.PENDING and not self.unmet_needs[step])
            )
        ]

    @cached_property
    def in_flight(self) -> Sequence[int]:
        """Steps that take a place."""
        return [step for step, state in enumerate(self.workflow.states) if state in IN_FLIGHT]
