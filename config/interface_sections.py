"""The sections of interfaces beside the API: GA4GH WES and the MCP server."""

from __future__ import annotations

from config.sections import Section
from config.types import Count, Name, OptionalUrl, Port, Url


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
