"""When each step waited and ran, and the chain of steps that decided how long it all took; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from cli.show.progress import start_progress, time
from cli.show.tree import duration, state
from cli.show.views import make_table, moment

Json = Any


def timeline(document: Json, now: datetime) -> Json:
    """``{steps, critical_path}`` from the whole document: the steps that had jobs, by the time of
    their submission. Times of several attempts are added."""
    jobs: dict[str, list[Json]] = {}
    for each in document["execution_metadata"]["attempts"]:
        if each["submitted_at"]:
            jobs.setdefault(each["step_name"], []).append(each)
    states = {each["step_name"]: each["status"] for each in document["steps"]}
    ends = {name: _end(attempts, now) for name, attempts in jobs.items()}
    needs = {name: step.needs for name, step in start_progress(document).steps.items()}
    path = critical_path(needs, ends)
    rows = [_row(name, states[name], attempts, now) for name, attempts in jobs.items()]
    for each in rows:
        each["critical"] = each["step_name"] in path
    return {
        "steps": sorted(rows, key=lambda each: str(each["submitted_at"])),
        "critical_path": path,
    }


def critical_path(needs: Mapping[str, Sequence[str]], ends: Mapping[str, datetime]) -> list[str]:
    """Each step ended last of those that its successor waited for. ``ends`` maps steps that were
    started to their end, or to now."""
    path = [max(ends, key=lambda step: ends[step])] if ends else []
    while path and (before := [need for need in needs[path[-1]] if need in ends]):
        path.append(max(before, key=lambda step: ends[step]))
    return path[::-1]


def show_timeline(found: Json) -> RenderableType:
    if not found["steps"]:
        return Text("No step has had a job yet.")
    table = make_table("step", "state", "submitted", "waited", "ran", "ended")
    for each in found["steps"]:
        table.add_row(
            Text(each["step_name"], style="bold" if each["critical"] else ""),
            state(each["status"]),
            moment(each["submitted_at"]),
            duration(timedelta(seconds=each["waited_seconds"])),
            duration(timedelta(seconds=each["ran_seconds"])),
            moment(each["finished_at"]),
        )
    return Group(table, Text("Critical path: " + " → ".join(found["critical_path"])))


def _row(name: str, status: str, attempts: Sequence[Json], now: datetime) -> Json:
    return {
        "step_name": name,
        "status": status,
        "submitted_at": attempts[0]["submitted_at"],
        "waited_seconds": _add(attempts, "submitted_at", "started_at", now),
        "ran_seconds": _add(attempts, "started_at", "finished_at", now),
        "finished_at": attempts[-1]["finished_at"],
    }


def _add(attempts: Iterable[Json], since: str, until: str, now: datetime) -> float:
    """Never negative: BV-BRC's clock ticks whole seconds, and is not the engine's."""
    total = timedelta(0)
    for each in attempts:
        if each[since]:
            end = each[until] or each["finished_at"]
            total += max((time(end) if end else now) - time(each[since]), timedelta(0))
    return total.total_seconds()


def _end(attempts: Sequence[Json], now: datetime) -> datetime:
    last = attempts[-1]["finished_at"]
    return time(last) if last else now
