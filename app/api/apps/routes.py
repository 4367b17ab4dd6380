"""Routes that describe the apps of which workflows are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.apps import durations
from app.api.apps.lookup import Known, unknown_app
from app.api.apps.schemas import AppDescription, AppDurations, AppPage
from app.api.schemas.request_schemas import AppsQuery, DurationsQuery
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route
from workflows.backends import declared_apps
from workflows.engine.durations import history, newest_hours
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.spec.app_descriptions import describe_app, find_apps, list_item
from workflows.spec.catalogue import AppSpec, plain

blueprint = Blueprint("apps", __name__, description="The apps of which workflows are made.")

_DECLARED: Final[dict[str, AppSpec]] = {spec["id"]: spec for spec in declared_apps.specs()}
"""The apps of which the engine itself knows everything."""


@route(
    blueprint,
    "GET",
    "/apps",
    answers={200: Answer("A page of them", {JSON: AppPage}, examples.APPS)},
    query=AppsQuery,
)
def list_apps(arguments: dict[str, Any]) -> Response:
    """List the apps, or search for some

    `query` finds apps that have all its words in their id, label, description or other names.
    """
    known = connections().apps.load(caller().token)
    matching = list_apps_matching(known, arguments["query"])
    begin, size = _place(arguments["page_token"]), arguments["page_size"]
    end = begin + size
    return as_json(
        {
            "apps": matching[begin:end],
            "next_page_token": str(end) if end < len(matching) else None,
            "warnings": _warnings(known),
        }
    )


@route(
    blueprint,
    "GET",
    "/apps/<app>",
    answers={200: Answer("The app", {JSON: AppDescription})},
    refuses=[404],
)
def get_app(app: str) -> Response:
    """Describe an app: its parameters, conditions, outputs, an example, and common mistakes

    By its id or one of its other names. The example is a workflow that validates.
    """
    known = connections().apps.load(caller().token)
    name = find_app(app, known)
    return as_json(
        {
            **describe(known, name),
            "durations": durations.summary(history().apps.get(name)),
            "warnings": _warnings(known),
        }
    )


@route(
    blueprint,
    "GET",
    "/apps/<app>/durations",
    answers={200: Answer("Quantiles in seconds", {JSON: AppDurations})},
    refuses=[404],
    query=DurationsQuery,
)
def get_durations(arguments: dict[str, Any], app: str) -> Response:
    """Show how long jobs of an app waited at BV-BRC and ran

    Of all users' jobs of the last 90 days that ran and succeeded, without outliers. Steps that took
    an earlier result, and jobs that failed, are not among them.
    """
    name = find_app(app, connections().apps.load(caller().token))
    hours = newest_hours(name, arguments["hours"])
    return as_json(durations.whole(name, history().apps.get(name), hours))


def find_app(app: str, known: Known) -> str:
    """The id of an app by any of its names. Raises ``UnknownApp``, ``Unavailable``."""
    name = app if app in known.catalogue.apps else known.catalogue.names.get(plain(app), "")
    if name not in known.catalogue.apps:
        raise unknown_app(app, known.catalogue)
    return name


def describe(known: Known, name: str) -> dict[str, Json]:
    """Everything about an app, by its id."""
    return describe_app(known.catalogue.apps[name], *specs_of(known, name))


def list_apps_matching(known: Known, query: str) -> list[Json]:
    """The list items of the apps that a query finds, by id."""
    listed = [
        (list_item(*specs_of(known, name)), known.catalogue.apps[name].aliases)
        for name in sorted(known.catalogue.apps)
    ]
    return find_apps(query, listed)


def specifications(known: Known) -> dict[str, AppSpec]:
    """Every app's specification by id, for its texts."""
    return {**known.specs, **_DECLARED}


def specs_of(known: Known, name: str) -> tuple[AppSpec, AppSpec]:
    """An app's specification, and what the engine's own table says about it."""
    spec = _DECLARED.get(name) or known.specs[name]
    return spec, known.facts.get(name, {})


def _warnings(known: Known) -> Sequence[Json]:
    note = known.catalogue.note
    return [Problem("", "apps_not_asked", note).as_json()] if note else []


def _place(token: str) -> int:
    if token and not (token.isascii() and token.isdecimal() and len(token) < len("1000000")):
        message = "it must be the next_page_token of an answer"
        raise Invalid([Problem("page_token", "bad_argument", message)])
    return int(token or 0)
