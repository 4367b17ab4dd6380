"""Absolute addresses of our own routes, for answers that clients follow."""

from __future__ import annotations

from urllib.parse import quote

from flask import request

from app.connections import connections


def absolute_url(path: str) -> str:
    """The address of a path of this server: ``api.public_url``, else as the request came."""
    base = connections().settings.api.public_url or request.host_url.rstrip("/")
    return base + quote(path)
