"""Routes for workflows in the Common Workflow Language, and for the tools they are made of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request
from flask_smorest import Blueprint

from app.api import examples
from app.api.apps.lookup import unknown_app
from app.api.cwl.submission import plan_source, store_plan
from app.api.schemas.request_schemas import CwlQuery, CwlSubmission
from app.api.schemas.response_schemas import CwlPlanned, CwlTools, Submitted
from app.api.submit import submission
from app.connections import connections
from app.http import request_bodies
from app.http.admission import DOCUMENT
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import FORM, JSON, YAML, Answer, Body, route
from workflows.cwl.bvbrc.request_forms import (
    Circumstances,
    from_parts,
    from_text,
    settings_from_texts,
)
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.model.problems import CwlProblem
from workflows.model.errors import Invalid
from workflows.spec.validate import Validated as NativeWorkflow

blueprint = Blueprint("cwl", __name__, description="Workflows in CWL (docs/cwl.md).")

_YAMLS: Final = frozenset(
    {"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/cwl"}
)
_FIELDS: Final = ("entry", "workspace_output_folder", "name", "base_url")


@route(
    blueprint,
    "POST",
    "/workflows/submit-cwl",
    body=Body(
        CwlSubmission,
        {"one step": examples.CWL},
        media_types=(JSON, YAML, FORM),
        max_bytes=DOCUMENT,
    ),
    query=CwlQuery,
    answers={
        201: Answer(
            "It runs", {JSON: Submitted}, examples.SUBMITTED, ["Location"], submission.ABOUT_IT
        ),
        200: Answer(
            "It was submitted before; or with `dry_run` the native workflow",
            {JSON: {"oneOf": [Submitted, CwlPlanned]}},
        ),
    },
    refuses=[409],
    headers=submission.HEADERS,
    patient=False,
)
def submit_cwl(arguments: dict[str, Any]) -> Response:
    """Submit a CWL workflow with its inputs

    A bare document whose inputs have defaults, `{"workflow": …, "inputs": …, "files": …}`, or a
    form with the parts `workflow`, `inputs` and `files`.
    """
    with connections().patience():
        known = connections().apps.load(caller().token)
        before = submission.accepted_before()
    if before:
        return submission.answer(before)
    source = _source(arguments)
    plan, native = plan_source(source, known)
    if arguments["dry_run"]:
        return _dry_run_response(plan, native)
    with connections().patience():
        return submission.answer(store_plan(source, plan, native, {}))


@route(
    blueprint,
    "GET",
    "/cwl/tools",
    answers={200: Answer("One for each app", {JSON: CwlTools})},
)
def list_cwl_tools() -> Response:
    """List the CWL tools of BV-BRC's apps"""
    return as_json({"tools": connections().apps.load(caller().token).table.listing()})


@route(
    blueprint,
    "GET",
    "/cwl/tools/<app>",
    answers={200: Answer("A CommandLineTool, CWL v1.2", {JSON: {"type": "object"}})},
    refuses=[404],
)
def get_cwl_tool(app: str) -> Response:
    """Show the CWL tool of an app, to be used in `run`"""
    known = connections().apps.load(caller().token)
    found = known.table.tool(app)
    if found is None:
        raise unknown_app(app, known.catalogue)
    return as_json(found)


def _dry_run_response(plan: Plan, native: NativeWorkflow) -> Response:
    """The workflow that would be stored."""
    waits_for = [step.name for step in plan.steps if step.name in plan.waits_for]
    further = f"; further steps follow {', '.join(waits_for)}" if waits_for else ""
    return as_json(
        {
            "valid": True,
            "workflow_json": native.workflow_json,
            "waits_for": waits_for,
            "warnings": [warning.as_json() for warning in plan.warnings],
            "auto_fixes": [fix.as_json() for fix in native.auto_fixes],
            "message": f"Workflow planned{further}; nothing is stored",
        }
    )


def _source(arguments: Mapping[str, Any]) -> Submission:
    """The submission, in any of its three forms; raises ``Invalid``."""
    around = Circumstances(
        folder=f"/{caller().name}/home",
        now=int(time.time() * 1000),
        name=arguments.get("name", ""),
        settings=settings_from_texts(request.args.to_dict(flat=False)),
    )
    if request.mimetype == FORM:
        return _from_form(around)
    request_bodies.check_media_type(request, also=_YAMLS)
    return from_text(request_bodies.read_text(request), around)


def _from_form(around: Circumstances) -> Submission:
    """Each part may be a file or a field."""
    texts = request.form.to_dict()
    for part in ("workflow", "inputs"):
        if part in request.files:
            texts[part] = request.files[part].read().decode("utf-8", "replace")
    if "workflow" not in texts:
        problem = CwlProblem("", "cwl.missing_field", "the form has no part 'workflow'")
        raise Invalid([problem])
    main = request.files.get("workflow")
    files = {
        file.filename or "": file.read().decode("utf-8", "replace")
        for file in request.files.getlist("files")
    }
    fields: dict[str, Any] = {name: text for name, text in texts.items() if name in _FIELDS}
    fields |= settings_from_texts(request.form.to_dict(flat=False))
    name = (main.filename if main else "") or ""
    return from_parts((name, texts["workflow"]), texts.get("inputs"), files, fields, around)
