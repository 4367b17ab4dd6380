"""``POST /runs``: a request becomes a workflow, through the same checks as at the other door."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from app.api.cwl.submission import plan_source, store_plan
from app.api.submit import submission
from app.api.submit.validation import take
from app.connections import connections
from app.http import request_bodies
from app.http.auth import caller
from app.wes.run_request import ATTACHMENT, CWL, RunRequest, as_stored
from workflows.cwl.bvbrc.request_forms import Circumstances, from_parts, settings_from_texts
from workflows.engine.commands import Accepted
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.store.workflows.specs import Origin

_ENGINE_FIELDS: Final = {"labels": "tags"} | {
    name: f"workflow_engine_parameters.{name}"
    for name in ("max_parallel_steps", "on_failure", "reuse")
}
"""Fields of the native document, and the part of the form that gives them."""


def submit_run(request: RunRequest) -> Accepted:
    """Raises ``Invalid`` with every problem, and the refusals of quotas."""
    try:
        return _submit_cwl(request) if request.type == CWL else _submit_native(request)
    except Invalid as error:
        raise Invalid(_as_parts(error.problems)) from error


def _submit_cwl(request: RunRequest) -> Accepted:
    files = dict(request.files)
    around = Circumstances(folder=f"/{caller().name}/home", now=int(time.time() * 1000))
    main = request.main, files.pop(request.main)
    fields = {"entry": request.entry, **_settings(request)}
    source = from_parts(main, request.params or None, files, fields, around)
    with connections().patience():
        known = connections().apps.load(caller().token)
    plan, native = plan_source(source, known)
    with connections().patience():
        return store_plan(source, plan, native, request.sent)


def _submit_native(request: RunRequest) -> Accepted:
    found = _parse_document(request)
    settings = _settings(request)
    context = request_bodies.parse(request.params.encode()) if request.params else {}
    if "workspace_output_folder" in settings:
        context["workspace_output_folder"] = settings.pop("workspace_output_folder")
    if "name" in settings:
        settings["workflow_name"] = settings.pop("name")
    with connections().patience():
        checked = take(_merge(found, context, settings))
        origin = Origin(request=as_stored(request))
        return submission.accept(checked.spec, checked.workflow_json, origin)


def _parse_document(request: RunRequest) -> Json:
    try:
        return request_bodies.parse(request.files[request.main].encode())
    except Invalid as error:
        path = format_path((ATTACHMENT, request.main))
        raise Invalid(
            replace(each, path=path, message=each.message.replace("The body", "It"))
            for each in error.problems
        ) from error


def _merge(document: Json, context: Mapping[str, Json], settings: Mapping[str, Json]) -> Json:
    """The document with the request's values; validation reports what is no object."""
    if not isinstance(document, dict):
        return document
    if isinstance(document.get("workflow_json"), dict):
        return _merge(document["workflow_json"], context, settings)
    merged: dict[str, Any] = {**document, **settings}
    before = document.get("base_context")
    if context and (before is None or isinstance(before, dict)):
        merged["base_context"] = {**(before or {}), **context}
    return merged


def _settings(request: RunRequest) -> dict[str, Json]:
    """The parameters and tags as fields of a submission."""
    settings: dict[str, Json] = dict(request.parameters)
    settings |= settings_from_texts({name: [text] for name, text in request.parameters.items()})
    return settings | ({"labels": dict(request.tags)} if request.tags else {})


def _as_parts(problems: Iterable[Problem]) -> list[Problem]:
    """The problems with the names that the client sent."""
    return [_as_part(problem) for problem in problems]


def _as_part(problem: Problem) -> Problem:
    for field, part in _ENGINE_FIELDS.items():
        if problem.path == field or problem.path.startswith((f"{field}.", f"{field}[")):
            return replace(problem, path=part + problem.path.removeprefix(field))
    return problem
