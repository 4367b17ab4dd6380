"""Values of notifications: a user's webhook, and a message that is to be delivered to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class WebhookState(StrEnum):
    """Whether anything is sent to a webhook."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """The state of one message to one webhook."""

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


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one webhook, as it is stored with the event that it reports."""

    id: str
    """``msg_`` and a digest of the webhook, of what the event belongs to, and of its number there:
    the same however often it is made."""
    webhook: str
    owner: str
    event: str
    """Its name, such as ``workflow.succeeded``."""
    at: datetime
    body: str = field(repr=False)
    """The JSON text that is signed and sent, byte by byte, in each attempt."""
    source: str
    """The path of what the event belongs to (``ce-source``)."""
    step_name: str = ""
    workflow: str = ""
