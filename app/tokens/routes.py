"""Routes about the caller's stored token."""

from __future__ import annotations

from flask import Response, request
from flask_smorest import Blueprint

from app.connections import connections
from app.http import request_bodies
from app.http.auth import caller
from app.http.json_response import as_json
from app.http.routes import JSON, Answer, Body, route
from app.tokens.schemas import EXAMPLE, ChangeCredentials, Credentials
from workflows.engine.tokens.views import credentials_of
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.store.users import preferences as users

blueprint = Blueprint("credentials", __name__, description="The token that the engine keeps.")

_STANDING = Answer("How it stands", {JSON: Credentials}, EXAMPLE)


@route(blueprint, "GET", "/credentials", answers={200: _STANDING})
def read_credentials() -> Response:
    """Show when the caller's stored token ends, and whether the engine renews it

    Never the token. The engine looks at `renews_at` whether there is work under way; if there is
    none, it looks again later.
    """
    return _standing()


@route(
    blueprint,
    "PUT",
    "/credentials",
    body=Body(ChangeCredentials, {"do not renew it": {"renew": False}}),
    answers={200: _STANDING},
)
def change_credentials() -> Response:
    """Choose whether the engine renews the caller's token

    Your choice stays until you change it, also if the token is deleted. Without renewal, steps wait
    for a fresh token when the stored one ends.
    """
    wanted = _read_wish(request_bodies.read_optional_object(request))
    users.set_renewal(caller().name, wanted=wanted)
    return _standing()


def _standing() -> Response:
    return as_json(credentials_of(connections().context, caller().name))


def _read_wish(sent: dict[str, Json]) -> bool:
    problems = [
        Problem(name, "unknown_field", "there is no such field", "known is 'renew'")
        for name in sent
        if name != "renew"
    ]
    wanted = sent.get("renew")
    if isinstance(wanted, bool) and not problems:
        return wanted
    if not isinstance(wanted, bool):
        problems.append(Problem("renew", "wrong_type", "it must be true or false"))
    raise Invalid(problems)
