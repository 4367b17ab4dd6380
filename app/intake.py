"""From a request's JSON to what is stored, and to what is said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflows.blueprint import blueprint
from workflows.document import document, spec_from
from workflows.errors import Invalid, Problem
from workflows.workflow import Json, Spec, StepSpec


@dataclass(frozen=True, slots=True)
class Taken:
    """A workflow, normalised."""

    spec: Spec
    document: Mapping[str, Json]
    warnings: Sequence[Problem] = ()
    auto_fixes: Sequence[Problem] = ()
    problems: Sequence[Problem] = ()
    """Why a plan cannot run; the spec is then only something to show."""


def take(found: Json) -> Taken:
    """A workflow that can run; raises ``Invalid``."""
    try:
        spec = spec_from(found)
        blueprint(spec)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid([Problem("", "bad_workflow", f"It is no workflow: {error!r}")]) from error
    return Taken(spec, document(spec))


def take_plan(found: Json) -> Taken:
    """A workflow that may have problems; raises ``Invalid`` for what is no JSON object."""
    if not isinstance(found, dict):
        raise Invalid([Problem("", "not_an_object", "A workflow is a JSON object.")])
    try:
        return take(found)
    except Invalid as invalid:
        spec = sketch(found)
        return Taken(spec, document(spec), problems=invalid.problems)


def sketch(found: Mapping[str, Any]) -> Spec:
    """As much of a document as has the right shape, for people to look at."""
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
        blueprint(spec)
    except Invalid:  # a cycle, or a step that does not exist: nobody may trip over it later
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
