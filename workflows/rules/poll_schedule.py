"""Schedules the polls of a job: often while it is young, seldom when it is old, spread over time.

``due`` covers the polls that are made once an interval. If the interval is long, a job that has
just started is polled in between as well: ``due_early``.

The instants follow from the job alone, so a poll without a change stores nothing.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

SLOWEST = 6
"""An old job is polled in each 6th interval."""
_AGE_PER_STEP = 20
"""A job's interval grows by the base for each 20 intervals of its age."""
_EARLY = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8))
"""The ages at which a job is polled between two intervals."""
_YOUNG = timedelta(seconds=10)
"""The age up to which a late early poll is still made."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def interval(age: timedelta, base: timedelta) -> timedelta:
    """The interval between two polls of a job of this age."""
    return base * min(max(1, age // (base * _AGE_PER_STEP)), SLOWEST)


def due(
    key: str, submitted_at: datetime, since: datetime | None, now: datetime, base: timedelta
) -> bool:
    """Whether an instant of the job's schedule lies after ``since`` and not after ``now``.

    Each job's schedule is shifted by a part of its interval that depends on its key.
    """
    if since is None:
        return True
    every = interval(now - submitted_at, base)
    if every <= base:
        return True
    shift = every * (zlib.crc32(key.encode()) / 2**32)
    return (now - _EPOCH + shift) // every > (since - _EPOCH + shift) // every


def early_looks(base: timedelta) -> tuple[timedelta, ...]:
    """The ages at which a job is polled before its first poll at the interval ``base``."""
    return tuple(age for age in _EARLY if age < base)


def youngest(now: datetime) -> datetime:
    """Jobs that were submitted before this time have had their early polls."""
    return now - _YOUNG


def due_early(
    submitted_at: datetime, since: datetime | None, now: datetime, base: timedelta
) -> bool:
    """Whether an early poll of the job falls between ``since`` and ``now``."""
    since = max(since or submitted_at, submitted_at)
    return submitted_at >= youngest(now) and any(
        since < submitted_at + age <= now for age in early_looks(base)
    )
