"""Routes about templates: store, list, read, share, deprecate, and submit a workflow from one."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Response, request
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.response_schemas import Submitted, Validated
from app.api.submit import submission as accepting
from app.batches import answers, submission
from app.batches.gather import with_gather
from app.batches.schemas import ACCEPTED, AcceptedBatch, BatchQuery, DryRun
from app.connections import connections
from app.http import request_bodies
from app.http.admission import DOCUMENT
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import FORM, JSON, Answer, Body, route
from app.templates import batches, schemas, storing, using
from workflows.engine.templates import commands as templates
from workflows.engine.templates import views as template_views
from workflows.engine.templates.commands import LATEST, Loaded
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.checks import texts
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.templates.draft import read_users, read_visibility
from workflows.store.templates.stored import Wanted

blueprint = Blueprint(
    "templates", __name__, description="Workflows with typed inputs (docs/templates.md)."
)

_TEMPLATE: Final = Answer("The template", {JSON: schemas.WholeTemplate})
_LONGEST_REASON: Final = 500


@route(
    blueprint,
    "POST",
    "/templates",
    body=Body(schemas.TemplateDocument, {"one step": schemas.DOCUMENT}, max_bytes=DOCUMENT),
    query=schemas.UseQuery,
    answers={
        201: Answer("It is stored", {JSON: schemas.StoredTemplate}, headers=["Location"]),
        200: Answer(
            "The same content was stored before; or with `dry_run` nothing is stored",
            {JSON: {"oneOf": [schemas.StoredTemplate, Validated]}},
        ),
    },
    refuses=[403, 409],
)
def store_template(arguments: dict[str, Any]) -> Response:
    """Store a template, or a further version of it

    What `GET /templates/{name}@{version}` answers can be stored as it is. Versions never change:
    the same content again answers with the version that has it.
    """
    found = request_bodies.read_json(request)
    checked = storing.check(found)
    if arguments["dry_run"]:
        return as_json(
            {
                "valid": True,
                "workflow_json": dict(checked.content),
                **_findings(checked),
                "message": "Template checked; nothing is stored",
            }
        )
    stored = storing.store(checked)
    shown = template_views.whole(stored.loaded, connections().gate.viewer())
    name, version = shown["name"], shown["version"]
    return as_json(
        {**shown, **_findings(checked)},
        HTTPStatus.CREATED if stored.created else HTTPStatus.OK,
        {"Location": f"/api/v1/templates/{name}@{version}"},
    )


@route(
    blueprint,
    "GET",
    "/templates",
    query=schemas.TemplateListQuery,
    answers={200: Answer("A page of them", {JSON: schemas.TemplatePage})},
)
def list_templates(arguments: dict[str, Any]) -> Response:
    """List the templates that the caller may use, or search for some

    The caller's own, those shared with the caller, and public ones, by name.
    """
    wanted = Wanted(
        user=caller().name,
        words=arguments["query"].lower().split(),
        labels=dict(label.split(":", 1) for label in arguments["label"]),
        owner=arguments.get("owner"),
        deprecated=arguments["deprecated"],
    )
    found, token = templates.page_of(wanted, arguments["page_size"], arguments["page_token"])
    shown = list(map(template_views.list_item, found))
    return as_json({"templates": shown, "next_page_token": token})


@route(blueprint, "GET", "/templates/<name>", answers={200: _TEMPLATE}, refuses=[404])
def get_template(name: str) -> Response:
    """Show the latest version of a template"""
    return _whole(load(name, LATEST))


@route(blueprint, "GET", "/templates/<name>@<version>", answers={200: _TEMPLATE}, refuses=[404])
def get_template_version(name: str, version: str) -> Response:
    """Show a version of a template

    `latest` is the newest one. `inputs` is a JSON Schema, from which forms are made.
    """
    return _whole(load(name, version))


@route(
    blueprint,
    "PATCH",
    "/templates/<name>",
    body=Body(
        schemas.TemplateChange,
        {
            "share it": {"shared_with": ["colleague@bvbrc"]},
            "advise against it": {"deprecated": "use my-assembly-2"},
        },
    ),
    answers={200: _TEMPLATE},
    refuses=[403, 404],
)
def change_template(name: str) -> Response:
    """Share a template, or deprecate all its versions

    Deprecated ones are listed only with `?deprecated`, and a submission of one warns.
    """
    template = templates.load_name(name, connections().gate.viewer())
    noted = Diagnostics()
    sent = request_bodies.read_optional_object(request)
    found = using.read_fields(sent, ("visibility", "shared_with", "deprecated"), noted)
    texts.check(dict(found), (), noted)
    changes: dict[str, Json] = {
        "visibility": read_visibility(found, noted),
        "shared_with": read_users(found, noted),
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    if "deprecated" in sent:
        changes["deprecated"] = _read_reason(sent, noted)
    if noted.problems:
        raise Invalid(noted.all_problems())
    templates.change(template, changes, connections().gate.viewer())
    return _whole(load(name, LATEST))


@route(
    blueprint,
    "PATCH",
    "/templates/<name>@<version>",
    body=Body(schemas.VersionChange, {"advise against it": {"deprecated": "use version 4"}}),
    answers={200: _TEMPLATE},
    refuses=[403, 404],
)
def change_template_version(name: str, version: str) -> Response:
    """Deprecate a version of a template"""
    loaded, noted = load(name, version), Diagnostics()
    sent = request_bodies.read_optional_object(request)
    using.read_fields(sent, ("deprecated",), noted)
    texts.check(sent, (), noted)
    if "deprecated" not in sent:
        noted.problem(("deprecated",), "missing_field", "it is required", "say why, or null")
    reason = _read_reason(sent, noted)
    if noted.problems:
        raise Invalid(noted.all_problems())
    viewer = connections().gate.viewer()
    return _whole(templates.deprecate_version(loaded, reason, viewer))


@route(
    blueprint,
    "POST",
    "/templates/<name>@<version>/submit",
    body=Body(schemas.TemplateUse, {"a run of the archive": schemas.USE}, max_bytes=DOCUMENT),
    query=schemas.StartQuery,
    answers={
        201: Answer(
            "It runs", {JSON: Submitted}, examples.SUBMITTED, ["Location"], accepting.ABOUT_IT
        ),
        200: Answer(
            "It was submitted before; or with `dry_run` the workflow, and nothing is stored",
            {JSON: {"oneOf": [Submitted, Validated]}},
        ),
    },
    refuses=[404, 409],
    headers=accepting.HEADERS,
)
def submit_template(arguments: dict[str, Any], name: str, version: str) -> Response:
    """Submit a workflow from a template and inputs

    Problems with values have `inputs.<name>` as their path. The workflow shows `template`, and is
    found with `GET /workflows?template=<name>`.
    """
    sent = request_bodies.read_json(request)
    before, loaded = accepting.accepted_before(), load(name, version)
    if before is not None:
        return accepting.answer(before)
    ready = using.prepare(loaded, sent)
    warnings = using.all_warnings(ready)
    if arguments["dry_run"]:
        return _dry_run(ready, warnings)
    accepted = using.store(ready, loaded)
    status = HTTPStatus.CREATED if accepted.created else HTTPStatus.OK
    return accepting.accepted_response(accepted.id, accepted.state, status, warnings)


@route(
    blueprint,
    "POST",
    "/templates/<name>@<version>/batches",
    body=Body(
        schemas.TemplateBatch,
        {"two samples": schemas.BATCH},
        media_types=(JSON, FORM),
        max_bytes=DOCUMENT,
    ),
    query=BatchQuery,
    answers={
        201: Answer("It runs", {JSON: AcceptedBatch}, ACCEPTED, ["Location"]),
        200: Answer(
            "It was submitted before; or with `dry_run` what would be stored",
            {JSON: {"oneOf": [AcceptedBatch, DryRun]}},
        ),
    },
    refuses=[404, 409],
    headers=accepting.HEADERS,
)
def submit_template_batch(arguments: dict[str, Any], name: str, version: str) -> Response:
    """Submit a workflow from a template for each row of a table

    As `POST /batches`, but columns give inputs: those of the same name, and those that `map` names.
    JSON, or a form whose part `samples` is a file.
    """
    taken, loaded = submission.take(batches.FIELDS), load(name, version)
    return answers.submit(
        taken,
        with_gather(taken, lambda: batches.check(taken, loaded)),
        loaded.reference,
        dry_run=arguments["dry_run"],
    )


def load(name: str, version: str) -> Loaded:
    """A version, where the caller of this route may use it. Raises ``NotFound``."""
    return templates.load(name, version, connections().gate.viewer())


def _whole(loaded: Loaded) -> Response:
    return as_json(template_views.whole(loaded, connections().gate.viewer()))


def _findings(checked: storing.Checked) -> dict[str, list[Json]]:
    return {
        "warnings": [each.as_json() for each in checked.warnings],
        "auto_fixes": [each.as_json() for each in checked.auto_fixes],
    }


def _dry_run(ready: using.Ready, warnings: Sequence[Problem]) -> Response:
    return as_json(
        {
            "valid": True,
            "workflow_json": ready.native.workflow_json,
            "warnings": [each.as_json() for each in warnings],
            "auto_fixes": [each.as_json() for each in ready.native.auto_fixes],
            "message": "Workflow validated successfully; nothing is stored",
        }
    )


def _read_reason(sent: dict[str, Json], noted: Diagnostics) -> str | None:
    value = sent.get("deprecated")
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_REASON:
        message = f"it must be a text of 1 to {_LONGEST_REASON} characters, or null"
        noted.problem(("deprecated",), "wrong_type", message, "say what to use instead")
        return None
    return value.strip()
