"""Queries of jobs go before starts: each takes a place among the calls that AppService bears.

While fewer calls are under way than that, a query is sent at once. Otherwise it is announced: then
claims leave the next place free, and the query is sent when it is. So a query finds a free worker,
and its duration shows whether AppService has as many as the limit says
(``rules/concurrency_limit.py``). While starts are brief a query is sent at once, too: the look for
a place would take longer than a start does.

The queries of one process go one after the other, in one place. One that hangs gives the place up,
and none waits for longer than ``PATIENCE_SECONDS``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Event
from typing import Final
from uuid import uuid4

from workflows.model.errors import Unavailable
from workflows.store.jobs import outbox, reservations

PATIENCE_SECONDS: Final = 2.0
"""After this a query is sent, even if no place is free."""
HELD_SECONDS: Final = 0.1
"""How long one query holds the place: later it counts as hanging, and the next one goes."""
BURST_SECONDS: Final = 0.5
"""How long the queries of a process keep the place; then starts have their turn. For so long it is
believed that starts are brief, too."""
LOOK_SECONDS: Final = 0.01
"""The time between two looks whether the place is free."""


class QueryPlaces:
    """The place of one process's queries. Threads share it."""

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._turn = Condition()
        self._holder: object | None = None
        self._held_until = 0.0
        self._waiting = 0
        self._token = ""
        """Under which queries are announced; empty while they are not."""
        self._burst_until = 0.0
        self._brief_until = 0.0
        self._announce_after = 0.0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Around one query."""
        until = time.monotonic() + PATIENCE_SECONDS
        holder = self._take_turn(until)
        try:
            self._wait_for_room(until)
            self._hold(holder)
            self._withdraw_last()
            yield
        finally:
            self._end_turn(holder)

    def _take_turn(self, until: float) -> object:
        """Wait for the queries of this process that came before."""
        holder = object()
        with self._turn:
            self._waiting += 1
            while self._holder and (now := time.monotonic()) < min(until, self._held_until):
                self._turn.wait(min(until, self._held_until) - now)
            self._waiting -= 1
            self._holder, self._held_until = holder, until
        return holder

    def _hold(self, holder: object) -> None:
        """From now on the query is under way."""
        with self._turn:
            if self._holder is holder:
                self._held_until = time.monotonic() + HELD_SECONDS
                self._turn.notify_all()

    def _withdraw_last(self) -> None:
        """A start that is claimed from now on arrives behind the query, which is sent at once."""
        with self._turn:
            last = not self._waiting
        if last:
            self._withdraw()

    def _end_turn(self, holder: object) -> None:
        with self._turn:
            if self._holder is not holder:
                return
            self._holder = None
            self._turn.notify()
        self._withdraw_last()

    def _wait_for_room(self, until: float) -> None:
        """Where MongoDB cannot say what is under way, a query does not wait."""
        if time.monotonic() < (self._burst_until if self._token else self._brief_until):
            return
        self._withdraw()
        with suppress(Unavailable):
            while time.monotonic() < until and not self._has_room():
                if not self._token and time.monotonic() >= self._announce_after:
                    self._announce()
                else:
                    Event().wait(LOOK_SECONDS)
        self._burst_until = time.monotonic() + BURST_SECONDS

    def _has_room(self) -> bool:
        room = outbox.room_for_query(self._token, self._ceiling)
        if room.brief:
            self._brief_until = time.monotonic() + BURST_SECONDS
        return room.free or room.brief

    def _announce(self) -> None:
        token = uuid4().hex
        reservations.announce_queries(token)
        self._token = token

    def _withdraw(self) -> None:
        """What cannot be withdrawn ends by itself."""
        token, self._token = self._token, ""
        if token:
            self._announce_after = time.monotonic() + BURST_SECONDS
            with suppress(Unavailable):
                reservations.withdraw_queries(token)
