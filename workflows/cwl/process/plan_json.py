"""Plans as JSON and back: what passes between the API and the process that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.cwl.bvbrc.lowering import NativeStep
from workflows.cwl.bvbrc.submission import Plan
from workflows.cwl.model.origin import Origin
from workflows.cwl.model.problems import CwlProblem
from workflows.model.values import Json


def plan_as_json(plan: Plan) -> dict[str, Json]:
    """A JSON value that ``plan_from`` turns back."""
    return {
        "name": plan.name,
        "main": plan.main,
        "steps": [_step_as_json(step) for step in plan.steps],
        "outputs": dict(plan.outputs),
        "waits_for": sorted(plan.waits_for),
        "problems": [problem.as_json() for problem in plan.problems],
        "warnings": [problem.as_json() for problem in plan.warnings],
        "base_context": dict(plan.base_context),
        "settings": dict(plan.settings),
        "version": plan.version,
        "output_types": dict(plan.output_types),
    }


def plan_from(value: Mapping[str, Any]) -> Plan:
    return Plan(
        name=value["name"],
        main=value["main"],
        steps=tuple(_step_from(step) for step in value["steps"]),
        outputs=value["outputs"],
        waits_for=frozenset(value["waits_for"]),
        problems=tuple(CwlProblem(**problem) for problem in value["problems"]),
        warnings=tuple(CwlProblem(**problem) for problem in value["warnings"]),
        base_context=value["base_context"],
        settings=value["settings"],
        version=value["version"],
        output_types=value["output_types"],
    )


def _step_as_json(step: NativeStep) -> dict[str, Json]:
    return {
        **step.as_json(),
        "origin": _origin_as_json(step.origin),
        "inputs": {name: _origin_as_json(place) for name, place in step.inputs.items()},
    }


def _step_from(value: Mapping[str, Any]) -> NativeStep:
    return NativeStep(
        name=value["step_name"],
        app=value["app"],
        params=value["params"],
        outputs=value["outputs"],
        depends_on=tuple(value["depends_on"]),
        origin=Origin(*value["origin"]),
        inputs={name: Origin(*place) for name, place in value["inputs"].items()},
    )


def _origin_as_json(place: Origin) -> list[Json]:
    return [place.file, place.line, place.column, place.path]
