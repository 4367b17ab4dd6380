"""Authenticates and authorises the caller before every route, with few exceptions.

401: no token where one is needed, or a bad one wherever it is shown. 403: a genuine token of
another user. 404: no such workflow. That an id exists is no secret: 128 bits cannot be guessed.
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
"""Answers every caller and reads no token."""
LINK: Final = "link"
"""Answers every caller that knows the id, if ``auth.reads`` is ``link``."""
OWNER: Final = "owner"
"""Answers the owner of a genuine token."""

SESSION: Final = "session"
"""A page for signed-in users; ``ui.session`` checks that."""

Route = TypeVar("Route", bound=Callable[..., Any])


def needs(access: str) -> Callable[[Route], Route]:
    """Marks a route that does not need its owner's token."""

    def mark(route: Route) -> Route:
        route.access = access  # type: ignore[attr-defined]
        return route

    return mark


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits a request, or raises ``BadToken`` or ``TooManyFailures``."""

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
        """The identity of the token. Only bad tokens are throttled: an address may be a proxy with
        many users, and checking a signature takes less time than the rest of a request.
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
        """As ``may``; with ``auth.reads: link`` no caller is refused."""
        if not self.links:
            self.may(owner)


def caller() -> Owner:
    """The caller of a route that needs a token."""
    identity: Identity = g.identity
    return Owner(identity.user, g.token, identity.expires_at)
