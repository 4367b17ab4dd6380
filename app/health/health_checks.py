"""Checks whether work gets done, within a second even if servers hang."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pymongo

from app.connections import Connections
from app.health.bounded_probe import NoAnswer, Probe
from config.settings import Settings
from runtime import broker
from workflows.model.errors import Unavailable
from workflows.rules import health
from workflows.rules.health import HealthStatus, Part, Thresholds
from workflows.store.processes import heartbeats
from workflows.store.statistics import Progress, progress

PATIENCE_SECONDS: Final = 0.7
"""The time for all checks."""
_GIVE_UP_SECONDS: Final = 5.0
"""The time after which an abandoned probe ends."""


@dataclass(slots=True)
class HealthChecks:
    """The probes and the judgement of their results; one for each application."""

    connections: Connections
    thresholds: Thresholds
    writing: Probe[float] = field(init=False)
    progress: Probe[Progress] = field(init=False)
    broker: Probe[dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        fresh_seconds = min(1.0, self.thresholds.interval.total_seconds() / 5)
        self.writing = Probe(self._write, fresh_seconds)
        self.progress = Probe(self._progress, fresh_seconds)
        self.broker = Probe(broker.depths, fresh_seconds)

    def database(self) -> Part:
        """Whether MongoDB accepts writes, without which the API cannot work."""
        return next(self._database(time.monotonic() + PATIENCE_SECONDS))

    def all(self) -> list[Part]:
        """Every part, the first of them MongoDB."""
        began = time.monotonic()
        for probe in (self.writing, self.progress, self.broker):
            probe.begin()
        looks = (self._database, self._broker, self._judge)
        return [part for look in looks for part in _look(look, began)]

    def _database(self, deadline: float, since: float = 0.0) -> Iterator[Part]:
        try:
            seconds = self.writing.answer(deadline, since)
        except (NoAnswer, Unavailable) as failure:
            yield Part("mongodb", HealthStatus.UNHEALTHY, str(failure))
        else:
            yield Part("mongodb", HealthStatus.HEALTHY, f"a write took {seconds * 1000:.0f} ms")

    def _broker(self, deadline: float, since: float = 0.0) -> Iterator[Part]:
        try:
            depths = self.broker.answer(deadline, since)
        except Exception as failure:  # noqa: BLE001 - the broker's client raises many kinds
            said = str(failure) if isinstance(failure, NoAnswer) else type(failure).__name__
            message = f"the broker cannot be used ({said}): workflows are accepted and wait for it"
            yield Part("broker", HealthStatus.UNHEALTHY, message)
        else:
            waiting = f"{sum(depths.values())} messages wait"
            yield Part("broker", HealthStatus.HEALTHY, waiting, {"queues": depths})

    def _judge(self, deadline: float, since: float = 0.0) -> Iterator[Part]:
        """The health of the other parts, by MongoDB's data; empty if MongoDB does not answer."""
        try:
            known = self.progress.answer(deadline, since)
        except (NoAnswer, Unavailable) as failure:
            yield Part("progress", HealthStatus.UNHEALTHY, f"unknown: {failure}")
            return
        thresholds, present = self.thresholds, known.present
        yield health.judge_workers(present, broker.queues(), thresholds)
        yield health.judge_beat(present, thresholds)
        yield health.judge_sweep(known.swept, thresholds)
        yield health.judge_workflows(known.overdue, known.workflows, thresholds)
        yield health.judge_outbox(known.unsent, known.jobs, thresholds, known.parked)
        waiting = known.notifications
        yield health.judge_notifications(waiting.oldest, waiting.pending, thresholds)
        yield health.judge_holds(known.holds)
        yield health.tasks(present, thresholds)
        limit = min(
            known.submissions.calls, self.connections.settings.executor.max_concurrent_submissions
        )
        submissions = {
            "limit": limit,
            "latency_seconds": known.submissions.latency,
            "reason": known.submissions.reason,
        }
        yield health.judge_service(
            known.service.state, known.service.reason, present, thresholds, submissions
        )

    def _write(self) -> float:
        """Writes to MongoDB and returns the seconds that it took."""
        with pymongo.timeout(_GIVE_UP_SECONDS):
            self.connections.context  # noqa: B018 - connects
            begun = time.monotonic()
            heartbeats.record_heartbeat(f"api@{socket.gethostname()}:{os.getpid()}", "api")
        return time.monotonic() - begun

    def _progress(self) -> Progress:
        with pymongo.timeout(_GIVE_UP_SECONDS):
            return progress(self.connections.context.limits.user_jobs)


def _look(look: Callable[..., Iterator[Part]], began: float) -> list[Part]:
    """The parts that one probe tells of, within the patience from ``began``.

    A fault is not reported from the cache: the other processes of the API may know already that it
    is over, and all must say the same.
    """
    deadline = began + PATIENCE_SECONDS
    parts = list(look(deadline))
    is_at_fault = health.worst_status(parts) is HealthStatus.UNHEALTHY
    if is_at_fault and time.monotonic() < deadline:
        return list(look(deadline, began))
    return parts


def patience_of(settings: Settings) -> Thresholds:
    return Thresholds(
        interval=timedelta(seconds=settings.executor.polling_interval_seconds),
        overdue=timedelta(seconds=settings.health.overdue_limit_seconds),
    )
