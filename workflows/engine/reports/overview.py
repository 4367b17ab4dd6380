"""The whole engine at a glance, for operators: what waits, for whom, how long, and why.

Each part is asked for by itself, with a limit and a time of its own. A part that takes too long is
null, and named in ``incomplete``: an overview must work when the engine does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from workflows import __version__
from workflows.engine.reports.views import stamp
from workflows.model.errors import Unavailable
from workflows.model.values import Json
from workflows.rules.health import Heartbeat
from workflows.store import parked, statistics
from workflows.store.mongo import clock
from workflows.store.overview import queues, users
from workflows.store.overview import stuck as stuck_work
from workflows.store.processes import service_status, sweeps
from workflows.store.processes.heartbeats import list_heartbeats

MOST: Final = 50
"""Users in a list."""
MOST_STUCK: Final = 20
"""Of each kind."""


def overview(
    user_jobs: int,
    overdue: timedelta,
    messages: Callable[[], Mapping[str, int] | None],
) -> dict[str, Any]:
    """``user_jobs``: the cap on jobs of one user. ``overdue``: how long due work may wait before it
    counts as stuck. ``messages``: the depth of each queue of the broker; None while it is away.

    Raises ``Unavailable`` where MongoDB is away.
    """
    now = clock()
    found: dict[str, Any] = {"at": stamp(now), "version": __version__}
    incomplete = []
    for name, ask in _parts(now, user_jobs, overdue, messages).items():
        try:
            found[name] = ask()
        except Unavailable:
            found[name] = None
            incomplete.append(name)
    return {**found, "incomplete": incomplete}


def _parts(
    now: datetime,
    user_jobs: int,
    overdue: timedelta,
    messages: Callable[[], Mapping[str, int] | None],
) -> Mapping[str, Callable[[], Json]]:
    return {
        "workflows": statistics.workflow_states,
        "progress": lambda: _progress(statistics.progress(user_jobs)),
        "queues": lambda: [_queue(each, now) for each in queues.queues(now)],
        "messages": lambda: _messages(messages),
        "outbox": lambda: _outboxes(now),
        "parked": _list_parked,
        "services": _services,
        "processes": lambda: _processes(now),
        "slowest_sweeps": _slowest_sweeps,
        "users": _users,
        "stuck": lambda: [_stuck(each) for each in stuck_work.stuck(now, overdue, MOST_STUCK)],
    }


def _slowest_sweeps() -> Json:
    return [{"at": stamp(each.at), "seconds": round(each.seconds, 3)} for each in sweeps.slowest()]


def _users() -> Json:
    return [
        {
            "owner": each.owner,
            "workflows": each.workflows,
            "active": each.active,
            "bytes": each.bytes,
        }
        for each in users.users(MOST)
    ]


def _progress(known: statistics.Progress) -> dict[str, Json]:
    limit = known.submissions
    return {
        "jobs": dict(known.jobs),
        "in_doubt": known.in_doubt,
        "waiting_for_token": known.parked,
        "oldest_unsent_seconds": _seconds(known.unsent),
        "oldest_overdue_seconds": _seconds(known.overdue),
        "last_sweep_seconds": None if known.swept is None else _seconds(known.swept),
        "submission_limit": {
            "calls": limit.calls,
            "latency_seconds": limit.latency,
            "reason": limit.reason,
        },
    }


def _queue(queue: queues.Queue, now: datetime) -> dict[str, Json]:
    age = None if queue.oldest is None else _seconds(now - queue.oldest)
    return {"name": queue.name, "waiting": queue.waiting, "oldest_seconds": age}


def _messages(ask: Callable[[], Mapping[str, int] | None]) -> dict[str, int]:
    found = ask()
    if found is None:
        raise Unavailable("The broker is away.")
    return dict(found)


def _outboxes(now: datetime) -> list[Json]:
    found = queues.outboxes(MOST)
    waiting = parked.since_of({each.owner for each in found})
    return [
        {
            "owner": each.owner,
            "waiting": each.waiting,
            "oldest_seconds": None if each.oldest is None else _seconds(now - each.oldest),
            "parked": each.owner in waiting,
        }
        for each in found
    ]


def _list_parked() -> list[Json]:
    """Users with active workflows that wait for a token."""
    active = {each.owner: each.active for each in users.users(parked.MOST_USERS) if each.active}
    since = parked.since_of(active)
    ordered = sorted(since, key=lambda owner: (-active[owner], owner))
    return [
        {"owner": owner, "workflows": active[owner], "since": stamp(since[owner])}
        for owner in ordered[:MOST]
    ]


def _services() -> list[Json]:
    return [
        {
            "name": name,
            "state": health.state,
            "reason": health.reason,
            "since": stamp(health.since),
            "checked_at": stamp(checked),
        }
        for name, (health, checked) in sorted(service_status.all_services().items())
    ]


def _processes(now: datetime) -> list[Json]:
    """Workers and beats. An API records itself only where a probe asks it to write, so that its
    last record does not say whether it lives."""
    return [_process(each, now) for each in list_heartbeats() if each.kind != "api"]


def _process(each: Heartbeat, now: datetime) -> dict[str, Json]:
    return {
        "name": each.name,
        "kind": each.kind,
        "version": each.version,
        "heartbeat_at": stamp(now - each.seen),
        "seen_seconds": _seconds(each.seen),
        "queues": list(each.queues),
        "breaker_open": each.cut_off,
        "broken_tasks": [
            {"task": task.task, "error": task.error, "count": task.count} for task in each.broken
        ],
    }


def _stuck(each: stuck_work.Stuck) -> dict[str, Json]:
    return {
        "workflow_id": each.workflow,
        "owner": each.owner,
        "job": each.job,
        "since": stamp(each.since),
        "why": each.why,
    }


def _seconds(duration: timedelta) -> float:
    return round(duration.total_seconds(), 3)
