"""A batch whose rows were planned one by one, as CWL is: no document is a template of all of them.

The plan of each row is kept as it was checked. So what was accepted is what runs, also where
the apps have changed when its turn comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.spec.batches.check import CheckedBatch
from workflows.spec.batches.gather import Gather
from workflows.spec.batches.table import SAMPLE, Row, Table

BASE_CONTEXT = "base_context"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """The workflow of one row."""

    document: Mapping[str, Json]
    """Normalised; without the labels that each row of a batch has."""
    waits_for: tuple[str, ...] = ()
    """The steps after whose success further steps are planned."""

    def with_labels(self, labels: Mapping[str, str], sample: str) -> dict[str, Json]:
        """Its document with the labels of the batch and of the row."""
        own: Any = self.document.get("labels") or {}
        return {**self.document, "labels": {**own, **labels, SAMPLE: sample}}


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch that can run. The values of a row of its table are the inputs of its workflow."""

    name: str
    source: Mapping[str, Json]
    """The submission that all rows share, as JSON; each row adds ``source_of``."""
    request: Mapping[str, Json]
    """How it was asked for, as workflows in CWL keep it."""
    outputs: tuple[str, ...]
    """The names of the workflow's outputs."""
    labels: Mapping[str, str]
    """Of each workflow."""
    table: Table
    plans: Sequence[PlannedRow] = ()
    """Of the rows, in their order; a batch that is read from the store has none with it."""
    warnings: tuple[Problem, ...] = ()
    auto_fixes: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()
    steps: int = 0
    """Of all workflows."""
    gather: Gather | None = None
    """Steps over all rows; native, as it begins where no planner is."""

    @property
    def typical(self) -> Mapping[str, Json]:
        """The workflow with the most steps: how long rows take is judged by it."""
        return max((each.document for each in self.plans), key=lambda each: len(each["steps"]))

    def first_documents(self, count: int) -> list[dict[str, Json]]:
        rows = zip(self.plans[:count], self.table.rows, strict=False)
        return [plan.with_labels(self.labels, row.sample) for plan, row in rows]

    def source_of(self, row: Row) -> dict[str, Json]:
        """The submission of one row."""
        return {**self.source, **row_fields(self.name, self.source, row)}


AnyBatch = CheckedBatch | PlannedBatch


def row_fields(name: str, source: Mapping[str, Any], row: Row) -> dict[str, Json]:
    """What a row sets in the submission that all rows share."""
    folder = str(source["workspace_output_folder"]).rstrip("/")
    context: Mapping[str, Json] = source.get(BASE_CONTEXT) or {}
    return {
        "name": f"{name}-{row.sample}",
        "inputs": dict(row.values),
        "workspace_output_folder": f"{folder}/{row.sample}",
        BASE_CONTEXT: {**context, SAMPLE: {SAMPLE: row.sample}},
    }
