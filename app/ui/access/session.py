"""Sessions of the pages: a sealed cookie holds the user's token, and a secret for the forms.

The cookie is HttpOnly and SameSite=Strict; what it holds can be opened by ``auth.token_keys`` only.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from flask import Response, g, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden

from app.connections import connections
from app.http import metering
from app.http.auth import SESSION, needs
from workflows.bvbrc.token import Identity
from workflows.model.errors import BadToken
from workflows.store import clock
from workflows.store.users import sessions

View = TypeVar("View", bound=Callable[..., Any])
COOKIE: Final = "bvbrc_workflows"
LONGEST: Final = timedelta(hours=12)
_MOST_BYTES: Final = 4_000
"""Browsers drop larger cookies."""


class OldForm(Forbidden):
    """A form without the secret of this session: its user may send it again from a page that says
    so.
    """


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds."""

    token: str = field(repr=False)
    secret: str = field(repr=False)
    until: datetime


def open_session(identity: Identity, token: str) -> Session:
    """A new session: it ends with the token, and after half a day at the latest."""
    until = min(identity.expires_at, clock.now() + LONGEST)
    return Session(token, secrets.token_urlsafe(16), until)


def keep(response: Response, session: Session) -> None:
    """Raises ``BadToken`` where the token is too long for a cookie."""
    found = {"token": session.token, "secret": session.secret, "until": session.until.timestamp()}
    sealed = connections().context.vault.seal(json.dumps(found))
    if len(sealed) > _MOST_BYTES:
        raise BadToken("The token is too long for a browser to keep.")
    response.set_cookie(
        COOKIE,
        sealed,
        expires=session.until,
        path="/ui",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def end(session: Session) -> None:
    """On the server, for every copy of the cookie."""
    sessions.end(session.secret, session.until)


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/ui", httponly=True, samesite="Strict")


def present() -> Session | None:
    """The session of the current request; None where there is none that counts."""
    text = connections().context.vault.open(request.cookies.get(COOKIE, ""))
    if text is None:
        return None
    found = json.loads(text)
    session = Session(found["token"], found["secret"], datetime.fromtimestamp(found["until"], UTC))
    if session.until <= clock.now() or sessions.has_ended(session.secret):
        return None
    return session


def signed_in(view: View) -> View:
    """A page for people with a genuine token; the others are led to the sign-in."""

    @wraps(view)
    def call_view(**path: str) -> Any:
        with connections().patience():
            session = present()
            if session is None:
                return _sign_in_first()
            g.session, g.token = session, session.token
            g.identity = connections().gate.identity(session.token)
            metering.begin()
            if request.method == "POST":
                check_form()
            return view(**path)

    return needs(SESSION)(call_view)  # type: ignore[return-value]


def check_form() -> None:
    """Raises ``Forbidden`` where another site sent the form, ``OldForm`` where it is not of this
    session.
    """
    check_origin()
    sent = request.form.get("secret", "")
    if not secrets.compare_digest(sent.encode(), g.session.secret.encode()):
        raise OldForm("This form is of an earlier session. Nothing was done.")


def check_origin() -> None:
    """Raises ``Forbidden`` where the browser says that another site sent the request."""
    if not is_of_our_pages():
        raise Forbidden("Another site sent this form.")


def is_of_our_pages() -> bool:
    """False where the browser says that another site sent the request."""
    origin = request.headers.get("Origin")
    ours = origin is None or urlsplit(origin).netloc == request.host
    return ours and request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")


def _sign_in_first() -> Any:
    """A link from another site comes without the cookie: then the page is asked for once more."""
    if request.method != "GET":
        raise BadToken("Sign in again: your session has ended.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return render_template("again.html")
    return redirect(url_for("ui.sign_in", next=request.full_path.rstrip("?")), 303)
