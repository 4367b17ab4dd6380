"""gunicorn's worker: one thread for all connections, lanes of threads for requests."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import Any, ClassVar, Final

from gunicorn.workers.base import Worker
from waitress import wasyncore

from server import probes
from server.bounds import Bounds
from server.listener import Map, Served, listen

ROUND_SECONDS: Final = 0.5
SWEEP_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 2.0
"""How long a stopping process keeps idle connections: a request may be on its way."""
SWITCH_SECONDS: Final = 0.001
"""How long a thread that computes keeps the interpreter from the others. A brief request takes it
some ten times; at Python's own 5 ms each of these waits adds up beside one long computation."""
OPEN_FILES: Final = 65_536


class ApiWorker(Worker):
    """Subclassed by gunicorn.conf.py, which sets the bounds."""

    bounds: ClassVar[Bounds]
    trusted_proxies: ClassVar[int] = 0
    alive: bool
    _swept_at = 0.0

    def largest_body(self, _method: str, _path: str) -> int:
        """How many bytes the application takes there."""
        return self.bounds.body_bytes

    def session_cookie(self) -> str:
        """The name of the cookie that is a credential; empty where there is none."""
        return ""

    def count_refusal(self, _kind: str) -> None:
        """Called for what is refused before the application sees it (``listener.CountRefusal``)."""

    def init_process(self) -> None:
        _raise_open_files()
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def run(self) -> None:
        sockets: Map = {}
        served = Served(
            self.wsgi,
            self.largest_body,
            self.count_refusal,
            self.session_cookie(),
            self.trusted_proxies,
        )
        listeners = [listen(each.sock, served, sockets, self.bounds) for each in self.sockets]
        _Waker(self.PIPE[0], sockets)
        probes.serve(served, self.bounds)
        while self.alive and self.ppid == os.getppid():
            self._turn(sockets, listeners)
            if sum(each.served for each in listeners) >= self.max_requests:
                self.log.info("Autorestarting worker after the current requests.")
                self.alive = False
        self._drain(sockets, listeners)

    def _turn(self, sockets: Map, listeners: list[Any]) -> None:
        """Waits for the sockets, and serves those that are ready."""
        self.notify()
        wasyncore.poll2(ROUND_SECONDS, sockets)
        now = time.monotonic()
        if now >= self._swept_at + SWEEP_SECONDS:
            self._swept_at = now
            for each in listeners:
                each.end_overdue(now)

    def _drain(self, sockets: Map, listeners: list[Any]) -> None:
        """Answers the requests under way, for ``graceful_timeout`` at most."""
        began = time.monotonic()
        for each in listeners:
            each.stop()
        while time.monotonic() < began + self.cfg.graceful_timeout:
            if time.monotonic() > began + LINGER_SECONDS:
                for each in listeners:
                    each.end_idle()
            if not any(each.active_channels for each in listeners):
                return
            self._turn(sockets, listeners)


class _Waker(wasyncore.file_dispatcher):
    """A signal writes a byte to gunicorn's pipe: it ends the loop's wait."""

    def __init__(self, pipe: int, sockets: Map) -> None:
        super().__init__(pipe, map=sockets)

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)


def _raise_open_files() -> None:
    """A connection takes up to three: its socket, its body, its answer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(hard, OPEN_FILES):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, OPEN_FILES), hard))
