"""The table of samples of a batch: its columns, its rows, and the name of each row.

A table comes as a list of JSON objects or as a file (``table_file``). An empty cell is an absent
value; it is never an empty text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.checks import texts
from workflows.spec.checks.diagnostics import Diagnostics

MOST_ROWS: Final = 5_000
MOST_COLUMNS: Final = 200
LONGEST_SAMPLE: Final = 100
SAMPLE: Final = "sample"
"""The column that every row has: its name."""
SAMPLE_NAMES: Final = (SAMPLE, "sample_id", "id", "name")
"""Columns that name the rows; the first of them that the table has is taken."""
_BAD_IN_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One sample."""

    number: int
    """As in the file, where the header is row 1; of a JSON list, counted from 1."""
    cells: Mapping[str, Json]
    """Column to value; empty cells are absent."""
    sample: str = ""
    """The name of the row, unique in the table; it is a good name of a folder."""
    values: Mapping[str, Json] = field(default_factory=dict)
    """The cells that the template uses, in the type that it needs."""


@dataclass(frozen=True, slots=True)
class Table:
    """All samples, in the order of the table."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    before: tuple[Row, ...] = ()
    """Those that the batch has already, where these are added to it."""

    @property
    def shift(self) -> int:
        """What is added to the numbers of the rows, so that they go on behind those before."""
        return self.before[-1].number - self.rows[0].number + 1 if self.before and self.rows else 0


def join(before: Table, added: Table) -> Table:
    """One table with the rows of both."""
    rows = [replace(row, number=row.number + added.shift) for row in added.rows]
    columns = dict.fromkeys((*before.columns, *added.columns))
    return Table(tuple(columns), (*before.rows, *rows))


def table_from_json(found: Json, diagnostics: Diagnostics) -> Table:
    """The table of a list of objects. An empty text and null are empty cells."""
    if not isinstance(found, list):
        message = "it must be a list of objects, one for each sample"
        diagnostics.problem(("samples",), "wrong_type", message)
        return Table((), ())
    columns: dict[str, None] = {}
    rows: list[Row] = []
    for index, each in enumerate(found[: MOST_ROWS + 1]):
        if not isinstance(each, dict):
            diagnostics.problem(("samples", index), "wrong_type", "a sample is an object")
            continue
        columns.update(dict.fromkeys(each))
        cells = {column: trim(value) for column, value in each.items()}
        rows.append(Row(index + 1, {name: cell for name, cell in cells.items() if is_given(cell)}))
    return Table(tuple(columns), tuple(rows))


def trim(value: Json) -> Json:
    """A text without the blanks around it, also non-breaking ones; other values as they are."""
    return value.strip() if isinstance(value, str) else value


def is_given(value: Json) -> bool:
    """Whether a cell holds a value."""
    return value is not None and value != ""


def check_table(table: Table, diagnostics: Diagnostics) -> None:
    """Reports a table that is empty, too large, or has columns or cells that cannot be stored."""
    if not table.rows and not diagnostics.problems:
        diagnostics.problem(("samples",), "empty_table", "the table has no rows")
    if len(table.before) + len(table.rows) > MOST_ROWS:
        message = f"a batch has at most {MOST_ROWS} rows"
        message += f", and this one has {len(table.before)} already" if table.before else ""
        diagnostics.problem(("samples",), "too_many_rows", message, "make several batches of it")
    if len(table.columns) > MOST_COLUMNS:
        message = f"a table has at most {MOST_COLUMNS} columns, not {len(table.columns)}"
        diagnostics.problem(("samples",), "too_many_columns", message, "leave unused columns out")
    for column in table.columns:
        if reason := texts.bad_name(column):
            diagnostics.problem(("samples", 0, column), "bad_name", f"the column's name: {reason}")
    for index, row in enumerate(table.rows):
        _check_cells(row, ("samples", index), diagnostics)


def _check_cells(row: Row, at: Path, diagnostics: Diagnostics) -> None:
    texts.check(dict(row.cells), at, diagnostics)
    for column, value in row.cells.items():
        if any("${" in text for text in _texts(value)):
            message = "a cell is a plain value: ${…} is not resolved in it"
            hint = "write references in the workflow"
            diagnostics.problem((*at, column), "reference_in_cell", message, hint)


def _texts(value: Json) -> Iterator[str]:
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            rest += [*each, *each.values()]
        elif isinstance(each, list):
            rest += each


def name_samples(table: Table, diagnostics: Diagnostics) -> Table:
    """The table with the name of each row, also in its column ``sample``.

    Reports two rows with one name, and as fixes the names that had to be changed.
    """
    column = _name_column(table.columns)
    numbers = [row.number + table.shift for row in table.rows]
    rows = [
        _name_row(row, index, column, number, diagnostics)
        for index, (row, number) in enumerate(zip(table.rows, numbers, strict=True))
    ]
    _check_distinct(rows, column or SAMPLE, table.before, diagnostics)
    return replace(table, rows=tuple(rows))


def _name_column(columns: Sequence[str]) -> str | None:
    lower = {column.lower(): column for column in reversed(columns)}
    return next((lower[name] for name in SAMPLE_NAMES if name in lower), None)


def _name_row(
    row: Row, index: int, column: str | None, number: int, diagnostics: Diagnostics
) -> Row:
    value = row.cells.get(column) if column else None
    given = str(number) if value is None or isinstance(value, dict | list) else str(value)
    name = _BAD_IN_NAME.sub("_", given)
    at: Path = ("samples", index, column or SAMPLE)
    if not name.strip("._"):
        diagnostics.problem(at, "bad_name", f"{given!r} is no name of a sample")
    elif len(name) > LONGEST_SAMPLE:
        message = f"the name of a sample has at most {LONGEST_SAMPLE} characters"
        diagnostics.problem(at, "bad_name", message)
    elif name != given:
        diagnostics.fix(at, "renamed_sample", f"{given!r} became {name!r}")
    return replace(row, sample=name, cells={**row.cells, SAMPLE: name})


def _check_distinct(
    rows: Sequence[Row], column: str, before: Sequence[Row], diagnostics: Diagnostics
) -> None:
    """Names that differ in case alone are one folder to some tools."""
    taken = {row.sample.lower() for row in before}
    counts = Counter(row.sample.lower() for row in rows)
    first: dict[str, Row] = {}
    for index, row in enumerate(rows):
        key, at = row.sample.lower(), ("samples", index, column)
        if key in taken:
            message = f"the batch has a sample named {row.sample!r} already"
            hint = "leave it out; POST /batches/{id}/retry runs a sample again"
            diagnostics.problem(at, "duplicate_sample", message, hint)
        if counts[key] == 1:
            continue
        other = first.setdefault(key, row)
        if other is not row:
            message = f"rows {other.number} and {row.number} are both named {row.sample!r}"
            hint = "names of samples must differ by more than case"
            diagnostics.problem(at, "duplicate_sample", message, hint)
