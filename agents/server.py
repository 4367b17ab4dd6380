"""Puts the MCP server together: for HTTP, which verifies tokens, and for stdio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.types import ASGIApp

from agents.api import Api
from agents.auth import ApiTokenVerifier, auth_settings, metadata_routes
from agents.caller import RequestFacts
from agents.guide import INSTRUCTIONS, add_prompts, add_resources
from agents.tools import make_tools
from config.interface_sections import Agents
from workflows import __version__

_LISTS: Final[tuple[CacheableMethod, ...]] = (
    *("server/discover", "tools/list", "prompts/list", "resources/list"),
    "resources/templates/list",
)
_SAME_FOR_ALL: Final = CacheHint(ttl_ms=300_000, scope="public")
"""Lists are the same for all callers, and change with the version alone."""


def make_server(settings: Agents, api: Api, *, verifies_tokens: bool) -> MCPServer[None]:
    """The server with its tools, resources and prompts."""
    server: MCPServer[None] = MCPServer(
        "bvbrc-workflows",
        title="BV-BRC workflow engine",
        instructions=INSTRUCTIONS,
        version=__version__,
        tools=make_tools(api),
        token_verifier=ApiTokenVerifier(api) if verifies_tokens else None,
        auth=auth_settings(settings) if verifies_tokens else None,
        cache_hints=dict.fromkeys(_LISTS, _SAME_FOR_ALL),
        subscriptions=False,
        log_level="WARNING",
    )
    add_resources(server, api)
    add_prompts(server)
    return server


def make_application(settings: Agents) -> ASGIApp:
    """The ASGI application: POST ``/mcp``, without sessions, and the metadata of its tokens."""
    api = Api(settings.api_url)
    server = make_server(settings, api, verifies_tokens=True)
    application = server.streamable_http_app(
        stateless_http=True,
        max_request_body_size=settings.max_body_bytes,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[*_loopback(""), *settings.allowed_hosts],
            allowed_origins=[*_loopback("http://"), *settings.allowed_origins],
        ),
    )
    application.router.routes[:0] = metadata_routes(settings)
    _close_at_the_end(application, api)
    return RequestFacts(application)


def _close_at_the_end(application: Starlette, api: Api) -> None:
    """Closes the connections to the API after the SDK has ended its own work."""
    of_the_sdk = application.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        async with of_the_sdk(app) as state:
            yield state
        await api.close()

    application.router.lifespan_context = lifespan


def _loopback(scheme: Literal["", "http://"]) -> list[str]:
    return [f"{scheme}{host}:*" for host in ("127.0.0.1", "localhost", "[::1]")]
