"""Authenticates and authorises the caller before every route, with few exceptions.

401: no token where one is needed, or a bad one wherever it is shown. 403: a genuine token of
another user. 404: no such workflow. That an id exists is no secret: 128 bits cannot be guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import current_app, g, request

from app.http.throttle import Throttle
from workflows.bvbrc.token import Identity, Verifier, strip
from workflows.engine.access import Caller, load
from workflows.engine.commands import Owner
from workflows.model.errors import BadToken, Forbidden, TokenExpired
from workflows.store import clock
from workflows.store.workflows.stored import StoredWorkflow

OPEN: Final = "open"
"""Answers every caller and reads no token."""
LINK: Final = "link"
"""Answers every caller that knows the id, if ``auth.reads`` is ``link``."""
OWNER: Final = "owner"
"""Answers the owner of a genuine token."""

SESSION: Final = "session"
"""A page for signed-in users; ``ui.session`` checks that."""

EVERYONE: Final = ("*", "")
"""Names of all users, as ``owner`` of a list."""

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

    def check(self) -> None:
        access = _access()
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

    def load(self, workflow: str) -> StoredWorkflow:
        """The workflow, where the caller of this route may see it.

        Raises ``NotFound``, ``Forbidden``.
        """
        return load(workflow, self.viewer())

    def viewer(self) -> Caller:
        """The caller of this route, as far as is known, and what the route allows."""
        identity: Identity | None = g.get("identity")
        name = identity.user if identity else None
        return Caller(name, name in self.admins, self.links and _access() == LINK)

    def require_admin(self) -> None:
        """Raises ``Forbidden`` for every other caller."""
        if not self.viewer().is_admin:
            raise Forbidden("This is for admins (auth.admins) alone.")

    def owner_wanted(self, asked: str | None) -> str | None:
        """Whose workflows a list shows: the caller's; for admins also another user's, or with
        ``*`` those of all users, which is None.

        Raises ``Forbidden``.
        """
        viewer = self.viewer()
        if asked is None or asked == viewer.name:
            return viewer.name or ""
        if not viewer.is_admin:
            raise Forbidden("Only an admin may list workflows of other users.")
        return None if asked in EVERYONE else asked


def _access() -> str | None:
    """What the route of this request needs, as ``needs`` marks it."""
    view = current_app.view_functions.get(request.endpoint or "")
    access: str | None = getattr(view, "access", None)
    return access


def caller() -> Owner:
    """The caller of a route that needs a token."""
    identity: Identity = g.identity
    return Owner(identity.user, g.token, identity.expires_at)
