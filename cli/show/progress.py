"""A workflow's progress as derived from its events; pure. ``tree.py`` renders it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bvbrc_workflows_client.states import FINAL

OVER: Final = FINAL | {"upstream_failed", "skipped"}
"""States that a step does not leave by itself."""
_ANEW: Final = frozenset({"failed", "cancelled", "upstream_failed"})
"""Steps that a retry starts again."""
_REFERENCE: Final = re.compile(r"\$\{\s*steps\.([^.\[\]}]+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its dependencies and its state."""

    name: str
    app: str
    needs: tuple[str, ...]
    state: str = "pending"
    job_id: str = ""
    attempt: int = 0
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""

    def elapsed_time(self, now: datetime) -> timedelta | None:
        """The time since the submission of its job, until its end; None before."""
        begun = self.started_at or self.queued_at
        return max((self.ended_at or now) - begun, timedelta(0)) if begun else None


@dataclass(frozen=True, slots=True)
class Progress:
    """A workflow after its first ``sequence`` events."""

    id: str
    name: str
    state: str
    created_at: datetime
    steps: Mapping[str, Step]
    """By name, in the order of the document."""
    sequence: int = 0
    ended_at: datetime | None = None

    @property
    def over(self) -> int:
        """How many steps have ended."""
        return sum(step.state in OVER for step in self.steps.values())

    def elapsed_time(self, now: datetime) -> timedelta:
        return max((self.ended_at or now) - self.created_at, timedelta(0))

    def after(self, event: Mapping[str, Any]) -> Progress:
        """One event later; events that were seen before change nothing."""
        if event["id"] <= self.sequence:
            return self
        seen = replace(self, sequence=event["id"])
        if event["subject"] == "step":
            name = event["step_name"]
            step = _move_step(self.steps.get(name) or Step(name, event["app"], ()), event)
            return replace(seen, steps={**self.steps, step.name: step})
        return _move_workflow(seen, event)

    def knowing(self, document: Mapping[str, Any]) -> Progress:
        """With the steps that were added since, from the whole document."""
        known = {step["step_name"]: _step(step) for step in document["steps"]}
        return replace(self, steps={**known, **self.steps})


def start_progress(document: Mapping[str, Any]) -> Progress:
    """Before the first event, from the whole document (``GET /workflows/{id}``)."""
    return Progress(
        document["workflow_id"],
        document["workflow_name"],
        "planned" if document["status"] == "planned" else "pending",
        time(document["created_at"]),
        {step["step_name"]: _step(step) for step in document["steps"]},
    )


def after(progress: Progress, events: Iterable[Mapping[str, Any]]) -> Progress:
    for event in events:
        progress = progress.after(event)
    return progress


def time(stamp: str) -> datetime:
    """The API's ISO 8601 with ``Z``."""
    return datetime.fromisoformat(stamp)


def levels(steps: Sequence[Step]) -> dict[str, int]:
    """Step name to the length of the longest chain of steps before it, in the order of levels.

    Steps that wait for each other, as those of a bad plan may, are missing.
    """
    names = {step.name for step in steps}
    waits = {step.name: len(names.intersection(step.needs)) for step in steps}
    dependents: dict[str, list[str]] = {name: [] for name in names}
    for step in steps:
        for need in names.intersection(step.needs):
            dependents[need].append(step.name)
    found = dict.fromkeys((name for name, count in waits.items() if count == 0), 0)
    ready = list(found)
    for name in ready:  # grows while it is walked
        for dependent in dependents[name]:
            found[dependent] = max(found.get(dependent, 0), found[name] + 1)
            waits[dependent] -= 1
            if waits[dependent] == 0:
                ready.append(dependent)
    return {name: found[name] for name in ready}


def _step(found: Mapping[str, Any]) -> Step:
    named = _REFERENCE.findall(json.dumps(found["params"], ensure_ascii=False))
    needs = dict.fromkeys([*(found.get("depends_on") or ()), *named])
    needs.pop(found["step_name"], None)
    return Step(found["step_name"], found["app"], tuple(needs))


def _move_step(step: Step, event: Mapping[str, Any]) -> Step:
    state, at = event["after"], time(event["at"])
    if state == "pending":  # it was added: what it depends on is known now
        return step
    step = replace(
        step,
        state=state,
        job_id=event["job_id"] or step.job_id,
        attempt=event["attempt"] or step.attempt,
        reason=event["reason"],
    )
    if state == "queued":
        return replace(step, queued_at=at, started_at=None, ended_at=None)
    if state == "running":
        return replace(step, started_at=at)
    return replace(step, ended_at=at)


def _move_workflow(progress: Progress, event: Mapping[str, Any]) -> Progress:
    """Applies a change of the workflow's state; a retry resets its unsuccessful steps."""
    state = event["after"]
    if state == "pending":
        steps = {name: _anew(step) for name, step in progress.steps.items()}
        return replace(progress, state=state, steps=steps, ended_at=None)
    ended_at = time(event["at"]) if state in FINAL else None
    return replace(progress, state=state, ended_at=ended_at)


def _anew(step: Step) -> Step:
    return Step(step.name, step.app, step.needs) if step.state in _ANEW else step
