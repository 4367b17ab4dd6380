"""The form of one app: filled in, checked, and started as a workflow of one step.

Every button sends the whole form, and the server answers with the whole page: so it works without
the script, which only asks for the same page while people type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, render_template, request

from app.api.apps import describe, find_app, specs_of
from app.connections import connections
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.ui.session import signed_in
from app.ui.start import form_layout, form_values, outcome
from app.ui.start.form_layout import FOLDER, NAME, Form
from app.ui.start.former import former_document
from app.ui.start.outcome import Outcome
from workflows.cwl.bvbrc.submission import BASE_URL
from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.spec.catalogue import App, plain

OTHERS: Final = "others"
"""The control for parameters that no control shows, as a JSON object."""
_FOLDER: Final = "${workspace_output_folder}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent, and the workflow that it describes."""

    app: App
    texts: Mapping[str, str]
    document: dict[str, Json]
    values: Mapping[str, Json]
    problems: tuple[Problem, ...] = ()
    """Of what is no parameter."""


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/new/app", "fill_app_form", fill_app_form, methods=["GET", "POST"])


@takes(DOCUMENT)
@signed_in
def fill_app_form() -> Any:
    known = connections().apps.load(caller().token)
    app = known.catalogue.apps[find_app(request.values.get("app", ""), known)]
    if request.method == "GET":
        return _page(fill(app, _first_texts(app)), Outcome())
    action, _, target = request.form.get("action", "").partition(":")
    filled = fill(app, _change(app, request.form.to_dict(), action, target))
    if action in ("add", "drop", "update"):
        return _page(filled, Outcome(), focus=_focus(filled, action, target))
    found = outcome.check_document(filled.document)
    found = replace(found, problems=(*filled.problems, *found.problems))
    if action == "start" and not found.problems:
        return outcome.start(found, filled.document)
    status = HTTPStatus.BAD_REQUEST if action == "start" else HTTPStatus.OK
    return Response(_page(filled, found), status)


def fill(app: App, texts: Mapping[str, str]) -> Filled:
    """The workflow that a form describes."""
    values = form_values.read_values(app.parameters, texts)
    others, problems = _read_others(texts.get(OTHERS, ""))
    params = form_layout.active_values(app, {**values, **others})
    if "output_path" in app.parameters:
        params.setdefault("output_path", _FOLDER)
    name = texts.get(NAME, "").strip()
    document: dict[str, Json] = {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {
            "base_url": BASE_URL,
            "workspace_output_folder": texts.get(FOLDER, "").strip(),
        },
        "steps": [{"step_name": plain(app.id), "app": app.id, "params": params}],
    }
    return Filled(app, texts, document, values, problems)


def texts_of(app: App, document: Mapping[str, Any]) -> dict[str, str]:
    """The form of a workflow of one step."""
    texts, others = form_values.write_values(app.parameters, document["steps"][0]["params"])
    folder = document["base_context"].get("workspace_output_folder")
    return {
        **texts,
        NAME: str(document["workflow_name"]),
        FOLDER: folder if isinstance(folder, str) else "",
        OTHERS: json.dumps(others, indent=1, ensure_ascii=False) if others else "",
    }


def _first_texts(app: App) -> dict[str, str]:
    """An empty form, or the one of a former workflow."""
    if former := request.args.get("former"):
        return texts_of(app, former_document(former))
    return {NAME: app.id, FOLDER: f"/{caller().name}/home/Workflows"}


def _change(app: App, texts: dict[str, str], action: str, target: str) -> dict[str, str]:
    """The texts after a button that adds or removes a group was pressed."""
    name, _, key = target.partition(":")
    if action == "add" and name in app.parameters:
        return form_values.add_row(texts, app.parameters[name])
    if action == "drop" and name in app.parameters:
        return form_values.drop_row(texts, name, key)
    return texts


def _focus(filled: Filled, action: str, target: str) -> str:
    """The control to go on with: the first one of a new group."""
    name = target.partition(":")[0]
    if action != "add" or name not in filled.app.parameters:
        return ""
    key = form_values.row_keys(filled.texts, name)[-1]
    begin = f"{form_values.control(name, key)}"
    return next((each for each in filled.texts if each.startswith(begin)), "").replace(".", "-")


def _read_others(text: str) -> tuple[dict[str, Json], tuple[Problem, ...]]:
    if not text.strip():
        return {}, ()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {}, (Problem(OTHERS, "bad_json", f"it is no JSON: {error}"),)
    if isinstance(found, dict):
        return found, ()
    return {}, (Problem(OTHERS, "not_an_object", "it must be a JSON object"),)


def _page(filled: Filled, found: Outcome, focus: str = "") -> str:
    known = connections().apps.load(caller().token)
    described = describe(known, filled.app.id)
    texts = form_layout.descriptions(described, specs_of(known, filled.app.id)[0])
    form: Form = form_layout.lay_out(filled.app, filled.texts, filled.values, texts)
    form_layout.annotate(form, found.problems, found.warnings)
    return render_template(
        "start/app.html",
        app=described,
        form=form,
        others=filled.texts.get(OTHERS, ""),
        outcome=found,
        once=outcome.visit(),
        focus=focus,
    )
