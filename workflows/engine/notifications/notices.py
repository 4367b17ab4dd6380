"""Warns users whose token ends soon while they have work under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from workflows.engine.context import EngineContext
from workflows.engine.notifications.outgoing import report_expiry, subscriptions_of
from workflows.store.jobs import polling
from workflows.store.mongo import clock
from workflows.store.webhooks import expiry, outbox

_INTERVAL: Final = timedelta(minutes=5)
"""At most one search in it, however many beats ask."""


def announce_expiring(context: EngineContext) -> int:
    """Once for each token and receiver; returns the number of messages, sent before or now."""
    settings = context.notifications
    if settings is None or not polling.take_locks(["token notices"], _INTERVAL):
        return 0
    found = expiry.find_expiring(settings.expiry_notice)
    hearing = subscriptions_of(context, [each.owner for each in found]) if found else {}
    now = clock()
    messages = [
        message
        for each in found
        for message in report_expiry(settings, hearing.get(each.owner, ()), each.expires_at, now)
    ]
    outbox.insert_new(messages)
    return len(messages)
