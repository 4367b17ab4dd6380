"""The domain's values: the submitted spec, the workflow's progress, and each job.

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

APPSERVICE: Final = "appservice"
"""The name of the backend that runs every app which no other backend declares."""


class OnFailure(StrEnum):
    """Whether independent branches continue when a step fails."""

    CONTINUE = "continue"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Retry:
    """The maximum number of attempts of a step and the back-off between them."""

    max_attempts: int = 1
    backoff: timedelta = timedelta(seconds=60)


USUAL_RETRY: Final = Retry()


@dataclass(frozen=True, slots=True)
class Reuse:
    """Whether steps may take the results of the owner's earlier jobs."""

    wanted: bool = True
    max_age: timedelta | None = None
    """How old such a job may be; None: as the operator says."""
    join: bool = False
    """Whether a step waits for a job under way that computes the same."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step as submitted: a node of the DAG."""

    name: str
    app: str
    params: Mapping[str, Json]
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """Name to template, or to a pattern that is searched for when the step has ended
    (``globs``)."""
    depends_on: tuple[str, ...] = ()
    retry: Retry = USUAL_RETRY
    reuse: bool = True
    """False: its job runs in any case."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The submitted workflow, normalised; it never changes."""

    name: str
    version: str
    base_context: Mapping[str, Json]
    """Holds ``base_url`` and ``workspace_output_folder``, and the user's further entries."""
    steps: tuple[StepSpec, ...]
    workflow_outputs: tuple[Json, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    max_parallel_steps: int | None = None
    on_failure: OnFailure = OnFailure.CONTINUE
    reuse: Reuse | None = None
    """None where the document says nothing."""
    priority: int = 0
    """Among the work of its owner, from -10 to 10; higher goes first."""


@dataclass(frozen=True, slots=True)
class PendingRetry:
    """A failed step that will be retried."""

    at: datetime
    retries_left: int
    """How many further attempts may follow that one without a user's retry."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """The progress of a workflow. ``states`` and ``attempts`` are parallel to the spec's steps."""

    id: str
    owner: str
    state: WorkflowState
    states: tuple[StepState, ...]
    attempts: tuple[int, ...]
    """The number of each step's latest attempt; 0 before the first."""
    retries: Mapping[int, PendingRetry] = field(default_factory=dict)
    """Maps the index of a ``ready`` step that failed before to its next try."""
    cap: int = 2
    """At most this many steps are in flight."""
    cancel_requested: bool = False
    sequence: int = 0
    """The number of the last event recorded."""
    last_event_at: datetime | None = None
    """The time of that event: no later one has an earlier time."""
    waits_for: tuple[int, ...] = ()
    """Steps after whose success further steps are planned; empty if all steps are known."""
    unplannable: str = ""
    """Why the further steps cannot be planned, if the submitted document is the cause."""
    failure: str = ""
    """Why it fails: of its first step that failed; empty while none has."""
    priority: int = 0
    """Among the work of its owner; higher goes first."""


class Outcome(StrEnum):
    """How a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"  # AppService did not know it for longer than the deadline


@dataclass(frozen=True, slots=True)
class Basis:
    """What a job's result rests on, as it was before the job was sent."""

    key: str
    """Jobs with the same key have the same results."""
    specification: str
    """The digest of the app's specification."""
    epoch: str = ""
    inputs: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Workspace path to what it held."""


@dataclass(frozen=True, slots=True)
class Reused:
    """The job whose results a step has taken instead of running one."""

    source: str
    """Its key."""
    step_name: str
    job_id: str
    started_at: datetime | None
    finished_at: datetime
    folder: str
    name: str
    """Its ``output_path`` and ``output_file``: there its files still are."""

    @property
    def duration(self) -> timedelta:
        """How long the job ran."""
        return self.finished_at - (self.started_at or self.finished_at)

    @property
    def workflow(self) -> str:
        return self.source.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a step: a job that is to run, runs or has run at its backend."""

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
    backend: str = APPSERVICE
    """The name of the backend that runs it."""
    retries_left: int = 0
    """How many attempts may follow this one without a user's retry."""
    priority: int = 0
    """Among the jobs of its owner; higher goes first."""
    version: int = 0
    """Counts the changes to the stored job."""
    unprocessed: bool = False
    """True if the job has a change that its workflow has not processed."""
    announced: bool = False
    """True if its submission is recorded in an event."""
    claim: str = ""
    """The token of the claim under which the job is being sent."""
    tries: int = 0
    """How many sends have failed, for any reason."""
    refusals: int = 0
    """How often AppService refused it without a conclusive reason; outages do not count."""
    refused_since: datetime | None = None
    """When AppService first refused it so."""
    in_doubt: bool = False
    answered: bool = False
    """True if it is in doubt although AppService answered: with an error without a reason."""
    job_id: str = ""
    """AppService's id, digits; empty before it is known."""
    outcome: Outcome | None = None
    reason: str = ""
    results: Mapping[str, Json] = field(default_factory=dict)
    """Outputs that are known only at run time, by name: of built-in steps and of output
    patterns."""
    globs: Mapping[str, Json] = field(default_factory=dict)
    """Output patterns to search for in the Workspace when the job has ended, by name
    (``globs``)."""
    failing: bool = False
    """True if it has failed and the reason is still being asked."""
    exit_code: int | None = None
    """Of a job that failed; None if it left none."""
    cluster_status: str = ""
    """The cluster's word for the end of a job that failed; empty if it is not known."""
    basis: Basis | None = None
    """None before it was read, and where it is not known."""
    reuse_until: datetime | None = None
    """While an earlier result is looked for: the time at which the job is sent instead."""
    reused: Reused | None = None
    miss: Mapping[str, Json] = field(default_factory=dict)
    """Why no earlier result was taken, where one was looked for (``reuse.choice.Missed``)."""
    kill: bool = False
    """True if the job is to be killed."""
    kill_reply: str = ""
    """What AppService answered to the kill; empty before it did."""
    request_id: str = ""
    """The id of the request that submitted its workflow; AppService gets it too."""
    intended_at: datetime | None = None
    sent_at: datetime | None = None
    absent_after: datetime | None = None
    """While the job is in doubt: the time after which "not found" is believed."""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


def job_key(workflow: str, step: int, attempt: int) -> str:
    """The submission key. Lower-case ASCII: AppService compares it under a column collation."""
    return f"{workflow}/{step}/{attempt}"


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded change of state; the log, the live stream and the timeline are made from events
    alone."""

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
    reused: bool = False
    """True if the step took the results of an earlier job."""
