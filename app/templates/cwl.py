"""Templates in CWL: their inputs come from the document, their plan from the values."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from app.api.cwl.submission import plan_source
from app.connections import connections
from app.http.auth import caller
from workflows.cwl.bvbrc.request_forms import Circumstances, from_object
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.templates.fill import Wishes
from workflows.spec.templates.fit import check_values
from workflows.spec.templates.inputs import INPUTS, Inputs, read_inputs
from workflows.spec.validate import Validated


def describe(document: Mapping[str, Json], declared: Json) -> Inputs:
    """The inputs of a CWL document, with the texts that the author declares for them. Raises
    ``Invalid``."""
    noted = Diagnostics()
    written = read_inputs(declared, noted)
    found = connections()
    known, user = found.apps.load(caller().token), caller().name
    found.quotas.check_computing(user)
    source, charge = source_of(document, {}, Wishes()), partial(found.quotas.computed, user)
    described = found.planner.describe(user, source, known.table, charge)
    if described.problems:
        raise Invalid([replace(each, path=_within(each.path)) for each in described.problems])
    for name in written.properties:
        if name not in described.properties:
            hint = did_you_mean(name, described.properties)
            hint = hint or f"its inputs are {list_names(described.properties)}"
            message = f"the document has no input {name!r}"
            noted.problem((INPUTS, "properties", name), "unknown_input", message, hint)
    properties = {
        name: {**schema, **written.properties.get(name, {})}
        for name, schema in described.properties.items()
    }
    required = [name for name in properties if name in (*described.required, *written.required)]
    inputs = Inputs(properties, tuple(required))
    check_values(inputs, noted)
    if noted.problems:
        raise Invalid(noted.all_problems())
    return inputs


def plan(
    content: Mapping[str, Any], values: Mapping[str, Json], wishes: Wishes
) -> tuple[Submission, Plan, Validated]:
    """The source, its plan, and the native workflow. Raises ``Invalid``."""
    source = source_of(content, values, wishes)
    known = connections().apps.load(caller().token)
    planned, native = plan_source(source, known)
    return source, planned, native


def source_of(
    content: Mapping[str, Json], values: Mapping[str, Json], wishes: Wishes
) -> Submission:
    options = dict(wishes.options or {})
    name = options.pop("workflow_name", None)
    body = {
        **{key: content[key] for key in ("cwl", "files", "entry") if key in content},
        **options,
        "inputs": dict(values),
        "name": name,
        "workspace_output_folder": wishes.folder,
    }
    if wishes.labels:
        body["labels"] = dict(wishes.labels)
    around = Circumstances(folder=f"/{caller().name}/home", now=int(time.time() * 1000))
    return from_object(body, around)


def _within(path: str) -> str:
    return f"cwl.{path}" if path else "cwl"
