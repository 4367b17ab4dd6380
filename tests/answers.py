"""Every answer of the test run is looked at: no token, and where we can see it no strange shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, Response, current_app, request

Send = Callable[..., Any]
SECRET = re.compile(rb"sig=[0-9a-f]{8}|tokenid=[0-9a-f]{8}|gAAAA[\w-]{20}|SigningSubject=http")


def checked(_app: Flask, response: Response, **_: Any) -> None:
    """A receiver of ``flask.request_finished``."""
    route = f"{request.method} {request.path}"
    assert response.headers["X-Content-Type-Options"] == "nosniff", route
    for name, value in response.headers:
        if (name, request.path) == ("Set-Cookie", "/ui/sign-in"):
            continue  # the session of the pages: the token, sealed
        _no_secret(f"{name}: {value}".encode(), route)
    if response.direct_passthrough:
        return  # a file of Swagger UI
    if response.is_streamed:
        response.response = _without_secret(response.response, route)
    else:
        _no_secret(response.get_data(), route)
    _documented(response)


def seen_from_outside(send: Send) -> Send:
    """``send`` of requests or httpx that looks at what our own routes answer."""

    def sent(session: Any, request: Any, **options: Any) -> Any:
        answer = send(session, request, **options)
        if "/api/v1/" in str(answer.url) and not options.get("stream"):
            _no_secret(answer.content, f"{request.method} {answer.url}")
        return answer

    return sent


def _without_secret(parts: Iterable[Any], route: str) -> Iterator[Any]:
    for part in parts:
        _no_secret(part.encode() if isinstance(part, str) else part, route)
        yield part


def _no_secret(text: bytes, route: str) -> None:
    assert not SECRET.search(text), f"{route} answers with a secret"


def _documented(response: Response) -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    shapes = getattr(view, "shapes", None)
    if shapes is None or request.method in ("HEAD", "OPTIONS"):
        return
    said = f"{request.method} {request.path}: {response.status}"
    assert response.status_code in shapes, f"{said} is not documented"
    content = shapes[response.status_code]
    assert not content or response.mimetype in content, f"{said}: {response.mimetype}"
    schema = content.get(response.mimetype)
    if isinstance(schema, type):
        errors = schema().validate(response.get_json())
        assert not errors, f"{said} has another shape: {errors}"
