"""The workflow that values make of a template.

``${inputs.x}`` is a reference to base_context: the workflow holds the values as
``base_context.inputs``. So it is stored, read and submitted again like any other. An optional input
without a value takes out the parameters that it alone would fill.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflows.model.errors import Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.spec.batches.template import FOLDER, Use, find_uses, leave_out
from workflows.spec.templates.inputs import INPUTS

OPTIONS = ("workflow_name", "max_parallel_steps", "on_failure")
"""Fields of the workflow document that a submission may set."""
_RESOLVED = ("base_context", "steps", "workflow_outputs")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a submission sets besides the inputs."""

    folder: str | None = None
    """Where results go."""
    labels: Mapping[str, Json] | None = None
    options: Mapping[str, Json] | None = None


def input_uses(document: Mapping[str, Json]) -> tuple[Use, ...]:
    """Every place that refers to an input; in names and labels ``${`` is no reference."""
    return tuple(use for use in find_uses(document, INPUTS) if use.path[0] in _RESOLVED)


def input_of(use: Use) -> str:
    """The input that a use refers to: ``${inputs.lib.read1}`` is a part of ``lib``."""
    return use.column.partition(".")[0]


def fill(
    body: Mapping[str, Any],
    values: Mapping[str, Json],
    wishes: Wishes,
    besides: Collection[str] = (),
) -> dict[str, Json]:
    """The workflow document; ``besides``: inputs that are given otherwise, row by row."""
    context = {**body["base_context"]}
    if values:
        context[INPUTS] = dict(values)
    if wishes.folder is not None:
        context[FOLDER] = wishes.folder
    absent = [
        use.path
        for use in input_uses(body)
        if use.is_optional and input_of(use) not in values and input_of(use) not in besides
    ]
    found = {**body, "base_context": context, "steps": leave_out(body["steps"], absent)}
    if wishes.labels:
        found["labels"] = {**body.get("labels", {}), **wishes.labels}
    return {**found, **(wishes.options or {})}


def blame_inputs(body: Mapping[str, Json], problems: Collection[Problem]) -> list[Problem]:
    """The problems of a filled workflow, each at the input that causes it, as far as the template
    shows that."""
    uses = input_uses(body)
    return [_blame(each, uses) for each in problems]


def _blame(problem: Problem, uses: Collection[Use]) -> Problem:
    at = problem.path
    near = next((use for use in uses if _overlap(format_path(use.path), at)), None)
    if near is None or not at:
        return problem
    path = format_path((INPUTS, input_of(near)))
    return replace(problem, path=path, message=f"{at}: {problem.message}")


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or leads into it."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in ("", ".", "[")
