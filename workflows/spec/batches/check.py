"""Checks a batch whole before anything of it is stored: the template once, then every row.

The template is checked with one value in each column. A row can make a difference only in the steps
that depend on columns, so these are all that is checked again for each row; 1,000 rows of five
steps take about a second. Validation calls no server: the caller passes the apps.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json, Spec
from workflows.spec.batches import places
from workflows.spec.batches.cells import find_targets, fit_cells
from workflows.spec.batches.gather import Gather
from workflows.spec.batches.problems import cut, fold, row_index
from workflows.spec.batches.table import SAMPLE, SAMPLE_NAMES, Row, Table, check_table, name_samples
from workflows.spec.batches.template import Template, Use, find_uses, needs_folder, row_document
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks import resolved_values, shape, steps
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.checks.texts import LONGEST_NAME
from workflows.spec.document import document, spec_from
from workflows.spec.validate import Limits, check_structure, check_values

MOST_STEPS: Final = 50_000
"""Of all workflows of a batch."""
OWN_LABELS: Final = ("batch", SAMPLE)
"""Labels that every workflow of a batch has."""
_STEP: Final = re.compile(r"steps\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Request:
    """A batch as a user describes it."""

    workflow: Json
    table: Table
    name: str | None = None
    labels: Mapping[str, Json] = field(default_factory=dict)
    on_failure: Json = None
    skip_invalid: bool = False
    """Leave rows with problems out, instead of refusing the whole."""


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """A batch that can run."""

    template: Template
    table: Table
    uses: tuple[Use, ...]
    gather: Gather | None = None
    """Steps over all rows."""
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()
    """The problems of rows that were left out."""

    @property
    def name(self) -> str:
        return str(self.template.document["workflow_name"])

    @property
    def labels(self) -> Mapping[str, str]:
        """Of each workflow."""
        found: Mapping[str, str] = self.template.document.get("labels") or {}
        return found

    @property
    def typical(self) -> Mapping[str, Json]:
        """A workflow such as those of the rows: how long rows take is judged by it."""
        return self.template.document

    def first_documents(self, count: int) -> list[dict[str, Json]]:
        return [self.document(row, {}) for row in self.table.rows[:count]]

    def document(self, row: Row, labels: Mapping[str, str]) -> dict[str, Json]:
        """The workflow of a row; ``labels`` besides those of the template."""
        merged = {**self.template.document.get("labels", {}), **labels}
        return row_document(self.template, self.uses, row, merged)


Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class Examination(Generic[Batch]):
    """The result of checking a batch, whether it can run or not."""

    table: Table
    """With the names of its samples."""
    problems: tuple[Problem, ...]
    """One for each place; a path such as ``samples[3].contigs`` counts rows from 0."""
    warnings: tuple[Problem, ...] = ()
    checked: Batch | None = None
    """None where there are problems."""


@dataclass(slots=True)
class _Findings:
    """What is wrong with the template, and with rows."""

    table: Diagnostics
    template: list[Problem] = field(default_factory=list)
    rows: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    fixes: list[Problem] = field(default_factory=list)

    def of_rows(self) -> list[Problem]:
        return [each for each in (*self.table.problems, *self.rows) if row_index(each) is not None]

    def of_all(self) -> list[Problem]:
        """Problems for which no row is to blame."""
        return [*self.template, *(each for each in self.table.problems if row_index(each) is None)]


def check_batch(
    request: Request, known: AppCatalogue, limits: Limits, noted: Diagnostics
) -> CheckedBatch:
    """The batch, ready to be stored; raises ``Invalid`` with every problem, folded.

    ``noted`` has what was found while the table was read.
    """
    seen = examine_batch(request, known, limits, noted)
    if seen.checked is None:
        raise Invalid(cut(fold(seen.problems, seen.table.rows)))
    return seen.checked


def examine_batch(
    request: Request, known: AppCatalogue, limits: Limits, noted: Diagnostics
) -> Examination[CheckedBatch]:
    """The same, but answers the problems of every row, instead of raising them folded."""
    check_table(request.table, noted)
    table = name_samples(request.table, noted)
    findings = _Findings(noted)
    checked = _check(request, table, known, limits, findings)
    bad = {row_index(problem) for problem in findings.of_rows()}
    good = [row for index, row in enumerate(table.rows) if index not in bad]
    wrong = findings.of_all() + ([] if request.skip_invalid and good else findings.of_rows())
    if wrong or checked is None:
        return Examination(table, tuple(wrong), (*findings.warnings, *noted.warnings))
    rows = [row for index, row in enumerate(checked.table.rows) if index not in bad]
    whole = replace(
        checked,
        table=replace(table, rows=tuple(rows)),
        warnings=cut(fold([*findings.warnings, *noted.warnings], table.rows)),
        auto_fixes=cut(fold([*findings.fixes, *noted.fixes], table.rows)),
        skipped=cut(fold(findings.of_rows(), table.rows)),
    )
    return Examination(table, (), (*findings.warnings, *noted.warnings), whole)


def _check(
    request: Request, table: Table, known: AppCatalogue, limits: Limits, findings: _Findings
) -> CheckedBatch | None:
    """None where the template cannot be used; ``findings`` says why."""
    noted = Diagnostics()
    found = _unwrap(request, noted)
    if found is None or not table.rows:
        findings.template += _in_workflow(noted.all_problems())
        return None
    uses = find_uses(found)
    _check_columns(uses, table, noted, findings)
    spec, apps = check_structure(_with_columns(found, uses), known, limits, noted)
    if known.note:
        noted.warning((), "apps_not_asked", known.note)
    findings.template += _in_workflow(noted.all_problems())
    findings.warnings += _in_workflow(noted.warnings)
    findings.fixes += _in_workflow(noted.fixes)
    if apps is None or findings.template:
        return None
    return _check_rows(spec, apps, table, limits, findings)


def _check_rows(
    spec: Spec, apps: Apps, table: Table, limits: Limits, findings: _Findings
) -> CheckedBatch:
    noted = Diagnostics()
    structure = _bare(document(spec))
    uses = find_uses(structure)
    columns = dict.fromkeys(use.column for use in uses)
    table = fit_cells(table, columns, find_targets(apps, uses), findings.table)
    corrected = check_values(_with_values(spec, table, columns), apps, limits, noted)
    normal = _bare(document(corrected))
    template = Template(normal, needs_folder(normal, find_uses(normal)))
    checked = CheckedBatch(template, table, find_uses(normal))
    rows = _RowChecks(checked, apps, limits, findings)
    findings.template += _in_workflow(
        [problem for problem in noted.all_problems() if not rows.checks_again(problem)]
    )
    findings.warnings += _in_workflow(
        [each for each in noted.warnings if not rows.checks_again(each)]
    )
    findings.fixes += _in_workflow(noted.fixes)
    if not findings.template:
        rows.check_all()
    return checked


def _unwrap(request: Request, noted: Diagnostics) -> dict[str, Json] | None:
    """The document without what a former row added to it, and with the batch's own settings."""
    found = shape.unwrap_document(request.workflow, noted)
    if found is None:
        return None
    settings = {"workflow_name": request.name, "on_failure": request.on_failure}
    found |= {name: value for name, value in settings.items() if value is not None}
    labels = found.get("labels")
    if isinstance(labels, dict) or labels is None:
        kept = {key: value for key, value in (labels or {}).items() if key not in OWN_LABELS}
        found["labels"] = {**kept, **request.labels}
    return _bare(found)


