"""Decides when a user's token is renewed. Pure.

BV-BRC renews a token that is still valid, and no other one, so the engine must ask early enough to
try again several times. It knows when a token ends and when it got it, not when it was issued: what
is left then counts as the lifetime.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

MARGIN: Final = timedelta(hours=1)
"""A token is renewed so long before its end, if half of its lifetime is not shorter."""
SPREAD: Final = 0.05
"""The part of the lifetime over which renewals are spread, so that tokens that were stored in one
hour are not renewed in one second."""
SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(hours=1)


def renewal_time(stored: datetime, expires_at: datetime, chance: float) -> datetime:
    """When to renew a token that is stored now; ``chance``, 0 to 1, makes it up to 5 % earlier."""
    lifetime = max(expires_at - stored, timedelta(0))
    return stored + lifetime - shortest_rest(lifetime) - lifetime * SPREAD * chance


def shortest_rest(lifetime: timedelta) -> timedelta:
    """How long a token of this lifetime still lasts when it is renewed: a third of it, and an hour
    at least; of a token of less than two hours, half. A job that was sent the moment before runs
    with it.
    """
    return min(max(lifetime / 3, MARGIN), lifetime / 2)


def next_try(now: datetime, expires_at: datetime, chance: float) -> datetime:
    """When to look at the token again: after a quarter of what is left, an hour at the longest, so
    that each failure leaves three quarters of the time for the others."""
    wait = min((expires_at - now) / 4, LONGEST) * (1 - chance / 4)
    return now + max(wait, SHORTEST)
