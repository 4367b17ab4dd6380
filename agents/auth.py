"""The form of an OAuth 2.1 resource server that MCP clients expect, over BV-BRC's tokens.

BV-BRC has no OAuth server: a person gets a token at its login page and gives it to the client as
``Authorization: Bearer``. A token has no audience, so that none is compared; the API verifies the
signature and the expiry of every token, and its answer is what counts here.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import Final

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import create_protected_resource_routes
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from starlette.routing import Route

from agents.api import Api
from agents.caller import Caller, caller
from config.interface_sections import Agents

SCOPE: Final = "workflows"
"""The one scope: a token may do what its user may do."""
_KNOWN_SECONDS: Final = 60.0
_MOST_KNOWN: Final = 10_000
_BAD: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})


def auth_settings(settings: Agents) -> AuthSettings:
    """The SDK's settings for this resource server."""
    return AuthSettings(
        issuer_url=AnyHttpUrl(settings.login_url),
        resource_server_url=AnyHttpUrl(f"{settings.address}/mcp"),
        required_scopes=[SCOPE],
        validate_token_resource=False,  # a BV-BRC token names no audience
    )


def metadata_routes(settings: Agents) -> list[Route]:
    """``/.well-known/oauth-protected-resource/mcp`` (RFC 9728), which says how to get a token."""
    return create_protected_resource_routes(
        resource_url=AnyHttpUrl(f"{settings.address}/mcp"),
        authorization_servers=[AnyHttpUrl(settings.login_url)],
        scopes_supported=[SCOPE],
        resource_name="BV-BRC workflow engine",
        resource_documentation=AnyHttpUrl(settings.documentation_url),
    )


class ApiTokenVerifier(TokenVerifier):
    """Asks the API whether a token is good. A good one is asked about once a minute."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[bytes, float] = OrderedDict()
        """Digests of good tokens, to the time until which they count as good."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token, or None for one that the API refuses. While the API is away the token passes:
        each tool hands it to the API, which decides.
        """
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        if self._known.get(digest, 0.0) < time.monotonic() and not await self._ask(token, digest):
            return None
        return AccessToken(token=token, client_id="bvbrc", scopes=[SCOPE])

    async def _ask(self, token: str, digest: bytes) -> bool:
        if not token.isascii() or not token.isprintable():
            return False
        who = Caller(token, caller().request_id, caller().address)
        found = await self._api.send("GET", "/usage", who)
        if found is not None and found.status_code in _BAD:
            self._known.pop(digest, None)
            return False
        if found is not None and found.is_success:
            self._known[digest] = time.monotonic() + _KNOWN_SECONDS
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return True
