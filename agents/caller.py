"""The caller of the present request: token, request id and address.

Over HTTP the SDK keeps the token, and ``RequestFacts`` the rest; over stdio the token is that of
the person who started the process.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from mcp.server.auth.middleware.auth_context import get_access_token
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The user who asks, as the API sees it."""

    token: str = field(repr=False)
    request_id: str = ""
    address: str = ""

    def headers(self) -> dict[str, str]:
        """Headers of the requests that are sent to the API for this caller.

        The API counts bad tokens by address, so it must see the caller's instead of ours.
        """
        found = {
            "Authorization": self.token,
            "X-Request-ID": self.request_id,
            "X-Forwarded-For": self.address,
        }
        return {name: value for name, value in found.items() if value}


_NOBODY: Final = Caller("")
_present: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)


def caller() -> Caller:
    """The caller of the present request; without a token before the caller is known."""
    found = _present.get()
    access = get_access_token()
    if access is None:
        return found
    return Caller(access.token, found.request_id, found.address)


def set_caller(found: Caller) -> None:
    """Sets the caller for the rest of this context."""
    _present.set(found)


class RequestFacts:
    """An ASGI middleware that notes the request id and the address of each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            sent = Headers(scope=scope).get("x-request-id", "")
            request_id = sent if _REQUEST_ID.fullmatch(sent) else ""
            address = scope["client"][0] if scope.get("client") else ""
            set_caller(Caller("", request_id, address))
        await self._app(scope, receive, send)
