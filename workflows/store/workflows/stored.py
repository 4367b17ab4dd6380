"""Stored workflows as frozen values: what the API, the pages and the commands read.

A stored row never leaves ``workflows.store``. The advance loop has its own value (``Claimed``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from workflows.model.errors import NotFound
from workflows.model.states import FINAL_WORKFLOW, WorkflowState
from workflows.model.values import Json, Workflow
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.workflows import rows

SUMMARY_FIELDS: Final = (
    "owner",
    "name",
    "state",
    "paused",
    "cancel_requested_at",
    "labels",
    "apps",
    "step_count",
    "created_at",
    "updated_at",
    "submitted_at",
    "started_at",
    "finished_at",
    "failure",
    "batch",
    "sample",
    "template",
)
"""The stored fields that a ``WorkflowSummary`` is made from, besides the id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSummary:
    """A workflow in a list: everything but its steps."""

    id: str
    owner: str
    name: str
    state: WorkflowState
    """The stored state. ``status`` is what people see."""
    labels: Mapping[str, str]
    apps: Sequence[str]
    step_count: int
    created_at: datetime
    updated_at: datetime
    cancel_requested_at: datetime | None
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    paused: bool
    """Set aside by a restart until a person asks for it."""
    failure: str
    """Why it fails or has failed; empty while no step has."""
    batch: str = ""
    """The batch that it is a row of, or the gather; empty if it is of none."""
    sample: str = ""
    """The name of that row; empty of the gather."""
    template: Mapping[str, Json] = field(default_factory=dict)
    """``{name, version}`` of the template that it was made from; empty if it was from none."""

    @property
    def status(self) -> WorkflowState:
        """A cancel that was answered counts, also before the engine has processed it."""
        if self.cancel_requested_at and self.state not in FINAL_WORKFLOW:
            return WorkflowState.CANCELLED
        return self.state

    @property
    def begun_at(self) -> datetime:
        """When it was submitted; of a plan, when it was stored."""
        return self.submitted_at or self.created_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkflow(WorkflowSummary):
    """All that is stored of a workflow, but for its spec, its jobs and its events."""

    spec_id: str
    progress: Workflow
    """The states and attempts of its steps."""
    revision: int
    """Counts the writes; a guarded update names the revision that it is based on."""
    problems: Sequence[Mapping[str, Json]]
    """Why a plan cannot run."""
    replan_reason: str
    """Why planning its further steps failed the last time."""


def get(workflow: str) -> StoredWorkflow:
    """Read a workflow. Raises ``NotFound``.

    It does not ask who may see it: routes and pages go through ``engine.access.load``.
    """
    with translate_errors():
        row = collection(documents.Workflow).find_one({"_id": workflow})
    if row is None:
        raise NotFound(f"There is no workflow '{workflow}'.")
    return read_workflow(row)


def progress_of(ids: Sequence[str]) -> list[tuple[str, Workflow]]:
    """The id of the spec, and the progress, of those that are stored."""
    with translate_errors():
        found = collection(documents.Workflow).find({"_id": {"$in": list(ids)}}, rows.PROGRESS)
        return [(row["spec"], rows.value(row)) for row in found]


def summary(row: Row) -> WorkflowSummary:
    """The value of a row that holds ``SUMMARY_FIELDS``."""
    return WorkflowSummary(**_summary_fields(row))


def read_workflow(row: Row) -> StoredWorkflow:
    """The value of a whole row."""
    return StoredWorkflow(
        **_summary_fields(row),
        spec_id=row["spec"],
        progress=rows.value(row),
        revision=row.get("revision", 0),
        problems=tuple(row.get("problems") or ()),
        replan_reason=row.get("replan_reason") or "",
    )


def _summary_fields(row: Row) -> dict[str, Any]:
    """Optional times are absent until they are known."""
    optional = ("cancel_requested_at", "submitted_at", "started_at", "finished_at")
    return {
        "id": row["_id"],
        "owner": row["owner"],
        "name": row["name"],
        "state": WorkflowState(row["state"]),
        "labels": row.get("labels") or {},
        "apps": tuple(row.get("apps") or ()),
        "step_count": row["step_count"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "paused": bool(row.get("paused")),
        "failure": row.get("failure") or "",
        **{name: row.get(name) for name in optional},
        "batch": row.get("batch") or "",
        "sample": row.get("sample") or "",
        "template": row.get("template") or {},
    }
