"""The sections of the interfaces: the API, GA4GH WES and the MCP server."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from config.sections import Section
from config.types import Count, Name, OptionalUrl, Port, Url


class Api(Section):
    """The HTTP interface."""

    cors_origins: tuple[Name, ...] = ()
    """Origins whose pages may call the API; ``*`` for all. Empty: CORS is off."""
    max_body_bytes: Count = 16 * 1024 * 1024
    """The largest body of a request."""
    text_limit_bytes: Count = 1024 * 1024
    """How many bytes of a job's stdout or stderr are returned."""
    download_limit_bytes: Count = 1024**3
    """The largest result that can be downloaded through the engine."""
    max_streams: Count = 24
    """Clients that watch live, in one process; each holds a thread of its own."""
    threads: Count = 32
    """For all other requests, in one process."""
    max_connections: Count = 1_000
    """Connections of one process; a further one ends the one that has waited longest for its
    client."""
    max_connections_per_address: Count = 128
    """Connections of one address to one process; not used with ``trusted_proxies``."""
    max_waiting_bytes: Annotated[int, Field(ge=64 * 1024 * 1024)] = 512 * 1024 * 1024
    """What bodies and answers that wait occupy in temporary files, in one process."""
    max_waiting_bytes_per_address: Annotated[int, Field(ge=32 * 1024 * 1024)] = 128 * 1024 * 1024
    """The same of one address; not used with ``trusted_proxies``."""
    probe_host: Name = "127.0.0.1"
    """The address of the socket for health probes."""
    probe_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where ``/api/v1/health/live`` and ``ready`` are answered on a socket of their own; 0: not."""
    bad_tokens_per_minute: Count = 300
    """How many bad tokens one address may show before further ones are answered 429."""
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """How many proxies in front of us set X-Forwarded-For; the address before them counts."""
    public_url: OptionalUrl = ""
    """The address of this server in answers that name other routes (GA4GH WES); empty: as the
    request came."""


class Wes(Section):
    """What ``GET /ga4gh/wes/v1/service-info`` says of this service."""

    service_id: Name = "org.bv-brc.workflows"
    """The id of the service, in the form of a reversed domain name."""
    organization_name: Name = "BV-BRC"
    """Who runs it."""
    organization_url: Url = "https://www.bv-brc.org"
    """Their address."""
    contact_url: str = ""
    """``mailto:`` or a page; empty: left out."""
    environment: str = ""
    """Such as ``production``; empty: left out."""


class Agents(Section):
    """The MCP server for language-model agents (``python -m agents``), a client of the API."""

    api_url: Url = "http://127.0.0.1:8000"
    """Where it finds the API."""
    host: Name = "127.0.0.1"
    """The address on which the MCP server listens."""
    port: Port = 8002
    """Its port."""
    public_url: OptionalUrl = ""
    """Its address as clients know it, without ``/mcp``; empty: that of ``host`` and ``port``."""
    allowed_hosts: tuple[Name, ...] = ()
    """Values of the Host header, beside loopback: ``workflows.example.org``, or ``host:*``."""
    allowed_origins: tuple[Name, ...] = ()
    """Origins of browsers' pages, beside loopback; any other is answered 403."""
    max_body_bytes: Count = 16 * 1024 * 1024
    """The largest body of a request to the MCP server."""
    login_url: Url = "https://www.bv-brc.org/login"
    """Where a person gets a token; named to clients as the authorization server."""
    documentation_url: Url = "https://www.bv-brc.org/docs"
    """Where it is written how to get a token."""

    @property
    def address(self) -> str:
        """Its address as clients know it."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


class InterfaceSections(BaseModel):
    """The sections of this file, by their names."""

    api: Api = Api()
    wes: Wes = Wes()
    agents: Agents = Agents()
