"""What a crate is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.model.values import Job, Json, Outcome
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.compiled_spec import CompiledSpec


@dataclass(frozen=True, slots=True)
class CwlSource:
    """The CWL submission that a workflow was made from."""

    main: str
    """Which of the files is the workflow."""
    files: Mapping[str, str]
    """Texts by their paths inside the crate."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    version: str = "v1.2"


@dataclass(frozen=True, slots=True)
class Publication:
    """What the operator says of every crate."""

    engine_version: str
    license: str = ""
    """The URL of a license; empty: none is stated."""
    people: Mapping[str, str] = field(default_factory=dict)
    """Users to their ORCID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFacts:
    """What a crate's main entity is made from: a workflow apart from its runs."""

    id: str
    """Of its one run, or of the batch of its runs."""
    owner: str
    compiled: CompiledSpec
    created_at: datetime
    catalogue: AppCatalogue
    publication: Publication
    cwl: CwlSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow as a whole."""

    id: str
    name: str
    """Of the workflow, or of the workflow and the sample."""
    owner: str
    state: WorkflowState
    """As people see it."""
    given: Mapping[str, Json]
    """Values by the names of inputs."""
    files: Sequence[str]
    """Files of the Workspace that its jobs took, and that no job of it made."""
    results: Mapping[str, Json]
    """Values by the names of outputs; empty unless it succeeded."""
    starts_at: datetime
    ends_at: datetime | None
    """None before its end."""
    error: str
    """Why it failed, where it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFacts(WorkflowFacts):
    """A batch of which some rows have begun."""

    state: str
    samples: int
    """Rows of its table."""
    begun: int
    """Rows of which there is a workflow."""
    updated_at: datetime
    finished_at: datetime | None
    """None before its end."""
    runs: Iterator[Run]
    """Of the rows that have begun, in the order of the table."""
    table: Iterator[str]
    """The lines of the table in CSV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts(WorkflowFacts):
    """A workflow that was started, with all attempts that were sent."""

    state: WorkflowState
    """As people see it."""
    jobs: Sequence[Job]
    """By step and attempt; each was sent."""
    attempts: Sequence[int]
    """The latest attempt of each step."""
    outputs: Sequence[Mapping[str, Json]]
    """Of each step, resolved as far as they can be."""
    workflow_outputs: Sequence[Json]
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str
    """Why it failed; empty if it did not."""

    @property
    def has_ended(self) -> bool:
        return self.state in FINAL_WORKFLOW

    @property
    def ended_jobs(self) -> list[Job]:
        """Attempts that have ended: only these become actions."""
        return [job for job in self.jobs if job.finished_at is not None or job.outcome is not None]

    @property
    def starts_at(self) -> datetime:
        """Not later than any job: BV-BRC's times have whole seconds, and ours come later."""
        times = [job.started_at for job in self.jobs if job.started_at is not None]
        return min([*times, self.started_at or self.created_at])

    @property
    def ends_at(self) -> datetime | None:
        """Not earlier than any job."""
        if not self.has_ended:
            return None
        times = [job.finished_at for job in self.jobs if job.finished_at is not None]
        return max([*times, self.finished_at or self.updated_at])

    def outputs_of(self, job: Job) -> Mapping[str, Json]:
        """The outputs of an attempt that succeeded; empty of any other one."""
        is_latest = job.attempt == self.attempts[job.step]
        succeeded = job.outcome is Outcome.SUCCEEDED and is_latest
        return self.outputs[job.step] if succeeded else {}
