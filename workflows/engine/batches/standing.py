"""How batches stand: the counts of their rows, their gathers, and the status that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workflows.rules.batch_gather import (
    GatherFacts,
    batch_status,
    gather_message,
    gather_state,
)
from workflows.rules.batch_progress import count_rows
from workflows.store.batches import progress
from workflows.store.batches.stored import StoredBatch


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one batch."""

    counts: Mapping[str, int]
    """State to rows."""
    gather: GatherFacts | None
    """None of a batch without one."""
    status: str
    cancelled: bool

    @property
    def gather_state(self) -> str:
        """As people see it; empty of a batch without one."""
        if self.gather is None:
            return ""
        return gather_state(self.gather, self.counts, cancelled=self.cancelled)

    @property
    def gather_message(self) -> str:
        """What people should know of it besides its state; empty: nothing."""
        if self.gather is None:
            return ""
        return gather_message(self.gather, self.counts, cancelled=self.cancelled)


def find_standing(batch: StoredBatch) -> Standing:
    return find_standings([batch])[0]


def find_standings(batches: Sequence[StoredBatch]) -> list[Standing]:
    """The same of several at the price of one question."""
    states = progress.count_states([batch.id for batch in batches])
    return [_stand(batch, states[batch.id]) for batch in batches]


def _stand(batch: StoredBatch, states: progress.States) -> Standing:
    cancelled = batch.is_cancelled
    counts = count_rows(states.rows, batch.count, batch.made, cancelled=cancelled)
    gather = None
    if batch.gather:
        gather = GatherFacts(batch.gather, batch.gather_rows, states.gather, batch.gather_problem)
    status = batch_status(counts, gather, cancelled=cancelled)
    return Standing(counts, gather, status, cancelled)
