"""The route that tells a user what is left of the quotas."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.response_schemas import Usage
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route

blueprint = Blueprint("usage", __name__, description="What one user may use.")


@route(
    blueprint,
    "GET",
    "/usage",
    answers={200: Answer("Each limit, with what is used of it", {JSON: Usage}, examples.USAGE)},
)
def read_usage() -> Response:
    """Tell what the caller uses and may use

    Counted over all processes. `resets_at` is there where a count begins again each minute; what
    other processes counted in the last second or two may be missing.
    """
    return as_json({"limits": connections().quotas.usage(caller().name)})
