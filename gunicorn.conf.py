"""How gunicorn serves the API; it reads this file from the folder it is started in.

The command line wins: ``gunicorn --bind 0.0.0.0:8000 --workers 4 wsgi:app``.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import threading
from typing import Any

from gunicorn import glogging, util

from config.settings import load_settings
from observability import logging as our_logging
from server import probes
from server.bounds import Bounds
from server.worker import ApiWorker

# Read before any worker is forked, so that a bad setting ends the master with its one line.
settings = load_settings()


class Logger(glogging.Logger):
    """Passes gunicorn's lines on to ours; requests are logged by the API, with more in the line."""

    def setup(self, _cfg: Any) -> None:
        our_logging.configure(settings.logging, "api")
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.NOTSET)


def write_error(sock: Any, status: int, reason: str, message: str) -> None:
    """gunicorn's own answer, to what is no request, with the API's one body for every failure."""
    body = json.dumps({"detail": f"{reason}: {message}", "errors": []})
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())


util.write_error = write_error


class Worker(ApiWorker):
    """Reads whole requests and sends whole answers without a thread (docs/decisions/0061)."""

    bounds = Bounds(
        threads=settings.api.threads,
        # One more than the streams, so that a client beyond the limit gets an answer.
        live_threads=settings.api.max_streams + 1,
        connections=settings.api.max_connections,
        connections_per_address=(
            0 if settings.api.trusted_proxies else settings.api.max_connections_per_address
        ),
        body_bytes=settings.api.max_body_bytes,
        waiting_bytes=settings.api.max_waiting_bytes,
        waiting_bytes_per_address=(
            0 if settings.api.trusted_proxies else settings.api.max_waiting_bytes_per_address
        ),
    )

    trusted_proxies = settings.api.trusted_proxies

    def largest_body(self, method: str, path: str) -> int:
        from app.http.admission import largest_body  # noqa: PLC0415 - the worker's code

        return largest_body(self.wsgi, method, path)

    def session_cookie(self) -> str:
        from app.ui.access.session import COOKIE  # noqa: PLC0415 - the worker's code

        return COOKIE

    def count_refusal(self, kind: str) -> None:
        from observability.metering import counts_of  # noqa: PLC0415 - the worker's code

        counts_of(settings.metrics).count_refusal(kind)


def when_ready(_arbiter: Any) -> None:
    probes.open_socket(settings.api.probe_host, settings.api.probe_port)


def post_worker_init(worker: Any) -> None:
    """Disconnects live clients at SIGTERM, so that they reconnect to another worker; otherwise a
    restart waits for them until ``graceful_timeout``.
    """
    from app.connections import connections_of  # noqa: PLC0415 - the worker's code, not the master's

    broadcaster = connections_of(worker.wsgi).broadcaster
    wind_down = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: Any) -> None:
        # In a thread, since the one that is interrupted may hold the broadcaster's lock.
        threading.Thread(target=broadcaster.close, daemon=True).start()
        wind_down(number, frame)  # type: ignore[operator]  # gunicorn's own, set before

    signal.signal(signal.SIGTERM, end)
    # What is loaded now stays to the end. The collector would look at it again and again, and each
    # look stops all requests (of 16 clients the slowest in a hundred waited 99 ms instead of 77).
    gc.freeze()


bind = "127.0.0.1:8000"
# Each connection to MongoDB is made by the worker that uses it, after the fork.
preload_app = False
worker_class = Worker
workers = 2
timeout = 60
graceful_timeout = 20
logger_class = Logger
accesslog = None
# Else a socket appears in the home folder.
control_socket_disable = True
# The heartbeat file of a worker: in memory, since a slow disk would get it killed.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # it is for this
