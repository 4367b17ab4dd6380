"""The sections about messages to users: webhooks and letters."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    SecretStr,
)

from config.sections import Section
from config.types import (
    Count,
    Seconds,
)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("is no network such as 10.1.0.0/16 or fd00::/8") from error


class Webhooks(Section):
    """Messages about events to addresses that users register."""

    enabled: bool = True
    """False: nothing is stored for them and nothing is sent."""
    allow: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Networks that may be reached although they are not public, and without TLS, too."""
    per_user: Count = 20
    """Webhooks of one user."""
    retry_seconds: Annotated[tuple[Seconds, ...], Field(min_length=1)] = (
        *(5, 300, 1800, 7200, 18_000),
        *(36_000, 50_400, 72_000, 86_400),
    )
    """The waits between the attempts of one message, each within 10 %; then it has failed."""
    timeout_seconds: Seconds = 15
    """For one whole attempt."""
    disable_after_seconds: Seconds = 432_000
    """A webhook of which every attempt has failed for so long is disabled."""
    expiry_notice_seconds: Seconds = 86_400
    """How long before its end the event ``token.expires_soon`` is sent, while work is under way."""


def _mail_server(url: str) -> str:
    parts = urlsplit(url)
    if not url:
        return url
    if parts.scheme not in MAIL_PORTS:
        raise ValueError("must start with smtps://, smtp:// (STARTTLS) or smtp+plain://")
    try:
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must be scheme://[user@]host[:port]")
    if parts.password is not None:
        raise ValueError("must hold no password: set notifications.smtp_password")
    return url


def _ascii(text: SecretStr) -> SecretStr:
    if not text.get_secret_value().isascii():
        raise ValueError("must be of ASCII characters: mail servers know no others")
    return text


def _sender(text: str) -> str:
    if text and not re.fullmatch(
        r"(?:[^<>@\r\n\0]* <[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)", text
    ):
        raise ValueError("must be an e-mail address, or Name <address>")
    return text


MAIL_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
"""The usual port of each way to reach a mail server: with TLS from the first byte, with STARTTLS,
and without either."""


class Notifications(Section):
    """E-mail to addresses that users register and confirm."""

    smtp: Annotated[str, AfterValidator(_mail_server)] = ""
    """The mail server: ``smtps://user@mail.example.org`` (TLS), ``smtp://…`` (STARTTLS, always) or
    ``smtp+plain://…`` (neither). Empty: no e-mail."""
    smtp_password: Annotated[SecretStr, AfterValidator(_ascii)] = SecretStr("")
    """The password of the user in ``smtp``."""
    sender: Annotated[str, AfterValidator(_sender)] = ""
    """From whom letters come: ``BV-BRC workflows <workflows@example.org>``."""
    timeout_seconds: Seconds = 15
    """For one whole attempt."""
    addresses_per_user: Count = 3
    """E-mail addresses of one user."""
    confirmations_per_day: Count = 5
    """Letters that ask for a confirmation, of one user."""
    letters_per_day: Count = 100
    """Letters to all addresses of one user; one more says that there were so many."""

    @property
    def password(self) -> str:
        """In the clear: never log it."""
        return self.smtp_password.get_secret_value()


class NotificationSections(BaseModel):
    """The sections of this file, by their names."""

    webhooks: Webhooks = Webhooks()
    notifications: Notifications = Notifications()
