"""A process that lost Redis is back at work a second after Redis is.

Celery's own pause between two attempts grows by 2 s each time, up to 30 s. After each connection a
worker asks all others what they have revoked (mingle: it waits a second for their answers) and then
watches who comes and goes (gossip). Nothing here revokes tasks by Celery or uses either. Celery
also sends a message for each event of a task; here those of a moment go together.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from celery.app.amqp import AMQP
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Connection as KombuConnection
from redis.exceptions import RedisError

PAUSE_SECONDS: Final = 1.0
"""The time between two attempts to connect. At least one second: between whole seconds
Celery checks whether the worker must stop."""
GATHER_SECONDS: Final = 0.25
"""How long events of tasks are gathered for monitors; 24 of them are sent at once."""
_LEFT_OUT: Final = {"without_mingle": True, "without_gossip": True}
"""The worker's own options, as its command line would set them."""


class Connection(KombuConnection):
    """Tries to connect again at a steady pace."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        steady = {
            "interval_start": PAUSE_SECONDS,
            "interval_step": 0,
            "interval_max": PAUSE_SECONDS,
        }
        return super().ensure_connection(*args, **(steady | options))


class Amqp(AMQP):
    """Celery makes its connections by this class."""

    Connection = Connection


class Consumer(CeleryConsumer):
    """A worker's connection to the broker, without what workers ask and tell each other.

    Taking the two steps out of the blueprint would not do: other steps require Mingle, and Celery
    adds what a step requires.
    """

    hub: Any
    _flush_events: Any

    def __init__(self, *args: Any, **named: Any) -> None:
        named["worker_options"] = {**(named.get("worker_options") or {}), **_LEFT_OUT}
        self._gathers_until = float("-inf")
        super().__init__(*args, **named)

    def on_send_event_buffered(self) -> Any:
        """An event of a task waits for those that follow, since a message for each costs a worker
        as much as a short task does. Every thread calls this; Celery does so for each event."""
        if self.hub and time.monotonic() >= self._gathers_until:
            self._gathers_until = time.monotonic() + GATHER_SECONDS
            self.hub.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self.hub.call_later(GATHER_SECONDS, self._flush_events)

    def shutdown(self) -> None:
        with suppress(OSError, RedisError):
            self._flush_events()
        super().shutdown()
