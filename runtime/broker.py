"""Checks the broker and counts its waiting messages."""

from __future__ import annotations

from typing import Any

from celery import current_app

_PATIENCE_SECONDS = 1
_PROBE = "health"
"""A key that is written but never read."""


def depths() -> dict[str, int]:
    """The number of messages that wait in each queue. Raises the errors of the broker's client.

    It uses a separate connection with short timeouts; those of the senders are longer. It writes,
    since a Redis that has become a replica still answers reads.
    """
    options = {
        "socket_timeout": _PATIENCE_SECONDS,
        "socket_connect_timeout": _PATIENCE_SECONDS,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
    }
    with current_app.connection(
        connect_timeout=_PATIENCE_SECONDS, transport_options=options
    ) as connection:
        channel: Any = connection.channel()
        channel.client.set(_PROBE, "", ex=60)
        return {
            name: channel.queue_declare(queue=name, durable=True).message_count for name in queues()
        }


def queues() -> list[str]:
    """The names of the queues that workers must consume."""
    return [queue.name for queue in current_app.conf.task_queues]
