"""The document of a former workflow, to be edited and run again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, url_for

from app.connections import connections
from app.http.auth import caller
from app.ui.access.session import signed_in
from workflows.engine.templates import commands as templates
from workflows.model.errors import Invalid, NotFound
from workflows.model.values import Json
from workflows.spec.batches.template import Use, value_at
from workflows.spec.document import document
from workflows.spec.resolver import Resolver
from workflows.spec.templates.fill import input_uses
from workflows.spec.templates.inputs import INPUTS
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow

_OF_BATCHES = ("batch",)
"""Labels that a batch gave a workflow; a copy is not one of the batch."""


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/workflows/<workflow_id>/again", "edit_again", edit_again)


@signed_in
def edit_again(workflow_id: str) -> Any:
    """Leads to the page on which the workflow can be edited: a form where it has one."""
    workflow = connections().gate.load(workflow_id)
    if reference := _usable_template(workflow):
        address = url_for("ui.fill_template_form", template=reference, former=workflow_id)
        return redirect(address)
    steps = specs.get(workflow.spec_id).spec.steps
    apps = connections().apps.catalogue(caller().token).apps
    if len(steps) == 1 and steps[0].app in apps and not has_source(workflow):
        return redirect(url_for("ui.fill_app_form", app=steps[0].app, former=workflow_id))
    return redirect(url_for("ui.write_document", former=workflow_id))


def _usable_template(workflow: StoredWorkflow) -> str:
    """``name@version`` of the template that it was made from; empty where the user has none."""
    if not workflow.template:
        return ""
    name, version = str(workflow.template["name"]), str(workflow.template["version"])
    try:
        templates.load(name, version, connections().gate.viewer())
    except NotFound:
        return ""
    return f"{name}@{version}"


def former_inputs(workflow_id: str, body: Mapping[str, Any] | None) -> dict[str, Json]:
    """The inputs that were given to a workflow made from a template; ``body``: the template's
    workflow, None where it is CWL. What a cell of a sample sheet gave is found where it was used.
    """
    workflow = connections().gate.load(workflow_id)
    source = _source(workflow)
    if source is not None or body is None:
        given: Json = source["inputs"] if source else None
        return dict(given) if isinstance(given, dict) else {}
    spec = specs.get(workflow.spec_id).spec
    found: dict[str, Json] = dict(spec.base_context.get(INPUTS) or {})
    resolver = Resolver(spec, [1] * len(spec.steps))
    for use in input_uses(body):
        if use.alone and use.is_optional and use.column not in found:
            value = _used_value(resolver, use)
            found |= {} if value is None else {use.column: value}
    return found


def _used_value(resolver: Resolver, use: Use) -> Json:
    """None where the row left it out, or where only the run decides what it is."""
    _, step, _, *path = use.path
    try:
        return value_at(resolver.params(int(step)), tuple(path))
    except (Invalid, LookupError, TypeError):
        return None


def former_document(workflow_id: str) -> dict[str, Json]:
    """As it was submitted. Raises ``NotFound``, ``Forbidden``."""
    found = document(specs.get(connections().gate.load(workflow_id).spec_id).spec)
    labels = found.pop("labels", None)
    kept = (
        {name: text for name, text in labels.items() if name not in _OF_BATCHES} if labels else {}
    )
    return {**found, **({"labels": kept} if kept else {})}


def former_text(workflow_id: str) -> tuple[str, str]:
    """The document as text, and the inputs beside it where it came as CWL."""
    workflow = connections().gate.load(workflow_id)
    source = _source(workflow)
    if source is None:
        return indent(former_document(workflow_id)), ""
    files: Mapping[str, Any] = source["files"]
    main = files[source["main"]]
    if len(files) == 1 and not source["entry"]:
        return main if isinstance(main, str) else indent(main), _as_text(source["inputs"])
    others = {name: text for name, text in files.items() if name != source["main"]}
    whole = {
        "workflow": main,
        "files": others,
        "entry": source["entry"],
        "inputs": source["inputs"],
    }
    return indent(whole), ""


def has_source(workflow: StoredWorkflow) -> bool:
    """Whether it came as CWL."""
    return _source(workflow) is not None


def _source(workflow: StoredWorkflow) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = json.loads(specs.source(workflow.id))
    except NotFound:
        return None
    return found


def _as_text(inputs: Json) -> str:
    return inputs if isinstance(inputs, str) else indent(inputs) if inputs else ""


def indent(value: Json) -> str:
    """As people edit it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
