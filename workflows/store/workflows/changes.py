"""A workflow as an advance claimed it, and what the advance changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflows.model.values import Event, Job, Workflow
from workflows.model.webhooks import Message


@dataclass(frozen=True, slots=True)
class Claimed:
    """A workflow under our lease, with MongoDB's time of the claim."""

    workflow: Workflow
    spec_id: str
    name: str
    now: datetime
    failures: int
    begun_at: datetime
    """When it was submitted or retried."""
    started_at: datetime | None
    finished_at: datetime | None
    request_id: str = ""
    replan_due: datetime | None = None
    """Since when, or from when on, its further steps are to be planned."""
    replan_failures: int = 0
    """How often that was tried in vain, for no fault of what was submitted."""
    batch: str = ""
    """The batch that it is a row of, or the gather."""
    row: int = 0
    has_row_failure: bool = False
    """What its batch groups its failure by is stored already."""

    @property
    def may_grow(self) -> bool:
        return self.replan_due is not None


@dataclass(frozen=True, slots=True)
class Change:
    """The writes of one advance, in one transaction."""

    before: Claimed
    after: Workflow
    next_check: datetime | None
    new_jobs: tuple[Job, ...] = ()
    kills: tuple[Job, ...] = ()
    announced: tuple[Job, ...] = ()
    settled: tuple[Job, ...] = ()
    seen: tuple[Job, ...] = ()
    """Every job that was observed, with its version: its changes are acknowledged."""
    events: tuple[Event, ...] = ()
    replan: bool = False
    """Its further steps are to be planned."""
    names_results: bool = False
    """Its steps name outputs, which are looked for when it has ended."""
    messages: tuple[Message, ...] = ()
    """About the events, to the owner's webhooks."""

    @property
    def empty(self) -> bool:
        """Nothing needs writing but the end of the lease."""
        effects = self.events or self.new_jobs or self.kills or self.settled
        unprocessed = any(job.unprocessed for job in self.seen)
        replans = self.replan is not self.before.may_grow
        writes = effects or unprocessed or replans or self.next_check
        return not writes and self.after == self.before.workflow

    @property
    def grows(self) -> bool:
        """It was not known before that its further steps are to be planned."""
        return self.replan and not self.before.may_grow
