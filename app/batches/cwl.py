"""Batches of a workflow in CWL: the rows give its inputs, and each row is planned before anything
is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.api.apps.lookup import Known
from app.api.cwl.submission import describe_request, plan_rows
from app.batches.submission import Options, Taken, read_options
from app.connections import connections
from app.http.auth import caller
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.model.problems import CwlProblem
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.spec.batches.check import MOST_STEPS, Examination, too_many_steps
from workflows.spec.batches.planned import PlannedBatch, PlannedRow, row_fields
from workflows.spec.batches.problems import cut, fold, row_index
from workflows.spec.batches.table import SAMPLE, SAMPLE_NAMES, Row, Table, check_table, name_samples
from workflows.spec.batches.template import FOLDER
from workflows.spec.checks.suggestions import list_names
from workflows.spec.templates.fill import Wishes
from workflows.spec.templates.inputs import INPUTS, Inputs
from workflows.spec.templates.rows import Given, make_inputs
from workflows.spec.validate import Validated

TOGETHER: Final = 50
"""Rows that are planned in one turn of the planner, between which other users have theirs."""

SourceOf = Callable[[Wishes], Submission]
"""The submission without inputs. Raises ``Invalid`` where it is no CWL."""


@dataclass(slots=True)
class _Rows:
    """What is found out about the rows, one after another."""

    inputs: Mapping[str, str]
    """Input to the column that gives it."""
    plans: dict[int, PlannedRow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    fixes: list[Problem] = field(default_factory=list)
    first: Plan | None = None
    steps: int = 0

    def add(self, index: int, row: Row, plan: Plan, native: Validated | None) -> None:
        self.problems += [self._place(each, index, row, plan) for each in plan.problems]
        self.warnings += [self._place(each, index, row, plan) for each in plan.warnings]
        if native is None:
            return
        self.fixes += [self._place(each, index, row, plan) for each in native.auto_fixes]
        self.first = self.first or plan
        self.steps += len(native.spec.steps)
        self.plans[index] = PlannedRow(native.workflow_json, tuple(sorted(plan.waits_for)))

    def _place(self, problem: Problem, index: int, row: Row, plan: Plan) -> Problem:
        """The problem at the cell that gives the input, else at the row."""
        name = _input_of(problem) or self._input_behind(problem, row, plan)
        column = self.inputs.get(name)
        message = problem.message
        if isinstance(problem, CwlProblem) and problem.line:
            message = f"{problem.file}:{problem.line}: {message}"
        path = format_path(("samples", index, *((column,) if column else ())))
        return Problem(path, problem.code, message, problem.suggestion)

    def _input_behind(self, problem: Problem, row: Row, plan: Plan) -> str:
        """The input of which a step's parameter has its value, as far as values show that."""
        value = next(
            (
                step.params.get(name)
                for step in plan.steps
                for name, place in step.inputs.items()
                if place.path == problem.path
            ),
            None,
        )
        alike = (name for name in self.inputs if row.values.get(name) in (value, [value]))
        return "" if value is None else next(alike, "")


def _input_of(problem: Problem) -> str:
    """The input of which a problem speaks itself."""
    at = problem.path
    is_input = isinstance(problem, CwlProblem) and problem.file == INPUTS
    if not is_input and not at.startswith(f"{INPUTS}."):
        return ""
    return at.removeprefix(f"{INPUTS}.").partition(".")[0].partition("[")[0]


def check_cwl(taken: Taken, source_of: SourceOf, inputs: Inputs) -> PlannedBatch:
    """The batch, if all of it can run; raises ``Invalid`` with every problem."""
    seen = examine_cwl(taken, source_of, inputs)
    if not isinstance(seen.checked, PlannedBatch):
        raise Invalid(cut(fold(seen.problems, seen.table.rows)))
    return seen.checked


def examine_cwl(taken: Taken, source_of: SourceOf, inputs: Inputs) -> Examination[PlannedBatch]:
    """The same, but answers the problems of every row, instead of raising them folded."""
    noted, fields = taken.noted, taken.fields
    options = read_options(taken)
    check_table(taken.table, noted)
    named = name_samples(taken.table, noted)
    source = source_of(_wishes(options, fields.get(FOLDER)))
    given = Given(fields.get("inputs"), fields.get("map"), Wishes())
    columns, table = make_inputs(inputs, named, given, noted)
    found = _Rows(columns)
    whole = [each for each in noted.problems if row_index(each) is None]
    if not whole and table.rows:
        _plan_all(source, options.name or "", table, noted.problems, found)
    rows_at_fault = [*(each for each in noted.problems if row_index(each) is not None)]
    rows_at_fault += found.problems
    warnings = [*noted.warnings, *found.warnings, *_find_unused(table, columns, inputs)]
    whole += too_many_steps(found.steps)
    wrong = whole + ([] if options.skip_invalid and found.plans else rows_at_fault)
    if wrong or found.first is None:
        return Examination(table, tuple(wrong), tuple(warnings))
    kept = sorted(found.plans)
    batch = PlannedBatch(
        name=options.name or found.first.name.removesuffix(f"-{table.rows[kept[0]].sample}"),
        source=source.as_json(),
        request=describe_request(source, found.first),
        outputs=tuple(found.first.output_types),
        labels=options.labels,
        table=replace(table, rows=tuple(table.rows[index] for index in kept)),
        plans=tuple(found.plans[index] for index in kept),
        warnings=cut(fold(warnings, table.rows)),
        auto_fixes=cut(fold([*noted.fixes, *found.fixes], table.rows)),
        skipped=cut(fold(rows_at_fault, table.rows)),
        steps=found.steps,
    )
    return Examination(table, (), tuple(warnings), batch)


def _wishes(options: Options, folder: Any) -> Wishes:
    more = {} if options.on_failure is None else {"on_failure": options.on_failure}
    return Wishes(folder or f"/{caller().name}/home", options.labels or None, more)


def _plan_all(
    source: Submission, name: str, table: Table, noted: Sequence[Problem], found: _Rows
) -> None:
    """Plans the rows that have no problem yet, until the batch is seen to be too large."""
    known = connections().apps.load(caller().token)
    faulty = {row_index(each) for each in noted}
    good = [(index, row) for index, row in enumerate(table.rows) if index not in faulty]
    if good and not name:
        name = _name_of(source, good[0][1], known)
    for part in _parts(good):
        fields = [row_fields(name, source.as_json(), row) for _, row in part]
        for (index, row), made in zip(part, plan_rows(source, fields, known), strict=True):
            found.add(index, row, *made)
        if found.steps > MOST_STEPS:
            return


def _name_of(source: Submission, row: Row, known: Known) -> str:
    """The document's own name: its label or id."""
    ((plan, _),) = plan_rows(source, [{"inputs": dict(row.values)}], known)
    return plan.name


def _parts(rows: Sequence[tuple[int, Row]]) -> Iterator[Sequence[tuple[int, Row]]]:
    return (rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER))


def _find_unused(table: Table, columns: Mapping[str, str], inputs: Inputs) -> list[Problem]:
    used = {SAMPLE, *SAMPLE_NAMES, *(column.lower() for column in columns.values())}
    known = list_names(inputs.properties)
    hint = f"the inputs are {known}; map says which column gives which input"
    return [
        Problem("samples", "unused_column", f"the workflow does not use the column {each!r}", hint)
        for each in table.columns
        if each.lower() not in used
    ]
