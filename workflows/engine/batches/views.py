"""Views of a batch: its progress, its rows, and the table of results. API and pages share them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.batches.standing import Standing, find_standing, find_standings
from workflows.engine.jobs.intents import results
from workflows.engine.reports.views import stamp
from workflows.model.errors import Invalid
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Json
from workflows.rules.batch_progress import DELETED, WAITING
from workflows.spec.batches.outputs import output_names, output_values
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.batches.table import SAMPLE, Table
from workflows.spec.compiled_spec import compile_spec
from workflows.spec.document import spec_from
from workflows.spec.resolver import Resolver
from workflows.store.batches import inserts, progress, tables
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows import specs
from workflows.store.workflows.inserts import first_spec

GROUPS: Final = 20
"""Reasons of failures that are shown."""
SAMPLES: Final = 5
"""Samples that are named with each."""
_TOGETHER: Final = 100
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
"""A cell that begins so is executed by spreadsheet programs."""
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def list_item(batch: StoredBatch, standing: Standing) -> dict[str, Any]:
    """A batch in a list."""
    status = standing.status
    ended = batch.finished_at if status in FINAL_WORKFLOW else None
    return {
        "batch_id": batch.id,
        "name": batch.name,
        "status": status,
        "paused": batch.paused,
        "count": batch.count,
        "counts": dict(standing.counts),
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
    return [
        list_item(batch, standing)
        for batch, standing in zip(batches, find_standings(batches), strict=True)
    ]


def whole(batch: StoredBatch) -> dict[str, Any]:
    """A batch with its failures, grouped by their reasons, and its gather."""
    groups, standing = progress.failures(batch.id, GROUPS, SAMPLES), find_standing(batch)
    failures = [
        {"app": each.app, "reason": each.reason, "count": each.count, "samples": each.samples}
        for each in groups
    ]
    gather = _gather(batch, standing) if batch.gather else None
    return {**list_item(batch, standing), "failures": failures, "gather": gather}


def _gather(batch: StoredBatch, standing: Standing) -> dict[str, Any]:
    there = standing.gather is not None and standing.gather.state
    workflow = inserts.gather_id(batch) if there else None
    failure = progress.failure_of(workflow) if workflow else ""
    return {
        "workflow_id": workflow,
        "status": standing.gather_state,
        "require": batch.gather,
        "rows": batch.gather_rows,
        "message": failure or standing.gather_message,
    }


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


def result_rows(batch: StoredBatch) -> Iterator[tuple[RowView, list[Json]]]:
    """Each row with the values of ``output_names``; None where there is no value."""
    checked = tables.get(batch.id, batch.count)
    empty: list[Json] = [None] * len(output_names(checked))
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
        if isinstance(checked, PlannedBatch) or spec_id != first_spec(workflow.id):
            # Further steps were planned since, or a retry has changed parameters.
            compiled = specs.get(spec_id)
        else:
            compiled = compile_spec(spec_from(checked.document(checked.table.rows[row], {})))
        known = results(workflow, compiled, range(len(compiled.spec.steps)))
        resolver = Resolver(compiled.spec, workflow.attempts, known)
        try:
            found[row] = output_values(checked, compiled.spec, resolver)
        except Invalid:
            found[row] = [None] * len(output_names(checked))
    return found


def results_csv(batch: StoredBatch) -> Iterator[str]:
    """The user's columns, then id, status and error of the workflow, then its outputs; RFC 4180."""
    checked = tables.get(batch.id, batch.count)
    columns, outputs = checked.table.columns, output_names(checked)
    yield _line([*columns, "workflow_id", "status", "error", *outputs])
    for view, values in result_rows(batch):
        cells = checked.table.rows[view.index].cells
        own = [cells.get(column) for column in columns]
        yield _line([*own, view.workflow, view.state, view.error, *values])


def table_csv(table: Table) -> Iterator[str]:
    """The user's table alone, with the names of its samples."""
    columns = [name for name in table.columns if name != SAMPLE]
    yield _line([SAMPLE, *columns])
    for row in table.rows:
        yield _line([row.sample, *(row.cells.get(column) for column in columns)])


def results_json(batch: StoredBatch) -> dict[str, Any]:
    checked = tables.get(batch.id, batch.count)
    outputs = output_names(checked)
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
