"""MongoDB's time, which is the same for every process, without asking for it each time.

A host's own clock may be wrong by hours, so it judges nothing that is stored or refused.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from mongoengine.connection import ConnectionFailure

from workflows.model.errors import Unavailable
from workflows.store import mongo

FRESH_SECONDS: Final = 60.0
"""How long a comparison with MongoDB's clock serves."""

_compared: tuple[float, datetime] | None = None
"""An instant of the monotonic clock, and MongoDB's time then."""
_compare_at = float("-inf")
"""When, on the monotonic clock, the next comparison is due."""


def now() -> datetime:
    """MongoDB's time to a few milliseconds. While MongoDB is away the last comparison serves; where
    there was none yet, the host's own clock.
    """
    global _compared, _compare_at  # noqa: PLW0603 - one clock a process
    if time.monotonic() >= _compare_at:
        _compare_at = time.monotonic() + FRESH_SECONDS
        try:
            _compared = _compare()
        except (Unavailable, ConnectionFailure):  # the second: this process has not connected yet
            if _compared is None:
                _compare_at = float("-inf")
    if _compared is None:
        return datetime.now(UTC)
    at, theirs = _compared
    return theirs + timedelta(seconds=time.monotonic() - at)


def _compare() -> tuple[float, datetime]:
    begun = time.monotonic()
    theirs = mongo.clock()
    return (begun + time.monotonic()) / 2, theirs
