"""The form of one app: filled in, checked, and started as a workflow of one step.

Every button sends the whole form, and the server answers with the whole page: so it works without
the script, which only asks for the same page while people type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Blueprint, render_template, request

from app.api.apps.routes import describe, find_app, specs_of
from app.connections import connections
from app.http.admission import DOCUMENT, takes
from app.http.auth import caller
from app.ui.access.session import signed_in
from app.ui.start import (
    changes,
    form_actions,
    form_layout,
    form_values,
    outcome,
    usual_time,
)
from app.ui.start.form_actions import Pressed
from app.ui.start.form_layout import FOLDER, NAME, Form
from app.ui.start.former import former_document
from app.ui.start.outcome import Outcome
from workflows.cwl.bvbrc.submission import BASE_URL
from workflows.engine.durations import history
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
    pressed = form_actions.press(app, request.form.to_dict())
    filled = fill(app, pressed.texts)
    if pressed.changes:
        return _page(filled, Outcome(), pressed)
    found = outcome.check_document(filled.document)
    found = replace(found, problems=(*filled.problems, *found.problems))
    return outcome.answer(found, filled.document, lambda: _page(filled, found))


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


def _page(filled: Filled, found: Outcome, pressed: Pressed | None = None) -> str:
    known = connections().apps.load(caller().token)
    described = describe(known, filled.app.id)
    texts = form_layout.descriptions(described, specs_of(known, filled.app.id)[0])
    form: Form = form_layout.lay_out(filled.app, filled.texts, filled.values, texts)
    form_layout.annotate(form, found.problems, found.warnings)
    return render_template(
        "start/app.html",
        app=described,
        form=form,
        usual_time=usual_time.tell(history().apps.get(filled.app.id)),
        others=filled.texts.get(OTHERS, ""),
        outcome=found,
        once=outcome.visit(),
        former=request.values.get(changes.FORMER, ""),
        changes=changes.of_form(filled.document),
        browser=pressed.browser if pressed else None,
        focus=pressed.focus if pressed else "",
    )
