"""Routes about the service itself: its health, its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, abort, current_app
from flask_smorest import Blueprint
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.api.schemas.request_schemas import ReadyQuery
from app.api.schemas.response_schemas import Health
from app.connections import Connections
from app.health.health_checks import HealthChecks, patience_of
from app.http.auth import OPEN
from app.http.json_response import as_json
from app.http.routes import JSON, TEXT, Answer, route
from observability.exposition import registry_of
from workflows import __version__
from workflows.rules.health import HealthStatus, Part, worst_status

VERSION: Final = __version__
_VITALS: Final = "vitals"
_REGISTRY: Final = "metrics"
_RETRY: Final = {"Retry-After": "5"}

blueprint = Blueprint("system", __name__, description="The service itself.")
for_prometheus = Blueprint("metrics", __name__, description="For Prometheus.")


def attach(app: Flask, connections: Connections) -> None:
    """The checks and metrics behind these routes."""
    settings = connections.settings
    app.extensions[_VITALS] = HealthChecks(connections, patience_of(settings))
    app.extensions[_REGISTRY] = registry_of(settings.metrics, lambda: connections.context)


@route(
    blueprint,
    "GET",
    "/health",
    answers={
        200: Answer("The API can be used; `status` says whether work gets done", {JSON: Health}),
        503: Answer("MongoDB cannot be used", {JSON: Health}, headers=["Retry-After"]),
    },
    access=OPEN,
)
def health() -> Response:
    """Show whether work gets done"""
    context = _vitals().all()
    return _answer(worst_status(context), context, usable=context[0].word is HealthStatus.HEALTHY)


@route(
    blueprint,
    "GET",
    "/health/ready",
    answers={
        200: Answer("Requests can be answered", {JSON: Health}),
        503: Answer(
            "MongoDB cannot be used; with `strict`, also: work does not get done",
            {JSON: Health},
            headers=["Retry-After"],
        ),
    },
    query=ReadyQuery,
    access=OPEN,
)
def ready(arguments: dict[str, Any]) -> Response:
    """Show whether this process can answer requests; with `strict`, whether work gets done

    `strict` is for monitors that read status codes alone. A load balancer that used it would remove
    the API whenever workers are missing.
    """
    context = _vitals().all() if arguments["strict"] else [_vitals().database()]
    found = worst_status(context)
    return _answer(found, context, usable=found is not HealthStatus.UNHEALTHY)


@route(
    blueprint,
    "GET",
    "/health/live",
    answers={200: Answer("It lives", {JSON: {"type": "object"}}, {"status": "alive"})},
    access=OPEN,
)
def live() -> Response:
    """Show that this process is alive"""
    return as_json({"status": "alive", "version": VERSION})


@route(
    for_prometheus,
    "GET",
    "/metrics",
    answers={200: Answer("Prometheus's text format", {TEXT: {"type": "string"}})},
    refuses=[404],
    access=OPEN,
)
def metrics() -> Response:
    """Show the metrics of this host's processes"""
    registry: CollectorRegistry | None = current_app.extensions[_REGISTRY]
    if registry is None:
        abort(
            HTTPStatus.NOT_FOUND,
            "No metrics: see metrics.enable_prometheus, metrics.multiproc_dir and the log.",
        )
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _vitals() -> HealthChecks:
    found: HealthChecks = current_app.extensions[_VITALS]
    return found


def _answer(word: HealthStatus, context: Sequence[Part], *, usable: bool) -> Response:
    """Answers 503 if it is not ``usable``; otherwise clients read ``status``."""
    body: dict[str, Any] = {
        "status": str(word),
        "mongodb": "connected" if context[0].word is HealthStatus.HEALTHY else "disconnected",
        "version": VERSION,
        "causes": [
            f"{part.name}: {part.message}" for part in context if part.word != HealthStatus.HEALTHY
        ],
        "parts": {
            part.name: {"status": str(part.word), "message": part.message, **part.facts}
            for part in context
        },
    }
    if usable:
        return as_json(body)
    return as_json(body, HTTPStatus.SERVICE_UNAVAILABLE, _RETRY)