def _bare(found: dict[str, Json]) -> dict[str, Json]:
    context = found.get("base_context")
    if not isinstance(context, dict) or SAMPLE not in context:
        return found
    return {**found, "base_context": {name: context[name] for name in context if name != SAMPLE}}


def _check_columns(
    uses: Sequence[Use], table: Table, noted: Diagnostics, findings: _Findings
) -> None:
    columns = dict.fromkeys((SAMPLE, *table.columns))
    for use in uses:
        if use.column not in columns:
            message = f"{use.text}: the table has no column {use.column!r}"
            hint = did_you_mean(use.column, columns) or f"its columns are {list_names(columns)}"
            noted.problem(use.path, "unknown_column", message, hint)
    used = {use.column for use in uses}
    for column in table.columns:
        if column not in used and column.lower() not in SAMPLE_NAMES:
            message = f"the workflow does not use the column {column!r}"
            hint = f"refer to it as ${{sample.{column}}}, or leave it out"
            findings.warnings.append(Problem("samples", "unused_column", message, hint))
    _check_texts(uses, table, findings)


def _check_texts(uses: Sequence[Use], table: Table, findings: _Findings) -> None:
    """An empty cell leaves a parameter out; inside a longer text it would be a hole."""
    inside = {use.column: use for use in uses if not use.is_optional and use.column != SAMPLE}
    for index, row in enumerate(table.rows):
        for column, use in inside.items():
            if column not in row.cells and column not in row.values:
                message = f"the cell is empty, and {format_path(use.path)} needs it"
                path = format_path(("samples", index, column))
                findings.rows.append(Problem(path, "empty_cell", message, "fill the cell"))


