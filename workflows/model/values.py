"""The values the domain speaks in: what was submitted, how far it is, and each job started for it.

All are frozen; a change is a new value. They know neither MongoDB, HTTP nor JSON-RPC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from workflows.model.states import JobState, StepState, WorkflowState

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of these."""


class OnFailure(StrEnum):
    """What the other branches do when a step fails."""

    CONTINUE = "continue"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed step is tried, and how long it waits before each new attempt."""

    max_attempts: int = 1
    backoff: timedelta = timedelta(seconds=60)


USUAL_RETRY: Final = Retry()


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step as submitted: a node of the DAG."""

    name: str
    app: str
    params: Mapping[str, Json]
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """Name to template, or to what is looked for when the step has ended (``globs``)."""
    depends_on: tuple[str, ...] = ()
    retry: Retry = USUAL_RETRY


@dataclass(frozen=True, slots=True)
class Spec:
    """What a user submitted, normalised; it never changes."""

    name: str
    version: str
    base_context: Mapping[str, Json]
    """Holds ``base_url`` and ``workspace_output_folder``, and whatever else the user put there."""
    steps: tuple[StepSpec, ...]
    workflow_outputs: tuple[Json, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    max_parallel_steps: int | None = None
    on_failure: OnFailure = OnFailure.CONTINUE


@dataclass(frozen=True, slots=True)
class Again:
    """A failed step that will be tried once more."""

    at: datetime
    left: int
    """How many further attempts may follow that one without a person asking."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """How far a workflow is. ``states``, ``attempts`` are parallel to the spec's steps."""

    id: str
    owner: str
    state: WorkflowState
    states: tuple[StepState, ...]
    attempts: tuple[int, ...]
    """How many attempts of each step were intended so far; 0 before the first."""
    again: Mapping[int, Again] = field(default_factory=dict)
    """Maps the index of a ``ready`` step that failed before to its next try."""
    cap: int = 2
    """At most this many steps are in flight."""
    cancel_requested: bool = False
    sequence: int = 0
    """The number of the last event recorded."""
    waits_for: tuple[int, ...] = ()
    """Steps after whose success further steps are planned; none where all are known."""
    unplannable: str = ""
    """Why what follows cannot be planned, where what was submitted is to blame."""


class Outcome(StrEnum):
    """How a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"  # AppService did not know it for longer than the deadline


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a step: what shall be, is being or was run at AppService."""

    key: str
    """``<workflow id>/<step index>/<attempt>``: the submission key, sent as user_metadata."""
    workflow: str
    step: int
    attempt: int
    owner: str
    app: str
    params: Mapping[str, Json]
    base_url: str
    state: JobState
    left: int = 0
    """How many attempts may follow this one without a person asking."""
    version: int = 0
    """Counts the changes to the stored job."""
    news: bool = False
    """Something about it is not yet taken into account by its workflow."""
    announced: bool = False
    """Its submission stands in an event."""
    claim: str = ""
    """Who is sending it: the token of that one claim."""
    tries: int = 0
    """How often it was sent in vain, whoever was to blame."""
    refusals: int = 0
    """How often AppService refused it without a reason to believe; outages do not count."""
    refused_since: datetime | None = None
    """When it did so for the first time."""
    in_doubt: bool = False
    answered: bool = False
    """It is in doubt although AppService answered: the answer was an error without a reason."""
    job_id: str = ""
    """AppService's id, digits; empty before it is known."""
    outcome: Outcome | None = None
    reason: str = ""
    results: Mapping[str, Json] = field(default_factory=dict)
    """Outputs that are known only at run time, by name: of built-in steps, and what was found."""
    globs: Mapping[str, Json] = field(default_factory=dict)
    """Outputs to be looked for in the Workspace when it has ended, by name (``globs``)."""
    kill: bool = False
    """Its workflow no longer wants it."""
    request_id: str = ""
    """The request that its workflow was submitted with; it follows to AppService."""
    sent_at: datetime | None = None
    absent_after: datetime | None = None
    """While it is in doubt: from when on "not found" is believed."""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


def job_key(workflow: str, step: int, attempt: int) -> str:
    """The submission key. Lower-case ASCII: AppService compares it under a column collation."""
    return f"{workflow}/{step}/{attempt}"


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded change of state: the log, the live stream and the timeline read nothing else."""

    sequence: int
    at: datetime
    subject: str
    """``workflow`` or ``step``."""
    before: str
    after: str
    step: int | None = None
    step_name: str = ""
    app: str = ""
    attempt: int = 0
    job_id: str = ""
    reason: str = ""
    duration: timedelta | None = None
