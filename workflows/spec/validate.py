"""Validates a workflow: reports every problem at once, each with its path and a suggestion.

Mistakes with one possible correction are corrected and reported. The answer's ``workflow_json`` is
the document to store and to submit; validating it again changes nothing. Validation calls no
server: the caller passes the apps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Spec
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks import resolved_values, shape, steps
from workflows.spec.checks.apps import app_ids
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.links import Links
from workflows.spec.checks.outputs import folders, rename_taken
from workflows.spec.checks.shape import Limits
from workflows.spec.document import document

__all__ = ["Examination", "Limits", "Validated", "examine", "folders", "rename_taken", "validate"]

USUAL: Final = Limits()


@dataclass(frozen=True, slots=True)
class Validated:
    """A workflow that can run."""

    spec: Spec
    workflow_json: dict[str, Json]
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of validating a document, valid or not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()
    spec: Spec | None = None
    """None where there are problems."""
    workflow_json: dict[str, Json] | None = None
    """The normalised document; with problems, the given one without the dropped fields. None if it
    is no object or cannot be stored."""


def validate(value: Json, known: AppCatalogue, limits: Limits = USUAL) -> Validated:
    """The corrected and normalised workflow; raises ``Invalid`` with every problem."""
    found = examine(value, known, limits)
    if found.spec is None or found.workflow_json is None:
        raise Invalid(found.problems)
    return Validated(found.spec, found.workflow_json, found.warnings, found.auto_fixes)


def examine(value: Json, known: AppCatalogue, limits: Limits = USUAL) -> Examination:
    """The same, but returns the problems instead of raising them."""
    diagnostics = Diagnostics()
    found = shape.unwrap_document(value, diagnostics)
    if found is None:
        return Examination(diagnostics.all_problems())
    if known.note:
        diagnostics.warning((), "apps_not_asked", known.note)
    spec = _run_checks(found, known, limits, diagnostics)
    problems = diagnostics.all_problems()
    return Examination(
        problems=problems,
        warnings=tuple(diagnostics.warnings),
        auto_fixes=tuple(diagnostics.fixes),
        spec=None if problems else spec,
        workflow_json=found if problems else document(spec),
    )


def _run_checks(
    found: dict[str, Json], known: AppCatalogue, limits: Limits, diagnostics: Diagnostics
) -> Spec:
    """The corrected spec, after all diagnostics are noted. References are checked only if the steps
    are usable.
    """
    spec, meant = check_structure(found, known, limits, diagnostics)
    return check_values(spec, meant, limits, diagnostics) if meant is not None else spec


def check_structure(
    found: dict[str, Json], known: AppCatalogue, limits: Limits, diagnostics: Diagnostics
) -> tuple[Spec, app_ids.Apps | None]:
    """The first half: fields, apps and references. None for the apps if the steps are unusable."""
    spec = shape.read(found, limits, diagnostics)
    if diagnostics.is_faulty(("steps",)):
        return spec, None
    spec, meant = app_ids.resolve_apps(spec, known, diagnostics)
    spec = steps.fix_parameter_names(spec, meant, diagnostics)
    return Links(spec, meant, diagnostics).check(), meant


def check_values(spec: Spec, meant: app_ids.Apps, limits: Limits, diagnostics: Diagnostics) -> Spec:
    """The second half: each step's parameters, and what they resolve to."""
    spec, values = steps.fit_steps(spec, meant, diagnostics)
    resolved_values.check(spec, meant, values, limits.params_bytes, diagnostics)
    return spec
