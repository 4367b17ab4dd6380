"""The listener alone, with an application that sends and takes what it is asked for."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from waitress import wasyncore

from devstack.processes import wait_until
from server.bounds import Bounds
from server.listener import Map, Served, listen

MIB = 1024 * 1024
BOUNDS = Bounds(
    threads=8,
    live_threads=1,
    connections=100,
    connections_per_address=0,
    body_bytes=16 * MIB,
    waiting_bytes=64 * MIB,
    waiting_bytes_per_address=32 * MIB,
)


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """As many bytes as the path names; their number is that of the body where there is one."""
    size = int(environ["PATH_INFO"].strip("/")) or len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Length", str(size))])
    return [b"x" * size]


@dataclass
class Running:
    port: int
    spool: Any
    refused: list[str] = field(default_factory=list)

    @property
    def held(self) -> int:
        """Bytes in files."""
        return int(self.spool._total)

    def ask(self, connection: http.client.HTTPConnection, size: int, body: bytes = b"") -> int:
        connection.request("POST" if body else "GET", f"/{size}", body or None)
        with connection.getresponse() as found:
            assert len(found.read()) == int(found.headers["Content-Length"])
            return found.status

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)


@pytest.fixture
def running() -> Iterator[Running]:
    sockets: Map = {}
    refused: list[str] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        served = Served(answer, lambda *_: BOUNDS.body_bytes, refused.append)
        listener = listen(listening, served, sockets, BOUNDS)

        def run() -> None:
            while not over.is_set():
                wasyncore.poll2(0.1, sockets)

        loop = threading.Thread(target=run)
        loop.start()
        try:
            yield Running(listening.getsockname()[1], listener.spool, refused)
        finally:
            over.set()
            loop.join()
            wasyncore.close_all(sockets)


def test_what_is_sent_and_taken_leaves_nothing_behind(running: Running) -> None:
    def use(number: int) -> None:
        with closing(running.connect()) as connection:
            for size in (1, MIB // 8, MIB, 3 * MIB + number):
                assert running.ask(connection, size) == 200
                assert running.ask(connection, 0, b"y" * size) == 200

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(use, range(8)))

    wait_until(lambda: running.held == 0, "nothing is held")
    assert running.refused == []


def test_clients_that_leave_leave_nothing_behind(running: Running) -> None:
    posted = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n"
    for _ in range(3):
        for request in (b"GET /20000000 HTTP/1.1\r\nHost: x\r\n\r\n", posted + b"y" * 2 * MIB):
            with socket.create_connection(("127.0.0.1", running.port)) as connection:
                connection.sendall(request)
                wait_until(lambda: running.held > 0, "it waits in a file")
        with socket.create_connection(("127.0.0.1", running.port)) as connection:
            connection.sendall(posted + b"y" * 3_000_000)

        wait_until(lambda: running.held == 0, "nothing is held")
    assert running.refused == []


def test_an_answer_without_room_is_refused_and_its_connection_ends(running: Running) -> None:
    assert running.spool.take("127.0.0.1", 31 * MIB) is None
    with closing(running.connect()) as connection:
        assert running.ask(connection, 1000) == 200
        assert running.ask(connection, 2 * MIB) == 429

        running.spool.give_back("127.0.0.1", 31 * MIB)
        assert running.ask(connection, 2 * MIB) == 200  # on a new connection
    assert running.refused == ["waiting"]
