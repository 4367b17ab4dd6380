"""A table whose rows give the inputs of a template: what a batch is made of.

The workflow of the batch is the template with ``${sample['column']}`` in place of each input that a
column gives; all else is as in any batch. Cells get the types of their inputs here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.model.values import Json
from workflows.spec.batches.cells import split_cell
from workflows.spec.batches.table import SAMPLE, Row, Table, is_given
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.reference_syntax import Part, Reference, parts
from workflows.spec.templates.fill import Wishes, fill, input_of, input_uses
from workflows.spec.templates.fit import fit_inputs, fit_value, refuse_unknown, report_missing
from workflows.spec.templates.inputs import INPUTS, Inputs, Schema

NAME: Final = "name"
"""An input that the name of the row gives, where nothing else does: it names results."""
_UNWRITABLE: Final = frozenset("'{}")


@dataclass(frozen=True, slots=True)
class Given:
    """What a request says about inputs besides its table."""

    values: Json
    """The same for all rows, and for rows whose cell is empty."""
    columns: Json
    """Input to column, where their names differ."""
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which column gives which input, and what serves where a cell is empty."""

    inputs: Inputs
    by_input: Mapping[str, str]
    values: Mapping[str, Json]

    def fit(self, row: Row, index: int, noted: Diagnostics) -> Row:
        """The row with its cells in the types of the inputs."""
        fitted: dict[str, Json] = {}
        for name, column in self.by_input.items():
            schema, at = self.inputs.properties[name], ("samples", index, column)
            cell = self._find_cell(name, row.cells.get(column), schema)
            if column == SAMPLE:
                continue  # the name of the row, which is made later
            if is_given(cell):
                own = Diagnostics()
                fitted[column] = fit_value(name, schema, _read_cell(schema, cell), at, own)
                _keep(own, noted)
            elif name in self.inputs.required:
                report_missing(name, schema, [], at, noted)
        return replace(row, values=fitted)

    def _find_cell(self, name: str, cell: Json, schema: Schema) -> Json:
        candidates = (cell, self.values.get(name), schema.get("default"))
        return next((each for each in candidates if is_given(each)), None)


def make_batch(
    body: Mapping[str, Any], inputs: Inputs, table: Table, given: Given, noted: Diagnostics
) -> tuple[dict[str, Json], Table]:
    """The workflow and the table of the batch; ``noted`` has what is wrong with its inputs."""
    of_rows, common = _read_given(inputs, table, given, noted)
    columns = of_rows.by_input
    _refuse_parts(body, columns, noted)
    filled = fill(body, common, given.wishes, columns)
    rows = [of_rows.fit(row, index, noted) for index, row in enumerate(table.rows)]
    return _refer_to_columns(filled, columns), replace(table, rows=tuple(rows))


def make_inputs(
    inputs: Inputs, table: Table, given: Given, noted: Diagnostics
) -> tuple[dict[str, str], Table]:
    """Input to the column that gives it, and the table with all inputs of each row as its values;
    its rows have their names. ``noted`` has what is wrong with them."""
    of_rows, common = _read_given(inputs, table, given, noted)
    rows = []
    for index, row in enumerate(table.rows):
        fitted = of_rows.fit(row, index, noted).values
        own = {
            name: row.sample if column == SAMPLE else fitted[column]
            for name, column in of_rows.by_input.items()
            if column == SAMPLE or column in fitted
        }
        rows.append(replace(row, values={**common, **own}))
    return dict(of_rows.by_input), replace(table, rows=tuple(rows))


def _read_given(
    inputs: Inputs, table: Table, given: Given, noted: Diagnostics
) -> tuple[_Columns, dict[str, Json]]:
    """Which column gives which input, and the values that are the same for all rows."""
    values = _object(given.values, INPUTS, noted)
    columns = _find_columns(inputs, table, values, _object(given.columns, "map", noted), noted)
    refuse_unknown(inputs, values, noted)
    constant = Inputs(
        {name: schema for name, schema in inputs.properties.items() if name not in columns},
        tuple(name for name in inputs.required if name not in columns),
    )
    common = {name: value for name, value in values.items() if name in constant.properties}
    return _Columns(inputs, columns, values), fit_inputs(constant, common, noted)


def _keep(own: Diagnostics, noted: Diagnostics) -> None:
    """What is wrong with a cell. That its text became a number is no correction."""
    noted.problems += own.problems
    noted.faulty |= own.faulty
    noted.warnings += [each for each in own.warnings if each.code != "odd_path"]


def _object(value: Json, name: str, noted: Diagnostics) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        noted.problem((name,), "wrong_type", "it must be an object")
        return {}
    return value


def _find_columns(
    inputs: Inputs,
    table: Table,
    values: Mapping[str, Json],
    chosen: Mapping[str, Json],
    noted: Diagnostics,
) -> dict[str, str]:
    """Input to the column that gives it."""
    known = dict.fromkeys((SAMPLE, *table.columns))
    for name, column in chosen.items():
        if name not in inputs.properties:
            hint = did_you_mean(name, inputs.properties)
            noted.problem(
                ("map", name), "unknown_input", f"the template has no input {name!r}", hint
            )
        elif not isinstance(column, str) or column not in known:
            hint = did_you_mean(str(column), known) or f"its columns are {list_names(known)}"
            message = f"the table has no column {column!r}"
            noted.problem(("map", name), "unknown_column", message, hint)
    found = {
        name: str(chosen.get(name, name))
        for name in inputs.properties
        if chosen.get(name, name) in table.columns or chosen.get(name) == SAMPLE
    }
    if NAME in inputs.properties and NAME not in found and not is_given(values.get(NAME)):
        found[NAME] = SAMPLE
    for name, column in found.items():
        if set(column) & _UNWRITABLE:
            message = f"the column {column!r} cannot be referred to: rename it"
            noted.problem(("map", name), "bad_name", message)
    return found


def _refuse_parts(body: Mapping[str, Json], columns: Mapping[str, str], noted: Diagnostics) -> None:
    """A cell gives an input whole; the template must not take parts of it."""
    for use in input_uses(body):
        name = input_of(use)
        if name in columns and name != use.column:
            message = f"the template uses parts of it ({use.text}), so no column can give it"
            noted.problem((INPUTS, name), "unknown_column", message, "give it in inputs")


def _read_cell(schema: Schema, cell: Json) -> Json:
    """A list or an object as people write it in a cell."""
    if schema.get("type") == "array":
        return split_cell(cell)
    if schema.get("type") == "object" and isinstance(cell, str) and cell.startswith("{"):
        try:
            found: Any = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        return found
    return cell


def _refer_to_columns(document: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Json]:
    """The document with references to columns in place of those to inputs."""
    places = {use.path for use in input_uses(document) if input_of(use) in columns}
    return _rewrite(document, (), places, columns) if places else document


def _rewrite(value: Any, at: tuple[Any, ...], places: set[Any], columns: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if at not in places:
            return value
        return "".join(_write(part, columns) for part in parts(value))
    if isinstance(value, dict):
        return {k: _rewrite(v, (*at, k), places, columns) for k, v in value.items()}
    if isinstance(value, list):
        return [_rewrite(v, (*at, i), places, columns) for i, v in enumerate(value)]
    return value


def _write(part: Part, columns: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part.replace("${", "$${")
    if isinstance(part, Reference) and part.path[0] == INPUTS and part.path[1] in columns:
        return f"${{{SAMPLE}['{columns[part.path[1]]}']}}"
    return part.text
