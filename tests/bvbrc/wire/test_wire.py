"""Whatever a network does to an exchange, it ends in time, and says whether anything was sent."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import repeat

import pytest

from tests.bvbrc.loopback import Received, Script, answering, receive, reply, reset, serving
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.model.errors import InDoubt, NotSent

LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=1)
OK = reply(200, "fine")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def post(url: str, *, once: bool = True, timeout: timedelta = LONG, limit: int = 10**6) -> Answer:
    return Wire("tests").exchange(
        Request("POST", url, {}, timeout, b"{}", once=once, limit_bytes=limit)
    )


def sending(pieces: Callable[[], object]) -> Script:
    """Reads a request, then sends piece after piece as fast as they come, then closes."""

    def script(connection: socket.socket) -> None:
        receive(connection)
        for piece in pieces():  # type: ignore[attr-defined]
            connection.sendall(piece)

    return script


def dripping(start: bytes, drop: bytes) -> Script:
    """Sends a beginning, then for ever one drop after another with a pause between them."""

    def script(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(start)
        connection.settimeout(0.02)
        while True:
            connection.sendall(drop)
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue

    return script


def resetting_at_once(connection: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def resetting_after_the_request(connection: socket.socket) -> None:
    receive(connection)
    reset(connection)


def silent(connection: socket.socket) -> None:
    receive(connection)
    receive(connection)  # until the client has gone


@pytest.mark.parametrize(
    "script",
    [
        resetting_at_once,
        resetting_after_the_request,
        sending(list),
        sending(lambda: [OK[:-2]]),
        sending(lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"]),
        sending(lambda: [CHUNKED + b"a\r\nhalf"]),
        sending(lambda: [CHUNKED + b"not hex\r\n"]),
        sending(lambda: [b"\x15\x03\x01\x00\x02\x02"]),
        sending(lambda: [b"SSH-2.0-OpenSSH\r\n\r\n"]),
        sending(lambda: [reply(200, b"not gzip", {"Content-Encoding": "gzip"})]),
        sending(lambda: [b"HTTP/1.1 200 OK\r\n", *(b"X: y\r\n" for _ in range(1000)), b"\r\n"]),
        sending(lambda: [b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10**6, b"\r\n\r\n"]),
    ],
)
def test_whatever_is_lost_after_the_request_left_is_in_doubt(script: Script) -> None:
    with serving(script) as server, pytest.raises(InDoubt, match="the answer was lost") as loss:
        post(server.url)
    assert not loss.value.answered
    assert not loss.value.overload


@pytest.mark.parametrize(
    "script",
    [
        silent,
        dripping(b"", b"H"),
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"x"),
        dripping(CHUNKED, b"1\r\nx\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_server_that_drips_for_ever_is_left_at_the_deadline(script: Script) -> None:
    with serving(script) as server, pytest.raises(InDoubt, match="timed out") as loss:
        post(server.url, timeout=SHORT)
    assert loss.value.overload


def test_a_refused_connection_means_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSent, match="Connection refused"):
        post(f"http://127.0.0.1:{port}")


def test_a_connection_that_is_never_accepted_means_that_nothing_was_sent() -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with pytest.raises(NotSent, match="timed out"):
            post(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=SHORT)


@pytest.mark.parametrize("script", [sending(lambda: [OK]), resetting_at_once, silent])
def test_a_failed_tls_handshake_means_that_nothing_was_sent(script: Script) -> None:
    def speaking_no_tls(connection: socket.socket) -> None:
        connection.settimeout(2)
        script(connection)

    with serving(speaking_no_tls) as server, pytest.raises(NotSent):
        post(server.url.replace("http:", "https:"), timeout=timedelta(seconds=1))


@pytest.mark.parametrize("url", [f"http://{'a' * 64}.invalid", "http://[", "gopher://x", "x"])
def test_an_address_that_cannot_be_one_means_that_nothing_was_sent(url: str) -> None:
    with pytest.raises(NotSent):
        post(url)


def test_no_time_left_means_that_nothing_was_sent() -> None:
    with serving(answering(lambda _: OK)) as server, pytest.raises(NotSent):
        post(server.url, timeout=timedelta(0))
    assert server.connections == 0


def test_what_could_leave_only_too_late_never_leaves() -> None:
    late = Request("POST", "", {}, LONG, b"{}", once=True, send_by=time.monotonic() - 1)
    came: list[Received] = []

    def script(request: Received) -> bytes:
        came.append(request)
        return OK

    with serving(answering(script)) as server, pytest.raises(NotSent):
        Wire("tests").exchange(replace(late, url=server.url))
    assert came == []


@pytest.mark.parametrize(
    "script",
    [
        sending(lambda: [b"HTTP/1.1 200 OK\r\n\r\n", *repeat(b"x" * 1000, 10**5)]),
        sending(lambda: [CHUNKED, *repeat(b"2\r\nxx\r\n", 10**5)]),
        sending(lambda: [reply(200, gzip.compress(b"x" * 10**8), {"Content-Encoding": "gzip"})]),
    ],
)
def test_a_huge_answer_is_cut_at_the_limit(script: Script) -> None:
    with serving(script) as server:
        answer = post(server.url, limit=5000)
    assert answer.cut
    assert answer.body == b"x" * 5000


def test_an_answer_of_just_the_limit_is_whole() -> None:
    with serving(answering(lambda _: reply(200, "x" * 5000))) as server:
        answer = post(server.url, limit=5000)
    assert not answer.cut
    assert len(answer.body) == 5000


def test_an_early_answer_to_a_request_not_yet_read_is_an_answer() -> None:
    def refusing(connection: socket.socket) -> None:
        connection.recv(10)
        connection.sendall(reply(413, "too large", {"Connection": "close"}))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with serving(refusing) as server:
        answer = Wire("tests").exchange(
            Request("POST", server.url, {}, LONG, b"x" * 10**7, once=True)
        )
    assert (answer.status, answer.body) == (413, b"too large")


def dying_in_the_pool(seen: list[Received]) -> Script:
    """Answers the first request of a connection, and resets it at the second."""

    def script(connection: socket.socket) -> None:
        for step in (lambda: connection.sendall(OK), lambda: reset(connection)):
            if (request := receive(connection)) is not None:
                seen.append(request)
                step()

    return script


def test_a_connection_that_died_in_the_pool_is_replaced() -> None:
    seen: list[Received] = []
    wire = Wire("tests")
    with serving(dying_in_the_pool(seen)) as server:
        for _ in range(2):
            wire.exchange(Request("POST", server.url, {}, LONG, b"{}"))
    assert server.connections == 2
    assert len(seen) == 3


def test_what_must_not_be_sent_twice_goes_over_no_connection_that_was_idle() -> None:
    seen: list[Received] = []
    wire = Wire("tests", alive=0)
    with serving(dying_in_the_pool(seen)) as server:
        for once in (False, True):
            wire.exchange(Request("POST", server.url, {}, LONG, b"{}", once=once))
    assert server.connections == len(seen) == 2


def test_what_must_not_be_sent_twice_is_not_repeated_on_a_connection_that_died() -> None:
    seen: list[Received] = []
    wire = Wire("tests", alive=60)
    with serving(dying_in_the_pool(seen)) as server:
        wire.exchange(Request("POST", server.url, {}, LONG, b"{}"))
        with pytest.raises(InDoubt):
            wire.exchange(Request("POST", server.url, {}, LONG, b"{}", once=True))
    assert len(seen) == 2


def test_connections_are_kept_and_used_again() -> None:
    wire = Wire("tests")
    with serving(answering(lambda _: OK)) as server:
        for _ in range(5):
            wire.exchange(Request("GET", server.url, {}, LONG))
    assert server.connections == 1


def test_a_lost_answer_on_a_used_connection_is_not_asked_for_again_once_it_began() -> None:
    def script(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(OK)
        receive(connection)
        connection.sendall(OK[:-1])

    wire = Wire("tests")
    with serving(script) as server:
        wire.exchange(Request("GET", server.url, {}, LONG))
        with pytest.raises(InDoubt):
            wire.exchange(Request("GET", server.url, {}, LONG))
    assert server.connections == 1


def test_a_forked_process_opens_connections_of_its_own() -> None:
    wire = Wire("tests")
    with serving(answering(lambda _: OK)) as server:
        wire.exchange(Request("GET", server.url, {}, LONG))
        with warnings.catch_warnings(action="ignore"):
            child = os.fork()
        if not child:
            signal.alarm(120)  # whatever happens, the child ends
            status = wire.exchange(Request("GET", server.url, {}, LONG)).status
            os._exit(0 if status == 200 else 1)
        assert os.waitpid(child, 0)[1] == 0
        wire.exchange(Request("GET", server.url, {}, LONG))
    assert server.connections == 2


def test_requests_say_who_we_are_and_carry_nothing_of_the_surroundings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Received] = []

    def answer(request: Received) -> bytes:
        seen.append(request)
        return reply(302, "", {"Set-Cookie": "a=b; Path=/", "Location": "/elsewhere"})

    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    wire = Wire("engine/1.0 (+https://example.org)")
    with serving(answering(answer)) as server:
        for _ in range(2):
            assert wire.exchange(Request("GET", server.url + "/x", {}, LONG)).status == 302
    assert [request.path for request in seen] == ["/x", "/x"]
    assert {request.headers["user-agent"] for request in seen} == {
        "engine/1.0 (+https://example.org)"
    }
    assert not any("cookie" in request.headers for request in seen)


def test_an_error_never_quotes_a_header() -> None:
    with pytest.raises(NotSent) as refusal:
        Wire("tests").exchange(
            Request("GET", "http://127.0.0.1:9", {"Authorization": "secret\n"}, LONG)
        )
    assert "secret" not in str(refusal.value)
