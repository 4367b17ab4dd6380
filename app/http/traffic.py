"""Counts requests by route and answer."""

from __future__ import annotations

import time
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, request

from app.http.client_socket import client_left
from observability.metrics import Counts

CLIENT_CLOSED_REQUEST: Final = 499
"""As nginx counts it; no client is left to read it."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


def register(app: Flask, counts: Counts) -> None:
    @app.after_request
    def count(response: Response) -> Response:
        """A stream is counted when it begins."""
        took = timedelta(seconds=time.perf_counter() - g.begun) if "begun" in g else timedelta(0)
        method = request.method if request.method in _METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "none"
        counts.request(method, route, _status(response), took)
        return response


def _status(response: Response) -> int:
    """A client that left while it waited is no failure of ours: it must raise no alert."""
    unavailable = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    return CLIENT_CLOSED_REQUEST if unavailable and client_left()() else response.status_code
