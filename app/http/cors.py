"""CORS: the origins of ``api.cors_origins`` may call the API, no others."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request

METHODS: Final = "GET, POST, PUT, DELETE, OPTIONS"
SENT: Final = (
    "Authorization, Content-Type, X-Requested-With, Accept, Idempotency-Key, If-None-Match, "
    "Last-Event-ID, X-Request-ID"
)
READ: Final = "ETag, Location, Retry-After, X-Request-ID"
_DAY_SECONDS: Final = "86400"


def register(app: Flask, origins: Collection[str]) -> None:
    if not origins:
        return

    def preflight() -> Response | None:
        asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=HTTPStatus.NO_CONTENT) if asked else None

    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        response.vary.add("Origin")
        if not origin or not ("*" in origins or origin in origins):
            return response
        response.headers["Access-Control-Allow-Origin"] = "*" if "*" in origins else origin
        response.headers["Access-Control-Expose-Headers"] = READ
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = SENT
            response.headers["Access-Control-Max-Age"] = _DAY_SECONDS
        return response

    app.before_request(preflight)
    app.after_request(allow)
