"""The requests of a hostile client, and those of another user at the same time. The benchmark uses
it too."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final
from urllib.parse import urlsplit

import requests

from tests.product import Product

SOCKETS: Final = 70
"""More than a server of two processes with 32 threads each had threads."""
HALF_HEAD: Final = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_BODY: Final = b"POST /ui/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nto"
LARGE_ANSWER: Final = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
GENEROUS_SECONDS: Final = 60


def connect(url: str, source: str = "") -> socket.socket:
    """A connection with a small buffer for what comes; from ``source``, an address of this host."""
    where = urlsplit(url)
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.settimeout(60)
    if source:
        found.bind((source, 0))
    found.connect((where.hostname, where.port))
    return found


@contextmanager
def sent_and_left(url: str, begun: bytes, count: int = SOCKETS) -> Iterator[list[socket.socket]]:
    """So many connections, each with ``begun`` sent, that nobody reads from."""
    with ExitStack() as stack:
        found = [stack.enter_context(connect(url)) for _ in range(count)]
        for each in found:
            each.sendall(begun)
        yield found


def half_heads(url: str) -> object:
    return sent_and_left(url, HALF_HEAD)


def half_bodies(url: str) -> object:
    return sent_and_left(url, HALF_BODY)


def unread_answers(url: str) -> object:
    return sent_and_left(url, LARGE_ANSWER)


SLOW: Final[Mapping[str, Callable[[str], object]]] = {
    "half heads": half_heads,
    "half bodies": half_bodies,
    "unread answers": unread_answers,
}


@contextmanager
def another_api(product: Product, *options: str, **env: str) -> Iterator[str]:
    """The URL of a further API of the product with these settings, and options of gunicorn."""
    stack, before = product.stack, dict(product.stack.env)
    stack.env |= env
    try:
        url = stack.add_api(*options)
    finally:
        stack.env = before
    try:
        yield url
    finally:
        stack.api_urls.remove(url)
        stack.apis.pop().kill()


def answer_to(connection: socket.socket) -> bytes:
    """All that comes until the server closes; empty where it closes without a word."""
    try:
        return b"".join(iter(lambda: connection.recv(65_536), b""))
    except ConnectionResetError:
        return b""


def get(url: str, path: str, **headers: str) -> requests.Response:
    answer = requests.get(f"{url}{path}", headers=headers, timeout=GENEROUS_SECONDS)
    assert answer.headers["X-Content-Type-Options"] == "nosniff", path
    return answer
