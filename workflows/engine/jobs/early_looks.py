"""Requests polls between two regular ones: of jobs that this process has just started, a few
seconds apart, and of users whose jobs are likely to end.

With a long polling interval, the end of a short job would otherwise be found late. Nothing is
stored for it: if this process dies, the next regular poll finds the end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from threading import Condition, Thread


class EarlyLooks:
    """A thread that lives while looks are due. Looks at jobs of one user fall together on full
    seconds, and so do those of different users."""

    def __init__(self, ages: Sequence[timedelta], look: Callable[[Sequence[str]], None]) -> None:
        """``look`` is called with the users, and never fails."""
        self._ages = ages
        self._look = look
        self._changed = Condition()
        self._due: dict[int, set[str]] = defaultdict(set)
        """Seconds of the monotonic clock to the users whose jobs are looked at then."""
        self._planned: dict[str, int] = {}
        """Users to the second for which their next look is planned."""
        self._thread: Thread | None = None

    def plan(self, owner: str, wait: timedelta) -> None:
        """Looks at the user's jobs after that time, instead of when it was planned before."""
        with self._changed:
            self._planned[owner] = int(time.monotonic() + wait.total_seconds()) + 1
            self._wake()

    def note(self, owners: Collection[str]) -> None:
        """Records that jobs of these users have just started."""
        if not self._ages:
            return
        now = time.monotonic()
        with self._changed:
            for age in self._ages:
                self._due[int(now + age.total_seconds()) + 1].update(owners)
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="early looks", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while owners := self._next():
            self._look(sorted(owners))

    def _next(self) -> set[str]:
        """The users of the next look, once its time has come; none where no look is left."""
        with self._changed:
            while self._due or self._planned:
                first = min((*self._due, *self._planned.values()))
                left = first - time.monotonic()
                if left <= 0:
                    return self._take(first)
                self._changed.wait(left)
            self._thread = None
            return set()

    def _take(self, second: int) -> set[str]:
        planned = {owner for owner, at in self._planned.items() if at <= second}
        for owner in planned:
            del self._planned[owner]
        return self._due.pop(second, set()) | planned
