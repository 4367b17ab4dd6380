"""Judges whether work gets done, by what waits and for how long. A heartbeat alone proves nothing.

Three values: ``healthy``; ``degraded``, if an external service is away and work goes on when it
comes back; ``unhealthy``, if an operator must act.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from workflows.rules.holds import Hold, Scope, describe


class HealthStatus(StrEnum):
    """From good to bad, in this order."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Part:
    """The health of one part of the engine."""

    name: str
    word: HealthStatus
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The durations beyond which a part counts as unhealthy."""

    interval: timedelta
    """The polling interval."""
    overdue: timedelta = timedelta(minutes=5)
    """How long a due workflow may wait for its advance."""

    @property
    def moment(self) -> timedelta:
        """Failures within this time count as one incident."""
        return timedelta(seconds=10)

    @property
    def forgotten(self) -> timedelta:
        """After this time without a run, a task that raised counts as well again."""
        return max(timedelta(minutes=1), self.interval * 3)

    @property
    def silence(self) -> timedelta:
        """How long a process or the sweep may be silent: three intervals."""
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
    """From the last time until the process's heartbeat."""

    def again_and_again(self, seen: timedelta, thresholds: Thresholds) -> bool:
        """Whether the task failed at least three times, and not in one incident (such as a failover
        of MongoDB)."""
        lately = self.ago + seen <= thresholds.forgotten
        return self.count >= 3 and self.lasted >= thresholds.moment and lately  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last heartbeat of a process."""

    kind: str
    """``worker``, ``beat`` or ``api``."""
    seen: timedelta
    """How long ago."""
    queues: tuple[str, ...] = ()
    """The queues that a worker consumes."""
    cut_off: bool = False
    """True for a worker whose circuit breaker lets no call to AppService through."""
    broken: tuple[BrokenTask, ...] = ()
    """Tasks of a worker that raised lately."""
    name: str = ""
    """``<kind>@<host>:<process id>``."""
    version: str = ""
    """The release that it runs; empty of one that is too old to say."""


def worst_status(parts: Iterable[Part]) -> HealthStatus:
    words = list(HealthStatus)
    return max((part.word for part in parts), key=words.index, default=HealthStatus.HEALTHY)


_OPTIONAL = frozenset({"notifications"})
"""Queues without which all workflows still end."""


def judge_workers(
    present: Sequence[Heartbeat], queues: Sequence[str], thresholds: Thresholds
) -> Part:
    """Every queue needs a live worker."""
    found = [each for each in present if each.kind == "worker"]
    alive = [each for each in found if each.seen <= thresholds.silence]
    facts = {"alive": len(alive), "silent": len(found) - len(alive)}
    if not alive:
        silent = min((each.seen for each in found), default=None)
        since = f"for {_seconds(silent)}" if silent is not None else "ever"
        message = f"no worker has sent a heartbeat {since}: none runs, or all of them hang"
        return Part("workers", HealthStatus.UNHEALTHY, message, facts)
    consumed = {queue for each in alive for queue in each.queues}
    if missing := [queue for queue in queues if queue not in consumed]:
        message = f"no worker consumes {', '.join(missing)}"
        work_goes_on = set(missing) <= _OPTIONAL
        word = HealthStatus.DEGRADED if work_goes_on else HealthStatus.UNHEALTHY
        return Part("workers", word, message, facts | {"queues": sorted(consumed)})
    message = f"{len(alive)} worker processes consume every queue"
    return Part("workers", HealthStatus.HEALTHY, message, facts | {"queues": sorted(consumed)})


def judge_beat(present: Sequence[Heartbeat], thresholds: Thresholds) -> Part:
    seen = min((each.seen for each in present if each.kind == "beat"), default=None)
    facts = {"seconds": None if seen is None else round(seen.total_seconds(), 3)}
    if seen is not None and seen <= thresholds.silence:
        return Part("beat", HealthStatus.HEALTHY, f"it ticked {_seconds(seen)} ago", facts)
    since = f"for {_seconds(seen)}" if seen is not None else "yet"
    return Part(
        "beat", HealthStatus.UNHEALTHY, f"beat has not ticked {since}: no sweep runs", facts
    )


def judge_sweep(swept: timedelta | None, thresholds: Thresholds) -> Part:
    """Judges the sweep, which needs beat, the broker, a worker and MongoDB."""
    facts = {"seconds": None if swept is None else round(swept.total_seconds(), 3)}
    if swept is not None and swept <= thresholds.silence:
        return Part(
            "sweep", HealthStatus.HEALTHY, f"the last one began {_seconds(swept)} ago", facts
        )
    since = f"the last sweep began {_seconds(swept)} ago" if swept is not None else "none so far"
    return Part("sweep", HealthStatus.UNHEALTHY, f"{since}: due work is not found", facts)


def judge_workflows(overdue: timedelta, counts: Mapping[str, int], thresholds: Thresholds) -> Part:
    facts = {"active": dict(counts), "oldest_overdue_seconds": round(overdue.total_seconds(), 3)}
    if overdue <= thresholds.overdue:
        return Part("workflows", HealthStatus.HEALTHY, f"{sum(counts.values())} are active", facts)
    message = f"a due workflow has waited for {_seconds(overdue)}"
    return Part("workflows", HealthStatus.UNHEALTHY, message, facts)


def judge_outbox(
    unsent: timedelta, jobs: Mapping[str, int], thresholds: Thresholds, parked: int = 0
) -> Part:
    """Judges the outbox; a slow outbox is degraded, since its jobs are sent in time. ``parked``
    jobs wait for a fresh token of their user, which is no fault of the engine.
    """
    facts = {
        "jobs": dict(jobs),
        "parked": parked,
        "oldest_unsent_seconds": round(unsent.total_seconds(), 3),
    }
    if unsent <= thresholds.overdue:
        return Part("outbox", HealthStatus.HEALTHY, _waiting_jobs(jobs, parked), facts)
    message = f"a job has waited for {_seconds(unsent)} to be sent"
    return Part("outbox", HealthStatus.DEGRADED, message, facts)


def judge_notifications(oldest: timedelta, pending: int, thresholds: Thresholds) -> Part:
    """Judges messages to webhooks; workflows do not wait for them. ``oldest``: how long one waits
    whose receiver has refused nothing of late."""
    facts = {"pending": pending, "oldest_seconds": round(oldest.total_seconds(), 3)}
    if oldest <= thresholds.overdue:
        return Part("webhooks", HealthStatus.HEALTHY, f"{pending} messages wait", facts)
    message = f"a message to a webhook has waited for {_seconds(oldest)}"
    return Part("webhooks", HealthStatus.DEGRADED, message, facts)


def _waiting_jobs(jobs: Mapping[str, int], parked: int) -> str:
    told = f"{jobs.get('intended', 0)} jobs wait"
    return f"{told}, {parked} of them for a fresh token of their user" if parked else told


def tasks(present: Sequence[Heartbeat], thresholds: Thresholds) -> Part:
    """A task that fails again and again leaves its work undone, although its worker is alive."""
    broken = {
        each.task: each
        for process in present
        if process.seen <= thresholds.silence
        for each in process.broken
        if each.again_and_again(process.seen, thresholds)
    }
    facts = {"broken": {task: each.error for task, each in sorted(broken.items())}}
    if not broken:
        return Part("tasks", HealthStatus.HEALTHY, "no task fails again and again", facts)
    broken_tasks = ", ".join(
        f"{task} broke {each.count} times within {_seconds(each.lasted)} ({each.error})"
        for task, each in sorted(broken.items())
    )
    return Part("tasks", HealthStatus.UNHEALTHY, f"{broken_tasks}; see the workers' logs", facts)


def judge_service(
    state: str,
    reason: str,
    present: Sequence[Heartbeat],
    thresholds: Thresholds,
    submissions: Mapping[str, Any] | None = None,
) -> Part:
    """Judges AppService; an outage only delays workflows. ``submissions``: the limit of calls under
    way and its reason."""
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


def judge_holds(holds: Sequence[Hold]) -> Part:
    """Where a hold is on everything, work waits on purpose, until it ends. It names no user, since
    everyone may ask for the health."""
    counts = Counter(str(hold.scope) for hold in holds)
    facts = {"holds": {str(scope): counts[scope] for scope in Scope}}
    everything = [hold for hold in holds if hold.scope is Scope.GLOBAL]
    if everything:
        message = " ".join(describe(hold) for hold in everything)
        return Part("holds", HealthStatus.DEGRADED, message, facts)
    count = f"{len(holds)} holds keep some work" if holds else "no hold keeps any work"
    return Part("holds", HealthStatus.HEALTHY, f"{count} from starting", facts)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} s"
