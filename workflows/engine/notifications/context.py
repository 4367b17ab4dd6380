"""What a process needs to store and send messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.engine.notifications.links import Links
from workflows.engine.notifications.mailer import Mailer
from workflows.engine.notifications.post import Poster
from workflows.model.webhooks import Channel
from workflows.store import clock


@dataclass(frozen=True, slots=True)
class Mail:
    """The settings of e-mail."""

    mailer: Mailer
    links: Links
    per_user: int
    """Addresses of one user."""
    confirmations: int
    """That one user may ask for in a day."""
    letters: int
    """To all addresses of one user in a day."""
    now: Callable[[], datetime] = clock.now
    """Says which day it is."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """The settings of webhooks and e-mail, as durations and counts."""

    poster: Poster | None
    """None: webhooks are switched off."""
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
    mail: Mail | None = None
    """None: there is no mail server."""

    @property
    def channels(self) -> Collection[Channel]:
        """Those that are switched on."""
        switched = {Channel.WEBHOOK: self.poster, Channel.EMAIL: self.mail}
        return [channel for channel, settings in switched.items() if settings]
