"""Headers of every answer."""

from __future__ import annotations

from flask import Flask, Response


def register(app: Flask) -> None:
    app.after_request(_forbid_sniffing)


def _forbid_sniffing(response: Response) -> Response:
    """A user controls a job's output: browsers must not interpret it as a page."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
