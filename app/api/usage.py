"""The route that shows a user's quotas and their use."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.api import examples
from app.api.schemas.response_schemas import Usage
from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route

blueprint = Blueprint("usage", __name__, description="What one user may use.")


@route(
    blueprint,
    "GET",
    "/usage",
    answers={200: Answer("Each limit and its use", {JSON: Usage}, examples.USAGE)},
)
def read_usage() -> Response:
    """Show the caller's limits and their use

    Counted over all processes. `resets_at` is present if a count starts again each minute. The
    counts of other processes from the last second or two may be missing.
    """
    return as_json({"limits": connections().quotas.usage(caller().name)})
