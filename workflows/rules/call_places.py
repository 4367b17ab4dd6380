"""Which calls of ``start_app2`` hold a place among those that AppService bears.

A call that hangs must take no place from others, and a service that is slow must get no further
calls. The order of the answers tells one from the other:

* A call is *late* if it takes clearly longer than calls do.
* A late call is *passed* if a call that began after it has been answered: the service works, so the
  trouble is the call's own. It holds a place of its owner alone, and none at all once it *hangs*.
* A user with several calls that hang begins one at a time, and so does one whose last call failed:
  what hangs next takes one place. Of a user's jobs that were refused for what may be an outage one
  is sent at a time, until one is accepted.
* If every call is late, nothing tells yet. One more call is let through; its answer will tell.

Everything here is pure. ``store/jobs/calls.py`` counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

SEVERAL_HANGING: Final = 2
"""Of many calls one hangs by chance."""
MOST_HANGING: Final = 5
"""Calls of a user that may hang before no more of that user's are begun."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The jobs under way, with the reservations of other claims."""

    sending: Counter[str] = field(default_factory=Counter)
    """Calls of each user. A submission in doubt is no call."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Jobs of each user that are being sent, in doubt or at AppService: all that may be there."""
    late: Counter[str] = field(default_factory=Counter)
    """Calls of each user that take clearly longer than calls do."""
    passed: Counter[str] = field(default_factory=Counter)
    """Those of them that began before a call that has been answered."""
    hanging: Counter[str] = field(default_factory=Counter)
    """Late calls of each user that take several times as long as calls do."""
    hanging_passed: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    """Calls of each user, none of them late, for jobs that were refused before."""

    @property
    def calls(self) -> int:
        """Of all users."""
        return self.sending.total()

    @property
    def occupying(self) -> int:
        """Calls that hold a place that others need."""
        return self.calls - self.passed.total()

    def free_places(self, limit: int, queries: int) -> int:
        """How many calls may begin where so many are borne; queries that wait go first."""
        free = limit - self.occupying - queries
        all_late = self.calls > 0 and self.late.total() == self.calls
        return max(free, 1) if all_late else free

    def places_of(self, owner: str, free: int, *, failing: bool = False) -> int:
        """How many of the free places this user may take. ``failing``: the user's last call failed,
        as far as this process has seen."""
        if self.hanging[owner] >= MOST_HANGING:
            return 0
        if failing or self.hanging_passed[owner] >= SEVERAL_HANGING:
            return min(free, 1 - (self.sending[owner] - self.late[owner]))
        return free - (self.passed[owner] - self.hanging_passed[owner])

    def hold_back(self, owner: str) -> int:
        """How many calls of the user hang, if that keeps others of the user's from beginning."""
        several = self.hanging_passed[owner] >= SEVERAL_HANGING
        return self.hanging[owner] if several or self.hanging[owner] >= MOST_HANGING else 0

    def places_of_refused(self, owner: str) -> int:
        """How many of the user's jobs that were refused before may be sent."""
        return max(0, 1 - self.again[owner])
