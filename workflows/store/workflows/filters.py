"""Which workflows are asked for, and the conditions of MongoDB for that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from workflows.model.states import ACTIVE_WORKFLOW, FINAL_WORKFLOW, StepState, WorkflowState
from workflows.store import parked
from workflows.store.mongo import Row
from workflows.store.templates.references import made_from


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a user's workflows; what is None or empty does not matter."""

    states: Sequence[WorkflowState] = ()
    app: str | None = None
    """Of one of its steps; upper and lower case are alike."""
    name: str | None = None
    """A part of its name; upper and lower case are alike."""
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    """Created at or after ``since``, and before ``until``."""
    has_failed_step: bool | None = None
    parked: bool | None = None
    """It waits for a fresh token of its owner."""
    batch: str | None = None
    template: str | None = None
    """``name``, or ``name@version``."""
    ids: Sequence[str] = ()


def conditions(owner: str | None, wanted: Wanted) -> list[Row]:
    """``owner`` None: of all users."""
    found: list[Row] = [{"owner": owner}] if owner is not None else []
    if wanted.states:
        found.append({"$or": [_in_state(state) for state in wanted.states]})
    if wanted.ids:
        found.append({"_id": {"$in": list(wanted.ids)}})
    return [*found, *_of_fields(wanted), *_labels(wanted.labels), *_derive_filters(owner, wanted)]


def _of_fields(wanted: Wanted) -> Iterator[Row]:
    if wanted.batch is not None:
        yield {"batch": wanted.batch}
    if wanted.template:
        yield made_from(wanted.template)
    if wanted.name:
        yield {"name": _pattern(wanted.name)}
    if wanted.app:
        yield {"apps": _pattern(wanted.app, whole=True)}
    if wanted.since:
        yield {"created_at": {"$gte": wanted.since}}
    if wanted.until:
        yield {"created_at": {"$lt": wanted.until}}


def _labels(labels: Mapping[str, str]) -> Iterator[Row]:
    for key, value in labels.items():
        label = {"$getField": {"field": {"$literal": key}, "input": "$labels"}}
        yield {"$expr": {"$eq": [label, {"$literal": value}]}}


def _derive_filters(owner: str | None, wanted: Wanted) -> Iterator[Row]:
    if wanted.has_failed_step is not None:
        failed = str(StepState.FAILED)
        yield {"states": failed if wanted.has_failed_step else {"$ne": failed}}
    if wanted.parked is not None:
        condition = _is_parked(owner)
        yield condition if wanted.parked else {"$nor": [condition]}


def asked_to_cancel() -> Row:
    """A cancel was answered that the engine has not processed yet."""
    return {"cancel_requested_at": {"$type": "date"}, "state": {"$nin": sorted(FINAL_WORKFLOW)}}


def _in_state(state: WorkflowState) -> Row:
    """A cancel that was answered counts, also before the engine has taken it in."""
    if state is WorkflowState.CANCELLED:
        return {"$or": [{"state": state}, asked_to_cancel()]}
    if state in FINAL_WORKFLOW:
        return {"state": state}
    return {"state": state, "cancel_requested_at": None}


def _pattern(text: str, *, whole: bool = False) -> Row:
    """MongoDB takes no pattern that holds NUL as it is."""
    escaped = re.escape(text).replace("\0", "\\x00")
    return {"$regex": f"^{escaped}$" if whole else escaped, "$options": "i"}


def _is_parked(owner: str | None) -> Row:
    return {
        "owner": {"$in": parked.owners(None if owner is None else [owner])},
        "state": {"$in": sorted(ACTIVE_WORKFLOW)},
        "cancel_requested_at": None,
    }
