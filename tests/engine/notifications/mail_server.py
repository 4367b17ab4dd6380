"""A mail server of other people's making (aiosmtpd) that keeps what it gets, and refuses and hangs
as a test wants it."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

OK = "250 OK"


@dataclass(frozen=True)
class Got:
    """A letter as it came over the wire."""

    to: str
    content: bytes
    was_private: bool
    """Over TLS."""
    user: str

    @property
    def letter(self) -> EmailMessage:
        found = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        assert not found.defects
        return found

    @property
    def text(self) -> str:
        return str(self.letter.get_content())

    @property
    def id(self) -> str:
        return str(self.letter["Message-ID"])


@dataclass
class MailServer:
    """What came, and what is answered."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    to_recipient: Callable[[str], str] = lambda _: OK
    """The answer to RCPT for an address."""
    to_letter: str = OK
    at_once: int = 0
    most_at_once: int = 0
    hangs: Callable[[str], bool] = lambda _: False
    """Whether RCPT for an address is not answered until ``release``."""
    released: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while self.hangs(address) and not self.released.is_set():
                await asyncio.sleep(0.01)
        finally:
            self.at_once -= 1
        answer = self.to_recipient(address)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.to_letter == OK:
            user = session.auth_data.login.decode() if session.auth_data else ""
            private = session.ssl is not None
            self.got += [
                Got(to, envelope.original_content, private, user) for to in envelope.rcpt_tos
            ]
        return self.to_letter

    def letters_to(self, address: str) -> list[Got]:
        return [each for each in self.got if each.to == address]

    def answers(self, *answers: str) -> None:
        """To RCPT: these one after the other, the last one for ever."""
        rest = list(answers)
        self.to_recipient = lambda _: rest.pop(0) if len(rest) > 1 else rest[0]


@dataclass(frozen=True)
class Guard:
    """How the server is protected."""

    certificate: ssl.SSLContext | None = None
    starttls: bool = False
    user: str = ""
    password: str = ""

    def smtp(self, handler: MailServer, loop: asyncio.AbstractEventLoop) -> SMTP:
        def check(_server: Any, _session: Any, _envelope: Any, how: str, found: Any) -> AuthResult:
            assert isinstance(found, LoginPassword), how
            known = found == LoginPassword(self.user.encode(), self.password.encode())
            return AuthResult(success=known, handled=False, auth_data=found)

        return SMTP(
            handler,
            loop=loop,
            hostname="mail.test",
            tls_context=self.certificate if self.starttls else None,
            require_starttls=self.starttls,
            authenticator=check if self.user else None,
            auth_required=bool(self.user) and self.starttls,
            auth_require_tls=self.starttls,
        )


@contextmanager
def mail_server(guard: Guard = Guard()) -> Iterator[MailServer]:
    made, loop, begun = MailServer(), asyncio.new_event_loop(), threading.Event()
    protocols: list[SMTP] = []

    def accept() -> SMTP:
        protocols.append(guard.smtp(made, loop))
        return protocols[-1]

    async def serve() -> None:
        tls = None if guard.starttls else guard.certificate
        server = await loop.create_server(accept, "127.0.0.1", 0, ssl=tls)
        made.port = server.sockets[0].getsockname()[1]
        begun.set()
        await stopping.wait()
        server.close()
        for each in protocols:
            if each.transport is not None:
                each.transport.abort()
        tasks = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close their sockets in the next turn

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.close()

    stopping = asyncio.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert begun.wait(30)
    try:
        yield made
    finally:
        made.released.set()
        loop.call_soon_threadsafe(stopping.set)
        thread.join(30)
