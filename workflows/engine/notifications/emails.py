"""Users' commands on their e-mail addresses, and those of who reads the letters.

An address gets one letter, which asks for its confirmation, and no other until its reader has
followed the link. No answer tells whether an address exists: what its mail server says
before that is shown to no user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from workflows.engine.access import Caller
from workflows.engine.context import EngineContext
from workflows.engine.notifications.context import Mail
from workflows.engine.notifications.links import LASTS
from workflows.engine.reports.views import stamp
from workflows.model.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    WorkflowsError,
)
from workflows.model.webhooks import AddressState, Channel, Message, Subscription
from workflows.rules.mail import digests
from workflows.rules.mail.addresses import is_address, mailbox, normalise
from workflows.store.mongo import clock
from workflows.store.webhooks import addresses, changes, deliveries, outbox
from workflows.store.webhooks.addresses import Asked, StoredAddress
from workflows.store.webhooks.deliveries import StoredDelivery

_TO_ONE_MAILBOX: Final = 3
"""Confirmations in a day that all users together have sent to one mailbox; no user learns of it."""
_LATER_SECONDS: Final = 3_600
_DISABLED: Final = "its user has disabled it"


class TooMany(WorkflowsError):
    """The user has as many of something as may be; there is room again after ``retry_seconds``.
    None: only the user can make room."""

    def __init__(
        self, limit: str, allowed: int, message: str, way_out: str, retry_seconds: int | None = None
    ) -> None:
        self.limit, self.way_out, self.retry_seconds = limit, way_out, retry_seconds
        super().__init__(f"{allowed} of {allowed} {message} are used")


@dataclass(frozen=True, slots=True)
class WantedAddress:
    """What a user wants of an address; None: as it is, or as usual."""

    address: str = ""
    events: tuple[str, ...] | None = None
    enabled: bool | None = None


def load(address_id: str, caller: Caller) -> StoredAddress:
    """The address, for its user or an admin. Raises ``NotFound``, and ``Forbidden`` for others."""
    found = addresses.get(address_id)
    if not caller.may_see(found.owner):
        raise Forbidden("This e-mail address belongs to another user.")
    return found


def of_owner(owner: str) -> list[StoredAddress]:
    """A user's addresses, newest first."""
    return addresses.of_owner(owner)


def register(context: EngineContext, owner: str, wanted: WantedAddress) -> StoredAddress:
    """Store an address, and have the letter sent that asks for its confirmation.

    One that the user has confirmed stays as it is. Raises ``Invalid``, ``TooMany``.
    """
    mail, address = _settings(context), normalise(wanted.address)
    if not is_address(address):
        message = "it is no e-mail address that letters are sent to"
        raise Invalid([Problem("address", "bad_address", message, "write it as name@host.org")])
    mine = {each.address for each in addresses.of_owner(owner)}
    if address not in mine and len(mine) >= mail.per_user:
        way_out = "Delete one that you no longer need."
        raise TooMany("email_addresses", mail.per_user, "e-mail addresses", way_out)
    digest = context.vault.digest(f"mail:{mailbox(address)}")
    asked = addresses.take_request(owner, digest, mail.confirmations)
    if not asked:
        way_out = "Try again tomorrow."
        what = "confirmations in a day"
        raise TooMany("confirmations", mail.confirmations, what, way_out, _LATER_SECONDS)
    now = clock()

    def confirmation(registration: Asked) -> Message:
        to = _subscription(registration.id, owner, address)
        return digests.ask_confirmation(to, mail.links.sign(registration), now, mail.mailer.head)

    send = confirmation if asked <= _TO_ONE_MAILBOX else None
    return addresses.get(addresses.register(owner, address, wanted.events or (), LASTS, send))


def confirm(context: EngineContext, word: str) -> None:
    """From now on letters are sent to the address. Raises ``NotFound`` for a word that is not ours,
    or too old."""
    asked = _settings(context).links.read(word)
    if asked is None or not addresses.confirm(asked):
        raise NotFound(
            "This link does not count any more, or never did. Register the address again to get"
            " a new one."
        )


def leave(address_id: str, word: str) -> None:
    """No further letter is sent; also where none was, so that nothing is learned."""
    addresses.unsubscribe(address_id, word)


def change(found: StoredAddress, wanted: WantedAddress) -> StoredAddress:
    """Raises ``Conflict`` where an address is enabled that is not confirmed."""
    if wanted.enabled:
        _enable(found)
    elif wanted.enabled is not None:
        changes.disable(found.id, _DISABLED, {"state": str(AddressState.ENABLED)})
    if wanted.events is not None:
        addresses.change_events(found.id, wanted.events)
    return addresses.get(found.id)


def _enable(found: StoredAddress) -> None:
    if not found.is_enabled and not addresses.enable(found.id):
        raise Conflict(f"This address is {found.state}: register it again to get a link by e-mail.")


def remove(found: StoredAddress) -> None:
    """Nothing more is sent, also not what waits."""
    changes.remove(found.id)


def send_test(context: EngineContext, found: StoredAddress) -> StoredDelivery:
    """Store a letter for the address alone. Raises ``Conflict`` where nothing is sent to it."""
    mail = _settings(context)
    if not found.is_enabled:
        raise Conflict(f"This address is {found.state}: no letter is sent to it.")
    subscription = _subscription(found.id, found.owner, found.address, found.unsubscribe)
    message = digests.report_test(subscription, uuid4().hex, clock(), mail.mailer.head)
    outbox.insert_new([message])
    return deliveries.get(found.id, message.id)


def page_of(
    found: StoredAddress, size: int, token: str = ""
) -> tuple[list[StoredDelivery], str | None]:
    """The letters to it, newest first, and the token of the next page; none before it is confirmed.
    Raises ``Invalid``."""
    if found.state is AddressState.UNCONFIRMED:
        return [], None
    return deliveries.page(found.id, size, token)


def view(found: StoredAddress) -> dict[str, Any]:
    """As its user sees it."""
    return {
        "address_id": found.id,
        "address": found.address,
        "events": list(found.events or digests.EVENTS),
        "state": str(found.state),
        "reason": found.reason,
        "last_success_at": stamp(found.last_success_at),
        "failing_since": stamp(found.failing_since),
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.updated_at),
    }


def _subscription(address_id: str, owner: str, address: str, unsubscribe: str = "") -> Subscription:
    return Subscription(address_id, owner, (), {}, Channel.EMAIL, address, unsubscribe)


def _settings(context: EngineContext) -> Mail:
    settings = context.notifications
    if settings is None or settings.mail is None:
        raise Forbidden("The operator has set no mail server (notifications.smtp).")
    return settings.mail
