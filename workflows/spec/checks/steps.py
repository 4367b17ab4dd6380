"""Checks each step's parameters against its app's specification."""

from __future__ import annotations

from dataclasses import replace

from workflows.model.json_path import Path
from workflows.model.values import Json, Spec, StepSpec
from workflows.spec.catalogue import App
from workflows.spec.checks import parameters
from workflows.spec.checks.apps import app_rules, read_libraries, rule_checks
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.value_view import ValueView
from workflows.spec.output_globs import globs
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver


def resolver(spec: Spec, apps: Apps, attempt: int = 1) -> Resolver:
    """A resolver for validation; values that only the run knows stay open."""
    later = {
        number: dict.fromkeys(names, UNKNOWN_UNTIL_RUN)
        for number, (step, app) in enumerate(zip(spec.steps, apps, strict=True))
        if (names := {*(app.later if app else ()), *globs(step.outputs)})
    }
    return Resolver(spec, [attempt] * len(spec.steps), later)


def fix_parameter_names(spec: Spec, apps: Apps, diagnostics: Diagnostics) -> Spec:
    """The spec with parameters under their proper names, which references are checked against."""
    steps = list(spec.steps)
    for number, (step, app) in enumerate(zip(spec.steps, apps, strict=True)):
        if app is None:
            continue
        at: Path = ("steps", number, "params")
        params = parameters.fix_names(app.parameters, step.params, at, diagnostics)
        if params is not step.params:
            steps[number] = replace(step, params=params)
    return replace(spec, steps=tuple(steps))


def fit_steps(spec: Spec, apps: Apps, diagnostics: Diagnostics) -> tuple[Spec, Resolver]:
    """The spec with each step's corrected parameters, and their values."""
    values = resolver(spec, apps)
    steps, changed = list(spec.steps), False
    for number, (step, app) in enumerate(zip(spec.steps, apps, strict=True)):
        if app is not None and not diagnostics.is_faulty(("steps", number, "params")):
            before = diagnostics.fixed
            params = _params(step, app, ValueView(diagnostics, values, number))
            if diagnostics.fixed > before:
                steps[number] = replace(step, params=params)
                changed = True
    if not changed:
        return spec, values
    spec = replace(spec, steps=tuple(steps))
    return spec, resolver(spec, apps)


def check_step(
    spec: Spec, app: App, number: int, values: Resolver, diagnostics: Diagnostics
) -> None:
    """Checks one step's parameters and corrects nothing."""
    _params(spec.steps[number], app, ValueView(diagnostics, values, number))


def _params(step: StepSpec, app: App, view: ValueView) -> dict[str, Json]:
    at: Path = ("steps", view.step, "params")
    given = read_libraries.reshape_libraries(app, dict(step.params), at, view.diagnostics)
    given = parameters.fit_parameters(app.parameters, given, at, view)
    _output_named(app, given, at, view.diagnostics)
    return rule_checks.check(app, given, at, view)


def _output_named(app: App, given: dict[str, Json], at: Path, diagnostics: Diagnostics) -> None:
    """Reports a missing output path or name; AppService would start the job without them."""
    if app.later or given.get("skip_workspace_output") in (True, 1, "1", "true"):
        return
    for name, hint in app_rules.PLACES.items():
        path = (*at, name)
        if name in app.parameters and not given.get(name) and not diagnostics.is_faulty(path):
            message = "without it the job would start, and lose its results"
            diagnostics.problem(path, "missing_parameter", message, hint)
