"""Opens this process's counters, which all processes of a host share (``metric_files.py``)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from threading import Lock

import structlog
from prometheus_client import values
from prometheus_client.metrics_core import Metric

from config.sections import Metrics
from observability.metric_files import Files
from observability.metrics import Counts, Meters, calls_per_job_minute
from workflows.model.states import FINAL_WORKFLOW

log = structlog.get_logger(__name__)

_opening = Lock()


@dataclass(frozen=True, slots=True)
class Shared:
    """This process's meters, and the values of all processes."""

    meters: Meters
    files: Files

    def collect(self) -> Iterator[Metric]:
        """Collects for Prometheus's registry; a metric without a value yet has its header."""
        found = {metric.name: metric for metric in self.files.collect()}
        yield from found.values()
        yield calls_per_job_minute(found)
        for meter in fields(self.meters):
            for family in getattr(self.meters, meter.name).describe():
                if family.name not in found:
                    yield family


def share(folder: Path) -> Shared:
    """Opens this process's meters in ``folder``. Raises ``OSError`` where it cannot be written."""
    files = Files(folder)
    files.open()
    # The library reads this variable for each value it makes, and chooses the kind of value when
    # it is imported; both are set here, so that it does not matter who imported it first.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(files.identity)
    return Shared(Meters(), files)


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
