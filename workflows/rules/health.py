"""Does work get done? Judged from what waits and for how long, not from who says "I am here".

Three words: ``healthy``; ``degraded``, where something outside is away and work goes on when it
comes back; ``unhealthy``, where a person must look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class HealthStatus(StrEnum):
    """From good to bad, in this order."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the engine, as found."""

    name: str
    word: HealthStatus
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is too long."""

    interval: timedelta
    """The polling interval."""
    overdue: timedelta = timedelta(minutes=5)
    """How long a workflow may wait to be looked at."""

    @property
    def moment(self) -> timedelta:
        """How long one trouble may make tasks raise that is none of theirs."""
        return timedelta(seconds=10)

    @property
    def forgotten(self) -> timedelta:
        """When a task that raised and was not run again is believed to be well."""
        return max(timedelta(minutes=1), self.interval * 3)

    @property
    def silence(self) -> timedelta:
        """How long a process or the sweep may be silent: found out within three intervals."""
        return max(self.interval * 2.5, timedelta(seconds=1.25))


@dataclass(frozen=True, slots=True)
class BrokenTask:
    """A task of one process that raised, without a long pause in between."""

    task: str
    error: str
    """The class of the last exception."""
    count: int
    lasted: timedelta
    """From the first time to the last one."""
    ago: timedelta
    """From the last time until the process said so."""

    def again_and_again(self, seen: timedelta, thresholds: Thresholds) -> bool:
        """Three times is no accident, unless all of it was one moment: then MongoDB was away."""
        lately = self.ago + seen <= thresholds.forgotten
        return self.count >= 3 and self.lasted >= thresholds.moment and lately  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process as it was heard of last."""

    kind: str
    """``worker``, ``beat`` or ``api``."""
    seen: timedelta
    """How long ago."""
    queues: tuple[str, ...] = ()
    """What a worker consumes."""
    cut_off: bool = False
    """A worker that asks AppService nothing for now, since the last calls failed."""
    broken: tuple[BrokenTask, ...] = ()
    """Tasks of a worker that raised lately."""


def worst_status(parts: Iterable[Part]) -> HealthStatus:
    words = list(HealthStatus)
    return max((part.word for part in parts), key=words.index, default=HealthStatus.HEALTHY)


def judge_workers(
    present: Sequence[Heartbeat], queues: Sequence[str], thresholds: Thresholds
) -> Part:
    """Somebody must be there for every queue."""
    found = [each for each in present if each.kind == "worker"]
    alive = [each for each in found if each.seen <= thresholds.silence]
    facts = {"alive": len(alive), "silent": len(found) - len(alive)}
    if not alive:
        silent = min((each.seen for each in found), default=None)
        since = f"for {_seconds(silent)}" if silent is not None else "ever"
        message = f"no worker has been heard of {since}: none runs, or all of them hang"
        return Part("workers", HealthStatus.UNHEALTHY, message, facts)
    consumed = {queue for each in alive for queue in each.queues}
    if missing := [queue for queue in queues if queue not in consumed]:
        message = f"no worker consumes {', '.join(missing)}"
        return Part(
            "workers", HealthStatus.UNHEALTHY, message, facts | {"queues": sorted(consumed)}
        )
    message = f"{len(alive)} worker processes consume every queue"
    return Part("workers", HealthStatus.HEALTHY, message, facts | {"queues": sorted(consumed)})


def judge_beat(present: Sequence[Heartbeat], thresholds: Thresholds) -> Part:
    seen = min((each.seen for each in present if each.kind == "beat"), default=None)
    facts = {"seconds": None if seen is None else round(seen.total_seconds(), 3)}
    if seen is not None and seen <= thresholds.silence:
        return Part("beat", HealthStatus.HEALTHY, f"it ticked {_seconds(seen)} ago", facts)
    since = f"for {_seconds(seen)}" if seen is not None else "yet"
    return Part(
        "beat", HealthStatus.UNHEALTHY, f"beat has not ticked {since}: nothing is swept", facts
    )


def judge_sweep(swept: timedelta | None, thresholds: Thresholds) -> Part:
    """A sweep needs beat, broker, a worker and MongoDB: it is the engine's pulse."""
    facts = {"seconds": None if swept is None else round(swept.total_seconds(), 3)}
    if swept is not None and swept <= thresholds.silence:
        return Part(
            "sweep", HealthStatus.HEALTHY, f"the last one began {_seconds(swept)} ago", facts
        )
    since = f"the last sweep began {_seconds(swept)} ago" if swept is not None else "none so far"
    return Part("sweep", HealthStatus.UNHEALTHY, f"{since}: nothing that is due is found", facts)


def judge_workflows(overdue: timedelta, counts: Mapping[str, int], thresholds: Thresholds) -> Part:
    facts = {"active": dict(counts), "oldest_overdue_seconds": round(overdue.total_seconds(), 3)}
    if overdue <= thresholds.overdue:
        return Part("workflows", HealthStatus.HEALTHY, f"{sum(counts.values())} are active", facts)
    message = f"a workflow has waited for {_seconds(overdue)} to be looked at"
    return Part("workflows", HealthStatus.UNHEALTHY, message, facts)


def judge_outbox(unsent: timedelta, jobs: Mapping[str, int], thresholds: Thresholds) -> Part:
    """Too slow is not dead: what waits is sent in its turn."""
    facts = {"jobs": dict(jobs), "oldest_unsent_seconds": round(unsent.total_seconds(), 3)}
    if unsent <= thresholds.overdue:
        return Part("outbox", HealthStatus.HEALTHY, f"{jobs.get('intended', 0)} jobs wait", facts)
    message = f"a job has waited for {_seconds(unsent)} to be sent"
    return Part("outbox", HealthStatus.DEGRADED, message, facts)


def tasks(present: Sequence[Heartbeat], thresholds: Thresholds) -> Part:
    """A task that breaks again and again leaves its work undone, whoever says "I am here"."""
    broken = {
        each.task: each
        for process in present
        if process.seen <= thresholds.silence
        for each in process.broken
        if each.again_and_again(process.seen, thresholds)
    }
    facts = {"broken": {task: each.error for task, each in sorted(broken.items())}}
    if not broken:
        return Part("tasks", HealthStatus.HEALTHY, "no task breaks again and again", facts)
    told = ", ".join(
        f"{task} broke {each.count} times within {_seconds(each.lasted)} ({each.error})"
        for task, each in sorted(broken.items())
    )
    return Part(
        "tasks", HealthStatus.UNHEALTHY, f"{told}: the workers' logs have the tracebacks", facts
    )


def judge_service(
    state: str,
    reason: str,
    present: Sequence[Heartbeat],
    thresholds: Thresholds,
    submissions: Mapping[str, Any] | None = None,
) -> Part:
    """BV-BRC away stops no workflow for good: it waits. ``submissions``: the limit of calls under
    way, and what it follows."""
    cut_off = sum(each.cut_off and each.seen <= thresholds.silence for each in present)
    facts = {"state": state, "workers_cut_off": cut_off, "submissions": dict(submissions or {})}
    if state == "disabled":
        message = "AppService has switched submissions off"
    elif state != "up":
        message = f"AppService is away: {reason}"
    elif cut_off:
        message = f"AppService does not answer {cut_off} worker processes"
    else:
        return Part(
            "bvbrc", HealthStatus.HEALTHY, "AppService answers and takes submissions", facts
        )
    return Part("bvbrc", HealthStatus.DEGRADED, message, facts)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} s"
