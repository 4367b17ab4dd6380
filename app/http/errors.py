"""Converts every failure into one body: ``{"detail": "<one string>", "errors": [problem, …]}``.

``detail`` is always a plain string, since clients put it into their own sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from workflows.model.errors import (
    BadToken,
    Conflict,
    FaultyPlan,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    ServiceError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    WorkflowsError,
)

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS: Final = 5
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="BV-BRC"'}
_LATER: Final = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_MOST_IN_DETAIL: Final = 20

_ANSWERS: Final[Sequence[tuple[type[WorkflowsError], HTTPStatus, Mapping[str, str]]]] = (
    (Invalid, HTTPStatus.BAD_REQUEST, {}),
    (BadToken, HTTPStatus.UNAUTHORIZED, _CHALLENGE),
    (Unauthorized, HTTPStatus.UNAUTHORIZED, _CHALLENGE),
    (Forbidden, HTTPStatus.FORBIDDEN, {}),
    (NotFound, HTTPStatus.NOT_FOUND, {}),
    (Conflict, HTTPStatus.CONFLICT, {}),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS, _LATER),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, _LATER),
    (ServiceError, HTTPStatus.SERVICE_UNAVAILABLE, _LATER),
)


class TooManyFailures(WorkflowsError):
    """An address has shown too many bad tokens, or an account was tried with too many wrong
    passwords; another attempt counts after ``seconds``.
    """

    def __init__(
        self,
        seconds: int,
        message: str = "Too many bad tokens came from this address. Try again later.",
    ) -> None:
        self.seconds = seconds
        super().__init__(message)


class TooLarge(WorkflowsError):
    """The body is larger than the route takes, or would take too much memory."""

    def __init__(self, problem: Problem) -> None:
        self.problems = (problem,)
        super().__init__(f"{problem.message}.")


class QuotaExceeded(WorkflowsError):
    """A quota of the user is used up. There is room again after ``retry_seconds``; None: only the
    user can make room.
    """

    def __init__(
        self, limit: str, message: str, way_out: str, retry_seconds: int | None = None
    ) -> None:
        self.retry_seconds = retry_seconds
        self.problems = (Problem(limit, "quota_exceeded", message, way_out),)
        super().__init__(f"{limit}: {message}. {way_out}")


def register(app: Flask) -> None:
    app.register_error_handler(WorkflowsError, _of_the_domain)
    app.register_error_handler(HTTPException, _of_http)


def answer(
    status: int,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error's answer."""
    body = {"detail": detail, "errors": [problem.as_json() for problem in problems]}
    return Response(
        json.dumps(body), status, mimetype="application/json", headers=dict(headers or {})
    )


def error_response(error: WorkflowsError | HTTPException) -> Response:
    """The API's answer to an exception."""
    return _of_the_domain(error) if isinstance(error, WorkflowsError) else _of_http(error)


def _of_the_domain(error: WorkflowsError) -> Response:
    if isinstance(error, TooManyFailures):
        headers = {"Retry-After": str(error.seconds)}
        return answer(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=headers)
    if isinstance(error, TooLarge):
        return answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), error.problems)
    if isinstance(error, QuotaExceeded):
        return _over_the_quota(error)
    for kind, status, extra in _ANSWERS:
        if isinstance(error, kind):
            return answer(status, _detail(error), error.problems, extra)
    raise error


def _over_the_quota(error: QuotaExceeded) -> Response:
    if error.retry_seconds is None:
        return answer(HTTPStatus.CONFLICT, str(error), error.problems)
    headers = {"Retry-After": str(error.retry_seconds)}
    return answer(HTTPStatus.TOO_MANY_REQUESTS, str(error), error.problems, headers)


def _detail(error: WorkflowsError) -> str:
    """One string with every problem, the first twenty in full."""
    if isinstance(error, Invalid):
        return _list_problems(error.problems)
    text = _sentence(str(error))
    return f"{text}: {_list_problems(error.problems)}" if isinstance(error, FaultyPlan) else text


def _list_problems(problems: Sequence[Problem]) -> str:
    shown = [str(problem) for problem in problems[:_MOST_IN_DETAIL]]
    more = len(problems) - len(shown)
    return "; ".join([*shown, f"and {more} more"] if more else shown)


def _of_http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    kept = {"allow", "retry-after", "location"}
    headers = {name: value for name, value in error.get_headers() if name.lower() in kept}
    if problems := list(_arguments(getattr(error, "data", None) or {})):
        return _of_the_domain(Invalid(problems))
    return answer(status, _phrase(error, status), headers=headers)


def _arguments(said: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of a query string from webargs: ``{"messages": {"query": {name: [text]}}}``."""
    for name, found in said.get("messages", {}).get("query", {}).items():
        places = found if isinstance(found, dict) else {None: found}
        for place, texts in places.items():
            path = name if place is None else f"{name}[{place}]"
            yield Problem(path, "bad_argument", " ".join(texts))


def _phrase(error: HTTPException, status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Internal error. It is logged under this answer's X-Request-ID."
    return " ".join((error.description or error.name).split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
