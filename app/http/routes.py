"""Declares routes: the rule, the callers allowed, and every answer, in one place.

The declaration is the documentation: ``/openapi.json`` is made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeVar

from flask import request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs import flaskparser

from app.api.schemas.response_schemas import Error
from app.connections import connections
from app.http.admission import SMALL_BYTES, takes
from app.http.auth import LINK, OPEN, OWNER, needs
from workflows.model.values import Json

View = TypeVar("View", bound=Callable[..., Any])
Doc = dict[str, Any]

JSON: Final = "application/json"
TEXT: Final = "text/plain"
YAML: Final = "application/yaml"
FORM: Final = "multipart/form-data"
EVENT_STREAM: Final = "text/event-stream"
TOKEN: Final = "bvbrcToken"  # noqa: S105 - the name of the security scheme

_SECURITY: Final[Mapping[str, list[dict[str, list[str]]]]] = {
    OPEN: [],
    LINK: [{}, {TOKEN: []}],
    OWNER: [{TOKEN: []}],
}
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("The request is invalid; every problem with its path", "steps[1].app: unknown app"),
    401: ("The token is missing, bad or expired", "The token has no signature"),
    403: ("It belongs to another user", "This workflow belongs to another user."),
    404: ("It does not exist", "There is no workflow 'wf_0'."),
    409: (
        "Its present state, or a quota of what is stored, does not allow this",
        "Cannot retry workflow with status 'running'",
    ),
    413: ("The body is too large", "The body is too large: this route takes at most 65536 bytes."),
    415: ("The body is no JSON", "The body must be JSON, with Content-Type: application/json."),
    429: (
        "A quota is used up, or too many bad tokens or too large bodies came from this address;"
        " repeat after Retry-After",
        "Too many bad tokens",
    ),
    503: ("A server is away; repeat after Retry-After", "MongoDB cannot be used now"),
}
_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}
}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The body of every error of a route."""

    schema: type[Schema]
    example: Callable[[int, str], Json]
    """From the status and its detail."""


OUR_ERROR: Final = ErrorBody(Error, lambda _, detail: {"detail": detail, "errors": []})


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its text, its shape by media type, an example, its headers."""

    description: str
    content: Mapping[str, type[Schema] | Doc] = field(default_factory=dict)
    example: Json = None
    headers: Sequence[str] = ()
    links: Sequence[str] = ()
    """Operations that take this answer's ``workflow_id``."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body."""

    schema: type[Schema] | Doc
    examples: Mapping[str, Json]
    required: bool = True
    media_types: Sequence[str] = (JSON,)
    max_bytes: int = SMALL_BYTES
    """``DOCUMENT``: as much as ``api.max_body_bytes`` says."""


def route(  # noqa: PLR0913 - a declaration, all by name
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    answers: Mapping[int, Answer],
    refuses: Sequence[int] = (),
    body: Body | None = None,
    query: type[Schema] | None = None,
    headers: Mapping[str, str] | None = None,
    access: str = OWNER,
    patient: bool = True,
    error: ErrorBody = OUR_ERROR,
) -> Callable[[View], View]:
    """Registers a view and documents it. ``headers`` maps those it reads to what they mean.

    The view keeps its answers as ``shapes``: status to media type to schema. A view that is not
    ``patient`` limits MongoDB's time itself.
    """

    def register(view: View) -> View:
        refused = _error_statuses(access, refuses, body, query)
        doc = _doc(answers, refused, body, error)
        doc["parameters"] = _parameters(query, headers or {})
        called = view if query is None else _with_query(view, query())
        called = _patient(called) if patient and access != OPEN else called
        documented = blueprint.doc(operationId=view.__name__, security=_SECURITY[access], **doc)(
            needs(access)(takes(body.max_bytes if body else SMALL_BYTES)(called))
        )
        shapes = {code: answer.content for code, answer in answers.items()}
        documented.shapes = {code: {JSON: error.schema} for code in refused} | shapes
        blueprint.add_url_rule(rule, view.__name__, documented, methods=[method])
        return view

    return register


def _error_statuses(
    access: str, refuses: Sequence[int], body: Body | None, query: type[Schema] | None
) -> list[int]:
    """Error statuses that every route can return, in addition to those it declares."""
    found = {413, *refuses}
    if access != OPEN:
        found |= {401, 429, 503}
    if body is not None:
        found |= {400, 415}
    if query is not None:
        found.add(400)
    return sorted(found)


def _doc(
    answers: Mapping[int, Answer], refused: Sequence[int], body: Body | None, error: ErrorBody
) -> Doc:
    responses = {str(code): _good(answer) for code, answer in answers.items()}
    responses |= {str(code): _refusal(code, error) for code in refused if code not in answers}
    found: Doc = {"responses": responses}
    if body is not None:
        content = {
            kind: {
                "schema": body.schema,
                "examples": {name: {"value": value} for name, value in body.examples.items()},
            }
            for kind in body.media_types
        }
        found["requestBody"] = {"required": body.required, "content": content}
    return found


def _patient(view: View) -> View:
    """Limits the time that the view waits for MongoDB."""

    @wraps(view)
    def call_view(*arguments: Any, **path: str) -> Any:
        with connections().patience():
            return view(*arguments, **path)

    return call_view  # type: ignore[return-value]


def _with_query(view: View, schema: Schema) -> View:
    """The view gets the arguments of the query string first."""

    @wraps(view)
    def call_view(**path: str) -> Any:
        arguments = flaskparser.parser.parse(
            schema, request, location="query", error_status_code=HTTPStatus.BAD_REQUEST
        )
        return view(arguments, **path)

    return call_view  # type: ignore[return-value]


def _parameters(query: type[Schema] | None, headers: Mapping[str, str]) -> list[Doc]:
    found: list[Doc] = [
        {"in": "header", "name": name, "description": text, "schema": {"type": "string"}}
        for name, text in headers.items()
    ]
    return [*found, {"in": "query", "schema": query}] if query else found


def _good(answer: Answer) -> Doc:
    found: Doc = {"description": answer.description}
    if answer.content:
        example = {} if answer.example is None else {"example": answer.example}
        found["content"] = {
            kind: {"schema": schema} | (example if kind == JSON else {})
            for kind, schema in answer.content.items()
        }
    if answer.links:
        parameters = {"workflow_id": "$response.body#/workflow_id"}
        found["links"] = {
            name: {"operationId": name, "parameters": parameters} for name in answer.links
        }
    if answer.headers:
        found["headers"] = {
            name: {"schema": {"type": "string"}, "required": True} for name in answer.headers
        }
    return found


def _refusal(code: int, error: ErrorBody) -> Doc:
    description, detail = _REFUSALS[code]
    example = error.example(code, detail)
    found: Doc = {
        "description": description,
        "content": {JSON: {"schema": error.schema, "example": example}},
    }
    if code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        found["headers"] = _RETRY_AFTER
    return found
