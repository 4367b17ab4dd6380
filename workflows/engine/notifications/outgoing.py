"""The messages that belong to what is about to be committed, made before its transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from workflows.engine.context import EngineContext
from workflows.engine.notifications.context import Notifications
from workflows.model.values import Event, Spec, Workflow
from workflows.model.webhooks import Channel, Message, Subscription
from workflows.rules.mail import digests
from workflows.rules.webhooks import events as webhook_events
from workflows.rules.webhooks.events import BatchEnd, Subject
from workflows.store.webhooks import subscriptions
from workflows.store.workflows.changes import Claimed

Subscriptions = Mapping[str, Sequence[Subscription]]
"""User to enabled webhooks and addresses; users without one are left out."""


def subscriptions_of(context: EngineContext, owners: Collection[str]) -> Subscriptions:
    """From memory for nearly every call."""
    return subscriptions.of_owners(owners) if context.notifications else {}


def subject_of(claimed: Claimed, status: str, labels: Mapping[str, str]) -> Subject:
    return Subject(claimed.workflow.id, claimed.name, status, labels, claimed.batch)


def planned_subject(claimed: Claimed, after: Workflow, spec: Spec) -> Subject:
    """With its steps, of which a letter about its end tells."""
    return Subject(
        claimed.workflow.id,
        claimed.name,
        after.state,
        spec.labels,
        claimed.batch,
        spec,
        after.states,
        claimed.begun_at,
    )


def report(
    context: EngineContext, found: Sequence[Subscription], subject: Subject, events: Sequence[Event]
) -> tuple[Message, ...]:
    """About events of a workflow, to its owner's webhooks and addresses."""
    settings = context.notifications
    if not found or settings is None:
        return ()
    hooks, addresses = _by_channel(settings, found)
    messages = tuple(webhook_events.report_events(hooks, subject, events, settings.public_url))
    if not addresses or settings.mail is None:
        return messages
    letters = digests.report_events(addresses, subject, events, settings.mail.mailer.head)
    return (*messages, *letters)


def report_batch(context: EngineContext, owner: str, end: BatchEnd) -> list[Message]:
    """About the end of a batch, to its owner's webhooks and addresses."""
    settings, found = context.notifications, subscriptions_of(context, [owner]).get(owner)
    if not found or settings is None:
        return []
    hooks, addresses = _by_channel(settings, found)
    messages = webhook_events.report_batch(hooks, end, settings.public_url)
    if not addresses or settings.mail is None:
        return messages
    return messages + digests.report_batch(addresses, end, settings.mail.mailer.head)


def report_expiry(
    settings: Notifications, found: Sequence[Subscription], expires_at: datetime, now: datetime
) -> list[Message]:
    """That a user's token ends soon."""
    hooks, addresses = _by_channel(settings, found)
    url, event = settings.public_url, webhook_events.TOKEN_EXPIRES
    messages = [
        webhook_events.report_expiry(each, expires_at, now, url)
        for each in hooks
        if webhook_events.hears(each, event, None)
    ]
    if settings.mail is None:
        return messages
    head = settings.mail.mailer.head
    return messages + [
        digests.report_expiry(each, expires_at, now, head)
        for each in addresses
        if webhook_events.hears(each, event, None)
    ]


def _by_channel(
    settings: Notifications, found: Sequence[Subscription]
) -> tuple[list[Subscription], list[Subscription]]:
    """Webhooks and addresses, as far as they are switched on."""
    hooks, addresses = (
        [each for each in found if each.channel is channel and channel in settings.channels]
        for channel in (Channel.WEBHOOK, Channel.EMAIL)
    )
    return hooks, addresses
