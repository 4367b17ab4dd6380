"""Validates a request's JSON; returns the workflow to store, or its problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.connections import connections
from app.http import metering
from app.http.auth import caller
from workflows.engine.jobs.output_conflicts import without_conflicts
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Spec, StepSpec
from workflows.spec.compiled_spec import compile_spec
from workflows.spec.document import document
from workflows.spec.validate import Examination, Limits, Validated, examine, validate


@dataclass(frozen=True, slots=True)
class Plan:
    """A workflow that is stored without being started."""

    spec: Spec
    """For a plan with problems, a sketch to display."""
    document: Mapping[str, Json]
    problems: Sequence[Problem] = ()


def take(found: Json) -> Validated:
    """A workflow that can run; raises ``Invalid``."""
    catalogue = connections().apps.catalogue(caller().token)
    with metering.computing():
        checked = validate(found, catalogue, limits())
    return apart(checked)


def examine_again(found: Json) -> Examination:
    """A stored document with changes; problems are returned."""
    catalogue = connections().apps.catalogue(caller().token)
    with metering.computing():
        return examine(found, catalogue, limits())


def apart(checked: Validated) -> Validated:
    """The same, with output names that are not taken in the Workspace, if
    validation.check_output_conflicts is set."""
    if connections().settings.validation.check_output_conflicts:
        return without_conflicts(connections().workspace, caller().token, checked)
    return checked


def take_plan(found: Json) -> Plan:
    """A workflow that may have problems; raises ``Invalid`` for what is no JSON object."""
    if not isinstance(found, dict):
        raise Invalid([Problem("", "not_an_object", "a workflow is a JSON object")])
    catalogue = connections().apps.catalogue(caller().token)
    with metering.computing():
        seen = examine(found, catalogue, limits())
    if seen.spec is not None and seen.workflow_json is not None:
        return Plan(seen.spec, seen.workflow_json)
    spec = sketch(seen.workflow_json or {})
    return Plan(spec, document(spec), seen.problems)


def limits() -> Limits:
    return Limits(parallel_steps=connections().settings.executor.max_parallel_steps_per_workflow)


def sketch(found: Mapping[str, Any]) -> Spec:
    """The parts of a document that have the right shape, for display."""
    steps = found.get("steps")
    spec = Spec(
        name=_text(found.get("workflow_name")) or "unnamed",
        version=_text(found.get("version")),
        base_context=_object(found.get("base_context")),
        steps=tuple(
            _step(step if isinstance(step, dict) else {}, at)
            for at, step in enumerate(steps if isinstance(steps, list) else [])
        ),
    )
    try:
        compile_spec(spec)
    except Invalid:  # a cycle, or an unknown step: later readers must not meet it
        bare = tuple(replace(step, params={}, outputs={}, depends_on=()) for step in spec.steps)
        return replace(spec, steps=bare)
    return spec


def _step(found: Mapping[str, Any], at: int) -> StepSpec:
    needs = found.get("depends_on")
    return StepSpec(
        name=_text(found.get("step_name")) or f"step {at + 1}",
        app=_text(found.get("app")),
        params=_object(found.get("params")),
        outputs=_object(found.get("outputs")),
        depends_on=tuple(need for need in needs if isinstance(need, str))
        if isinstance(needs, list)
        else (),
    )


def _text(value: Json) -> str:
    return value[:200] if isinstance(value, str) else ""


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
