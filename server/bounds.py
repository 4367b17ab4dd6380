"""The bounds of one client: deadlines and numbers, decided without any I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEAD_SECONDS: Final = 10.0
"""From the connection, or from the first byte of a further request, to the end of its head."""
IDLE_SECONDS: Final = 75.0
"""Between two requests; longer than proxies keep their connections."""
GRACE_SECONDS: Final = 20.0
SLOWEST_BYTES_PER_SECOND: Final = 32 * 1024
"""A body or an answer moves at this speed on average, after the grace: 16 MiB take 9 minutes."""
LINE_BYTES: Final = 4_094
"""Of a request's first line."""
HEAD_BYTES: Final = 64 * 1024
IN_MEMORY_BYTES: Final = 128 * 1024
"""Of a body, and of an answer; what is larger is kept in a temporary file."""
KERNEL_BYTES: Final = 128 * 1024
"""Of an answer that the kernel keeps for a client, and twice that with its own account: what is in
there counts as taken, and takes memory for each client that does not read."""
AHEAD_BYTES: Final = 1024 * 1024
"""How far a live stream may be ahead of its client before its thread waits."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one process."""

    threads: int
    """For requests of the usual size."""
    live_threads: int
    """For live streams: each holds one as long as it lasts."""
    connections: int
    connections_per_address: int
    """0: any number, because every connection comes from a proxy."""
    body_bytes: int
    waiting_bytes: int
    """In temporary files: bodies that wait to be read, answers that wait to be sent."""
    waiting_bytes_per_address: int
    """0: as many, because every connection comes from a proxy."""
    shares: int = 4
    """One requester holds one of so many parts of ``threads`` at most."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a connection expects of its client: to send a request, or to take an answer."""

    since: float
    """Its start, on the monotonic clock."""
    moved_bytes: int
    """Of the body or the answer."""
    phase: str
    """``first`` (nothing was sent yet), ``idle``, ``head``, ``body`` or ``answer``."""


def is_overdue(progress: Progress, now: float) -> bool:
    allowed = {"first": HEAD_SECONDS, "head": HEAD_SECONDS, "idle": IDLE_SECONDS}
    by_speed = GRACE_SECONDS + progress.moved_bytes / SLOWEST_BYTES_PER_SECOND
    return now - progress.since > allowed.get(progress.phase, by_speed)
