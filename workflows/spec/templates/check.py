"""Checks a template whole before it is stored: what it says without values, and with its examples.

Without values each ``${inputs.x}`` is something that only the submission will tell, as the output
of a step is something that only the run will tell; so all that does not depend on inputs is checked
as in any workflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Spec
from workflows.spec.batches.template import FOLDER, Use
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks import shape
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean
from workflows.spec.document import document
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN
from workflows.spec.templates.derive import Specs, derive, is_needed
from workflows.spec.templates.fill import Wishes, blame_inputs, fill, input_of, input_uses
from workflows.spec.templates.fit import check_values as check_input_values
from workflows.spec.templates.fit import fit_inputs, fit_value
from workflows.spec.templates.inputs import INPUTS, Inputs, Schema, read_inputs
from workflows.spec.validate import Limits, check_structure, check_values, examine

BASE_URL: Final = "https://www.bv-brc.org"
_ANY_FOLDER: Final = "/user@bvbrc/home/templates"


@dataclass(frozen=True, slots=True)
class CheckedTemplate:
    """A template that can be used."""

    workflow: Mapping[str, Json]
    """Normalised; without ``workspace_output_folder`` where the submission names it."""
    inputs: Inputs
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates are held against."""

    catalogue: AppCatalogue
    specs: Specs
    limits: Limits


def check_template(
    name: str, workflow: Json, declared: Json, around: Surroundings
) -> CheckedTemplate:
    """The template, ready to be stored; raises ``Invalid`` with every problem."""
    noted, known = Diagnostics(), around.catalogue
    written = read_inputs(declared, noted)
    found = shape.unwrap_document(workflow, noted)
    if found is None or noted.problems:
        raise Invalid(_in_workflow(noted.all_problems()))
    found, has_folder = _complete(found, name)
    uses = input_uses(found)
    spec, apps = check_structure(_with_inputs(found, uses), known, around.limits, noted)
    if known.note:
        noted.warning((), "apps_not_asked", known.note)
    if apps is None:
        raise Invalid(_in_workflow(noted.all_problems()))
    spec = check_values(spec, apps, around.limits, noted)
    specs = around.specs if not _is_complete(declared) else None
    inputs = _merge(written, spec, apps, uses, specs, noted)
    check_input_values(inputs, noted)
    body = _bare(document(spec), has_folder=has_folder)
    problems = _in_workflow(noted.all_problems())
    if not problems:
        problems = _check_example(body, inputs, around)
    if problems:
        raise Invalid(problems)
    warnings, fixes = _in_workflow(noted.warnings), _in_workflow(noted.fixes)
    return CheckedTemplate(body, inputs, tuple(warnings), tuple(fixes))


def _complete(found: dict[str, Any], name: str) -> tuple[dict[str, Any], bool]:
    """The document with what a template may leave out, and whether it names its folder."""
    context = found.get("base_context") or {}
    if not isinstance(context, dict):
        return found, True
    context = {key: value for key, value in context.items() if key != INPUTS}
    usual = {"workflow_name": name, "version": "1.0"}
    around = {"base_url": BASE_URL, FOLDER: _ANY_FOLDER}
    return {**usual, **found, "base_context": {**around, **context}}, FOLDER in context


def _with_inputs(found: dict[str, Any], uses: Sequence[Use]) -> dict[str, Any]:
    context = found.get("base_context")
    if not isinstance(context, dict):
        return found
    unknown = dict.fromkeys(map(input_of, uses), UNKNOWN_UNTIL_RUN)
    return {**found, "base_context": {**context, INPUTS: unknown}}


def _bare(found: dict[str, Any], *, has_folder: bool) -> dict[str, Json]:
    gone = {INPUTS} if has_folder else {INPUTS, FOLDER}
    context = {key: value for key, value in found["base_context"].items() if key not in gone}
    return {**found, "base_context": context}


def _is_complete(declared: Json) -> bool:
    """Whether it names its dialect, as the inputs of a stored template do: these stay as they are,
    also where the apps have changed, so that an export can be imported again."""
    return isinstance(declared, dict) and "$schema" in declared


def _merge(  # noqa: PLR0913, PLR0917 - the parts of one template
    written: Inputs,
    spec: Spec,
    apps: Apps,
    uses: Sequence[Use],
    specs: Specs | None,
    noted: Diagnostics,
) -> Inputs:
    """The inputs as the author declares them, completed by what the apps say; ``specs`` None: only
    those that are not declared. These come last, in the order of their first use."""
    used = dict.fromkeys(map(input_of, uses))
    _check_names(written, uses, noted)
    derived = dict(derive(spec, apps, uses, specs or {}))
    if specs is None:
        derived |= {name: {} for name in written.properties}
    properties: dict[str, Schema] = {
        name: _overlay(derived.get(name, {}), written.properties.get(name, {}))
        for name in [*(each for each in written.properties if each in used), *used]
    }
    required = [
        name
        for name, schema in properties.items()
        if name in written.required or ("default" not in schema and is_needed(apps, uses, name))
    ]
    return Inputs(properties, tuple(required))


def _overlay(derived: Schema, written: Schema) -> dict[str, Json]:
    """What the author says goes before what the app says; of another type, it stands alone."""
    if written.get("type") not in (None, derived.get("type")):
        return dict(written)
    found = {**derived, **written}
    if "default" in derived and "default" not in written and not _fits(found, found["default"]):
        del found["default"]  # the author allows less than the app
    return found


def _fits(schema: Schema, value: Json) -> bool:
    noted = Diagnostics()
    fit_value("", schema, value, (INPUTS,), noted)
    return not noted.problems


def _check_names(written: Inputs, uses: Sequence[Use], noted: Diagnostics) -> None:
    used = dict.fromkeys(map(input_of, uses))
    unused = [name for name in written.properties if name not in used]
    for name in unused:
        message = f"the workflow does not use the input {name!r}"
        hint = f"refer to it as ${{inputs.{name}}}, or leave it out"
        noted.warning((INPUTS, "properties", name), "unused_input", message, hint)
    for use in uses:
        name = input_of(use)
        if name in written.properties:
            continue
        if near := did_you_mean(name, unused):
            message = f"{use.text}: no input {name!r} is declared"
            noted.problem(use.path, "unknown_input", message, near)
        elif name != use.column:
            message = f"{use.text}: declare the input {name!r}, an object with what it holds"
            noted.problem(use.path, "unknown_input", message, f"under inputs.properties.{name}")


def _check_example(body: dict[str, Json], inputs: Inputs, around: Surroundings) -> list[Problem]:
    """The problems of the workflow that the examples make, if they are complete."""
    example, noted = inputs.example(), Diagnostics()
    if example is None:
        return []
    values = fit_inputs(inputs, example, noted)
    problems = list(noted.all_problems())
    if not problems:
        filled = fill(body, values, Wishes(folder=_ANY_FOLDER))
        problems = blame_inputs(body, examine(filled, around.catalogue, around.limits).problems)
    return [replace(each, message=f"with the examples: {each.message}") for each in problems]


def _in_workflow(problems: Sequence[Problem]) -> list[Problem]:
    """Paths of the workflow within the template; those of its inputs stay as they are."""
    return [
        each
        if each.path.startswith(INPUTS)
        else replace(each, path=f"workflow.{each.path}" if each.path else "workflow")
        for each in problems
    ]
