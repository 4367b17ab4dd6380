"""Kombu's Redis transport, extended to survive a failover and unreadable messages.

With kombu's own (5.7.0), a worker ends when its master becomes a replica (`UNBLOCKED`, `READONLY`),
when Redis refuses writes, and at most messages that are not of Celery's form; and a sender stays
connected to a master that has become a replica. Names that begin with ``_`` are kombu's: it has no
public place for either, and ``tests/reliability/test_broker.py`` fails where one is renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any, Final

import structlog
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis
from redis import Connection, SSLConnection
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

Json = Any
log = structlog.get_logger(__name__)

_BROKER_ERRORS: Final = (Empty, OSError, RedisError, OperationalError)
"""Faults of the broker, after which Celery reconnects; all others are faults of the message."""


def has_moved(refused: ResponseError) -> bool:
    """Whether the error means that this Redis is no longer the master."""
    moved = isinstance(refused, (ReadOnlyError, MasterDownError))
    return moved or str(refused).startswith(("UNBLOCKED", "NOREPLICAS"))


class _LeavesReplicas(Connection):
    """Closes itself when its server is no longer a master, so that the next use connects again:
    to the address that the name, the proxy or the Sentinels then give."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except ResponseError as refused:
            if not has_moved(refused):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            raise LostConnection(f"this Redis takes no writes: {refused}") from refused


class PlainConnection(_LeavesReplicas):
    """To one address."""


class TlsConnection(_LeavesReplicas, SSLConnection):
    """To one address, over TLS."""


class SentinelConnection(_LeavesReplicas, SentinelManagedConnection):
    """To the master that the Sentinels name."""


class SentinelTlsConnection(_LeavesReplicas, SentinelManagedSSLConnection):
    """To the master that the Sentinels name, over TLS."""


class _DropsUnreadable(kombu_redis.Channel):
    """A channel on which a message that cannot be read is logged and dropped."""

    def _brpop_read(self, **options: Any) -> Json:
        read: Callable[..., Json] = super()._brpop_read  # type: ignore[misc]  # kombu has no types
        return _dropping(lambda: read(**options))

    def _receive_one(self, client: Any) -> Json:
        read: Callable[[Any], Json] = super()._receive_one  # type: ignore[misc]
        return _dropping(lambda: read(client))

    def basic_consume(  # type: ignore[override]  # Celery calls it by these names
        self, queue: str, *args: Any, callback: Callable[[Any], Any], **options: Any
    ) -> Any:
        """``callback`` gets each message; one at which it breaks counts as consumed."""

        def consume(message: Any) -> None:
            try:
                callback(message)
            except _BROKER_ERRORS:
                raise
            except Exception as unreadable:  # noqa: BLE001 - whatever a strange message leads to
                _say(unreadable, queue)
                if not message.acknowledged:
                    message.ack()

        return super().basic_consume(queue, *args, callback=consume, **options)


def _dropping(read: Callable[[], Json]) -> Json:
    """Drops a message that turns out to be unreadable after it has left the queue."""
    try:
        return read()
    except _BROKER_ERRORS:
        raise
    except Exception as unreadable:  # noqa: BLE001 - whatever a strange message leads to
        _say(unreadable, "")
        return None


def _say(unreadable: Exception, queue: str) -> None:
    """Logs the drop without the content, which may be private."""
    log.error(
        "A message cannot be read and is dropped",
        queue=queue or None,
        error=f"{type(unreadable).__name__}: {unreadable}"[:200],
    )


class Channel(_DropsUnreadable):
    connection_class = PlainConnection
    connection_class_ssl = TlsConnection


class SentinelChannel(_DropsUnreadable, kombu_redis.SentinelChannel):
    connection_class = SentinelConnection
    connection_class_ssl = SentinelTlsConnection


class Transport(kombu_redis.Transport):
    """For ``redis://`` and ``rediss://``."""

    Channel = Channel


class SentinelTransport(kombu_redis.SentinelTransport):
    """For ``sentinel://``."""

    Channel = SentinelChannel


def register() -> None:
    """Takes the place of kombu's own in this process, also when kombu tries the next address."""
    TRANSPORT_ALIASES.update(
        redis=f"{__name__}:{Transport.__name__}",
        rediss=f"{__name__}:{Transport.__name__}",
        sentinel=f"{__name__}:{SentinelTransport.__name__}",
    )
