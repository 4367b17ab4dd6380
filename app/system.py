"""Routes about the service itself."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from flask_smorest import Blueprint

from app.answers import as_json
from app.auth import OPEN
from app.connections import connections
from app.routes import JSON, Answer, route
from app.schemas import Health
from workflows.errors import Unavailable
from workflows.store.mongo import clock

blueprint = Blueprint("system", __name__, description="The service itself.")

VERSION = "1.0.0"


@route(
    blueprint,
    "GET",
    "/health",
    answers={
        200: Answer("Work gets done", {JSON: Health}),
        503: Answer("It does not", {JSON: Health}, headers=["Retry-After"]),
    },
    access=OPEN,
)
def health() -> Response:
    """Tell whether work gets done"""
    try:
        with connections().patience():
            clock()
    except Unavailable:
        body = {"status": "unhealthy", "mongodb": "disconnected", "version": VERSION}
        return as_json(body, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "5"})
    return as_json({"status": "healthy", "mongodb": "connected", "version": VERSION})
