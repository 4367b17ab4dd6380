"""What will happen if a workflow is started: its steps, their order, and where results go; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workflows.model.errors import Invalid
from workflows.model.values import Json, OnFailure, Spec
from workflows.spec.compiled_spec import compile_spec
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver

MOST_STEPS: Final = 100
"""Steps that are listed; of more, the first ones."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step."""

    name: str
    app: str
    after: tuple[str, ...]
    """The steps that it waits for."""
    place: str
    """Where its results go; empty if only the run decides that."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A workflow that can be started."""

    name: str
    steps: tuple[PlannedStep, ...]
    count: int
    """How many steps there are in all."""
    at_once: int
    """How many of them run at the same time, at most."""
    folder: str
    results: tuple[str, ...]
    """The paths of the workflow's own outputs, as far as they are known."""
    cancels: bool
    """True if one failure ends the others."""
    further: tuple[str, ...] = ()
    """Steps after which more are planned (CWL)."""
    takes: str = ""
    """How long it is likely to take; empty where that was not computed."""


def preview(spec: Spec, cap: int, further: Sequence[str] = ()) -> Preview:
    """``cap``: how many steps of a workflow may run at the same time here."""
    resolver = Resolver(spec, [1] * len(spec.steps))
    needs = compile_spec(spec).dag.needs
    steps = tuple(
        PlannedStep(
            step.name,
            step.app,
            tuple(spec.steps[need].name for need in needs[number]),
            _place(resolver, number),
        )
        for number, step in enumerate(spec.steps[:MOST_STEPS])
    )
    return Preview(
        spec.name,
        steps,
        len(spec.steps),
        min(spec.max_parallel_steps or cap, cap, len(spec.steps)),
        str(spec.base_context.get("workspace_output_folder") or ""),
        _results(resolver),
        spec.on_failure is OnFailure.CANCEL,
        tuple(further),
    )


def _place(resolver: Resolver, step: int) -> str:
    try:
        params = resolver.params(step)
    except Invalid:
        return ""
    parts = [params.get(name) for name in ("output_path", "output_file")]
    return "/".join(part.rstrip("/") for part in parts if isinstance(part, str))


def _results(resolver: Resolver) -> tuple[str, ...]:
    try:
        found = resolver.workflow_outputs()
    except Invalid:
        return ()
    return tuple(text for value in found for text in _texts(value))


def _texts(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    known = isinstance(value, str) and value is not UNKNOWN_UNTIL_RUN
    return [value] if known else []
