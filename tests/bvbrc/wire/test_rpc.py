"""What is no answer of the service leaves a start in doubt, and a read to be repeated."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.bvbrc import tokens
from tests.bvbrc.loopback import Received, answering, receive, reply, reset, serving
from workflows.bvbrc import rpc
from workflows.bvbrc.rpc import Call, Rpc
from workflows.bvbrc.wire import Wire
from workflows.model.errors import (
    InDoubt,
    MethodMissing,
    NotSent,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
)

TOKEN = tokens.sign(tokens.claims())
SECOND = timedelta(seconds=30)
PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
CLOUDFLARE = "<html><title>Attention Required! | Cloudflare</title></html>"
OK = '{"jsonrpc":"2.0","id":"%s","result":["fine"]}'
RAY = {"CF-Ray": "8f0e-ORD", "Server": "cloudflare"}


def call(url: str, *, once: bool, token: str = TOKEN, params: Any = ()) -> list[Any]:
    wanted = Call(url, "AppService.x", params, SECOND, once=once)
    return Rpc(Wire()).call(token, wanted)


def outcome(status: int, body: str, headers: Mapping[str, str], *, once: bool) -> ServiceError:
    def answer(request: Received) -> bytes:
        content = body.replace("%s", request.json()["id"])
        return reply(status, content, headers)

    with serving(answering(answer)) as server, pytest.raises(ServiceError) as failure:
        call(server.url, once=once)
    assert "<" not in str(failure.value)
    return failure.value


USELESS = [
    (502, PAGE, {}),
    (503, PAGE, {"Retry-After": "5"}),
    (504, "", {}),
    (520, "error code: 520", RAY),
    (522, CLOUDFLARE, RAY),
    (530, "error code: 1016", RAY),
    (500, PAGE, {}),
    (500, "", {}),
    (500, "Internal Server Error", {"Content-Type": "text/plain"}),
    (500, '{"error": {"code": 5}}', {}),
    (500, '{"error": "nothing of JSON-RPC"}', {}),
    (200, "", {}),
    (200, PAGE, {}),
    (200, "null", {}),
    (200, "[]", {}),
    (200, "[" * 100_000, {}),
    (200, "9" * 5000, {}),
    (200, "\ud7ff\0garbage", {}),
    (200, '{"jsonrpc":"2.0","id":"%s"}', {}),
    (200, '{"jsonrpc":"2.0","id":"%s","result":null}', {}),
    (200, '{"jsonrpc":"2.0","id":"%s","result":{"id":5}}', {}),
    (200, '{"jsonrpc":"2.0","id":"somebody else\'s","result":["fine"]}', {}),
    (200, '{"jsonrpc":"2.0","result":["fine"]}', {}),
    (200, OK + "trailing", {}),
    (302, "", {"Location": "/login"}),
    (403, "<html>nginx</html>", {}),
    (404, PAGE, {}),
    (408, "", {}),
    (429, "slow down", {"Retry-After": "1"}),
    (999, "", {}),
]


@pytest.mark.parametrize(("status", "body", "headers"), USELESS)
def test_what_is_no_answer_leaves_a_start_in_doubt(
    status: int, body: str, headers: dict[str, str]
) -> None:
    failure = outcome(status, body, headers, once=True)
    assert isinstance(failure, InDoubt)
    assert not failure.answered
    assert failure.overload == (status in {408, 429} or status >= 500)


@pytest.mark.parametrize(("status", "body", "headers"), USELESS)
def test_what_is_no_answer_lets_a_read_be_repeated(
    status: int, body: str, headers: dict[str, str]
) -> None:
    assert type(outcome(status, body, headers, once=False)) is ServiceAway


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, CLOUDFLARE, RAY),
        (403, "error code: 1010", {}),
        (403, '{"cloudflare_error":true,"error_code":1010}', {}),
        (403, "", {"cf-mitigated": "challenge"}),
        (403, "denied", RAY),
        (429, "error code: 1015", RAY),
        (429, "slow down", RAY),
    ],
)
def test_what_cloudflare_turned_away_never_reached_the_service(
    status: int, body: str, headers: dict[str, str], once: bool
) -> None:
    assert type(outcome(status, body, headers, once=once)) is ServiceAway


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (413, PAGE, Rejected),
        (500, '{"error":{"code":"-32601","message":"no"}}', MethodMissing),
        (404, '{"error":{"code":-32601,"message":"no"},"id":null}', MethodMissing),
        (500, '{"error":{"code":-32700,"message":"no"}}', Rejected),
        (500, '{"error":{"message":"Token validation failed: Token expired"}}', Unauthorized),
        (
            500,
            '{"id":"%s","result":null,"error":"Token validation failed: Token expired"}',
            Unauthorized,
        ),
    ],
)
def test_an_error_of_the_service_is_read_whatever_surrounds_it(
    status: int, body: str, kind: type[ServiceError], once: bool
) -> None:
    assert type(outcome(status, body, {}, once=once)) is kind


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Error submitting job: DBD::mysql::st execute failed: gone", InDoubt),
        ("Error submitting job: Could not connect to Redis server", InDoubt),
        ("DBD::mysql::st execute failed: gone at /x/y.pm line 3.", InDoubt),
        ("Error submitting job: \\n at /x/y.pm line 3.", InDoubt),
        ("Error submitting job: Errors found in parameter processing:\\n    x missing", Rejected),
        ("anything new", InDoubt),
        ("", InDoubt),
    ],
)
def test_a_start_is_only_rejected_where_it_is_sure_that_no_job_exists(
    message: str, kind: type[ServiceError]
) -> None:
    failure = outcome(500, f'{{"error":{{"code":-32603,"message":"{message}"}}}}', {}, once=True)
    assert type(failure) is kind
    assert getattr(failure, "answered", True)


@pytest.mark.parametrize("once", [True, False])
def test_a_refused_connection_means_that_nothing_was_sent(once: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotSent):
        call(f"http://127.0.0.1:{port}", once=once)


@pytest.mark.parametrize(("once", "kind"), [(True, InDoubt), (False, ServiceAway)])
def test_a_connection_that_breaks_is_in_doubt_for_a_start_alone(
    once: bool, kind: type[ServiceError]
) -> None:
    def breaking(connection: socket.socket) -> None:
        receive(connection)
        reset(connection)

    with serving(breaking) as server, pytest.raises(ServiceError) as failure:
        call(server.url, once=once)
    assert type(failure.value) is kind


@pytest.mark.parametrize(("once", "kind"), [(True, InDoubt), (False, ServiceAway)])
def test_a_huge_answer_is_not_read_to_its_end(once: bool, kind: type[ServiceError]) -> None:
    body = b" " * 2**20

    def endless(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(body)

    with serving(endless) as server, pytest.raises(ServiceError) as failure:
        call(server.url, once=once)
    assert type(failure.value) is kind


@pytest.mark.parametrize("token", ["", "a\nb", "ä", "\udc80", "a\x00"])
def test_a_token_that_cannot_be_a_header_is_never_sent_nor_shown(token: str) -> None:
    with serving(answering(lambda _: reply(200, ""))) as server:
        with pytest.raises(Unauthorized) as failure:
            call(server.url, once=True, token=token)
        with pytest.raises(Unauthorized):
            Rpc(Wire()).fetch(token, server.url, timeout=SECOND)
    assert server.connections == 0
    assert not token or token not in str(failure.value)


@pytest.mark.parametrize("params", [[float("nan")], [object()], [{1, 2}]])
def test_arguments_that_are_not_json_are_refused_before_anything_is_sent(params: Any) -> None:
    with serving(answering(lambda _: reply(200, ""))) as server, pytest.raises(Rejected):
        call(server.url, once=True, params=params)
    assert server.connections == 0


def test_an_answer_is_its_return_values_and_an_id_is_never_used_twice() -> None:
    ids = []

    def answer(request: Received) -> bytes:
        ids.append(request.json()["id"])
        return reply(200, OK.replace("%s", ids[-1]))

    with serving(answering(answer)) as server:
        assert call(server.url, once=True) == call(server.url, once=False) == ["fine"]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    "token",
    [tokens.sign(tokens.claims(expiry=1)), "garbage", ""],
)
def test_a_dead_token_is_told_from_a_live_one_without_asking(token: str) -> None:
    with pytest.raises(Unauthorized):
        rpc.require_alive(token, rpc.local_time())
    rpc.require_alive(TOKEN, rpc.local_time())
