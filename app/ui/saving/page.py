"""Saves a workflow as a template: from a workflow's page, and from the forms that start work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, redirect, render_template, request, url_for

from app.http import request_bodies
from app.http.admission import DOCUMENT, takes
from app.templates import storing
from app.ui.access.session import signed_in
from app.ui.saving.openings import Opening, find_openings, open_values, suggest_names
from app.ui.sheets.sent import read_workflow
from app.ui.start.document_page import Written, read_written
from app.ui.start.former import former_text
from workflows.model.errors import Conflict, Forbidden, Invalid, Problem
from workflows.model.values import Json

MOST_PARTS: Final = 500
_TEXTS: Final = ("name", "title", "description")
_CWL: Final = frozenset({"cwlVersion", "$graph", "class"})
_NO_NAME: Final = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """A template that is about to be saved."""

    workflow: str
    """JSON or CWL, as text."""
    texts: Mapping[str, str]
    openings: Sequence[Opening] = ()
    problems: Sequence[Problem] = ()


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule(
        "/new/save", "save_as_template", save_as_template, methods=["GET", "POST"]
    )


@takes(DOCUMENT, parts=MOST_PARTS)
@signed_in
def save_as_template() -> Any:
    if request.method == "GET":
        return _page(_draft(former_text(request.args.get("former", ""))[0], {}))
    text = _read_text()
    if request.form.get("action") != "save":
        is_new = "workflow" not in request.form
        return _page(_draft(text, {} if is_new else request.form))
    draft = _draft(text, request.form)
    try:
        stored = storing.store(storing.check(_body(draft)))
    except (Invalid, Conflict, Forbidden) as refused:
        problems = refused.problems or (Problem("name", "bad_name", str(refused)),)
        found = Draft(draft.workflow, draft.texts, draft.openings, problems)
        return Response(_page(found), HTTPStatus.BAD_REQUEST)
    template, version = stored.loaded.template.name, stored.loaded.version.version
    return redirect(url_for("ui.show_template", name=template, version=version), 303)


def _read_text() -> str:
    """What the page itself holds, or the form of the page before it."""
    is_of_documents = "document" in request.form and "workflow" not in request.form
    return read_written().document if is_of_documents else read_workflow("")


def _draft(text: str, sent: Mapping[str, str]) -> Draft:
    """``sent``: the controls of this page; empty: it is shown for the first time."""
    document, problems = _parse(text)
    openings = find_openings(document, sent)
    if not sent:
        suggested = suggest_names(openings)
        openings = [
            Opening(each.step, each.step_name, each.parameter, each.value, suggested[each.control])
            for each in openings
            if each.control in suggested
        ]
    first = {"name": _NO_NAME.sub("-", _name_of(document).lower()).strip("-._")[:100]}
    texts = {name: sent.get(name, first.get(name, "")) for name in _TEXTS}
    return Draft(text, texts, openings, problems)


def _name_of(document: Mapping[str, Any]) -> str:
    return str(document.get("workflow_name") or document.get("label") or "")


def _parse(text: str) -> tuple[Mapping[str, Any], Sequence[Problem]]:
    """Empty for a CWL document by itself, which says what is open."""
    if not text.strip():
        return {}, ()
    try:
        found = request_bodies.parse(text.encode())
    except Invalid as invalid:
        return {}, () if Written(text).is_cwl else invalid.problems
    return (found, ()) if isinstance(found, dict) else ({}, ())


def _body(draft: Draft) -> Json:
    """What ``POST /templates`` would be sent. Raises ``Invalid``."""
    texts = {name: text.strip() for name, text in draft.texts.items() if text.strip()}
    if draft.problems:
        raise Invalid(draft.problems)
    document, _ = _parse(draft.workflow)
    if not document or _CWL.intersection(document):
        return {**texts, "cwl": document or draft.workflow}
    if "files" in document:  # CWL with further files, as a former workflow is shown
        bundle = {key: document[key] for key in ("files", "entry") if document.get(key)}
        return {**texts, "cwl": document.get("workflow"), **bundle}
    workflow, declared = open_values(document, draft.openings)
    return {**texts, "workflow": workflow, "inputs": {"properties": declared}}


def _page(draft: Draft) -> str:
    problems: Json = [each.as_json() for each in draft.problems]
    return render_template("start/save.html", draft=draft, problems=problems)
