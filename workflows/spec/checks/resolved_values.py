"""Checks the resolved values: sizes, names, paths, outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final, TypeVar

from workflows.model.errors import Unresolved
from workflows.model.json_path import Path
from workflows.model.values import APPSERVICE, Json, Spec, StepSpec
from workflows.spec.catalogue import App
from workflows.spec.checks import outputs, sizes
from workflows.spec.checks.apps.app_ids import Apps
from workflows.spec.checks.charset import check_texts
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.steps import resolver
from workflows.spec.checks.suggestions import list_names
from workflows.spec.checks.value_view import format_value
from workflows.spec.output_globs import flaw, globs
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver

WORST_ATTEMPT: Final = 999
"""The attempt whose names are checked: a user may retry often, and names grow with the attempt."""

T = TypeVar("T")


def check(
    spec: Spec, apps: Apps, values: Resolver, most_bytes: int, diagnostics: Diagnostics
) -> None:
    """Resolves every reference as the run does; an unresolved one is a problem even if it is
    unused."""
    targets: list[outputs.Target | None] = []
    later = _Later(spec, apps)
    for number in range(len(spec.steps)):
        targets.append(_check_step(later, number, values, most_bytes, diagnostics))
    outputs.check_apart(spec, targets, diagnostics)
    _try_resolve(values.workflow_outputs, diagnostics)


def check_some(
    spec: Spec, apps: Apps, numbers: Collection[int], most_bytes: int, diagnostics: Diagnostics
) -> None:
    """The same for some of the steps, each by itself."""
    values, later = resolver(spec, apps), _Later(spec, apps)
    for number in numbers:
        _check_step(later, number, values, most_bytes, diagnostics)


def _check_step(
    later: _Later, number: int, values: Resolver, most_bytes: int, diagnostics: Diagnostics
) -> outputs.Target | None:
    """Checks one step's values, and returns where it writes."""
    step, app = later.spec.steps[number], later.apps[number]
    params = _try_resolve(partial(values.params, number), diagnostics) or {}
    outputs.check_names(params, ("steps", number, "params"), diagnostics)
    if app is None or app.backend == APPSERVICE:
        text = sizes.as_text(params)
        if not text.isascii():
            check_texts(params, ("steps", number, "params"), diagnostics)
        if not sizes.is_small(text):
            _check_size(later.values, number, most_bytes, diagnostics)
    _check_outputs(step, app, number, values, diagnostics)
    return outputs.target(params)


def _try_resolve(resolve: Callable[[], T], diagnostics: Diagnostics) -> T | None:
    try:
        return resolve()
    except Unresolved as reason:
        diagnostics.add_unresolved(reason)
        return None


@dataclass
class _Later:
    """The values of a late attempt. Few workflows need them, and one resolver serves all steps."""

    spec: Spec
    apps: Apps

    @cached_property
    def values(self) -> Resolver:
        return resolver(self.spec, self.apps, WORST_ATTEMPT)


def _check_size(values: Resolver, number: int, most_bytes: int, diagnostics: Diagnostics) -> None:
    worst = _try_resolve(partial(values.params, number), diagnostics)
    reason = sizes.too_large(worst, most_bytes) if worst is not None else ""
    if reason:
        hint = "put long lists into a file or a group in the Workspace and give its path"
        diagnostics.problem(("steps", number, "params"), "params_too_large", reason, hint)


def _check_outputs(
    step: StepSpec, app: App | None, number: int, values: Resolver, diagnostics: Diagnostics
) -> None:
    """Reports declared outputs that do not resolve; warns if the app writes elsewhere."""
    _check_globs(step, number, values, diagnostics)
    declared = _try_resolve(partial(values.outputs, number), diagnostics)
    if declared is None or app is None or "job_output_path" not in app.outputs:
        return
    odd = {
        name: value
        for name, value in declared.items()
        if value is not UNKNOWN_UNTIL_RUN and app.outputs.get(name) != step.outputs.get(name)
    }
    known = _known_outputs(app, number, values) if odd else {}
    for name, value in odd.items():
        at: Path = ("steps", number, "outputs", name)
        if name in known and value != known[name]:
            message = f"{app.id} is known to write its {name!r} to {format_value(known[name])}"
            diagnostics.warning(at, "odd_output", message, f"as a template: {app.outputs[name]}")
        elif name not in known and isinstance(value, str) and not _inside(value, known):
            message = f"{format_value(value)} is not where {app.id} writes its results"
            diagnostics.warning(at, "odd_output", message, f"known are {list_names(app.outputs)}")


def _check_globs(step: StepSpec, number: int, values: Resolver, diagnostics: Diagnostics) -> None:
    """Checks output patterns: the run resolves them, but their folder must be known."""
    for name, output in globs(step.outputs).items():
        at: Path = ("steps", number, "outputs", name)
        if reason := flaw(output):
            diagnostics.problem(at, "wrong_type", reason)
            continue
        for path, pattern in _patterns(output["glob"], (*at, "glob")):
            _try_resolve(partial(values.value, pattern, number, path), diagnostics)


def _patterns(glob: Json, at: Path) -> list[tuple[Path, Json]]:
    """Each pattern of an output with its place."""
    if isinstance(glob, list):
        return [((*at, place), pattern) for place, pattern in enumerate(glob)]
    return [(at, glob)]


def _known_outputs(app: App, number: int, values: Resolver) -> dict[str, Json]:
    """The known output paths of a step's app; empty while its parameters are unresolved."""
    at: Path = ("steps", number, "outputs")
    try:
        return {name: values.value(template, number, at) for name, template in app.outputs.items()}
    except Unresolved:
        return {}


def _inside(value: str, known: dict[str, Json]) -> bool:
    """Whether a path is the job's result, in its hidden folder, or no path at all."""
    folder, result = known.get("job_output_path"), known.get("job_result")
    if not value.startswith("/") or not isinstance(folder, str):
        return True
    return value in (folder, result) or value.startswith(f"{folder}/")
