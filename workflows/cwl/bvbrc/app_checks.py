"""A plan's native steps held against the apps' specifications; problems placed in the CWL files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from workflows.cwl.bvbrc.submission import Plan
from workflows.cwl.model.origin import Origin
from workflows.cwl.model.problems import MOST, CwlProblem
from workflows.model.errors import Problem
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.validate import examine

_STEP = re.compile(r"steps\[(\d+)\](?:\.params(?:\.([^.\[]+)|\['([^']*)'\])?)?")


def check_plan(plan: Plan, known: AppCatalogue) -> Plan:
    """The plan with what validation finds in its native document; a plan with problems as it is.

    The codes of such problems are those of native workflows (docs/errors.md).
    """
    if plan.problems:
        return plan
    if not plan.steps:
        return replace(plan, problems=() if plan.waits_for else (_nothing_to_run(plan),))
    found = examine(plan.document(), known)
    more = [each for each in found.warnings if not _is_an_input(each)]
    return replace(
        plan,
        problems=tuple(place_problems(plan, found.problems)[:MOST]),
        warnings=(*plan.warnings, *place_problems(plan, more))[: 2 * MOST],
    )


def _is_an_input(warning: Problem) -> bool:
    """Whether it names an input that the app does not know, which the tool's own check names."""
    return warning.code == "unknown_parameter" and bool(_STEP.fullmatch(warning.path))


def _nothing_to_run(plan: Plan) -> CwlProblem:
    message = "with these inputs no step is left that BV-BRC would run"
    return CwlProblem(path="", code="cwl.no_steps", message=message, file=plan.main)


def step_of(problem: Problem, elsewhere: int) -> int:
    """The index of the step that a problem is about; ``elsewhere`` where it is about none."""
    match = _STEP.match(problem.path)
    return int(match[1]) if match else elsewhere


def place_problems(plan: Plan, problems: Iterable[Problem]) -> list[CwlProblem]:
    """Problems of the plan's native document, at their places in the CWL files."""
    return [_at_origin(plan, problem) for problem in problems]


def _at_origin(plan: Plan, problem: Problem) -> CwlProblem:
    match = _STEP.match(problem.path)
    if match is None or int(match[1]) >= len(plan.steps):
        place = Origin(plan.main, 0, 0, problem.path)
        return place.problem(problem.code, problem.message, problem.suggestion)
    step = plan.steps[int(match[1])]
    place = step.inputs.get(match[2] or match[3] or "", step.origin)
    message = f"step '{step.name}': {problem.message}"
    return place.problem(problem.code, message, problem.suggestion)
