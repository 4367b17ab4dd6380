"""Views of a batch: its progress, its rows, and the table of results. API and pages share them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.batches.commands import count_states
from workflows.engine.jobs.intents import results
from workflows.engine.reports.views import stamp
from workflows.model.errors import Invalid
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Json, Spec
from workflows.rules.batch_progress import DELETED, WAITING, batch_status, count_rows
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.compiled_spec import compile_spec
from workflows.spec.document import spec_from
from workflows.spec.reference_syntax import Kind, Reference, parts
from workflows.spec.resolver import Resolver
from workflows.store.batches import progress, tables
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows import specs

GROUPS: Final = 20
"""Reasons of failures that are shown."""
SAMPLES: Final = 5
"""Samples that are named with each."""
_TOGETHER: Final = 100
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
"""A cell that begins so is executed by spreadsheet programs."""
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def list_item(batch: StoredBatch, counts: Mapping[str, int]) -> dict[str, Any]:
    """A batch in a list."""
    status = batch_status(counts, cancelled=batch.is_cancelled)
    ended = batch.finished_at if status in FINAL_WORKFLOW else None
    return {
        "batch_id": batch.id,
        "name": batch.name,
        "status": status,
        "paused": batch.paused,
        "count": batch.count,
        "counts": dict(counts),
        "max_active": batch.max_active,
        "labels": dict(batch.labels),
        "template": dict(batch.template) or None,
        "created_at": stamp(batch.created_at),
        "updated_at": stamp(batch.updated_at),
        "cancel_requested_at": stamp(batch.cancel_requested_at),
        "finished_at": stamp(ended),
        "message": _message(batch, status),
    }


def list_items(batches: Sequence[StoredBatch]) -> list[dict[str, Any]]:
    states = progress.count_states([batch.id for batch in batches])
    return [
        list_item(
            batch,
            count_rows(states[batch.id], batch.count, batch.made, cancelled=batch.is_cancelled),
        )
        for batch in batches
    ]


def whole(batch: StoredBatch) -> dict[str, Any]:
    """A batch with its failures, grouped by their reasons."""
    groups = progress.failures(batch.id, GROUPS, SAMPLES)
    failures = [
        {"app": each.app, "reason": each.reason, "count": each.count, "samples": each.samples}
        for each in groups
    ]
    return {**list_item(batch, count_states(batch)), "failures": failures}


def _message(batch: StoredBatch, status: str) -> str:
    """What keeps the batch from beginning further rows; empty if nothing does."""
    if status in FINAL_WORKFLOW:
        return ""
    if batch.paused:
        return "Paused: no further row begins until the batch is resumed."
    if batch.held_up_by:
        return f"Your quota {batch.held_up_by} is used up: further rows begin when there is room."
    return ""


@dataclass(frozen=True, slots=True)
class RowView:
    """One row, whether or not it has a workflow."""

    index: int
    number: int
    sample: str
    workflow: str
    state: str
    error: str

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.number,
            "sample": self.sample,
            "workflow_id": self.workflow or None,
            "status": self.state,
            "error_message": self.error or None,
        }


def rows(batch: StoredBatch, after: int = -1) -> Iterator[RowView]:
    """The rows behind one position, in the order of the table."""
    table = tables.get(batch.id, batch.count).table.rows
    states = {each.row: each for each in progress.row_states(batch.id, after)}
    for index in range(after + 1, batch.count):
        state = states.get(index)
        row = table[index]
        yield RowView(
            index,
            row.number,
            row.sample,
            state.workflow if state else "",
            state.state if state else _state_without_workflow(batch, index),
            state.failure if state else "",
        )


def _state_without_workflow(batch: StoredBatch, index: int) -> str:
    if index < batch.made:
        return DELETED
    return "cancelled" if batch.is_cancelled else WAITING


def result_columns(checked: AnyBatch) -> tuple[str, ...]:
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


def result_rows(batch: StoredBatch) -> Iterator[tuple[RowView, list[Json]]]:
    """Each row with the values of ``result_columns``; None where there is no value."""
    checked = tables.get(batch.id, batch.count)
    empty: list[Json] = [None] * len(result_columns(checked))
    values: dict[int, list[Json]] = {}
    read_up_to = -1
    for view in rows(batch):
        if view.workflow and view.index > read_up_to:
            values = _read_values(batch, checked, view.index - 1)
            read_up_to = max(values, default=view.index)
        succeeded = view.state == "succeeded"
        yield view, values.get(view.index, empty) if succeeded else empty


def _read_values(batch: StoredBatch, checked: AnyBatch, after: int) -> dict[int, list[Json]]:
    """The outputs of the next rows behind one."""
    found: dict[int, list[Json]] = {}
    for row, spec_id, workflow in progress.progress_of(batch.id, after, _TOGETHER):
        if isinstance(checked, PlannedBatch):  # further steps may have been planned since
            compiled = specs.get(spec_id)
        else:
            compiled = compile_spec(spec_from(checked.document(checked.table.rows[row], {})))
        known = results(workflow, compiled, range(len(compiled.spec.steps)))
        values = _outputs(compiled.spec, Resolver(compiled.spec, workflow.attempts, known))
        found[row] = (
            _by_name(values, checked.outputs) if isinstance(checked, PlannedBatch) else values
        )
    return found


def _by_name(values: Sequence[Json], names: Sequence[str]) -> list[Json]:
    """The outputs of a workflow in CWL, each ``{name: value}``."""
    found: dict[str, Json] = {}
    for each in values:
        found |= each if isinstance(each, dict) else {}
    return [found.get(name) for name in names]


def _outputs(spec: Spec, resolver: Resolver) -> list[Json]:
    try:
        if spec.workflow_outputs:
            return resolver.workflow_outputs()
        return [
            resolver.output(number, name)
            for number, step in enumerate(spec.steps)
            for name in step.outputs
        ]
    except Invalid:
        return [None] * (
            len(spec.workflow_outputs) or sum(len(each.outputs) for each in spec.steps)
        )


def results_csv(batch: StoredBatch) -> Iterator[str]:
    """The user's columns, then id, status and error of the workflow, then its outputs; RFC 4180."""
    checked = tables.get(batch.id, batch.count)
    columns, outputs = checked.table.columns, result_columns(checked)
    yield _line([*columns, "workflow_id", "status", "error", *outputs])
    for view, values in result_rows(batch):
        cells = checked.table.rows[view.index].cells
        own = [cells.get(column) for column in columns]
        yield _line([*own, view.workflow, view.state, view.error, *values])


def results_json(batch: StoredBatch) -> dict[str, Any]:
    checked = tables.get(batch.id, batch.count)
    outputs = result_columns(checked)
    return {
        "batch_id": batch.id,
        "columns": list(checked.table.columns),
        "outputs": list(outputs),
        "rows": [
            {
                **view.as_json(),
                "cells": dict(checked.table.rows[view.index].cells),
                "outputs": dict(zip(outputs, values, strict=False)),
            }
            for view, values in result_rows(batch)
        ],
    }


def _line(values: Sequence[Json]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([cell_text(value) for value in values])
    return text.getvalue()


def cell_text(value: Json) -> str:
    """A value as a cell; a spreadsheet must not execute what a user or a job wrote."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ";".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    harmless = not _FORMULA.match(text) or _NUMBER.fullmatch(text)
    return text if harmless else f"'{text}"
