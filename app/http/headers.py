"""Headers of every answer."""

from __future__ import annotations

from flask import Flask, Response


def register(app: Flask) -> None:
    app.after_request(_forbid_sniffing)


def _forbid_sniffing(response: Response) -> Response:
    """A job's output is a text that its user wrote: no browser may take it for a page."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
