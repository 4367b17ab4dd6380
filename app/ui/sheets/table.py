"""A sample sheet as a table of cells that can be edited, with each problem at its cell; pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.ui.start.form_layout import Note
from workflows.model.errors import Problem
from workflows.spec.batches.table import Row, Table
from workflows.spec.batches.table_file import table_from_file
from workflows.spec.checks.diagnostics import Diagnostics

SHOWN: Final = 100
"""Rows that are shown in any case; of the others those with problems, up to as many again."""
_CELL: Final = re.compile(r"samples\[(\d+)\](?:\.(.+)|\['(.+)'\])?", re.DOTALL)
_PLACE: Final = re.compile(r"steps\[[^ :]*: ")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    name: str
    label: str
    value: str
    notes: list[Note] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")

    @property
    def is_faulty(self) -> bool:
        return any(note.is_problem for note in self.notes)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One sample."""

    number: int
    cells: tuple[Cell, ...]
    notes: list[Note] = field(default_factory=list)

    @property
    def is_faulty(self) -> bool:
        """Whether something is said of it."""
        return bool(self.notes) or any(cell.notes for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The table with what is said of it."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    """Those that are shown."""
    count: int
    others: tuple[Problem, ...] = ()
    """Problems that no row is to blame for."""
    faulty: int = 0
    """How many problems the rows have."""


def read_table(text: str, edits: Mapping[tuple[int, int], str]) -> tuple[str, Table, Diagnostics]:
    """The table of a file's text with some cells edited, by the positions of row and column; and
    the text that it has then. A text that cannot be read whole is not edited.
    """
    noted = Diagnostics()
    table = table_from_file(text.encode(), None, noted)
    if not edits or noted.problems:
        return text, table, noted
    edited = write_table(_edit(table, edits))
    noted = Diagnostics()
    return edited, table_from_file(edited.encode(), ",", noted), noted


def _edit(table: Table, edits: Mapping[tuple[int, int], str]) -> Table:
    rows = list(table.rows)
    for (row, column), text in edits.items():
        if row < len(rows) and column < len(table.columns):
            cells = {**rows[row].cells, table.columns[column]: text}
            rows[row] = replace(rows[row], cells=cells)
    return Table(table.columns, tuple(rows))


def write_table(table: Table) -> str:
    """The table as CSV. Each row keeps its number: blank lines stand for those that were left
    out.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    line = 1
    for row in table.rows:
        out.write("\n" * (row.number - line - 1))
        line = row.number
        writer.writerow([_text(row, column) for column in table.columns])
    return out.getvalue()


def show_table(table: Table, problems: Iterable[Problem], warnings: Iterable[Problem]) -> Sheet:
    """The table with each problem at its cell, at its row, or apart."""
    rows = [_row(row, index, table.columns) for index, row in enumerate(table.rows)]
    others: list[Problem] = []
    faulty = 0
    for found, is_problem in ((problems, True), (warnings, False)):
        for each in found:
            notes = _place(rows, table.columns, each.path)
            if notes is not None:
                notes.append(Note(_say(each), is_problem))
                faulty += is_problem
            elif is_problem:
                others.append(each)
    faulty_ones = [row for row in rows[SHOWN:] if row.is_faulty][:SHOWN]
    return Sheet(table.columns, (*rows[:SHOWN], *faulty_ones), len(rows), tuple(others), faulty)


def _row(row: Row, index: int, columns: Sequence[str]) -> SheetRow:
    return SheetRow(
        row.number,
        tuple(
            Cell(f"cell.{index}.{place}", f"{column}, row {row.number}", _text(row, column))
            for place, column in enumerate(columns)
        ),
    )


def _place(rows: Sequence[SheetRow], columns: Sequence[str], path: str) -> list[Note] | None:
    """Where a problem is shown; None for one of the whole."""
    found = _CELL.fullmatch(path)
    if found is None or int(found[1]) >= len(rows):
        return None
    row, column = rows[int(found[1])], found[2] or found[3] or ""
    return row.cells[columns.index(column)].notes if column in columns else row.notes


def _say(problem: Problem) -> str:
    """Without the path of the parameter, which the cell stands for."""
    hint = f": {problem.suggestion}" if problem.suggestion else ""
    return f"{_PLACE.sub('', problem.message)}{hint}"


def _text(row: Row, column: str) -> str:
    value = row.cells.get(column)
    return "" if value is None else str(value)
