"""Rules that every route and every task keeps, also those that do not exist yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import normpath
from typing import Any

import grimp
import marshmallow
import networkx as nx
from werkzeug.routing import Rule

import celeryconfig
from app.api.apps import schemas as app_schemas
from app.api.schemas import explanation_schemas, response_schemas
from app.http.auth import LINK, OPEN, SESSION
from tasks.celery import app as celery
from tests.app.batches.test_batches import ROUTES as BATCH_ROUTES
from tests.app.catalogue.test_templates import ROUTES as TEMPLATE_ROUTES
from tests.app.conftest import Api
from tests.app.notifications.email_routes import ROUTES as EMAIL_ROUTES
from tests.app.notifications.webhook_routes import ROUTES as WEBHOOK_ROUTES
from tests.app.security.test_admin import PATH as FOR_ADMINS
from tests.app.security.test_auth import ROUTES

OPEN_ROUTES = {
    "/",
    "/api/v1/health",
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/metrics",
    "/docs",
    "/docs/<path:name>",
    "/docs/start.js",
    "/docs/guide",
    "/docs/guide/",
    "/docs/guide/<path:name>",
    "/openapi.json",
    "/ga4gh/wes/v1/service-info",
    "/llms.txt",
    "/ui/sign-in",
    "/ui/email/confirm",
    "/ui/email/leave",
    "/ui/static/<path:name>",
    "/ui/<path:rest>",
}
LINKED_ROUTES = {"/api/v1/workflows/<workflow_id>", "/api/v1/workflows/<workflow_id>/status"}


def rules(api: Api) -> Iterator[tuple[Rule, Any]]:
    application = api.client.application
    for rule in application.url_map.iter_rules():
        yield rule, application.view_functions[rule.endpoint]


def test_every_route_needs_a_token_but_those_on_a_short_list(api: Api) -> None:
    access = {(rule.rule, getattr(view, "access", None)) for rule, view in rules(api)}

    assert {rule for rule, kind in access if kind == OPEN} == OPEN_ROUTES
    assert {rule for rule, kind in access if kind == LINK} == LINKED_ROUTES
    for rule, view in rules(api):
        if getattr(view, "access", None) not in (OPEN, LINK, SESSION):
            path = rule.rule.replace("<workflow_id>", "x").replace("<path:step_name>", "x")
            for method in rule.methods - {"OPTIONS"}:
                assert api.client.open(path, method=method).status_code == 401, rule


def test_every_page_leads_a_stranger_to_the_sign_in(api: Api) -> None:
    pages = [rule for rule, view in rules(api) if getattr(view, "access", None) == SESSION]

    assert len(pages) > 10
    for rule in pages:
        for method in rule.methods - {"OPTIONS"}:
            answer = api.client.open(rule.rule.replace("<workflow_id>", "x"), method=method)
            assert answer.status_code == 303, rule
            assert answer.headers["Location"].startswith("/ui/sign-in"), rule


def test_the_matrix_of_tokens_knows_every_route(api: Api) -> None:
    known = {normpath(f"/api/v1/workflows{route.path}") for route in ROUTES}
    known |= {
        f"/api/v1{path}"
        for _, path in (*BATCH_ROUTES, *TEMPLATE_ROUTES, *WEBHOOK_ROUTES, *EMAIL_ROUTES)
    }
    known.add(FOR_ADMINS)
    blanks = {
        "<workflow_id>": "{id}",
        "<batch_id>": "{id}",
        "<webhook_id>": "{id}",
        "<address_id>": "{id}",
        "<delivery_id>": "{delivery}",
        "<path:step_name>": "a",
        "<app>": "Date",
        "<hold_id>": "hold_0",
        "<user>": "x",
        "<task_id>": "0.1",
        "<name>": "{name}",
        "<version>": "{version}",
    }
    found = {
        re.sub("<[^>]+>", lambda blank: blanks[blank[0]], rule.rule)
        for rule, view in rules(api)
        if getattr(view, "access", None) not in (OPEN, SESSION)
    }

    assert found == known


def test_every_queue_is_consumed_and_every_task_has_a_queue() -> None:
    consumed = {queue.name for queue in celeryconfig.task_queues}
    routed = {route["queue"] for route in celeryconfig.task_routes.values()}
    celery.loader.import_default_modules()
    tasks = {name for name in celery.tasks if name.startswith("tasks.")}

    assert routed | {celeryconfig.task_default_queue} <= consumed
    assert set(celeryconfig.task_routes) <= tasks
    assert {entry["task"] for entry in celeryconfig.beat_schedule.values()} <= tasks


def test_no_answer_has_a_field_for_a_token() -> None:
    shapes = [
        each
        for module in (response_schemas, explanation_schemas, app_schemas)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, marshmallow.Schema)
    ]
    names = {name.lower() for shape in shapes for name in shape().fields}

    assert len(shapes) > 15
    assert not {name for name in names if "token" in name} - {"next_page_token"}
    assert not {name for name in names if any(w in name for w in ("secret", "sealed", "password"))}


def test_no_two_modules_import_each_other() -> None:
    """Not by a detour either, nor only for their types."""
    packages = (
        *("app", "bvbrc_workflows_client", "cli", "config", "observability"),
        *("runtime", "server", "tasks", "workflows"),
    )
    imports = grimp.build_graph("devstack", "simulator", *packages, cache_dir=None)
    graph = nx.DiGraph(
        (module, imported)
        for module in imports.modules
        for imported in imports.find_modules_directly_imported_by(module)
    )

    assert [group for group in nx.strongly_connected_components(graph) if len(group) > 1] == []
