"""The messages that belong to what is about to be committed, made before its transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from workflows.engine.context import EngineContext
from workflows.model.values import Event
from workflows.model.webhooks import Message, Subscription
from workflows.rules.webhooks import events as webhook_events
from workflows.rules.webhooks.events import BatchEnd, Subject
from workflows.store.webhooks import subscriptions
from workflows.store.workflows.changes import Claimed

Subscriptions = Mapping[str, Sequence[Subscription]]
"""User to enabled webhooks; users without one are left out."""


def subscriptions_of(context: EngineContext, owners: Collection[str]) -> Subscriptions:
    """From memory for nearly every call."""
    return subscriptions.of_owners(owners) if context.notifications else {}


def subject_of(claimed: Claimed, status: str, labels: Mapping[str, str]) -> Subject:
    return Subject(claimed.workflow.id, claimed.name, status, labels, claimed.batch)


def report(
    context: EngineContext, found: Sequence[Subscription], subject: Subject, events: Sequence[Event]
) -> tuple[Message, ...]:
    """About events of a workflow, to its owner's webhooks."""
    if not found or context.notifications is None:
        return ()
    url = context.notifications.public_url
    return tuple(webhook_events.report_events(found, subject, events, url))


def report_batch(context: EngineContext, owner: str, end: BatchEnd) -> list[Message]:
    """About the end of a batch, to its owner's webhooks."""
    found = subscriptions_of(context, [owner]).get(owner)
    if not found or context.notifications is None:
        return []
    return webhook_events.report_batch(found, end, context.notifications.public_url)
