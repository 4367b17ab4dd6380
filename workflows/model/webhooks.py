"""Values of notifications: a user's webhook or e-mail address, and a message to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """How a message reaches its receiver."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class WebhookState(StrEnum):
    """Whether anything is sent to a webhook."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class AddressState(StrEnum):
    """Whether anything is sent to an e-mail address."""

    UNCONFIRMED = "unconfirmed"  # nothing but the message that asks for the confirmation
    ENABLED = "enabled"
    DISABLED = "disabled"
    UNSUBSCRIBED = "unsubscribed"  # by its reader: for ever, until it is registered again


class DeliveryState(StrEnum):
    """The state of one message to one webhook or address."""

    PENDING = "pending"  # waits for its first or next attempt
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True)
class Subscription:
    """What decides whether a webhook hears of an event."""

    webhook: str
    owner: str
    events: tuple[str, ...]
    """Names of events, ``workflow.*``, or ``*``; empty: the usual ones."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that a workflow or batch must have; empty: any."""
    channel: Channel = Channel.WEBHOOK
    address: str = ""
    """Of e-mail: to whom."""
    unsubscribe: str = field(default="", repr=False)
    """Of e-mail: the word in the link that ends it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one webhook or address, as it is stored with the event that it reports."""

    id: str
    """``msg_`` and a digest of the webhook, of what the event belongs to, and of its number there:
    the same however often it is made."""
    webhook: str
    owner: str
    event: str
    """Its name, such as ``workflow.succeeded``."""
    at: datetime
    body: str = field(repr=False)
    """What is sent, byte by byte, in each attempt: JSON that is signed, or a whole letter in
    ASCII."""
    source: str
    """The path of what the event belongs to (``ce-source``)."""
    step_name: str = ""
    workflow: str = ""
