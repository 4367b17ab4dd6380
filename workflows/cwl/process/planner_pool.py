"""A pool of planners: a few plans at once, shared fairly between users.

A user has one plan under way and a few that wait; what comes beyond that is refused at once. Users
take turns. Those whose plans have lately taken long take turns of their own, and leave one process
to the others, who wait for one plan of each other at most.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Condition
from typing import Final

from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.process.planner import AppTable, Described, Planner, Spent, ignore_time
from workflows.cwl.sandbox.pipe import Gone, never
from workflows.model.errors import TooManyRequests, Unavailable
from workflows.model.values import Json

PLANNERS: Final = 2
"""Processes of one pool, started when they are needed: one more than a single user can occupy."""
WAITING_EACH: Final = 3
"""Plans of one user that wait."""
WAITING_ALL: Final = 16
"""Plans that wait in all; each of them holds a thread of the server."""
SLOW_TIME: Final = timedelta(seconds=1)
"""A plan that takes as long makes its user a slow one."""
SLOW_FOR: Final = timedelta(seconds=30)
"""For how long."""
_LOOK_SECONDS: Final = 0.25
"""How often a waiting plan looks whether its client has left."""


class PlannerPool:
    """To be shared by the threads of a process, and closed."""

    def __init__(  # noqa: PLR0913, PLR0917 - bounds, each with a default
        self,
        planners: int = PLANNERS,
        waiting_each: int = WAITING_EACH,
        waiting_all: int = WAITING_ALL,
        wall_time: timedelta = timedelta(seconds=20),
        slow_time: timedelta = SLOW_TIME,
        slow_for: timedelta = SLOW_FOR,
    ) -> None:
        """``wall_time`` is what a plan may take, the time that it waits included; one that takes
        ``slow_time`` makes its user a slow one, ``slow_for`` so long."""
        self._all = [Planner() for _ in range(planners)]
        self._free = list(self._all)
        self._waiting_each = waiting_each
        self._waiting_all = waiting_all
        self._wall_time = wall_time
        self._slow_time = slow_time
        self._slow_for = slow_for
        self._changed = Condition()
        self._queues: OrderedDict[str, deque[object]] = OrderedDict()
        """Tickets of the plans that wait, by user; whose turn comes next is first."""
        self._served: set[str] = set()
        """Users with a plan under way."""
        self._slow: dict[str, float] = {}
        """Slow users, and until when they are."""

    def plan(
        self,
        user: str,
        source: Submission,
        apps: AppTable,
        gone: Gone = never,
        spent: Spent = ignore_time,
    ) -> Plan:
        """As ``Planner.plan``, when it is this user's turn.

        Raises ``TooManyRequests`` where too many plans of the user wait already, ``Unavailable``
        where too many do in all or the time is up; and stops where ``gone`` says that the client
        has left.
        """
        deadline = time.monotonic() + self._wall_time.total_seconds()
        with self._turn(user, deadline, gone) as planner:
            return planner.plan(source, apps, deadline=deadline, gone=gone, spent=spent)

    def plan_rows(  # noqa: PLR0913, PLR0917 - as Planner.plan_rows, and the user
        self,
        user: str,
        source: Submission,
        rows: Sequence[Mapping[str, Json]],
        apps: AppTable,
        gone: Gone = never,
        spent: Spent = ignore_time,
    ) -> list[Plan]:
        """As ``Planner.plan_rows``, when it is this user's turn. Raises as ``plan`` does."""
        deadline = time.monotonic() + self._wall_time.total_seconds()
        with self._turn(user, deadline, gone) as planner:
            return planner.plan_rows(source, rows, apps, deadline=deadline, gone=gone, spent=spent)

    def describe(
        self, user: str, source: Submission, apps: AppTable, spent: Spent = ignore_time
    ) -> Described:
        """As ``Planner.describe``, when it is this user's turn. Raises as ``plan`` does."""
        deadline = time.monotonic() + self._wall_time.total_seconds()
        with self._turn(user, deadline, never) as planner:
            return planner.describe(source, apps, deadline=deadline, spent=spent)

    def close(self) -> None:
        """Ends the processes."""
        for planner in self._all:
            planner.close()

    @contextmanager
    def _turn(self, user: str, deadline: float, gone: Gone) -> Iterator[Planner]:
        with self._changed:
            planner = self._wait(user, deadline, gone)
        begun = time.monotonic()
        try:
            yield planner
        finally:
            with self._changed:
                self._note_time(user, begun, time.monotonic())
                self._free.append(planner)
                self._served.discard(user)
                self._changed.notify_all()

    def _wait(self, user: str, deadline: float, gone: Gone) -> Planner:
        ticket = self._enter(user)
        try:
            while not self._free or self._next() is not ticket:
                self._changed.wait(_time_left(deadline, gone))
        finally:
            self._leave(user, ticket)
        if user in self._queues:
            self._queues.move_to_end(user)
        self._served.add(user)
        return self._free.pop()

    def _enter(self, user: str) -> object:
        if len(self._queues.get(user, ())) >= self._waiting_each:
            raise TooManyRequests(
                f"{self._waiting_each} of your CWL documents wait to be planned already."
                " Send the next one when one of them is answered."
            )
        if sum(map(len, self._queues.values())) >= self._waiting_all:
            raise Unavailable("too many workflows wait to be planned; try again later")
        ticket = object()
        self._queues.setdefault(user, deque()).append(ticket)
        return ticket

    def _leave(self, user: str, ticket: object) -> None:
        self._queues[user].remove(ticket)
        if not self._queues[user]:
            del self._queues[user]
        self._changed.notify_all()

    def _next(self) -> object | None:
        """The ticket whose turn it is: the oldest of the first user that may be served."""
        return next(
            (queue[0] for user, queue in self._queues.items() if self._may_serve(user)), None
        )

    def _may_serve(self, user: str) -> bool:
        """Slow users together leave a process to the others, if there are two."""
        if user in self._served:
            return False
        slow = sum(map(self._is_slow, self._served))
        return not self._is_slow(user) or slow < max(1, len(self._all) - 1)

    def _is_slow(self, user: str) -> bool:
        return self._slow.get(user, 0.0) > time.monotonic()

    def _note_time(self, user: str, begun: float, ended: float) -> None:
        self._slow = {each: until for each, until in self._slow.items() if until > ended}
        if ended - begun >= self._slow_time.total_seconds():
            self._slow[user] = ended + self._slow_for.total_seconds()


def _time_left(deadline: float, gone: Gone) -> float:
    """Seconds until it is to be looked again; raises ``Unavailable`` where waiting is over."""
    left = deadline - time.monotonic()
    if left <= 0 or gone():
        raise Unavailable("the workflow could not be planned in time; try again later")
    return min(left, _LOOK_SECONDS)
