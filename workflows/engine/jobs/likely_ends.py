"""Which of the users' jobs are asked about now, and when that is asked again.

One call asks about all jobs of a user that a forecast speaks for (``rules/poll_forecast.py``). When
that was last done stands in the lock ``look:<owner>``; the next time is planned in this process
alone. If that dies, the next regular poll makes up for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from workflows.engine import durations
from workflows.engine.context import EngineContext
from workflows.rules.durations.history import History
from workflows.rules.poll_forecast import FEWEST, LATE, SHORTEST, Curve, Outlook, spacing
from workflows.store.jobs import polling
from workflows.store.jobs.polling import UserLock, Watched

MOST: Final = 200
"""Jobs of one user, at most: so many stand in one call. Of more, each interval asks about some
anyway."""
_APART: Final = timedelta(seconds=0.8)
"""The time between two looks of one user; they are planned for full seconds."""

_outlooks: tuple[History, dict[str, Outlook | None]] = (History(), {})
"""What this process has made of the history it read last: one entry an app."""


def by_forecast(context: EngineContext) -> bool:
    """Whether any forecast is made now. Raises ``Unavailable``."""
    limits = context.limits
    if not limits.polls_by_forecast or limits.polling_interval < SHORTEST:
        return False
    return bool(durations.history().apps)


def choose_jobs(
    context: EngineContext,
    active: Mapping[str, Sequence[Watched]],
    locks: Mapping[str, UserLock],
    is_due: Callable[[Watched, UserLock, bool], bool],
    *,
    regular: bool,
) -> dict[str, list[Watched]]:
    """Of each user the jobs to ask about now.

    ``is_due`` answers for one job by the fixed schedule, given whether a forecast speaks for it.
    ``regular``: this is the poll of an interval, which plans the looks until the next one.
    """
    forecasts = bool(active) and by_forecast(context)
    rates = {
        owner: _rates(jobs, locks[owner].now, context.limits.polling_interval) if forecasts else {}
        for owner, jobs in active.items()
    }
    chosen = {
        owner: [job for job in jobs if is_due(job, locks[owner], job.key in rates[owner])]
        for owner, jobs in active.items()
    }
    looks = _Looks(context, {owner: found for owner, found in rates.items() if found}, locks)
    for owner in looks.take(chosen):
        asked = {job.key for job in chosen[owner]} | set(rates[owner])
        chosen[owner] = [job for job in active[owner] if job.key in asked]
    looks.plan(regular=regular)
    return chosen


class _Looks:
    """The looks of the users for whose jobs forecasts speak."""

    def __init__(
        self,
        context: EngineContext,
        rates: Mapping[str, Mapping[str, float]],
        locks: Mapping[str, UserLock],
    ) -> None:
        base = context.limits.polling_interval
        self._context = context
        self._locks = locks
        self._apart = {owner: spacing(found.values(), base) for owner, found in rates.items()}
        self._last = polling.last_taken(list(map(_lock_of, rates))) if rates else {}
        self._gained: set[str] = set()

    def take(self, chosen: Mapping[str, Sequence[Watched]]) -> set[str]:
        """The users whose jobs are looked at now: since that is due, or since a call is made
        anyway. Another process may have just done it."""
        due = [owner for owner in self._apart if chosen[owner] or self._is_due(owner)]
        locks = polling.take_locks(list(map(_lock_of, due)), _APART) if due else {}
        self._gained = {owner for owner in due if _lock_of(owner) in locks}
        return self._gained

    def _is_due(self, owner: str) -> bool:
        last = self._last.get(_lock_of(owner))
        return last is None or self._locks[owner].now - last >= self._apart[owner] - LATE

    def plan(self, *, regular: bool) -> None:
        """Who has looked looks again; the regular poll plans for those that are not yet due."""
        for owner, apart in self._apart.items():
            now = self._locks[owner].now
            last = now if owner in self._gained else self._last.get(_lock_of(owner), now)
            if regular or owner in self._gained:
                self._plan(owner, last + apart - now)

    def _plan(self, owner: str, wait: timedelta) -> None:
        if wait < self._context.limits.polling_interval:
            self._context.looks(owner, max(wait, _APART))


def _rates(jobs: Sequence[Watched], now: datetime, base: timedelta) -> dict[str, float]:
    """How likely each job ends in the next second, where a forecast speaks for it."""
    if len(jobs) > MOST:
        return {}
    found: dict[str, float] = {}
    for job in jobs:
        outlook = _outlook(job.app)
        if outlook is None:
            continue
        rate = outlook.rate(job.submitted_at, job.started_at, now, base)
        if rate is not None:
            found[job.key] = rate
    return found


def _outlook(app: str) -> Outlook | None:
    """None of an app that has too short a history. Raises ``Unavailable``."""
    global _outlooks  # noqa: PLW0603 - what is made of the one history of a process
    history = durations.history()
    if _outlooks[0] is not history:
        _outlooks = (history, {})
    known = _outlooks[1]
    if app not in known:
        known[app] = _make_outlook(history, app)
    return known[app]


def _make_outlook(history: History, app: str) -> Outlook | None:
    expected = history.expect(app)
    if expected is None or expected.observations < FEWEST:
        return None
    return Outlook(Curve(expected.wait.quantile), Curve(expected.run.quantile))


def _lock_of(owner: str) -> str:
    return f"look:{owner}"
