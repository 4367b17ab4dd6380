"""What a process needs to store and send messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from workflows.engine.notifications.post import Poster


@dataclass(frozen=True, slots=True)
class Notifications:
    """The settings of webhooks, as durations and counts."""

    poster: Poster
    public_url: str
    """What the addresses of pages in messages begin with; empty: they are paths."""
    schedule: Sequence[timedelta]
    """The waits between the attempts of one message."""
    disable_after: timedelta
    """A webhook of which every attempt has failed for so long is disabled."""
    expiry_notice: timedelta
    """How long before a token's end its user is warned."""
    per_user: int
    lease: timedelta
    """After so long, messages that a dead process was sending are sent by another one; well above
    the time of an attempt."""
