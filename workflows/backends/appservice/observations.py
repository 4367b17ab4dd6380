"""Collects the latencies of this process's calls of AppService, until they are stored for all."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from workflows.bvbrc.rpc import Made
from workflows.model.errors import InDoubt, ServiceAway, ServiceError
from workflows.rules.concurrency_limit import MOST_QUERIES, Observed

_START, _QUERY = "AppService.start_app2", "AppService.query_tasks"


class Observations:
    """Records every call; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._observed = Observed()

    def call(self, made: Made) -> None:
        """Calls that failed are left out: a refusal is quicker than a start."""
        if made.failure is not None:
            return
        seconds = made.duration.total_seconds()
        with self._lock:
            now = self._observed
            if made.call.method == _START:
                now = replace(now, starts=now.starts + 1, start_seconds=now.start_seconds + seconds)
            elif made.call.method == _QUERY:
                now = replace(now, queries=(*now.queries, seconds)[-MOST_QUERIES:])
            self._observed = now

    def failed_start(self, owner: str, failure: ServiceError) -> None:
        """A start of this user failed; whose it was says whether the service is at fault."""
        if _is_overload(failure):
            with self._lock:
                overloads = dict(self._observed.overloads)
                overloads[owner] = overloads.get(owner, 0) + 1
                self._observed = replace(self._observed, overloads=overloads)

    def take(self) -> Observed:
        """What was observed since the last call of this method."""
        with self._lock:
            taken, self._observed = self._observed, Observed()
            return taken


def _is_overload(failure: ServiceError) -> bool:
    """A time-out, a lost answer or a 5xx; not a text that AppService answered itself."""
    if isinstance(failure, ServiceAway):
        return not failure.disabled
    return isinstance(failure, InDoubt) and not failure.answered
