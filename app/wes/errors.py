"""Errors of WES: our one body with the two fields of theirs, ``msg`` and ``status_code``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, request

PREFIX: Final = "/ga4gh/wes/v1"


def register(app: Flask) -> None:
    app.after_request(_add_wes_fields)


def wes_error(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an error, ours, as WES has it."""
    return {"msg": body["detail"], "status_code": status, **body}


def _add_wes_fields(response: Response) -> Response:
    failed = response.status_code >= HTTPStatus.BAD_REQUEST
    if failed and response.is_json and request.path.startswith(f"{PREFIX}/"):
        body = wes_error(response.status_code, json.loads(response.get_data()))
        response.set_data(json.dumps(body))
    return response
