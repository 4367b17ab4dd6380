"""What every benchmark shares: the machine's facts, CPU seconds of processes, medians, results.

A result is ``results/<name>.json``: ``{name, taken_at, machine, versions, runs, medians, …}``.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("celery", "kombu", "redis", "pymongo", "mongoengine", "requests", "flask", "gunicorn")
Row = dict[str, Any]


def machine() -> Row:
    """What the figures depend on; the load is that of the moment."""
    with Path("/proc/cpuinfo").open() as lines:
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "steal_percent": psutil.cpu_times_percent(0.2).steal,
    }


def versions(*more: str) -> Row:
    found: Row = {"python": platform.python_version(), "engine": _commit()}
    for package in (*PACKAGES, *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _commit() -> str:
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@dataclass
class Meter:
    """CPU seconds and memory of named processes, their children among them."""

    processes: Mapping[str, int]
    """Names to pids."""
    _at: float = 0.0
    _before: dict[str, float] = field(default_factory=dict)
    _machine: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        self._before = {name: cpu_seconds(pid) for name, pid in self.processes.items()}
        self._machine = _machine_seconds()
        self._at = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._at

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each since the start."""
        return {
            name: round(cpu_seconds(pid) - self._before[name], 3)
            for name, pid in self.processes.items()
        }

    def foreign_cores(self) -> float:
        """How many cores other processes kept busy during the measurement, on average. A figure
        measured beside 1.5 of two cores says little."""
        busy, _ = _machine_seconds()
        ours = sum(self.cpu().values()) + sum(psutil.Process().cpu_times()[:2]) - self._machine[1]
        return round(max(0.0, (busy - self._machine[0] - ours) / self.seconds), 2)

    def memory_mib(self) -> dict[str, float]:
        """Resident memory of each now."""
        return {
            name: round(sum(each.memory_info().rss for each in _family(pid)) / 2**20, 1)
            for name, pid in self.processes.items()
        }


def _machine_seconds() -> tuple[float, float]:
    """CPU seconds that anybody used since boot, and that this process used."""
    times = psutil.cpu_times()
    busy = times.user + times.nice + times.system + times.softirq + times.irq
    return busy, sum(psutil.Process().cpu_times()[:2])


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children so far; 0 of one that has gone."""
    total = 0.0
    for each in _family(pid):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def rate(work: Callable[[int], object], count: int) -> float:
    """How often a second ``work`` is done, called with 0, 1, …"""
    begun = time.perf_counter()
    for number in range(count):
        work(number)
    return count / (time.perf_counter() - begun)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value at that rank (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def medians(runs: Sequence[Mapping[str, Any]]) -> Row:
    """Of each figure that all runs have; of nested figures as well."""
    found: Row = {}
    for name, first in runs[0].items():
        values = [run[name] for run in runs if run.get(name) is not None]
        if isinstance(first, Mapping):
            found[name] = medians([value for value in values if value] or [{}])
        elif isinstance(first, (int, float)) and not isinstance(first, bool):
            found[name] = round(statistics.median(values), 4)
    return found


@contextmanager
def result(name: str, asked: Mapping[str, Any]) -> Iterator[Row]:
    """A result to be filled in; written at the end of the block, whatever happens in it.

    ``asked``: what the benchmark was asked to do.
    """
    found: Row = {
        "name": name,
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "asked": dict(asked),
    }
    about = found["machine"]
    print(f"{name}: {about['cpu']}, {about['cores']} cores, load {about['load_average']}")
    try:
        yield found
    finally:
        found["machine"]["load_average_at_end"] = [round(each, 2) for each in os.getloadavg()]
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{name}.json"
        file.write_text(json.dumps(found, indent=1, default=str) + "\n")
        print(f"→ {file}")


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints rows of the same columns under each other."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *[[_cell(row.get(name)) for name in names] for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        shown = [each.ljust(width) for each, width in zip(line, widths, strict=True)]
        print("  ".join(shown).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return "" if value is None else str(value)
