"""Each request has an id: the caller's if it sends one, on its log lines, answer and messages."""

from __future__ import annotations

import re
import time
from typing import Final
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

HEADER: Final = "X-Request-ID"
_USABLE: Final = re.compile(r"[A-Za-z0-9._:\-]{1,100}")

log = structlog.get_logger(__name__)


def register(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if _USABLE.fullmatch(sent) else uuid4().hex
    g.begun = time.perf_counter()
    clear_contextvars()
    bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    request_id: str = g.get("request_id") or uuid4().hex
    response.headers[HEADER] = request_id
    identity = g.get("identity")
    log.info(
        "Request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        user=identity.user if identity else None,
        duration_seconds=round(time.perf_counter() - g.get("begun", 0.0), 6),
    )
    return response
