"""Circuit breakers for calls of AppService: one for each user, and one for the service.

Calls of one user that fail in a row open the breaker of that user alone. The service counts as away
when calls of several users have failed and none has succeeded since these calls began, or when
``GET /ping``, which needs no token, fails. While a breaker is open, single calls go through it as
probes. A failed probe changes nothing, and the first success closes the breaker.

The breakers belong to one process: its network may be at fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from workflows.model.errors import InDoubt, NotSent, ServiceAway, ServiceError

FAILURES: Final = 5
"""Failures in a row that open a breaker."""
SEVERAL: Final = 2
"""The users whose calls must have failed before the service counts as away."""
PROBE_SECONDS: Final = 2.0
"""The time between two probes."""
RECENT_SECONDS: Final = 60.0
"""After this, a failed call says nothing of what this process can reach."""
MOST_PROBES: Final = 4
"""Probes of one breaker that may be under way at a time: a probe that hangs delays the next one
only after that."""


@dataclass(slots=True)
class _Breaker:
    """The state of one breaker, on the monotonic clock."""

    failed: int = 0
    """Failures since the last success."""
    failed_for: set[str] = field(default_factory=set)
    """The users whose calls failed since the last success."""
    failed_at: float = float("-inf")
    """When a call failed last."""
    opened_at: float | None = None
    """When it opened; None while it is closed."""
    next_probe: float = 0.0
    probes: int = 0
    """Calls under way that began since it opened."""

    def open(self, now: float) -> None:
        if self.opened_at is None:
            self.opened_at, self.next_probe = now, now + PROBE_SECONDS

    def lets_probe(self, now: float) -> bool:
        return now >= self.next_probe and self.probes < MOST_PROBES


class Breakers:
    """The breakers of one process. Threads may share them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._service = _Breaker()
        self._users: dict[str, _Breaker] = {}
        """The users whose last call failed."""
        self._succeeded_at = float("-inf")

    @property
    def opened(self) -> bool:
        """Whether the service counts as away."""
        return self._service.opened_at is not None

    def failing(self) -> list[str]:
        """Users whose last call has just failed in this process."""
        with self._lock:
            recent = self._clock() - RECENT_SECONDS
            return [owner for owner, each in self._users.items() if each.failed_at > recent]

    def opened_for(self, owner: str) -> bool:
        """Whether calls of this user are not made now, except for probes."""
        with self._lock:
            return self.opened or self._is_open(owner)

    def barred(self) -> list[str]:
        """Users whose own breaker lets no call through now."""
        with self._lock:
            now = self._clock()
            return [
                owner
                for owner, breaker in self._users.items()
                if breaker.opened_at is not None and not breaker.lets_probe(now)
            ]

    def lets_probe(self) -> bool:
        """Whether a probe of the service may be made now."""
        with self._lock:
            return self._service.lets_probe(self._clock())

    def admit(self, owners: Iterable[str]) -> list[str]:
        """The users whose calls may be made now. A user admitted through an open breaker uses its
        next probe; users whose calls have not failed come first.
        """
        with self._lock:
            now = self._clock()
            order = sorted(owners, key=lambda owner: owner in self._users)
            return [owner for owner in order if self._admits(owner, now)]

    def _admits(self, owner: str, now: float) -> bool:
        breakers = [self._service] if self.opened else []
        breakers += [self._users[owner]] if self._is_open(owner) else []
        if not all(breaker.lets_probe(now) for breaker in breakers):
            return False
        for breaker in breakers:
            breaker.next_probe = now + PROBE_SECONDS
        return True

    def _is_open(self, owner: str) -> bool:
        return owner in self._users and self._users[owner].opened_at is not None

    @contextmanager
    def call(self, owner: str) -> Iterator[None]:
        """Runs one call for this user and records its success or failure."""
        with self.probe(owner):
            try:
                yield
            except ServiceError as failure:
                if not is_away(failure):
                    self._note_success(owner)
                raise
            self._note_success(owner)

    @contextmanager
    def probe(self, owner: str) -> Iterator[None]:
        """Runs the query that precedes a submission. Only its failure is recorded, since its
        success does not prove that the service accepts submissions."""
        begun = self._begin(owner)
        try:
            yield
        except ServiceError as failure:
            if is_away(failure):
                self._note_failure(owner, begun)
            raise
        finally:
            self._end(owner, begun)

    def _begin(self, owner: str) -> float:
        with self._lock:
            for breaker in self._open_ones(owner):
                breaker.probes += 1
            return self._clock()

    def _end(self, owner: str, begun: float) -> None:
        with self._lock:
            for breaker in self._open_ones(owner):
                if breaker.opened_at is not None and breaker.opened_at <= begun:
                    breaker.probes -= 1

    def _open_ones(self, owner: str) -> list[_Breaker]:
        both = [self._service, *filter(None, [self._users.get(owner)])]
        return [breaker for breaker in both if breaker.opened_at is not None]

    def note_dead(self) -> None:
        """``GET /ping`` failed, and no call with a token succeeded either."""
        with self._lock:
            self._service.open(self._clock())

    def _note_failure(self, owner: str, begun: float) -> None:
        with self._lock:
            now = self._clock()
            mine = self._users.setdefault(owner, _Breaker())
            mine.failed += 1
            mine.failed_at = now
            if mine.failed >= FAILURES:
                mine.open(now)
            if begun < self._succeeded_at:
                return  # the service has served other users since
            self._service.failed += 1
            self._service.failed_for.add(owner)
            if self._service.failed >= FAILURES and len(self._service.failed_for) >= SEVERAL:
                self._service.open(now)

    def _note_success(self, owner: str) -> None:
        with self._lock:
            self._users.pop(owner, None)
            self._service = _Breaker()
            self._succeeded_at = self._clock()


def is_away(failure: ServiceError) -> bool:
    """Whether the failure means that the service is away, at least for this user."""
    if isinstance(failure, ServiceAway):
        return not failure.disabled
    return isinstance(failure, NotSent) or (isinstance(failure, InDoubt) and not failure.answered)
