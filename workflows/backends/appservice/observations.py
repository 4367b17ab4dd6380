"""Collects the latencies of this process's calls of AppService, until they are stored for all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from workflows.bvbrc.rpc import Made
from workflows.model.errors import InDoubt, ServiceAway, ServiceError
from workflows.model.values import Job
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

    def failed_start(self, job: Job, failure: ServiceError) -> None:
        """The start of this job failed; whose it was, and what was answered since it began, says
        whether the service is at fault."""
        with self._lock:
            now = self._observed
            if isinstance(failure, ServiceAway) and not failure.disabled:
                overloads = Counter(now.overloads) + Counter([job.owner])
                self._observed = replace(now, overloads=overloads)
            elif isinstance(failure, InDoubt) and failure.overload and job.sent_at:
                self._observed = replace(now, lost=(*now.lost, (job.owner, job.sent_at)))

    def take(self) -> Observed:
        """What was observed since the last call of this method."""
        with self._lock:
            taken, self._observed = self._observed, Observed()
            return taken
