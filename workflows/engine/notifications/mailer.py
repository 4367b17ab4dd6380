"""One attempt to hand one letter over to the operator's mail server (SMTP)."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from threading import Timer
from typing import Any, Final

from workflows.model.webhooks import Message
from workflows.rules.mail.letters import Letterhead
from workflows.rules.webhooks.attempts import Answer

_NO_SUCH: Final = re.compile(rb"5\.1\.(1|2|3|6|10)\b")
"""RFC 3463: there is no such mailbox, or no such host, or it has moved."""
_AWAY: Final = (OSError, smtplib.SMTPException, ValueError)
"""What smtplib raises; a ``ValueError`` where a connection was ended under it."""
_SERVICE_ENDS: Final = 421


class _Bounded:
    """Ends a connection after its time, the greeting of the server counted: smtplib's own limit is
    for each piece of an answer, and a server that drips would hold this thread."""

    timeout: float
    _timer: Timer | None = None

    def connect(self, *args: Any, **named: Any) -> Any:
        self._timer = Timer(self.timeout, _end, [self])
        self._timer.daemon = True
        self._timer.start()
        return super().connect(*args, **named)  # type: ignore[misc]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().close()  # type: ignore[misc]


class _Plain(_Bounded, smtplib.SMTP):
    pass


class _Tls(_Bounded, smtplib.SMTP_SSL):
    pass


class Security(StrEnum):
    """How the connection to the mail server is kept private."""

    TLS = "tls"
    """From the first byte on."""
    STARTTLS = "starttls"
    """Before anything else is said; a server that cannot do it is not used."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Relay:
    """The operator's mail server."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)
    authorities: str | None = None
    """A file of the certificates that vouch for it; else the usual ones."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends letters. Threads may share it: each letter has its own connection."""

    relay: Relay
    head: Letterhead
    timeout: timedelta
    """For a whole attempt."""

    def send(self, message: Message, address: str) -> Answer:
        """It raises nothing that a mail server or the network can cause."""
        try:
            with self._connect() as client:
                return self._hand_over(client, message, address)
        except smtplib.SMTPAuthenticationError:
            return Answer(error="our mail server refuses our password", is_outage=True)
        except _AWAY as failure:
            why = f"our mail server failed ({type(failure).__name__})"
            return Answer(error=why, is_outage=True)

    @contextmanager
    def _connect(self) -> Iterator[smtplib.SMTP]:
        """A connection that is private and signed in, as the settings want it."""
        with closing(self._open()) as client:
            client.ehlo()
            if self.relay.security is Security.STARTTLS:
                client.starttls(context=self._tls())
                client.ehlo()
            if self.relay.user:
                client.login(self.relay.user, self.relay.password)
            yield client
            with suppress(*_AWAY):  # it has the letter already
                client.quit()

    def _open(self) -> smtplib.SMTP:
        relay, seconds = self.relay, self.timeout.total_seconds()
        name = self.head.domain  # else smtplib asks a name server for this machine's
        if relay.security is Security.TLS:
            context = self._tls()
            return _Tls(relay.host, relay.port, name, timeout=seconds, context=context)
        return _Plain(relay.host, relay.port, name, seconds)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.relay.authorities)

    def _hand_over(self, client: smtplib.SMTP, message: Message, address: str) -> Answer:
        code, _ = client.mail(self.head.address)
        if not _is_yes(code):
            return Answer(code, f"our mail server refuses the sender ({code})", is_outage=True)
        code, text = client.rcpt(address)
        if not _is_yes(code):
            return _refusal(code, text, "the address")
        try:
            code, text = client.data(message.body.encode("ascii"))
        except smtplib.SMTPDataError as refusal:
            return _refusal(refusal.smtp_code, refusal.smtp_error, "the letter")
        return Answer(code) if _is_yes(code) else _refusal(code, text, "the letter")


def _is_yes(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 - success in SMTP


def _refusal(code: int, text: bytes | str, what: str) -> Answer:
    """``text``: of the server; no user sees it."""
    said = text if isinstance(text, bytes) else text.encode()
    gone, ends = bool(_NO_SUCH.match(said)), code == _SERVICE_ENDS
    error = f"the mail server refuses {what} ({code})"
    return Answer(code, error, is_gone=gone and not ends, is_outage=ends)


def _end(client: smtplib.SMTP) -> None:
    if client.sock is not None:
        with suppress(OSError):  # not that of TLS, which would change under the thread that reads
            socket.socket.shutdown(client.sock, socket.SHUT_RDWR)
