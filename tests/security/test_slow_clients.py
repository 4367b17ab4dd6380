"""Clients that send, or read, as slowly as they can."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from devstack.processes import wait_until
from tests.product import GROUP, Product, document
from tests.security.attacks import (
    GENEROUS_SECONDS,
    HALF_BODY,
    HALF_HEAD,
    SLOW,
    answer_to,
    connect,
    get,
)

pytestmark = GROUP


@pytest.mark.parametrize("attack", SLOW)
def test_the_slow_keep_nobody_waiting(product: Product, attack: str) -> None:
    with SLOW[attack](product.url):
        assert get(product.url, "/api/v1/health/live").ok
        submitted = product.ask(
            "POST", "/workflows/submit", json=document({"a": ""}), timeout=GENEROUS_SECONDS
        )
        path = f"/workflows/{submitted['workflow_id']}/status"
        assert product.ask("GET", path, timeout=GENEROUS_SECONDS)["steps"]
        assert get(product.url, "/ui/sign-in").ok


@pytest.mark.parametrize("begun", [HALF_HEAD, HALF_BODY], ids=["head", "body"])
def test_a_request_that_is_never_complete_is_ended_and_says_why(
    product: Product, begun: bytes
) -> None:
    with connect(product.url) as connection:
        connection.sendall(begun)

        answer = answer_to(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"detail"' in answer


def test_a_head_that_drips_has_a_deadline_in_all(product: Product) -> None:
    with connect(product.url) as connection:
        connection.sendall(HALF_HEAD)
        connection.settimeout(0.5)

        def is_ended() -> bool:
            try:
                connection.sendall(b"x")
                return connection.recv(4096) is not None
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(is_ended, "the connection is ended")


def test_an_answer_that_nobody_reads_is_given_up(product: Product) -> None:
    with connect(product.url) as connection:
        connection.sendall(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n")
        local = connection.getsockname()[1]

        wait_until(lambda: not has_peer(product, local), "it is ended")


def has_peer(product: Product, port: int) -> bool:
    """Whether the API still holds its end of the connection from this port."""
    served = int(product.url.rsplit(":", 1)[1])
    wanted, established = (f":{served:04X}", f":{port:04X}"), "01"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(
        row[1].endswith(wanted[0]) and row[2].endswith(wanted[1]) and row[3] == established
        for row in rows
    )


def test_an_address_has_so_many_connections_and_others_have_theirs(product: Product) -> None:
    many = 3 * 128
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(product.url, "127.0.0.3")) for _ in range(many)]
        refused = [each for each in opened if is_refused(each)]

        assert len(refused) >= many - 2 * 128
        assert get(product.url, "/api/v1/health/live").ok


def is_refused(connection: socket.socket) -> bool:
    """It is answered at once; the others are answered only when their time is over."""
    connection.settimeout(0.2)
    try:
        return b" 429 " in connection.recv(4096)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