def _with_columns(found: dict[str, Json], uses: Collection[Use]) -> dict[str, Json]:
    """The document with some text in every column, so that references to them lead somewhere."""
    context = found.get("base_context")
    if not isinstance(context, dict):
        return found
    cells = {use.column: "x" for use in uses}
    return {**found, "base_context": {**context, SAMPLE: {SAMPLE: "x", **cells}}}


def _with_values(spec: Spec, table: Table, columns: Collection[str]) -> Spec:
    """The spec with one value of each column, of the first row that has one."""
    first = {
        column: next((row.values[column] for row in table.rows if column in row.values), "x")
        for column in columns
    }
    cells = {SAMPLE: table.rows[0].sample, **first}
    return replace(spec, base_context={**spec.base_context, SAMPLE: cells})


def too_many_steps(count: int) -> list[Problem]:
    """A problem, if a batch has more than are allowed."""
    if count <= MOST_STEPS:
        return []
    message, hint = f"a batch has at most {MOST_STEPS} steps", "make several batches of it"
    return [Problem("samples", "too_many_steps", f"{message}, not {count}", hint)]


def _in_workflow(problems: Collection[Problem]) -> list[Problem]:
    return [
        replace(each, path=f"workflow.{each.path}" if each.path else "workflow")
        for each in problems
    ]


class _RowChecks:
    """Checks of one batch that are made again for each row."""

    def __init__(
        self, checked: CheckedBatch, apps: Apps, limits: Limits, findings: _Findings
    ) -> None:
        self._checked, self._apps, self._limits = checked, apps, limits
        self._findings = findings
        self._uses = {
            number: [use for use in checked.uses if use.step == number]
            for number in range(len(apps))
        }
        self._steps = sorted(places.dependent_steps(spec_from(checked.template.document)))

    def checks_again(self, problem: Problem) -> bool:
        """Whether a problem of the template is one of a step that each row checks again."""
        at = _STEP.match(problem.path)
        return at is not None and int(at.group(1)) in self._steps

    def check_all(self) -> None:
        table = self._checked.table
        rows = table.rows
        if not self._check_size(len(table.before) + len(rows)):
            return
        faulty = {row_index(problem) for problem in self._findings.of_rows()}
        for index, row in enumerate(rows):
            if index not in faulty:
                self._check_row(index, row)
        columns = {use.column for use in self._checked.uses}
        shared = places.shared_places(self._checked.template, self._apps, columns, table)
        # Rows of one name share their places, too: that is said of the name.
        self._findings.rows += [each for each in shared if row_index(each) not in faulty]

    def _check_size(self, rows: int) -> bool:
        count = rows * len(self._apps)
        self._findings.template += too_many_steps(count)
        return count <= MOST_STEPS

    def _check_row(self, index: int, row: Row) -> None:
        spec = spec_from(self._checked.document(row, {}))
        noted = Diagnostics()
        if len(spec.name) > LONGEST_NAME:
            message = f"the workflow's name, {spec.name[:40]!r}…, is longer than {LONGEST_NAME}"
            noted.problem(("workflow_name",), "bad_name", message, "give the batch a shorter name")
        values = steps.resolver(spec, self._apps)
        for number in self._steps:
            app = self._apps[number]
            if app is not None:
                steps.check_step(spec, app, number, values, noted)
        most_bytes = self._limits.params_bytes
        resolved_values.check_some(spec, self._apps, self._steps, most_bytes, noted)
        self._findings.rows += [self._move(each, index) for each in noted.all_problems()]
        self._findings.warnings += [self._move(each, index) for each in noted.warnings]

    def _move(self, problem: Problem, index: int) -> Problem:
        """The problem at the cell that causes it, as far as the template shows that."""
        at = _STEP.match(problem.path)
        uses = self._uses[int(at.group(1))] if at else []
        near = [use for use in uses if _overlap(format_path(use.path), problem.path)]
        path: Path = ("samples", index, *((near[0].column,) if near else ()))
        return replace(
            problem, path=format_path(path), message=f"{problem.path}: {problem.message}"
        )


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
