"""Writes answers as JSON directly, without a schema; tests compare them with the schemas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response, request

from workflows.model.values import Json


def as_json(
    value: Json, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, mimetype="application/json", headers=dict(headers or {}))


def with_etag(response: Response) -> Response:
    """The same with an ETag of its body: 304 for a client that has it already."""
    return conditional(response, hashlib.blake2b(response.get_data(), digest_size=12).hexdigest())


def conditional(response: Response, tag: str) -> Response:
    """The same with this ETag."""
    if response.is_streamed:  # its length would be found by reading all of it
        response.automatically_set_content_length = False
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization"
    response.make_conditional(request)
    return response
