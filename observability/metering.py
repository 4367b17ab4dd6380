"""Counts the engine's events: each transition once, since the engine reports it once it is durable.

A task that runs twice finds nothing left to commit, so it reports nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from typing import Final

import structlog

from config.sections import Metrics
from observability.metrics import Meters, Shared, share
from workflows.bvbrc.rpc import Made
from workflows.engine.context import Recorded
from workflows.model.states import FINAL_STEP, FINAL_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Event
from workflows.model.webhooks import Channel
from workflows.rules.webhooks.attempts import Outcome

log = structlog.get_logger(__name__)

_QUERY: Final = "AppService.query_tasks"
_SCHEDULER: Final = "AppService."
_SUBMIT: Final = "AppService.start_app2"
_opening = Lock()


def shared_of(settings: Metrics) -> Shared | None:
    """This process's meters and all processes' values, opened once.

    None where metrics are off, or cannot be shared: that is logged, and the work goes on.
    """
    with _opening:
        return _open(settings)


@lru_cache(maxsize=1)
def _open(settings: Metrics) -> Shared | None:
    if not settings.enable_prometheus:
        return None
    try:
        return share(settings.multiproc_dir)
    except OSError as error:
        log.warning(
            "Nothing is counted: metrics.multiproc_dir cannot be used",
            folder=str(settings.multiproc_dir),
            reason=error.strerror,
        )
        return None


@lru_cache(maxsize=1)
def counts_of(settings: Metrics) -> Counts:
    """Counts into the shared files; without them, counts are dropped."""
    shared = shared_of(settings)
    made = shared.meters if shared else Meters()
    for state in FINAL_WORKFLOW:
        made.workflows_completed.labels(state)  # shown as 0, so that the first one is an increase
    return Counts(made)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters as callbacks of the engine."""

    meters: Meters

    def count_accepted(self) -> None:
        self.meters.workflows_submitted.inc()

    def count_defect(self, defect: BaseException) -> None:
        self.meters.errors.labels(type(defect).__name__).inc()

    def swept(self, duration: timedelta) -> None:
        self.meters.cycles.inc()
        self.meters.cycle_seconds.observe(duration.total_seconds())

    def events(self, recorded: Sequence[Recorded]) -> None:
        for each in recorded:
            if each.event.subject == "workflow":
                self._workflow(each)
            else:
                self._step(each.event)

    def count_watch_time(self, together: timedelta) -> None:
        """Adds the time that jobs were at AppService since their previous poll."""
        self.meters.job_minutes.inc(together.total_seconds() / 60)

    def count_renewal(self, outcome: str) -> None:
        """``renewed`` or ``failed``."""
        self.meters.renewals.labels(outcome).inc()

    def count_delivery(self, channel: Channel, outcome: Outcome, took: timedelta) -> None:
        """An attempt to deliver a message to a webhook, or to hand a letter over."""
        meters, letter = self.meters, channel is Channel.EMAIL
        (meters.letters if letter else meters.deliveries).labels(outcome).inc()
        seconds = meters.letter_seconds if letter else meters.delivery_seconds
        seconds.observe(took.total_seconds())

    def request(self, method: str, route: str, status: int, duration: timedelta) -> None:
        """``route`` is the rule that answered, not the path: ids are no labels."""
        self.meters.requests.labels(method, route, str(status)).inc()
        self.meters.request_seconds.labels(route).observe(duration.total_seconds())

    def count_refusal(self, kind: str) -> None:
        """Of a connection or a request that the API never saw (``server/listener.py``)."""
        self.meters.refusals.labels(kind).inc()

    def call(self, made: Made) -> None:
        """A call of a BV-BRC service, with any outcome."""
        meters, method, seconds = self.meters, made.call.method, made.duration.total_seconds()
        meters.call_seconds.labels(method).observe(seconds)
        if method.startswith(_SCHEDULER):
            meters.calls.inc()
        if method == _QUERY:
            meters.query_seconds.observe(seconds)
        if made.failure is None:
            return
        meters.call_errors.labels(method, type(made.failure).__name__).inc()
        if method == _QUERY:
            meters.query_errors.inc()
        if method == _SUBMIT:
            meters.submit_errors.labels(str(made.call.params[0])).inc()

    def _workflow(self, recorded: Recorded) -> None:
        """Counts a workflow; a plan that is cancelled was never submitted, so it does not count as
        completed."""
        event = recorded.event
        if event.after in FINAL_WORKFLOW and event.before != WorkflowState.PLANNED:
            took = max(event.at - recorded.begun_at, timedelta(0))
            self.meters.workflows_completed.labels(event.after).inc()
            self.meters.workflow_seconds.observe(took.total_seconds())

    def _step(self, event: Event) -> None:
        if event.after == StepState.QUEUED:
            self.meters.steps_submitted.labels(event.app).inc()
        if event.reused:
            self.meters.steps_reused.labels(event.app).inc()
        elif event.after in FINAL_STEP:
            self.meters.steps_completed.labels(event.app, event.after).inc()
            if event.duration is not None:
                took = max(event.duration, timedelta(0))
                self.meters.step_seconds.labels(event.app).observe(took.total_seconds())
