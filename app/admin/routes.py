"""The route for operators."""

from __future__ import annotations

from flask import Response
from flask_smorest import Blueprint

from app.admin import schemas
from app.admin.overview import read_overview
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, route

blueprint = Blueprint("admin", __name__, description="For admins (`auth.admins`).")


@route(
    blueprint,
    "GET",
    "/admin/overview",
    answers={200: Answer("The engine at a glance", {JSON: schemas.Overview})},
    refuses=[403],
)
def admin_overview() -> Response:
    """Show what waits, for whom, how long and why

    For admins; other callers are refused with 403. Each part has a limit and a time of its own: one
    that could not be asked in time is null, and named in `incomplete`.
    """
    return as_json(read_overview())
