"""The form of a template: its inputs, checked and started as a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, render_template, request

from app.connections import connections
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.templates import using
from app.ui.access.session import signed_in
from app.ui.start import form_actions, form_layout, form_values, outcome
from app.ui.start.form_actions import Pressed
from app.ui.start.form_layout import FOLDER, NAME, Descriptions
from app.ui.start.former import former_document, former_inputs
from app.ui.start.outcome import Outcome
from workflows.engine.templates import commands as templates
from workflows.engine.templates import views as template_views
from workflows.engine.templates.commands import LATEST, Loaded
from workflows.model.errors import Invalid
from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.batches.template import FOLDER as FOLDER_FIELD
from workflows.spec.catalogue import App
from workflows.spec.templates.inputs import INPUTS, Inputs, inputs_from, parameter_of

AT: Path = (INPUTS,)


@dataclass(frozen=True, slots=True)
class Subject:
    """A template as a form has it."""

    loaded: Loaded
    inputs: Inputs
    app: App
    """Its inputs as the parameters of an app without a name: no rules of apps are about it."""

    @property
    def reference(self) -> str:
        return f"{self.loaded.template.name}@{self.loaded.version.version}"


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/new/template", "fill_template_form", fill_template_form, methods=["GET", "POST"]
    )


@takes(DOCUMENT)
@signed_in
def fill_template_form() -> Any:
    subject = load_subject(request.values.get("template", ""))
    if request.method == "GET":
        return _page(subject, _first_texts(subject), Outcome())
    pressed = form_actions.press(subject.app, request.form.to_dict())
    if pressed.changes:
        return _page(subject, pressed.texts, Outcome(), pressed)
    body = read_body(subject, pressed.texts)
    found = _check(subject, body)
    content = [subject.reference, body]
    return outcome.answer(found, content, lambda: _page(subject, pressed.texts, found))


def load_subject(reference: str) -> Subject:
    """Raises ``NotFound`` where the user has no such template."""
    name, _, version = reference.partition("@")
    loaded = templates.load(name, version or LATEST, connections().gate.viewer())
    inputs = inputs_from(loaded.version.content["inputs"])
    parameters = {
        each: replace(
            parameter_of(each, schema),
            default=schema.get("default"),
            required=each in inputs.required and schema.get("default") is None,
        )
        for each, schema in inputs.properties.items()
    }
    return Subject(loaded, inputs, App("", parameters))


def read_body(subject: Subject, texts: Mapping[str, str]) -> dict[str, Json]:
    """What ``POST /templates/{name}@{version}/submit`` would be sent."""
    options = {FOLDER_FIELD: texts.get(FOLDER, "").strip(), "workflow_name": texts.get(NAME, "")}
    given = {name: value for name, value in options.items() if value}
    return {INPUTS: form_values.read_values(subject.app.parameters, texts), **given}


def _check(subject: Subject, body: dict[str, Json]) -> Outcome:
    try:
        ready = using.prepare(subject.loaded, body)
    except Invalid as invalid:
        return Outcome(problems=invalid.problems)
    plan = ready.plan
    further = [each.name for each in plan.steps if each.name in plan.waits_for] if plan else []
    return Outcome(
        warnings=using.all_warnings(ready),
        fixes=ready.native.auto_fixes,
        preview=outcome.show(ready.native.spec, further),
        start=lambda: using.store(ready, subject.loaded),
    )


def _first_texts(subject: Subject) -> dict[str, str]:
    """An empty form, or the one of a former workflow."""
    if former := request.args.get("former"):
        return _texts_of(subject, former)
    return {NAME: subject.loaded.template.name, FOLDER: f"/{caller().name}/home/Workflows"}


def _texts_of(subject: Subject, former: str) -> dict[str, str]:
    workflow = connections().gate.load(former)
    given = former_inputs(former, subject.loaded.version.content.get("workflow"))
    texts, _ = form_values.write_values(subject.app.parameters, given)
    folder = former_document(former)["base_context"].get(FOLDER_FIELD)
    return {**texts, NAME: workflow.name, FOLDER: folder if isinstance(folder, str) else ""}


def describe_inputs(inputs: Inputs) -> Descriptions:
    """All of them are shown: an author declares what people decide."""
    found = [
        _describe(name, schema, required=name in inputs.required)
        for name, schema in inputs.properties.items()
    ]
    return Descriptions(found, frozenset(inputs.properties))


def _describe(name: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    inner = schema.get("items") if isinstance(schema.get("items"), dict) else schema
    members: Mapping[str, Any] = (inner or {}).get("properties") or {}
    return {
        "name": name,
        "label": schema.get("title") or "",
        "description": schema.get("description") or "",
        "required": required and schema.get("default") is None,
        "members": [
            _describe(each, member, required=each in ((inner or {}).get("required") or ()))
            for each, member in members.items()
        ],
    }


def _page(
    subject: Subject, texts: Mapping[str, str], found: Outcome, pressed: Pressed | None = None
) -> str:
    values = form_values.read_values(subject.app.parameters, texts)
    described = describe_inputs(subject.inputs)
    form = form_layout.lay_out(subject.app, texts, values, described, AT)
    form_layout.annotate(form, found.problems, found.warnings)
    return render_template(
        "start/template.html",
        shown=template_views.whole(subject.loaded, connections().gate.viewer()),
        form=form,
        outcome=found,
        once=outcome.visit(),
        browser=pressed.browser if pressed else None,
        focus=pressed.focus if pressed else "",
    )
