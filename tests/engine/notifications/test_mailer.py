"""The mail server is reached as the settings want it, and not otherwise; it delays nothing long."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from tests.bvbrc.loopback import serving
from tests.bvbrc.wire.test_wire_tls import write_certificate
from tests.engine.notifications.emails import HEAD, mailer
from tests.engine.notifications.mail_server import Guard, MailServer, mail_server
from workflows.engine.notifications.mailer import Security
from workflows.model.webhooks import Message, Subscription
from workflows.rules.mail.digests import report_test
from workflows.rules.webhooks.attempts import Outcome, judge

ALICE = "alice@lab.example.org"
NOW = datetime(2026, 1, 19, tzinfo=UTC)


def letter() -> Message:
    asked = Subscription("em_1", "alice", (), address=ALICE, unsubscribe="word")
    return report_test(asked, "1", NOW, HEAD)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    address = x509.IPAddress(ip_address("127.0.0.1"))
    return write_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", address)


@contextmanager
def private_server(certificate: Path, **guard: object) -> Iterator[MailServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with mail_server(Guard(context, **guard)) as made:  # type: ignore[arg-type]
        yield made


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_letters_go_over_tls_with_a_password(certificate: Path, security: Security) -> None:
    account = {"user": "engine", "password": "p: s/@word"}
    starttls = security is Security.STARTTLS
    with private_server(certificate, starttls=starttls, **account) as server:
        made = mailer(server.port, security=security, authorities=str(certificate), **account)

        assert made.send(letter(), ALICE).status == 250

        [got] = server.got
        assert got.user == "engine"
        assert got.was_private is starttls  # with TLS from the start, aiosmtpd does not know of it
        assert got.content == letter().body.encode()
        wrong = mailer(
            server.port,
            security=security,
            authorities=str(certificate),
            user="engine",
            password="x",
        )
        refused = wrong.send(letter(), ALICE)
        assert refused.is_outage
        assert refused.error == "our mail server refuses our password"
    assert account["password"] not in repr(made)


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_server_that_cannot_be_verified_gets_nothing(
    certificate: Path, security: Security
) -> None:
    with private_server(certificate, starttls=security is Security.STARTTLS) as server:
        answer = mailer(server.port, security=security).send(letter(), ALICE)

        assert answer.is_outage
        assert "SSLCertVerificationError" in answer.error
        assert server.got == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with mail_server() as server:
        answer = mailer(server.port, security=Security.STARTTLS).send(letter(), ALICE)

        assert answer.is_outage
        assert server.got == []


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"2")
            time.sleep(0.05)

    with serving(drip) as server:
        answer = mailer(server.server_address[1], seconds=0.5).send(letter(), ALICE)

    assert answer.is_outage


@pytest.mark.parametrize(
    ("said", "outcome", "is_outage"),
    [
        ("550 5.1.1 no such user", Outcome.GONE, False),
        ("550 5.1.2 no such host", Outcome.GONE, False),
        ("551 5.1.6 moved", Outcome.GONE, False),
        ("550 5.1.10 null MX", Outcome.GONE, False),
        ("550 5.7.1 relaying denied", Outcome.RETRIED, False),
        ("550 no", Outcome.RETRIED, False),
        ("450 4.2.0 greylisted", Outcome.RETRIED, False),
        ("452 4.2.2 mailbox full", Outcome.RETRIED, False),
        ("421 4.3.2 going down", Outcome.RETRIED, True),
    ],
)
def test_what_a_mail_server_says_of_an_address(
    said: str, outcome: Outcome, *, is_outage: bool
) -> None:
    with mail_server() as server:
        server.answers(said)
        answer = mailer(server.port).send(letter(), ALICE)

    assert judge(answer, 1, [NOW - NOW], 0.5).outcome is outcome
    assert answer.is_outage is is_outage
    assert said[4:] not in answer.error
