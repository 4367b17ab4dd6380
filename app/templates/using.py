"""Makes a workflow of a template and the values of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.api.cwl.submission import store_plan
from app.api.submit import validation
from app.api.submit.submission import accept, reuse_warnings, token_warnings
from app.templates import cwl
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.engine.commands import Accepted
from workflows.engine.templates.commands import Loaded
from workflows.engine.templates.views import needs_folder
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.batches.template import FOLDER
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.templates.fill import OPTIONS, Wishes, blame_inputs, fill
from workflows.spec.templates.fit import fit_inputs
from workflows.spec.templates.inputs import inputs_from
from workflows.spec.validate import Validated

FIELDS: Final = ("inputs", FOLDER, "labels", *OPTIONS)


@dataclass(frozen=True, slots=True)
class Ready:
    """A workflow that can run, made from a template."""

    native: Validated
    warnings: tuple[Problem, ...]
    source: Submission | None = None
    """With ``plan``: of a template in CWL."""
    plan: Plan | None = None


def is_cwl(loaded: Loaded) -> bool:
    return "cwl" in loaded.version.content


def prepare(loaded: Loaded, sent: Json) -> Ready:
    """Raises ``Invalid`` with every problem, those of values at ``inputs.<name>``."""
    noted = Diagnostics()
    found = read_fields(sent, FIELDS, noted)
    content = loaded.version.content
    wishes = read_wishes(found, content, noted)
    values = fit_inputs(inputs_from(content["inputs"]), found.get("inputs"), noted)
    if noted.problems:
        raise Invalid(noted.all_problems())
    warnings = (*deprecation(loaded), *noted.warnings)
    if is_cwl(loaded):
        source, plan, native = cwl.plan(content, values, wishes)
        return Ready(native, (*warnings, *plan.warnings), source, plan)
    try:
        native = validation.take(fill(content["workflow"], values, wishes))
    except Invalid as invalid:
        raise Invalid(blame_inputs(content["workflow"], invalid.problems)) from invalid
    return Ready(native, (*warnings, *blame_inputs(content["workflow"], native.warnings)))


def store(ready: Ready, loaded: Loaded) -> Accepted:
    if ready.source is not None and ready.plan is not None:
        return store_plan(ready.source, ready.plan, ready.native, {}, template=loaded.reference)
    native = ready.native
    return accept(native.spec, native.workflow_json, template=loaded.reference)


def all_warnings(ready: Ready) -> list[Problem]:
    spec = ready.native.spec
    return [*ready.warnings, *token_warnings(spec), *reuse_warnings(spec)]


def read_fields(sent: Json, known: tuple[str, ...], noted: Diagnostics) -> Mapping[str, Json]:
    """The fields of a body, without those that are null."""
    if not isinstance(sent, dict):
        noted.problem((), "not_an_object", "the body is a JSON object: {inputs: {…}}")
        return {}
    for name in sent:
        if name not in known:
            hint = did_you_mean(name, known) or f"known are {list_names(known)}"
            noted.problem((name,), "unknown_field", "there is no such field", hint)
    return {name: value for name, value in sent.items() if value is not None}


def read_wishes(
    found: Mapping[str, Json], content: Mapping[str, Any], noted: Diagnostics
) -> Wishes:
    """What is set besides inputs. The workflow's own checks look at the values."""
    folder, labels = found.get(FOLDER), found.get("labels")
    if folder is None and needs_folder(content):
        hint = "such as /user@bvbrc/home/results"
        noted.problem((FOLDER,), "missing_field", "it is required: where results go", hint)
    elif folder is not None and (not isinstance(folder, str) or not folder.startswith("/")):
        message = "it must be a folder of the Workspace, from its root on"
        noted.problem((FOLDER,), "wrong_type", message, "such as /user@bvbrc/home/results")
    if labels is not None and not isinstance(labels, dict):
        noted.problem(("labels",), "wrong_type", "it must be an object of texts")
        labels = None
    options = {name: found[name] for name in OPTIONS if name in found}
    return Wishes(folder, labels, options)


def deprecation(loaded: Loaded) -> tuple[Problem, ...]:
    """A warning where the author advises against this version; or none."""
    reason = loaded.deprecated
    if reason is None:
        return ()
    name, version = loaded.template.name, loaded.version.version
    message = f"{name}@{version} is deprecated: {reason}"
    hint = f"the latest version is {loaded.template.latest}"
    return (Problem("template", "deprecated_template", message, hint),)
