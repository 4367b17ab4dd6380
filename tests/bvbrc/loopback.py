"""A real server on 127.0.0.1 that answers what a test writes, down to the single byte."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[[socket.socket], None]
"""Serves one connection, which is closed when it returns."""


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    script: Script
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        with suppress(OSError):  # the client went away, as many tests want it to
            self.server.script(self.request)


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Connection) as server:
        server.script = script
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)


def receive(connection: socket.socket) -> Received | None:
    """The next request; None where the client has closed the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return None
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ", 2)
    return Received(method, path, headers, body)


def reply(status: int, body: bytes | str, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of an answer."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = {"Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + content


def answering(answer: Callable[[Received], bytes]) -> Script:
    """A script that answers every request, and keeps connections alive."""

    def script(connection: socket.socket) -> None:
        while (request := receive(connection)) is not None:
            connection.sendall(answer(request))

    return script


def reset(connection: socket.socket) -> None:
    """Ends a connection with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
