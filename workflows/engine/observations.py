"""Collects the latencies of this process's calls of AppService, until they are stored for all."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from workflows.bvbrc.rpc import Made
from workflows.model.errors import InDoubt, ServiceAway, ServiceError
from workflows.rules.concurrency_limit import Observed

_START, _QUERY = "AppService.start_app2", "AppService.query_tasks"


class Observations:
    """Records every call; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._observed = Observed()

    def call(self, made: Made) -> None:
        """Calls that were refused are left out: a refusal is quicker than a start."""
        seconds = made.duration.total_seconds()
        with self._lock:
            now = self._observed
            if made.call.method == _START and made.failure is None:
                now = replace(now, starts=now.starts + 1, start_seconds=now.start_seconds + seconds)
            elif made.call.method == _START and _is_overload(made.failure):
                now = replace(now, overloads=now.overloads + 1)
            elif made.call.method == _QUERY and made.failure is None:
                now = replace(
                    now, queries=now.queries + 1, query_seconds=now.query_seconds + seconds
                )
            self._observed = now

    def take(self) -> Observed:
        """What was observed since the last call of this method."""
        with self._lock:
            taken, self._observed = self._observed, Observed()
            return taken


def _is_overload(failure: ServiceError | None) -> bool:
    """A time-out, a lost answer or a 5xx; not a text that AppService answered itself."""
    if isinstance(failure, ServiceAway):
        return not failure.disabled
    return isinstance(failure, InDoubt) and not failure.answered
