"""Every counter and histogram by name. All processes of a host share them (``metric_files.py``).

Labels are bounded: apps, states, methods, classes of errors; never an id, never a user.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Histogram, values
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from observability.metric_files import Files

_LONG: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)
"""Seconds, from a trivial job to a week."""
_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)
"""Seconds, from a call on the same machine to the longest submission."""


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
class Shared:
    """This process's meters, and the values of all processes."""

    meters: Meters
    files: Files

    def collect(self) -> Iterator[Metric]:
        """Collects for Prometheus's registry; a metric without a value yet has its header."""
        found = {metric.name: metric for metric in self.files.collect()}
        yield from found.values()
        yield _calls_per_job_minute(found)
        for meter in fields(self.meters):
            for family in getattr(self.meters, meter.name).describe():
                if family.name not in found:
                    yield family


def _calls_per_job_minute(found: Mapping[str, Metric]) -> Metric:
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


def share(folder: Path) -> Shared:
    """Opens this process's meters in ``folder``. Raises ``OSError`` where it cannot be written."""
    files = Files(folder)
    files.open()
    # The library reads this variable for each value it makes, and chooses the kind of value when
    # it is imported; both are set here, so that it does not matter who imported it first.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(files.identity)
    return Shared(Meters(), files)
