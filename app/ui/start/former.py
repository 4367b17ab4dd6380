"""The document of a former workflow, to be edited and run again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, url_for

from app.connections import connections
from app.http.auth import caller
from app.ui.session import signed_in
from workflows.model.errors import NotFound
from workflows.model.values import Json
from workflows.spec.document import document
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
    steps = specs.get(workflow.spec_id).spec.steps
    apps = connections().apps.catalogue(caller().token).apps
    if len(steps) == 1 and steps[0].app in apps and not has_source(workflow):
        return redirect(url_for("ui.fill_app_form", app=steps[0].app, former=workflow_id))
    return redirect(url_for("ui.write_document", former=workflow_id))


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
