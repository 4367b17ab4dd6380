"""Writes answers as JSON directly, without a schema; tests compare them with the schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response

from workflows.model.values import Json


def as_json(
    value: Json, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, mimetype="application/json", headers=dict(headers or {}))
