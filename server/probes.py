"""Health probes on a separate socket, so that they never wait for a request or a client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import structlog
from waitress import wasyncore

from server.bounds import Bounds
from server.listener import Map, Served, listen
from server.refusals import write_body

log = structlog.get_logger(__name__)

PATHS: Final = ("/api/v1/health/live", "/api/v1/health/ready")
_THREADS: Final = 2
_CONNECTIONS: Final = 64
_BODY_BYTES: Final = 1024
_listening: list[socket.socket] = []
"""Opened by gunicorn's master, inherited by its workers."""

Application = Callable[..., Iterable[bytes]]


def open_socket(host: str, port: int) -> None:
    """Opens the socket in gunicorn's master. If the port is taken, it logs that and goes on
    without."""
    if not port:
        return
    try:
        _listening.append(socket.create_server((host, port), backlog=64))
    except OSError as failure:
        log.warning("Probes cannot be served", port=port, error=failure.strerror)


def serve(served: Served, bounds: Bounds) -> None:
    """Starts a thread in a worker that answers probes until the process ends."""
    for listening in _listening:
        threading.Thread(
            target=_run, args=(listening, served, bounds), name="probes", daemon=True
        ).start()


def _run(listening: socket.socket, served: Served, bounds: Bounds) -> None:
    own = replace(
        bounds,
        threads=_THREADS,
        shares=1,  # one node asks for both, and the answer of readiness may wait for MongoDB
        live_threads=1,
        connections=_CONNECTIONS,
        connections_per_address=0,
        body_bytes=_BODY_BYTES,
    )
    sockets: Map = {}
    only = replace(
        served, application=only_probes(served.application), largest_body=lambda *_: _BODY_BYTES
    )
    listener = listen(listening, only, sockets, own)
    while True:
        wasyncore.poll2(1.0, sockets)
        listener.end_overdue(time.monotonic())


def only_probes(application: Application) -> Application:
    """404 for every other path."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] in PATHS:
            return application(environ, start_response)
        headers = [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]
        start_response("404 Not Found", headers)
        return [write_body("Not Found", "This port serves only the health probes.")]

    return answer
