"""Who asks, and may they? A gate before every route; the list of exceptions is short.

401: no token where one is needed, or a bad one wherever it is shown. 403: a genuine token of
somebody else. 404: no such workflow. That an id exists is no secret: nobody guesses 128 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Flask, g, request

from app.http.throttle import Throttle
from workflows.bvbrc.token import Identity, Verifier, strip
from workflows.engine.commands import Owner
from workflows.model.errors import BadToken, Forbidden, TokenExpired
from workflows.store import clock

OPEN: Final = "open"
"""Answers everybody and looks at no token."""
LINK: Final = "link"
"""Answers whoever knows the id, where ``auth.reads`` says so."""
OWNER: Final = "owner"
"""Answers the owner of a genuine token."""

SESSION: Final = "session"
"""A page, for whoever has signed in; ``ui.session`` judges."""

Route = TypeVar("Route", bound=Callable[..., Any])


def needs(access: str) -> Callable[[Route], Route]:
    """Marks a route that does not need its owner's token."""

    def mark(route: Route) -> Route:
        route.access = access  # type: ignore[attr-defined]
        return route

    return mark


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets a request in, or raises ``BadToken`` or ``TooManyFailures``."""

    verifier: Verifier
    throttle: Throttle
    links: bool
    """Whether knowing an id suffices for reading."""
    admins: Collection[str]

    def check(self, app: Flask) -> None:
        access = getattr(app.view_functions.get(request.endpoint or ""), "access", None)
        if request.endpoint is None or request.method == "OPTIONS" or access in (OPEN, SESSION):
            return
        header = request.headers.get("Authorization", "")
        token = strip(header)
        if token:
            g.token, g.identity = token, self.identity(token)
        elif header or not (self.links and access == LINK):
            raise BadToken("This needs a BV-BRC token in the Authorization header.")

    def identity(self, token: str) -> Identity:
        """Whose token it is. Only a bad token is throttled: an address may be a proxy with many
        users behind it, and a signature is checked in less time than the rest of a request takes.
        """
        try:
            return self.verifier(token, clock.now())
        except TokenExpired:
            raise
        except BadToken:
            self.throttle.refuse_or_count(request.remote_addr or "")
            raise

    def may(self, owner: str) -> None:
        """Raises ``Forbidden`` unless the caller may see and change what belongs to ``owner``."""
        identity: Identity | None = g.get("identity")
        if identity is None or identity.user not in (owner, *self.admins):
            raise Forbidden("This workflow belongs to another user.")

    def may_read(self, owner: str) -> None:
        """As ``may``; nobody is refused where knowing the id suffices."""
        if not self.links:
            self.may(owner)


def caller() -> Owner:
    """Who asks, of a route that needs a token."""
    identity: Identity = g.identity
    return Owner(identity.user, g.token, identity.expires_at)
