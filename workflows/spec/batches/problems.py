"""Problems of rows: where they are in the table, and the same one in many rows said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from workflows.model.errors import Problem
from workflows.spec.batches.table import Row

MOST_PROBLEMS: Final = 100
_SHOWN_ROWS: Final = 10
_SAMPLE: Final = re.compile(r"samples\[(\d+)\](.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowProblem(Problem):
    """A problem of one row, or the same one of several."""

    row: int = 0
    """The first row that has it, as in the file."""
    sample: str = ""
    count: int = 1
    """How many rows have it."""

    def __str__(self) -> str:
        return f"row {self.row}, {Problem.__str__(self)}"


def row_index(problem: Problem) -> int | None:
    """The position in the table of the row that a problem is about; None: about the whole."""
    found = _SAMPLE.match(problem.path)
    return int(found.group(1)) if found else None


def fold(problems: Iterable[Problem], rows: Sequence[Row]) -> tuple[Problem, ...]:
    """The problems with their rows; those that differ in the row alone become one."""
    folded: dict[tuple[str, str, str], Problem] = {}
    others: dict[tuple[str, str, str], list[int]] = {}
    for problem in problems:
        index = row_index(problem)
        key = (_below_row(problem.path), problem.code, problem.message)
        if index is None or index >= len(rows):
            folded.setdefault((problem.path, problem.code, problem.message), problem)
        elif key in folded:
            others[key].append(rows[index].number)
        else:
            folded[key], others[key] = _locate(problem, rows[index]), []
    return tuple(_count(problem, others.get(key, ())) for key, problem in folded.items())


def cut(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """At most so many problems as a person reads; the last one says how many more there are."""
    if len(problems) <= MOST_PROBLEMS:
        return tuple(problems)
    more = f"and {len(problems) - MOST_PROBLEMS} more problems"
    return (*problems[:MOST_PROBLEMS], Problem("", "more_problems", more))


def _below_row(path: str) -> str:
    found = _SAMPLE.match(path)
    return f"samples[]{found.group(2)}" if found else path


def _locate(problem: Problem, row: Row) -> RowProblem:
    return RowProblem(
        problem.path, problem.code, problem.message, problem.suggestion, row.number, row.sample
    )


def _count(problem: Problem, further: Sequence[int]) -> Problem:
    if not further or not isinstance(problem, RowProblem):
        return problem
    shown = ", ".join(map(str, further[:_SHOWN_ROWS]))
    more = ", …" if len(further) > _SHOWN_ROWS else ""
    message = f"{problem.message} (also in rows {shown}{more})"
    return replace(problem, message=message, count=1 + len(further))
