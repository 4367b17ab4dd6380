"""Cells in the type that the template needs: the app's parameter decides, not the look of a cell.

A column that is used for parameters of several kinds stays as it is, and each step checks it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workflows.model.json_path import Path
from workflows.model.values import Json, Spec
from workflows.spec.batches.table import Table, is_given
from workflows.spec.batches.template import Use
from workflows.spec.catalogue import Kind, Parameter
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.parameters import fitted_value
from workflows.spec.checks.suggestions import same_name
from workflows.spec.checks.value_view import ValueView
from workflows.spec.resolver import Resolver


@dataclass(frozen=True, slots=True)
class Target:
    """The parameter that a column fills."""

    parameter: Parameter
    item: bool
    """The column is one of several values of it."""

    @property
    def is_list(self) -> bool:
        """Whether a cell holds several values."""
        several = self.parameter.kind is Kind.LIST or self.parameter.multiple
        return several and not self.item and self.parameter.kind is not Kind.GROUP


def find_targets(apps: Apps, uses: Iterable[Use]) -> dict[str, Target]:
    """Column to the parameter that it fills, where it fills one or several alike."""
    found: defaultdict[str, list[Target | None]] = defaultdict(list)
    for use in uses:
        if use.is_optional:
            found[use.column].append(_target(apps, use.path))
    return {
        column: first
        for column, (first, *others) in found.items()
        if first is not None and all(other == first for other in others)
    }


def _target(apps: Apps, path: Path) -> Target | None:
    _, step, _, *rest = path
    app = apps[int(step)]
    known: Mapping[str, Parameter] = app.parameters if app else {}
    parameter, item = None, False
    for key in rest:
        if isinstance(key, int):
            item = True
        else:
            parameter = known.get(key) or known.get(same_name(key, known))
            if parameter is None:
                return None
            known, item = parameter.members, False
    return Target(parameter, item) if parameter else None


def fit_cells(
    table: Table, columns: Iterable[str], targets: Mapping[str, Target], diagnostics: Diagnostics
) -> Table:
    """The table with the used cells of each row in the type that they need. Values that a row has
    already go before its cells."""
    wanted = [column for column in columns if column in table.columns]
    rows = [
        replace(
            row,
            values={
                column: _fit(targets.get(column), cell, ("samples", index, column), diagnostics)
                for column in wanted
                if is_given(cell := row.values.get(column, row.cells.get(column)))
            },
        )
        for index, row in enumerate(table.rows)
    ]
    return replace(table, rows=tuple(rows))


_NO_SPEC = Spec("", "", {}, ())


def _fit(target: Target | None, cell: Json, at: Path, diagnostics: Diagnostics) -> Json:
    if target is None or diagnostics.is_faulty(at):
        return cell
    value = split_cell(cell) if target.is_list else cell
    if target.item and target.parameter.kind is Kind.LIST:
        return value  # what a list holds is not known
    parameter = replace(target.parameter, multiple=False) if target.item else target.parameter
    noted = Diagnostics()
    view = ValueView(noted, Resolver(_NO_SPEC, ()), 0)
    value = fitted_value(parameter, value, at, view)
    diagnostics.problems += noted.problems
    diagnostics.faulty |= noted.faulty
    diagnostics.warnings += [each for each in noted.warnings if each.code != "odd_path"]
    if target.parameter.kind is Kind.PATH and target.parameter.id != "output_file":
        _check_paths(value, at, diagnostics)
    return value


def split_cell(cell: Json) -> Json:
    """A list as people write it in a cell: ``a;b;c``, or JSON."""
    if not isinstance(cell, str):
        return cell
    if cell.startswith("["):
        try:
            found: Any = json.loads(cell)
        except (ValueError, RecursionError):
            return [cell]
        return found
    return [item for each in cell.split(";") if (item := each.strip())]


def _check_paths(value: Json, at: Path, diagnostics: Diagnostics) -> None:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and not each.startswith("/"):
            message = f"{each!r} is a relative path"
            hint = "write it in full, as /user@bvbrc/home/folder/file"
            diagnostics.problem(at, "relative_path", message, hint)
