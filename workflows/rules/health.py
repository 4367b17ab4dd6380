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


class Word(StrEnum):
    """From good to bad, in this order."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the engine, as found."""

    name: str
    word: Word
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Patience:
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

    def again_and_again(self, seen: timedelta, patience: Patience) -> bool:
        """Three times is no accident, unless all of it was one moment: then MongoDB was away."""
        lately = self.ago + seen <= patience.forgotten
        return self.count >= 3 and self.lasted >= patience.moment and lately  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Presence:
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


def worst(parts: Iterable[Part]) -> Word:
    words = list(Word)
    return max((part.word for part in parts), key=words.index, default=Word.HEALTHY)


def workers(present: Sequence[Presence], queues: Sequence[str], patience: Patience) -> Part:
    """Somebody must be there for every queue."""
    found = [each for each in present if each.kind == "worker"]
    alive = [each for each in found if each.seen <= patience.silence]
    facts = {"alive": len(alive), "silent": len(found) - len(alive)}
    if not alive:
        silent = min((each.seen for each in found), default=None)
        since = f"for {_seconds(silent)}" if silent is not None else "ever"
        message = f"no worker has been heard of {since}: none runs, or all of them hang"
        return Part("workers", Word.UNHEALTHY, message, facts)
    consumed = {queue for each in alive for queue in each.queues}
    if missing := [queue for queue in queues if queue not in consumed]:
        message = f"no worker consumes {', '.join(missing)}"
        return Part("workers", Word.UNHEALTHY, message, facts | {"queues": sorted(consumed)})
    message = f"{len(alive)} worker processes consume every queue"
    return Part("workers", Word.HEALTHY, message, facts | {"queues": sorted(consumed)})


def beat(present: Sequence[Presence], patience: Patience) -> Part:
    seen = min((each.seen for each in present if each.kind == "beat"), default=None)
    facts = {"seconds": None if seen is None else round(seen.total_seconds(), 3)}
    if seen is not None and seen <= patience.silence:
        return Part("beat", Word.HEALTHY, f"it ticked {_seconds(seen)} ago", facts)
    since = f"for {_seconds(seen)}" if seen is not None else "yet"
    return Part("beat", Word.UNHEALTHY, f"beat has not ticked {since}: nothing is swept", facts)


def sweep(swept: timedelta | None, patience: Patience) -> Part:
    """A sweep needs beat, broker, a worker and MongoDB: it is the engine's pulse."""
    facts = {"seconds": None if swept is None else round(swept.total_seconds(), 3)}
    if swept is not None and swept <= patience.silence:
        return Part("sweep", Word.HEALTHY, f"the last one began {_seconds(swept)} ago", facts)
    since = f"the last sweep began {_seconds(swept)} ago" if swept is not None else "none so far"
    return Part("sweep", Word.UNHEALTHY, f"{since}: nothing that is due is found", facts)


def workflows(overdue: timedelta, counts: Mapping[str, int], patience: Patience) -> Part:
    facts = {"active": dict(counts), "oldest_overdue_seconds": round(overdue.total_seconds(), 3)}
    if overdue <= patience.overdue:
        return Part("workflows", Word.HEALTHY, f"{sum(counts.values())} are active", facts)
    message = f"a workflow has waited for {_seconds(overdue)} to be looked at"
    return Part("workflows", Word.UNHEALTHY, message, facts)


def outbox(unsent: timedelta, jobs: Mapping[str, int], patience: Patience) -> Part:
    """Too slow is not dead: what waits is sent in its turn."""
    facts = {"jobs": dict(jobs), "oldest_unsent_seconds": round(unsent.total_seconds(), 3)}
    if unsent <= patience.overdue:
        return Part("outbox", Word.HEALTHY, f"{jobs.get('intended', 0)} jobs wait", facts)
    message = f"a job has waited for {_seconds(unsent)} to be sent"
    return Part("outbox", Word.DEGRADED, message, facts)


def tasks(present: Sequence[Presence], patience: Patience) -> Part:
    """A task that breaks again and again leaves its work undone, whoever says "I am here"."""
    broken = {
        each.task: each
        for process in present
        if process.seen <= patience.silence
        for each in process.broken
        if each.again_and_again(process.seen, patience)
    }
    facts = {"broken": {task: each.error for task, each in sorted(broken.items())}}
    if not broken:
        return Part("tasks", Word.HEALTHY, "no task breaks again and again", facts)
    told = ", ".join(
        f"{task} broke {each.count} times within {_seconds(each.lasted)} ({each.error})"
        for task, each in sorted(broken.items())
    )
    return Part("tasks", Word.UNHEALTHY, f"{told}: the workers' logs have the tracebacks", facts)


def service(
    state: str,
    reason: str,
    present: Sequence[Presence],
    patience: Patience,
    submissions: Mapping[str, Any] | None = None,
) -> Part:
    """BV-BRC away stops no workflow for good: it waits. ``submissions``: the limit of calls under
    way, and what it follows."""
    cut_off = sum(each.cut_off and each.seen <= patience.silence for each in present)
    facts = {"state": state, "workers_cut_off": cut_off, "submissions": dict(submissions or {})}
    if state == "disabled":
        message = "AppService has switched submissions off"
    elif state != "up":
        message = f"AppService is away: {reason}"
    elif cut_off:
        message = f"AppService does not answer {cut_off} worker processes"
    else:
        return Part("bvbrc", Word.HEALTHY, "AppService answers and takes submissions", facts)
    return Part("bvbrc", Word.DEGRADED, message, facts)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} s"
