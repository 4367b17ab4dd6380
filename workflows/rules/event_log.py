"""Formats a workflow's events as the lines of its log, in the specification's format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta

from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Event

_WORKFLOW = {
    WorkflowState.QUEUED: "Workflow execution started",
    WorkflowState.RUNNING: "Workflow is running",
    WorkflowState.SUCCEEDED: "Workflow completed successfully",
    WorkflowState.FAILED: "Workflow failed",
    WorkflowState.CANCELLED: "Workflow cancelled",
    WorkflowState.PENDING: "Workflow resumed",
}
_STEP = {
    StepState.PENDING: "Step '{name}' added: its dependencies are known now",
    StepState.QUEUED: "Submitted step '{name}' to app '{app}'",
    StepState.RUNNING: "Step '{name}' is running",
    StepState.SUCCEEDED: "Step '{name}' completed successfully",
    StepState.FAILED: "Step '{name}' failed",
    StepState.READY: "Step '{name}' failed and will be tried again",
    StepState.UPSTREAM_FAILED: "Step '{name}' will not run: a step it depends on did not succeed",
    StepState.CANCELLED: "Step '{name}' cancelled",
    StepState.SKIPPED: "Step '{name}' skipped: its condition is false",
}
_LEVELS = {
    "failed": "ERROR",
    "upstream_failed": "WARNING",
    "cancelled": "WARNING",
    "ready": "WARNING",
}


def line(event: Event) -> str:
    """One event as one line, without its line end."""
    level = _LEVELS.get(event.after, "INFO")
    facts = "".join(f" | {name}={value}" for name, value in _facts(event))
    return f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} - {level} - {_text(event)}{facts}"


def text(events: Iterable[Event]) -> str:
    """A whole log; each line ends with a line end."""
    return "".join(f"{line(event)}\n" for event in events)


def format_elapsed(duration: timedelta) -> str:
    """``HH:MM:SS``; hours may exceed 24."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def _text(event: Event) -> str:
    if event.subject == "workflow":
        return _WORKFLOW[WorkflowState(event.after)]
    return _STEP[StepState(event.after)].format(name=_flat(event.step_name), app=event.app)


def _facts(event: Event) -> Iterable[tuple[str, str]]:
    if event.job_id and event.after in (StepState.QUEUED, StepState.FAILED, StepState.READY):
        yield "task_id", event.job_id
    if event.attempt > 1:
        yield "attempt", str(event.attempt)
    if event.duration is not None:
        yield "elapsed_time", format_elapsed(event.duration)
    if event.reason:
        yield "reason", _flat(event.reason)


def _flat(value: str) -> str:
    """Replaces line ends, so that a user's text cannot forge log lines."""
    return "".join(char if char.isprintable() else " " for char in value)
