"""Every counter and histogram by name, and below them what each counts. All processes of a host
share them (``metering.py``).

The engine reports a transition once, as soon as it is durable, so each is counted once: a task that
runs twice finds nothing left to commit. Labels are bounded: apps, states, methods, classes of
errors; never an id, never a user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from workflows.bvbrc.rpc import Made
from workflows.engine.context import Recorded
from workflows.model.states import FINAL_STEP, FINAL_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Event
from workflows.model.webhooks import Channel
from workflows.rules.webhooks.attempts import Outcome

_LONG: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)
"""Seconds, from a trivial job to a week."""
_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
"""Seconds, from a call on the same machine to the longest submission."""
_QUERY: Final = "AppService.query_tasks"
_SCHEDULER: Final = "AppService."
_SUBMIT: Final = "AppService.start_app2"


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    """Declares a counter, exposed as ``<name>_total``."""
    return field(default_factory=partial(Counter, name, meaning, labels, registry=None))


def _seconds(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    """Declares a histogram, exposed as ``<name>_seconds``."""
    make = partial(Histogram, f"{name}_seconds", f"{meaning}, seconds", labels, buckets=buckets)
    return field(default_factory=partial(make, registry=None))


@dataclass(frozen=True, slots=True)
class Meters:
    """All counters and histograms. A process makes all of them, so that each is exposed from the
    start."""

    workflows_submitted: Counter = _counter("workflows_submitted", "Workflows accepted to run")
    workflows_completed: Counter = _counter(
        "workflows_completed", "Workflows that ended, by their state", "status"
    )
    workflow_seconds: Histogram = _seconds(
        "workflow_execution_duration",
        "From a workflow's submission (or retry) to its end",
        _LONG,
    )
    steps_submitted: Counter = _counter(
        "steps_submitted", "Jobs started at AppService for steps", "app"
    )
    steps_completed: Counter = _counter(
        "steps_completed", "Steps that ended, by their state", "app", "status"
    )
    steps_reused: Counter = _counter(
        "steps_reused", "Steps that took the results of an earlier job; no job ran", "app"
    )
    step_seconds: Histogram = _seconds(
        "step_execution_duration", "How long the job of an ended step ran", _LONG, "app"
    )
    cycles: Counter = _counter("executor_poll_cycles", "Sweeps for due work")
    cycle_seconds: Histogram = _seconds("executor_poll_duration", "How long a sweep took", _SHORT)
    errors: Counter = _counter(
        "executor_errors", "Tasks and advances that failed, by the exception", "error_type"
    )
    calls: Counter = _counter("scheduler_calls", "Calls of AppService, with any outcome")
    job_minutes: Counter = _counter(
        "scheduler_active_job_minutes", "How long jobs were watched at AppService, in total"
    )
    query_seconds: Histogram = _seconds(
        "scheduler_query_duration", "How long AppService took to answer query_tasks", _SHORT
    )
    query_errors: Counter = _counter("scheduler_query_errors", "Calls of query_tasks that failed")
    submit_errors: Counter = _counter(
        "scheduler_submit_errors", "Calls of start_app2 that failed or were refused", "app"
    )
    call_seconds: Histogram = _seconds(
        "bvbrc_call_duration", "How long a BV-BRC service took to answer", _SHORT, "method"
    )
    call_errors: Counter = _counter(
        "bvbrc_call_errors",
        "Calls of BV-BRC services that failed or were refused",
        *("method", "error_type"),
    )
    renewals: Counter = _counter(
        "token_renewals", "Tries to renew a user's token, by their outcome", "outcome"
    )
    deliveries: Counter = _counter(
        "webhook_deliveries", "Attempts to deliver a message to a webhook", "outcome"
    )
    delivery_seconds: Histogram = _seconds(
        "webhook_delivery", "How long an attempt to deliver a message took", _SHORT
    )
    letters: Counter = _counter(
        "email_deliveries", "Attempts to hand a letter to the mail server", "outcome"
    )
    letter_seconds: Histogram = _seconds(
        "email_delivery", "How long an attempt to hand a letter over took", _SHORT
    )
    requests: Counter = _counter(
        "http_requests", "Requests that the API answered", "method", "route", "status"
    )
    refusals: Counter = _counter(
        "http_refusals",
        "Connections and requests that the server refused before the API saw them",
        "kind",
    )
    request_seconds: Histogram = _seconds(
        "http_request_duration", "How long the API took to answer", _SHORT, "route"
    )


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


def calls_per_job_minute(found: Mapping[str, Metric]) -> Metric:
    """Calls of AppService per minute of a running job, since the counters began. For an interval,
    divide the rates of the two counters.
    """
    calls, minutes = (
        sum(each.value for each in found[name].samples if each.name == f"{name}_total")
        if name in found
        else 0.0
        for name in ("scheduler_calls", "scheduler_active_job_minutes")
    )
    return GaugeMetricFamily(
        "scheduler_calls_per_active_job_minute",
        "Calls of AppService for each minute of a job that it runs",
        value=calls / minutes if minutes else 0.0,
    )
