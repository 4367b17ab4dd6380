"""Sends a letter, unless its user has had as many as there may be in a day.

Beyond that each address gets one letter which says so, and the others have failed. Letters that a
user needs all the same, and of which there are few, do not count: those that ask for a
confirmation, and those about a token that ends.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from workflows.engine.notifications.context import Mail
from workflows.model.errors import NotFound
from workflows.model.webhooks import Channel, Message, Subscription
from workflows.rules.mail import digests
from workflows.rules.webhooks.attempts import Answer
from workflows.rules.webhooks.events import TOKEN_EXPIRES
from workflows.store.users import letters
from workflows.store.webhooks import addresses, outbox

_ALWAYS: Final = (digests.CONFIRM, digests.LIMIT, TOKEN_EXPIRES)


def send_letter(mail: Mail, message: Message, address: str) -> Answer:
    """Raises ``Unavailable`` where MongoDB cannot count; nothing is sent then."""
    if message.event in _ALWAYS:
        return mail.mailer.send(message, address)
    at = mail.now()
    if not letters.take(message.owner, at, mail.letters):
        _say_so(mail, message.webhook, at)
        return Answer(error=f"not sent: {mail.letters} letters were sent today", is_over=True)
    answer = mail.mailer.send(message, address)
    if not answer.is_yes:
        letters.give_back(message.owner, at)
    return answer


def _say_so(mail: Mail, address_id: str, at: datetime) -> None:
    """Once a day for each address."""
    with suppress(NotFound):  # it was deleted
        found = addresses.get(address_id)
        to = Subscription(
            found.id, found.owner, (), {}, Channel.EMAIL, found.address, found.unsubscribe
        )
        outbox.insert_new([digests.report_limit(to, mail.letters, at, mail.mailer.head)])
