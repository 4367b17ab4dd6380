"""An engine that writes letters to a mail server of the tests."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.engine.conftest import KEY, Engine
from tests.engine.notifications.conftest import SETTINGS, deliver, notify_from
from tests.engine.notifications.mail_server import MailServer
from workflows.engine.notifications import emails
from workflows.engine.notifications.context import Mail, Notifications
from workflows.engine.notifications.emails import WantedAddress
from workflows.engine.notifications.links import Links
from workflows.engine.notifications.mailer import Mailer, Relay, Security
from workflows.rules.mail.letters import Letterhead
from workflows.store.webhooks import subscriptions
from workflows.store.webhooks.addresses import StoredAddress

ALICES = "alice@lab.example.org"
HEAD = Letterhead("BV-BRC workflows <workflows@engine.example.org>", SETTINGS.public_url)
MIDDAY = datetime(2026, 1, 19, 12, tzinfo=UTC)
LINK = re.compile(rf"{re.escape(SETTINGS.public_url)}/ui/email/confirm\?word=(\S+)")
LEAVE = re.compile(rf"{re.escape(SETTINGS.public_url)}/ui/email/leave\?address=(\w+)&word=(\w+)")


def mailer(port: int, *, seconds: float = 20, **relay: Any) -> Mailer:
    """To a mail server of this machine; without TLS, unless ``relay`` says otherwise."""
    found = Relay("127.0.0.1", port, **({"security": Security.NONE} | relay))
    return Mailer(found, HEAD, timedelta(seconds=seconds))


def settings(
    made: Mailer,
    *,
    letters: int = 100,
    lease: timedelta = SETTINGS.lease,
    at: datetime = MIDDAY,
) -> Notifications:
    """``at``: the day of a letter, however long the test takes."""
    mail = Mail(made, Links([KEY]), per_user=3, confirmations=5, letters=letters, now=lambda: at)
    return replace(SETTINGS, mail=mail, lease=lease)


def mailing(engine: Engine, port: int) -> Engine:
    return notify_from(engine, settings(mailer(port)))


def register(engine: Engine, address: str = ALICES, *events: str) -> StoredAddress:
    return emails.register(engine.context, engine.user, WantedAddress(address, events or None))


def confirm(engine: Engine, post: MailServer, address: str = ALICES, *events: str) -> StoredAddress:
    """An address whose reader has followed the link; the letter with it is taken away."""
    made = register(engine, address, *events)
    deliver(engine)
    found = LINK.search(post.letters_to(address)[-1].text)
    assert found
    emails.confirm(engine.context, found[1])
    post.got.clear()
    subscriptions.forget()
    return next(each for each in emails.of_owner(engine.user) if each.id == made.id)
