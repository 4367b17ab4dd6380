"""The listener, when requests of one user hang or take much CPU time."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from waitress import wasyncore

from devstack.processes import wait_until
from server.bounds import Bounds
from server.channel import REQUESTER
from server.listener import Map, Served, listen
from server.turns import COSTLY_SECONDS

THREADS = 8
BOUNDS = Bounds(THREADS, 1, 100, 0, 1000, 1000, 1000)
SHARE = THREADS // BOUNDS.shares


@dataclass
class Application:
    """Knows each token as the user before its point; requests for ``/hang`` wait, and those for
    ``/compute`` make their user a costly one."""

    released: threading.Event = field(default_factory=threading.Event)
    hanging: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        token = environ["HTTP_AUTHORIZATION"]
        environ[REQUESTER](token.partition(".")[0])
        if environ["PATH_INFO"] == "/hang":
            self.hanging.append(token)
            self.released.wait(60)
        if environ["PATH_INFO"] == "/compute":
            begun = time.thread_time()
            while time.thread_time() - begun < 1.2 * COSTLY_SECONDS:
                pass
        start("200 OK", [("Content-Length", "0")])
        return []


@dataclass
class Running:
    port: int
    application: Application

    def ask(self, path: str, token: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path, headers={"Authorization": token})
            return connection.getresponse().status


@pytest.fixture
def running() -> Iterator[Running]:
    sockets: Map = {}
    application, over = Application(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = Served(application, lambda *_: BOUNDS.body_bytes, lambda _: None)
        listen(listening, served, sockets, BOUNDS)

        def run() -> None:
            while not over.is_set():
                wasyncore.poll2(0.1, sockets)

        loop = threading.Thread(target=run)
        loop.start()
        try:
            yield Running(listening.getsockname()[1], application)
        finally:
            application.released.set()
            over.set()
            loop.join()
            wasyncore.close_all(sockets)


def test_requests_of_one_user_that_hang_leave_threads_for_others(running: Running) -> None:
    for token in ("hog.1", "hog.2", "other.1"):
        assert running.ask("/", token) == 200

    with ThreadPoolExecutor(4 * THREADS) as pool:
        tokens = ["hog.1", "hog.2"] * THREADS
        asked = [pool.submit(running.ask, "/hang", token) for token in tokens]
        wait_until(lambda: len(running.application.hanging) >= SHARE, "the share is taken")

        assert running.ask("/", "other.1") == running.ask("/", "another.1") == 200
        assert len(running.application.hanging) == SHARE
        assert not any(each.done() for each in asked)

        running.application.released.set()
        assert [each.result() for each in asked] == [200] * len(asked)


def test_who_is_costly_is_answered_in_time_without_any_other_request(running: Running) -> None:
    """While one of the user's requests hangs, the next one waits until the CPU time is forgotten.
    Nothing else happens then that could wake a thread."""
    for token in ("hog.1", "other.1"):
        assert running.ask("/", token) == 200
    assert running.ask("/compute", "hog.1") == 200

    with ThreadPoolExecutor() as pool:
        hangs = pool.submit(running.ask, "/hang", "hog.1")
        wait_until(lambda: bool(running.application.hanging), "it hangs")
        assert running.ask("/", "other.1") == 200

        assert running.ask("/", "hog.1") == 200
        assert not hangs.done()
        running.application.released.set()
