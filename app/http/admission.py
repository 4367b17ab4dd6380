"""Admission: what a request must pass before its view runs, in one place and in this order.

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

from app.http.auth import Gate
from app.http.errors import TooLarge

Check = Callable[[], None]
Route = TypeVar("Route", bound=Callable[..., Any])

SMALL_BYTES: Final = 64 * 1024
"""What a route takes that declares nothing: forms, tokens, and bodies that nobody reads."""
DOCUMENT: Final = 0
"""In place of a size: a workflow, up to ``api.max_body_bytes``."""


def takes(max_bytes: int) -> Callable[[Route], Route]:
    """Marks a route with the largest body it takes, in bytes, or ``DOCUMENT``."""

    def mark(route: Route) -> Route:
        route.max_bytes = max_bytes  # type: ignore[attr-defined]
        return route

    return mark


def register(app: Flask, gate: Gate, document_bytes: int, further: Sequence[Check] = ()) -> None:
    """Installs the checks; ``document_bytes`` is ``api.max_body_bytes``."""
    app.before_request(partial(_check_size, app, document_bytes))
    app.before_request(partial(gate.check, app))
    for check in further:
        app.before_request(check)


def _check_size(app: Flask, document_bytes: int) -> None:
    """Refuses by Content-Length; a body of unknown length is cut off at the same limit."""
    view = app.view_functions.get(request.endpoint or "")
    most = getattr(view, "max_bytes", SMALL_BYTES) or document_bytes
    request.max_content_length = most
    request.max_form_memory_size = most
    if (request.content_length or 0) > most:
        raise TooLarge(most)
