"""Counts what the API is asked, by route and answer."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from flask import Flask, Response, g, request

from observability.metering import Counts

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


def register(app: Flask, counts: Counts) -> None:
    @app.after_request
    def count(response: Response) -> Response:
        """A stream is counted when it begins."""
        took = timedelta(seconds=time.perf_counter() - g.begun) if "begun" in g else timedelta(0)
        method = request.method if request.method in _METHODS else "other"
        route = request.url_rule.rule if request.url_rule else "none"
        counts.request(method, route, response.status_code, took)
        return response
