"""Where rows make a difference: steps that depend on columns, and the places that rows write to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from workflows.model.errors import Problem, Unresolved
from workflows.model.json_path import format_path
from workflows.model.values import Json, Spec, StepSpec
from workflows.spec.batches.table import SAMPLE, Row, Table
from workflows.spec.batches.template import FOLDER, Template
from workflows.spec.checks import outputs
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.steps import resolver
from workflows.spec.document import spec_from
from workflows.spec.reference_syntax import Kind, Reference, references
from workflows.spec.resolver import Resolver

_OPEN: Final = "\ue000"
_SHUT: Final = "\ue001"
"""Stand around the name of a column where its cell will be; no cell that is ASCII holds them."""


def dependent_steps(spec: Spec) -> set[int]:
    """Steps with a value that a column decides, also by way of another step or base_context.

    That ``workspace_output_folder`` ends with the name of the sample makes no difference: such a
    name is good in any path. Nor does the name of an output of another step.
    """
    numbers = {step.name: number for number, step in enumerate(spec.steps)}
    context = {
        name for name, value in spec.base_context.items() if SAMPLE in set(_context_names(value))
    }
    found = {number for number, step in enumerate(spec.steps) if _names(step) & {SAMPLE, *context}}
    while True:
        further = {
            number
            for number, step in enumerate(spec.steps)
            if number not in found and any(numbers.get(name) in found for name in _read_from(step))
        }
        if not further:
            return found
        found |= further


def _names(step: StepSpec) -> set[str]:
    return {*_context_names(dict(step.params)), *_context_names(dict(step.outputs))}


def _context_names(value: Json) -> Iterator[str]:
    for _, part in references(value):
        if isinstance(part, Reference) and part.kind is Kind.CONTEXT:
            yield part.path[0]


def _read_from(step: StepSpec) -> Iterator[str]:
    """Steps whose parameters it reads."""
    for value in (dict(step.params), dict(step.outputs)):
        for _, part in references(value):
            if isinstance(part, Reference) and part.kind is Kind.STEP_PARAMS and part.step:
                yield part.step


def shared_places(
    template: Template, apps: Apps, columns: Collection[str], table: Table
) -> list[Problem]:
    """The problems of rows that write to a place of an earlier row. ``columns``: those used."""
    patterns = _patterns(template, apps, columns)
    taken = {place: row for row in table.before for place in _places(patterns, row)}
    problems: list[Problem] = []
    for index, row in enumerate(table.rows):
        for target in _places(patterns, row):
            other = taken.setdefault(target, row)
            if other is not row:
                problems.append(_conflict(index, other, row, target))
                break
    return problems


def _places(patterns: Sequence[outputs.Target], row: Row) -> list[outputs.Target]:
    return [(_fill(folder, row), _fill(name, row)) for folder, name in patterns]


def _patterns(template: Template, apps: Apps, columns: Collection[str]) -> list[outputs.Target]:
    """Where each step writes, with marks in place of cells."""
    spec = spec_from(template.document)
    context = dict(spec.base_context)
    if template.folder_a_row:
        context[FOLDER] = f"{context[FOLDER].rstrip('/')}/{_OPEN}{SAMPLE}{_SHUT}"
    context[SAMPLE] = {column: f"{_OPEN}{column}{_SHUT}" for column in (SAMPLE, *columns)}
    values = resolver(replace(spec, base_context=context), apps)
    found = (_pattern(values, number, step) for number, step in enumerate(spec.steps))
    return [pattern for pattern in found if pattern is not None]


def _pattern(values: Resolver, number: int, step: StepSpec) -> outputs.Target | None:
    names = [name for name in ("output_path", "output_file") if name in step.params]
    try:
        return outputs.target({name: values.param(number, name) for name in names})
    except Unresolved:
        return None


def _fill(pattern: str, row: Row) -> str:
    pieces = pattern.split(_OPEN)
    filled = [pieces[0]]
    for piece in pieces[1:]:
        column, _, rest = piece.partition(_SHUT)
        cell = row.sample if column == SAMPLE else row.values.get(column, "")
        filled.append(f"{cell}{rest}")
    return "".join(filled)


def _conflict(index: int, other: Row, row: Row, target: outputs.Target) -> Problem:
    place = "/".join(target)
    message = (
        f"rows {other.number} ({other.sample}) and {row.number} ({row.sample})"
        f" both write to {place!r}"
    )
    hint = "use ${workspace_output_folder} in output_path, or ${sample.sample} in output_file"
    return Problem(format_path(("samples", index)), "output_conflict", message, hint)
