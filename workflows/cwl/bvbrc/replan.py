"""A stored workflow and a plan made with more results → the workflow with further steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflows.cwl.bvbrc.app_checks import place_problems, step_of
from workflows.cwl.bvbrc.submission import Plan
from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.validate import examine


@dataclass(frozen=True, slots=True)
class FurtherSteps:
    """What a plan says of a workflow now."""

    document: dict[str, Json]
    """The steps it had, as they were, and then the further ones."""
    waits_for: tuple[int, ...]
    """The steps after whose success the plan is to be made again."""


def add_further_steps(before: Mapping[str, Any], plan: Plan, known: AppCatalogue) -> FurtherSteps:
    """Raises ``Invalid`` where a further step cannot run.

    ``before`` is the normalised document. Its steps are not judged again: they may have run, and
    what is known of their apps may have changed since.
    """
    old = before["steps"]
    names = [step["step_name"] for step in old]
    ordered = _in_order(plan, names)
    steps = [*old, *(step.as_json() for step in ordered.steps[len(old) :])]
    outputs = plan.document()["workflow_outputs"]
    whole = {**before, "steps": steps, "workflow_outputs": outputs}
    seen = examine(whole, known)
    new = [found for found in seen.problems if step_of(found, len(old)) >= len(old)]
    if new:
        raise Invalid(place_problems(ordered, new))
    if seen.workflow_json is not None and seen.spec is not None:
        steps = [*old, *seen.workflow_json["steps"][len(old) :]]
    places = {step.name: place for place, step in enumerate(ordered.steps)}
    return FurtherSteps({**whole, "steps": steps}, tuple(sorted(places[n] for n in plan.waits_for)))


def _in_order(plan: Plan, names: list[str]) -> Plan:
    """The same plan with its steps in the order of the stored ones, the further ones last."""
    steps = {step.name: step for step in plan.steps}
    further = plan.new_steps(frozenset(names))
    return replace(plan, steps=(*(steps[name] for name in names), *further))
