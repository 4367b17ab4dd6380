"""Checks the gather of a batch when it is submitted: as any workflow, with the lists that it gets
if every row succeeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.spec.batches.gather import (
    ALL,
    ANY,
    BATCH,
    OUTPUTS,
    REQUIRE,
    Gather,
    find_uses,
    output_of,
    with_lists,
    without_lists,
)
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks import shape
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.document import document
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN
from workflows.spec.validate import Limits, check_structure, check_values

GATHER: Final = "gather"
_REQUIRES: Final = (ANY, ALL)


@dataclass(frozen=True, slots=True)
class ExaminedGather:
    """The result of checking a gather; paths begin with ``gather``."""

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()
    gather: Gather | None = None
    """None where there are problems."""


def examine_gather(
    value: Json,
    lists: Mapping[str, Sequence[Json]] | None,
    known: AppCatalogue,
    limits: Limits,
) -> ExaminedGather:
    """``lists``: of each output of the rows' workflow; None where that has problems itself."""
    noted = Diagnostics()
    gather = _check(value, lists, known, limits, noted)
    problems = noted.all_problems()
    return ExaminedGather(
        _in_gather(problems),
        _in_gather(noted.warnings),
        _in_gather(noted.fixes),
        None if problems else gather,
    )


def _check(
    value: Json,
    lists: Mapping[str, Sequence[Json]] | None,
    known: AppCatalogue,
    limits: Limits,
    noted: Diagnostics,
) -> Gather | None:
    found = shape.unwrap_document(value, noted)
    if found is None:
        return None
    require = _read_require(found.pop(REQUIRE, None), noted)
    found = without_lists(found)
    _check_outputs(found, lists, noted)
    spec, apps = check_structure(_with_likely_lists(found, lists or {}), known, limits, noted)
    if apps is None:
        return None
    corrected = document(check_values(spec, apps, limits, noted))
    return Gather(without_lists(corrected), require)


def _read_require(value: Json, noted: Diagnostics) -> str:
    if value is None:
        return ANY
    if value not in _REQUIRES:
        noted.problem((REQUIRE,), "bad_argument", f"it must be one of {list_names(_REQUIRES)}")
    return str(value)


def _check_outputs(
    found: Mapping[str, Json], lists: Mapping[str, Sequence[Json]] | None, noted: Diagnostics
) -> None:
    uses = list(find_uses(found))
    used = {part.path[2:] for _, part in uses}
    for path, part in uses:
        name = output_of(part)
        if not name:
            message = f"{part.text}: of a batch there are only the outputs of its rows"
            noted.problem(
                path, "unknown_reference", message, f"write ${{{BATCH}.{OUTPUTS}.<name>}}"
            )
        elif lists is not None and name not in lists:
            message = f"{part.text}: the workflow of the rows has no output {name!r}"
            hint = did_you_mean(name, lists) or _outputs_there_are(lists)
            noted.problem(path, "unknown_output", message, hint)
        elif any("." in each for each in part.path[2:]):
            hint = f"write ${{{BATCH}.{OUTPUTS}.{name}}}"
            noted.problem(path, "malformed_reference", f"{part.text} has a dot inside ['…']", hint)
        elif any(part.path[2:end] in used for end in range(3, len(part.path))):
            message = f"{part.text}: a shorter reference names a list here, which has no parts"
            noted.problem(path, "unknown_reference", message, "refer to one of the two alone")


def _outputs_there_are(lists: Mapping[str, object]) -> str:
    if not lists:
        return "name outputs in workflow_outputs, or in the outputs of its steps"
    return f"its outputs are {list_names(lists)}"


def _with_likely_lists(
    found: dict[str, Json], lists: Mapping[str, Sequence[Json]]
) -> dict[str, Json]:
    """An output that is not known is a list of something: what is wrong with it was said."""
    names = {output_of(part) for _, part in find_uses(found)}
    return with_lists(found, {**dict.fromkeys(names, (UNKNOWN_UNTIL_RUN,)), **lists})


def _in_gather(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(
        replace(each, path=f"{GATHER}.{each.path}" if each.path else GATHER) for each in problems
    )
