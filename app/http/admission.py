"""Admission: the checks that a request passes before its view runs, in this order.

1. Size: each route takes bodies up to its limit; checked before any byte of it is parsed.
2. Identity: the token, if the route needs one (``auth.Gate``).
3. Further checks, such as the quotas of the user that is now known (``g.identity``).

A check is a function without arguments that returns nothing, or raises the refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from app.http.auth import Gate
from app.http.errors import TooLarge
from workflows.model.errors import Problem

Check = Callable[[], None]
Route = TypeVar("Route", bound=Callable[..., Any])

SMALL_BYTES: Final = 64 * 1024
"""The body limit of routes that declare none: forms, tokens, and unread bodies."""
PARTS: Final = 1_000
"""Parts of a form (werkzeug's own limit): each takes some microseconds."""
_DOCUMENT_BYTES: Final = "largest document"
DOCUMENT: Final = 0
"""The limit of workflow documents: ``api.max_body_bytes``."""


def takes(max_bytes: int, parts: int = PARTS) -> Callable[[Route], Route]:
    """Marks a route with the largest body it takes, in bytes, or ``DOCUMENT``; and with the most
    ``parts`` of a form."""

    def mark(route: Route) -> Route:
        route.max_bytes = max_bytes  # type: ignore[attr-defined]
        route.max_parts = parts  # type: ignore[attr-defined]
        return route

    return mark


def register(app: Flask, gate: Gate, document_bytes: int, further: Sequence[Check] = ()) -> None:
    """Installs the checks; ``document_bytes`` is ``api.max_body_bytes``."""
    app.extensions[_DOCUMENT_BYTES] = document_bytes
    app.before_request(partial(_check_size, app))
    app.before_request(gate.check)
    for check in further:
        app.before_request(check)


def largest_body(app: Flask, method: str, path: str) -> int:
    """The body limit of a route in bytes; the server asks for it before it reads a body."""
    routes = app.url_map.bind("")
    try:
        endpoint, _ = routes.match(path, method)
    except (HTTPException, RoutingException):
        endpoint = ""
    return _largest(app, endpoint)


def _largest(app: Flask, endpoint: str) -> int:
    view = app.view_functions.get(endpoint)
    document_bytes: int = app.extensions[_DOCUMENT_BYTES]
    return getattr(view, "max_bytes", SMALL_BYTES) or document_bytes


def _check_size(app: Flask) -> None:
    """Refuses by Content-Length; a body of unknown length is cut off at the same limit."""
    most = _largest(app, request.endpoint or "")
    request.max_content_length = most
    request.max_form_memory_size = most
    view = app.view_functions.get(request.endpoint or "")
    request.max_form_parts = getattr(view, "max_parts", PARTS)
    if (request.content_length or 0) > most:
        message = f"The body is too large: this route takes at most {most} bytes"
        raise TooLarge(Problem("", "body_too_large", message, "Send less, or in several requests."))
