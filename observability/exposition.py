"""Serves Prometheus: the counters of every process of this host, and gauges from MongoDB."""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from config.sections import Metrics
from observability.gauges import Gauges
from observability.metering import shared_of
from workflows.engine.context import EngineContext

log = structlog.get_logger(__name__)


def registry_of(
    settings: Metrics, connect: Callable[[], EngineContext]
) -> CollectorRegistry | None:
    """The registry; None if metrics are off or cannot be shared."""
    shared = shared_of(settings)
    if shared is None:
        return None
    registry = CollectorRegistry()
    registry.register(shared)
    registry.register(Gauges(connect))
    return registry


class Exposition:
    """Serves this host's metrics on ``metrics.port``: one process serves for all.

    A process that finds the port taken tries again, so that it takes over when the other ends.
    """

    def __init__(self, settings: Metrics, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._server: WSGIServer | None = None
        self._said = False

    def serve(self) -> None:
        """Starts to serve the metrics unless this host serves them already; it is called
        periodically."""
        if self._server is not None:
            return
        host, port = self._settings.host, self._settings.port
        try:
            self._server, _ = start_http_server(port, host, self._registry)
        except OSError as taken:
            if not self._said:
                log.warning("Metrics are not served here", port=port, error=str(taken))
            self._said = True
        else:
            log.info("Metrics are served", host=host, port=port)

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
