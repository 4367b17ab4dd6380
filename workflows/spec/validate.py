"""Can this workflow run: every problem at once, each with its place and the way out.

Safe mistakes are put right and reported. The answer's ``workflow_json`` is the document to store
and to submit; validating it again changes nothing. Nothing is asked of any server here: what apps
there are is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Spec
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks import app_ids, resolved_values, shape, steps
from workflows.spec.checks.diagnostics import Findings
from workflows.spec.checks.links import Links
from workflows.spec.checks.outputs import folders, renamed
from workflows.spec.checks.shape import Limits
from workflows.spec.document import document

__all__ = ["Examination", "Limits", "Validated", "examined", "folders", "renamed", "validate"]

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
    """All that can be said of a document, be it a sound workflow or not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()
    spec: Spec | None = None
    """None where there are problems."""
    workflow_json: dict[str, Json] | None = None
    """Normalised; where there are problems, as it came but without what is dropped. None for what
    is no object, or cannot be stored."""


def validate(value: Json, known: AppCatalogue, limits: Limits = USUAL) -> Validated:
    """The workflow, put right and normalised; raises ``Invalid`` with every problem."""
    found = examined(value, known, limits)
    if found.spec is None or found.workflow_json is None:
        raise Invalid(found.problems)
    return Validated(found.spec, found.workflow_json, found.warnings, found.auto_fixes)


def examined(value: Json, known: AppCatalogue, limits: Limits = USUAL) -> Examination:
    """The same, but problems are an answer and no exception."""
    findings = Findings()
    found = shape.unwrapped(value, findings)
    if found is None:
        return Examination(findings.all_problems())
    if known.note:
        findings.warning((), "apps_not_asked", known.note)
    spec = _checked(shape.read(found, limits, findings), known, limits, findings)
    problems = findings.all_problems()
    return Examination(
        problems=problems,
        warnings=tuple(findings.warnings),
        auto_fixes=tuple(findings.fixes),
        spec=None if problems else spec,
        workflow_json=found if problems else document(spec),
    )


def _checked(spec: Spec, known: AppCatalogue, limits: Limits, findings: Findings) -> Spec:
    """The spec put right, after all that can be found has been noted. Without usable steps the
    references to them would all seem to lead nowhere.
    """
    if findings.is_faulty(("steps",)):
        return spec
    spec, meant = app_ids.named(spec, known, findings)
    spec = Links(steps.renamed(spec, meant, findings), meant, findings).check()
    spec, values = steps.fitted(spec, meant, findings)
    resolved_values.check(spec, meant, values, limits.params_bytes, findings)
    return spec
