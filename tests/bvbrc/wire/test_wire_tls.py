"""The same over TLS, which production speaks: its sockets are wrapped and its reads are layered."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.bvbrc import tokens
from tests.bvbrc.loopback import Received, Script, Server, answering, receive, reply, serving
from workflows.bvbrc.wire import Answer, Request, Wire
from workflows.model.errors import InDoubt, NotSent

LONG = timedelta(seconds=60)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate of its own for 127.0.0.1."""
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return write_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", address)


def write_certificate(folder: Path, common_name: str, subject: x509.GeneralName) -> Path:
    key = tokens.private_key(0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@contextmanager
def secure(script: Script, certificate: Path) -> Iterator[tuple[Server, Wire]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as safe:
            script(safe)

    with serving(wrapped) as server:
        yield server, Wire("tests", authorities=str(certificate), alive=60)


def ask(server: Server, wire: Wire, *, once: bool, timeout: timedelta = LONG) -> Answer:
    url = server.url.replace("http:", "https:")
    return wire.exchange(Request("POST", url, {}, timeout, b"{}", once=once))


def test_a_connection_used_a_moment_ago_serves_what_must_be_sent_once_too(
    certificate: Path,
) -> None:
    with secure(answering(lambda _: reply(200, "fine")), certificate) as (server, wire):
        for once in (False, False, True, False):
            assert ask(server, wire, once=once).body == b"fine"
    assert server.connections == 1


@pytest.mark.parametrize("drop", [b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"])
def test_a_server_that_drips_for_ever_is_left_at_the_deadline(
    certificate: Path, drop: bytes
) -> None:
    def dripping(connection: socket.socket) -> None:
        receive(connection)
        connection.sendall(drop)
        connection.settimeout(0.02)
        while True:
            connection.sendall(b"x")
            try:
                if connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue

    with (
        secure(dripping, certificate) as (server, wire),
        pytest.raises(InDoubt, match="timed out"),
    ):
        ask(server, wire, once=True, timeout=timedelta(seconds=2))


def test_a_connection_that_ends_without_an_answer_is_in_doubt(certificate: Path) -> None:
    def ending(connection: socket.socket) -> None:
        receive(connection)

    with secure(ending, certificate) as (server, wire), pytest.raises(InDoubt):
        ask(server, wire, once=True)


def test_a_certificate_that_nobody_vouches_for_gets_nothing_sent(certificate: Path) -> None:
    seen: list[Received] = []

    def answer(request: Received) -> bytes:
        seen.append(request)
        return reply(200, "")

    with secure(answering(answer), certificate) as (server, _), pytest.raises(NotSent):
        ask(server, Wire("tests"), once=True)
    assert not seen


# --- a host whose address was checked before


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for a name that leads nowhere."""
    return write_certificate(
        tmp_path_factory.mktemp("tls"), "hooks.example.org", x509.DNSName("hooks.example.org")
    )


def test_a_checked_address_is_connected_to_and_the_name_stays(named: Path) -> None:
    came: list[Received] = []

    def answer(request: Received) -> bytes:
        came.append(request)
        return reply(200, "never shown")

    with secure(answering(answer), named) as (server, wire):
        port = server.server_address[1]
        url, host = f"https://hooks.example.org:{port}/hook", f"hooks.example.org:{port}"
        request = Request("POST", url, {"Host": host}, LONG, b"{}", address="127.0.0.1")
        for _ in range(2):
            assert wire.exchange(request) == Answer(200, {"Content-Length": "11"}, b"")
    assert [each.headers["host"] for each in came] == [host] * 2
    assert server.connections == 2


def test_the_certificate_must_be_that_of_the_name(certificate: Path) -> None:
    with secure(answering(lambda _: reply(200, "")), certificate) as (server, wire):
        url = f"https://hooks.example.org:{server.server_address[1]}/"
        with pytest.raises(NotSent):
            wire.exchange(Request("POST", url, {}, LONG, b"{}", address="127.0.0.1"))
