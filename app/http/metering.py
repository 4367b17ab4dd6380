"""Counts requests against the quotas of their user: when they begin, compute, store, stream and
end."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from flask import Flask, g, request

from app.connections import connections
from app.http.auth import caller
from workflows.bvbrc.token import Identity

_REQUESTER: Final = "server.requester"
"""The function in a request's environment that learns whose it is (server/channel.py)."""


def register(app: Flask) -> None:
    """Installs the hooks that release a request's quota when it ends, however it ends."""
    app.teardown_request(_end)


def begin() -> None:
    """Counts a request of the authenticated user, and tells the server who it is. Raises
    ``QuotaExceeded``."""
    identity: Identity | None = g.get("identity")
    if identity is not None:
        if tell := request.environ.get(_REQUESTER):
            tell(identity.user, session="session" in g)
        connections().quotas.begin(identity.user)
        g.counted = identity.user


def _end(_failure: BaseException | None) -> None:
    user: str | None = g.pop("counted", None)
    if user is not None:
        connections().quotas.end(user)


def computing() -> AbstractContextManager[None]:
    """Checks or plans a workflow of the caller within it. Raises ``QuotaExceeded``."""
    return connections().quotas.computing(caller().name)


def streaming() -> AbstractContextManager[None]:
    """A live stream of the caller, for as long as it lasts. Raises ``QuotaExceeded``."""
    return connections().quotas.stream(caller().name)
