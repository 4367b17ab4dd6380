"""Signing in with a BV-BRC token, and out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from app.connections import connections
from app.http.auth import OPEN, needs
from app.ui import session
from workflows.bvbrc.token import strip
from workflows.model.errors import BadToken


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


@needs(OPEN)
def sign_in() -> Any:
    """The form; sent with a genuine token it opens a session."""
    if request.method == "GET":
        return render_template("sign_in.html", next=_place(), problem="")
    session.check_origin()
    token = strip(request.form.get("token", ""))
    with connections().patience():
        try:
            opened = session.open_session(connections().gate.identity(token), token)
            response = make_response(redirect(_place(), 303))
            session.keep(response, opened)
        except BadToken as error:
            page = render_template("sign_in.html", next=_place(), problem=str(error))
            return Response(page, 401, mimetype="text/html")
    return response


@session.signed_in
def sign_out() -> Response:
    response = make_response(redirect(url_for("ui.sign_in"), 303))
    session.end(g.session)
    session.forget(response)
    return response


def _place() -> str:
    """The page to show afterwards. It is one of ours: other addresses are ignored."""
    place = request.values.get("next", "")
    listing: str = url_for("ui.list_workflows")
    is_ours = place.startswith("/ui/") and place.isprintable()
    return place if is_ours and "\\" not in place and "//" not in place else listing
