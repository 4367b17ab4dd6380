"""Warns users whose token ends soon while they have work under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from workflows.engine.context import EngineContext
from workflows.engine.notifications.outgoing import subscriptions_of
from workflows.rules.webhooks.events import TOKEN_EXPIRES, hears, report_expiry
from workflows.store.jobs import polling
from workflows.store.mongo import clock
from workflows.store.webhooks import expiry, outbox

_INTERVAL: Final = timedelta(minutes=5)
"""At most one search in it, however many beats ask."""


def announce_expiring(context: EngineContext) -> int:
    """Once for each token and webhook; returns the number of messages, sent before or now."""
    if context.notifications is None or not polling.take_turns(["token notices"], _INTERVAL):
        return 0
    found = expiry.find_expiring(context.notifications.expiry_notice)
    hearing = subscriptions_of(context, [each.owner for each in found]) if found else {}
    now, url = clock(), context.notifications.public_url
    messages = [
        report_expiry(subscription, each.expires_at, now, url)
        for each in found
        for subscription in hearing.get(each.owner, ())
        if hears(subscription, TOKEN_EXPIRES, None)
    ]
    outbox.insert_new(messages)
    return len(messages)
