"""Gauges of unfinished work, queried from MongoDB at each scrape.

Every instance shows the same values: take ``max`` over instances, not ``sum``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import Lock
from typing import Final

import pymongo
import structlog
from prometheus_client.core import GaugeMetricFamily, Metric

from workflows.engine.context import EngineContext
from workflows.model.errors import Unavailable
from workflows.rules.health import Thresholds
from workflows.rules.holds import Scope
from workflows.store.processes.service_status import AWAY, DISABLED, UP
from workflows.store.statistics import Progress, progress

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 2.0
_FRESH_SECONDS: Final = 1.0
_KINDS: Final = ("beat", "worker")


class Gauges:
    """A collector of prometheus_client. ``connect`` gives the process's parts, or raises
    ``Unavailable``."""

    def __init__(self, connect: Callable[[], EngineContext]) -> None:
        self._connect = connect
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._known: tuple[EngineContext, Progress] | None = None

    def describe(self) -> Iterator[Metric]:
        """Queries nothing at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        found = self._query()
        yield gauge("executor_mongodb_up", "Whether MongoDB answers", float(found is not None))
        if found is not None:
            context, known = found
            yield from _unfinished_gauges(known)
            yield from _engine(known, Thresholds(context.limits.polling_interval))

    def _query(self) -> tuple[EngineContext, Progress] | None:
        """The statistics, None while MongoDB is away; concurrent scrapes share one query."""
        with self._lock:
            if time.monotonic() - self._asked_at > _FRESH_SECONDS:
                self._known = self._ask()
                self._asked_at = time.monotonic()
            return self._known

    def _ask(self) -> tuple[EngineContext, Progress] | None:
        try:
            with pymongo.timeout(PATIENCE_SECONDS):
                context = self._connect()
                return context, progress(context.limits.user_jobs)
        except Unavailable as away:
            log.warning("Gauges are missing", error=str(away))
            return None


def _unfinished_gauges(known: Progress) -> Iterator[Metric]:
    yield gauge(
        "active_workflows_count",
        "Workflows that were submitted and have not ended",
        sum(known.workflows.values()),
    )
    yield _by("workflows_in_state_count", "Active workflows", "state", known.workflows)
    yield _by("jobs_in_state_count", "Jobs that have not ended", "state", known.jobs)
    yield gauge("jobs_in_doubt_count", "Submissions whose answer is lost", known.in_doubt)
    yield gauge(
        "jobs_waiting_for_token_count", "Jobs that need a fresh token of their user", known.parked
    )
    yield gauge(
        "webhook_deliveries_pending",
        "Messages to webhooks that wait for their first or next attempt",
        known.notifications.pending - known.notifications.letters,
    )
    yield gauge(
        "email_deliveries_pending",
        "Letters that wait for their first or next attempt",
        known.notifications.letters,
    )
    scopes = Counter(str(hold.scope) for hold in known.holds)
    counts = {str(scope): scopes[scope] for scope in Scope}
    yield _by("holds_count", "What keeps jobs from starting, by its scope", "scope", counts)


def _engine(known: Progress, thresholds: Thresholds) -> Iterator[Metric]:
    yield gauge(
        "jobs_oldest_unsent_seconds",
        "How long the oldest job has waited that could be sent",
        known.unsent.total_seconds(),
    )
    yield gauge(
        "workflows_oldest_overdue_seconds",
        "How long the most overdue workflow has waited for its advance",
        known.overdue.total_seconds(),
    )
    if known.swept is not None:
        age = max(known.swept, timedelta(0)).total_seconds()
        yield gauge("executor_last_sweep_age_seconds", "How long ago the last sweep began", age)
    alive = [each for each in known.present if each.seen <= thresholds.silence]
    kinds = {kind: sum(each.kind == kind for each in alive) for kind in _KINDS}
    yield _by("executor_processes_count", "Processes with a recent heartbeat", "kind", kinds)
    yield gauge(
        "executor_workers_cut_off_count",
        "Workers whose circuit breaker lets no call to AppService through",
        sum(each.cut_off for each in alive),
    )
    yield gauge(
        "scheduler_submission_limit",
        "Adaptive limit of start_app2 calls under way",
        known.submissions.calls,
    )
    if known.submissions.latency is not None:
        yield gauge(
            "scheduler_submission_latency_seconds",
            "Mean latency of recent starts, which the limit of calls follows",
            known.submissions.latency,
        )
    why = {known.submissions.reason: 1.0}
    yield _by("scheduler_submission_limit_reason", "The reason of the present limit", "reason", why)
    states = {state: float(known.service.state == state) for state in (UP, AWAY, DISABLED)}
    yield _by(
        "scheduler_state", "The known state of AppService: 1 for one of the states", "state", states
    )


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _by(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
