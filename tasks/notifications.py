"""The tasks that send messages to webhooks."""

from __future__ import annotations

from runtime.bootstrap import engine_context
from runtime.single_flight import SingleFlight
from tasks.celery import app
from workflows.engine.notifications.deliver import deliver_due
from workflows.engine.notifications.notices import announce_expiring

_WHOLE_DAY = 86_400
"""Seconds. Under load messages are always due; each attempt has a time limit of its own."""

_delivering = SingleFlight()


@app.task(name="tasks.deliver_notifications", time_limit=_WHOLE_DAY, soft_time_limit=_WHOLE_DAY)
def deliver_notifications() -> None:
    """Send what is due; returns at once if this process is already doing so."""
    _delivering.run(lambda: deliver_due(engine_context()))


@app.task(name="tasks.announce_expiring_tokens")
def announce_expiring_tokens() -> None:
    """Store the messages about tokens that end soon, and send them."""
    if announce_expiring(engine_context()):
        deliver_notifications.delay()
