"""Signing in with a BV-BRC user name and password or with a token, and out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for

from app.connections import connections
from app.http.auth import OPEN, needs
from app.http.errors import TooManyFailures
from app.tokens.password_sign_in import is_safe_here
from app.ui.access import pending, session
from app.ui.access.pending import Pending
from workflows.bvbrc.token import strip
from workflows.model.errors import (
    BadToken,
    ServiceError,
    TooManyRequests,
    Unavailable,
    WorkflowsError,
)

PASSWORD: Final = "password"  # noqa: S105 - the name of a way to sign in
TOKEN: Final = "token"  # noqa: S105
_REFUSALS: Final = (BadToken, TooManyFailures, TooManyRequests, Unavailable, ServiceError)
_UNSAFE: Final = (
    "Passwords are taken over HTTPS only. Open this page with https://, or use a token."
)


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sign-in", "sign_in", sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


@needs(OPEN)
def sign_in() -> Any:
    """The forms; each, sent with what is genuine, opens a session."""
    if request.method == "GET":
        return _page("")
    session.check_origin()
    with connections().patience():
        try:
            token = _read_token()
            identity = connections().gate.identity(token)
            opened = session.open_session(identity, token)
            form = pending.read_carried()
            g.session, g.identity = opened, identity
            response = make_response(pending_page(form) if form else redirect(_place(), 303))
            session.keep(response, opened)
        except _REFUSALS as refusal:
            g.pop("identity", None)
            return Response(_page(_say(refusal)), _status(refusal), _headers(refusal))
    return response


def ask_again() -> Response:
    """For a request whose session has ended: it leads back to the page, or to the form, that was
    asked for.
    """
    if request.method == "GET":
        place = request.full_path.rstrip("?")
        response: Response = make_response(redirect(url_for("ui.sign_in", next=place), 303))
    elif session.is_of_our_pages() and (form := pending.of_request()):
        response = Response(_page("Your session has ended.", form), HTTPStatus.UNAUTHORIZED)
    else:
        response = make_response(redirect(url_for("ui.sign_in"), 303))
    session.forget(response)
    return response


def pending_page(form: Pending | None) -> str:
    """Asks whether a form of an earlier session is to be sent now."""
    return render_template("pending.html", pending=form, back=_place())


@session.signed_in
def sign_out() -> Response:
    response = make_response(redirect(url_for("ui.sign_in"), 303))
    session.end(g.session)
    session.forget(response)
    return response


def _read_token() -> str:
    """The token that was pasted, or that BV-BRC gives for the password. Raises ``BadToken``, and
    what ``PasswordSignIn`` raises.
    """
    ways = connections().settings.auth.sign_in
    if "password" in request.form:
        if PASSWORD not in ways or not is_safe_here():
            raise BadToken(_UNSAFE if PASSWORD in ways else "Sign in with a token here.")
        user = request.form.get("username", "").strip()
        address = request.remote_addr or ""
        return connections().password_sign_in(address, user, request.form["password"])
    if TOKEN not in ways:
        raise BadToken("Sign in with your BV-BRC user name and password here.")
    return strip(request.form.get("token", ""))


def _page(problem: str, form: Pending | None = None) -> str:
    form = form or pending.read_carried()
    ways = connections().settings.auth.sign_in
    return render_template(
        "sign_in.html",
        next=_place(),
        problem=problem,
        pending=form,
        takes_password=PASSWORD in ways and is_safe_here(),
        takes_token=TOKEN in ways,
        unsafe=_UNSAFE if PASSWORD in ways and not is_safe_here() else "",
        username=request.form.get("username", ""),
    )


def _say(refusal: WorkflowsError) -> str:
    if isinstance(refusal, ServiceError):
        return f"BV-BRC's sign-in does not work now: {refusal}. Try again later."
    return str(refusal)


def _status(refusal: WorkflowsError) -> HTTPStatus:
    if isinstance(refusal, BadToken):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(refusal, TooManyFailures | TooManyRequests):
        return HTTPStatus.TOO_MANY_REQUESTS
    return HTTPStatus.SERVICE_UNAVAILABLE


def _headers(refusal: WorkflowsError) -> dict[str, str]:
    wait = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, TooManyFailures) else {}
    return {"Content-Type": "text/html; charset=utf-8", **wait}


def _place() -> str:
    """The page to show afterwards. It is one of ours: other addresses are ignored."""
    asks_again = request.endpoint != "ui.sign_in"
    place = pending.came_from() if asks_again else request.values.get("next", "")
    listing: str = url_for("ui.list_workflows")
    return place if pending.is_page_path(place) else listing
