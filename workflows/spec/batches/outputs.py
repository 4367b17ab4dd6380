"""The results of a batch's rows: their names, and their values as far as they are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflows.model.errors import Unresolved
from workflows.model.values import Json, Spec
from workflows.spec.batches.gather import collect
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.document import spec_from
from workflows.spec.output_globs import globs
from workflows.spec.reference_syntax import Kind, Reference, parts
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver


def output_names(checked: AnyBatch) -> tuple[str, ...]:
    """The names of a batch's results: its ``workflow_outputs``, or else every step's outputs."""
    if isinstance(checked, PlannedBatch):
        return checked.outputs
    spec = spec_from(checked.template.document)
    if not spec.workflow_outputs:
        return tuple(f"{step.name}.{name}" for step in spec.steps for name in step.outputs)
    names = [_output_name(raw, place) for place, raw in enumerate(spec.workflow_outputs, 1)]
    return tuple(
        name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names, 1)
    )


def _output_name(raw: Json, place: int) -> str:
    """``annotate.genome`` of ``${steps.annotate.outputs.genome}``."""
    found = parts(raw) if isinstance(raw, str) else ()
    if len(found) == 1 and isinstance(found[0], Reference) and found[0].kind is Kind.OUTPUT:
        return f"{found[0].step}.{'.'.join(found[0].path)}"
    return f"output_{place}"


def output_values(checked: AnyBatch, spec: Spec, resolver: Resolver) -> list[Json]:
    """The results of one row, parallel to ``output_names``. Raises ``Unresolved``."""
    if spec.workflow_outputs:
        values = resolver.workflow_outputs()
    else:
        values = [
            resolver.output(number, name)
            for number, step in enumerate(spec.steps)
            for name in step.outputs
        ]
    return _by_name(values, checked.outputs) if isinstance(checked, PlannedBatch) else values


def _by_name(values: Sequence[Json], names: Sequence[str]) -> list[Json]:
    """The outputs of a workflow in CWL, each ``{name: value}``."""
    found: dict[str, Json] = {}
    for each in values:
        found |= each if isinstance(each, dict) else {}
    return [found.get(name) for name in names]


def likely_lists(checked: AnyBatch) -> dict[str, list[Json]]:
    """Output to its list over all rows, if each succeeds at once; where only the run knows a value
    the list holds ``UNKNOWN_UNTIL_RUN`` alone."""
    names = output_names(checked)
    rows = [_likely_values(checked, spec_from(each), len(names)) for each in _documents(checked)]
    lists = {name: collect(values[place] for values in rows) for place, name in enumerate(names)}
    unknown: list[Any] = [UNKNOWN_UNTIL_RUN]
    return {name: unknown if UNKNOWN_UNTIL_RUN in found else found for name, found in lists.items()}


def _documents(checked: AnyBatch) -> Iterator[Mapping[str, Json]]:
    if isinstance(checked, PlannedBatch):
        yield from (plan.document for plan in checked.plans)
    else:
        yield from (checked.document(row, {}) for row in checked.table.rows)


def _likely_values(checked: AnyBatch, spec: Spec, count: int) -> list[Json]:
    later = {
        number: dict.fromkeys(names, UNKNOWN_UNTIL_RUN)
        for number, step in enumerate(spec.steps)
        if (names := globs(step.outputs))
    }
    try:
        return output_values(checked, spec, Resolver(spec, [1] * len(spec.steps), later))
    except Unresolved:
        return [UNKNOWN_UNTIL_RUN] * count
