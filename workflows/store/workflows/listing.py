"""A user's workflows, newest first, page by page. A page's place is stable under inserts."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workflows.model.errors import Invalid, Problem
from workflows.model.states import FINAL_WORKFLOW, StepState, WorkflowState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.workflows.stored import SUMMARY_FIELDS, WorkflowSummary, summary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a user's workflows; what is None or empty does not matter."""

    states: Sequence[WorkflowState] = ()
    app: str | None = None
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    """Created at or after ``since``, and before ``until``."""
    has_failed_step: bool | None = None
    batch: str | None = None


def page(
    owner: str, wanted: Wanted, size: int, token: str = ""
) -> tuple[list[WorkflowSummary], str | None]:
    """Up to ``size`` workflows after the place of ``token``, and the token of the next page.

    Raises ``Invalid`` for a token that no page gave.
    """
    conditions = [{"owner": owner}, *_conditions(wanted), *after_token(token)]
    with translate_errors():
        rows = list(
            collection(documents.Workflow)
            .find({"$and": conditions}, dict.fromkeys(SUMMARY_FIELDS, 1))
            .sort([("created_at", -1), ("_id", -1)])
            .limit(size + 1)
        )
    more = len(rows) > size
    return list(map(summary, rows[:size])), page_token(rows[size - 1]) if more else None


def step_counts(ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Workflow id to how many of its steps are in each state."""
    found: dict[str, dict[str, int]] = {workflow: {} for workflow in ids}
    each = {"workflow": "$_id", "state": "$states"}
    with translate_errors():
        for row in collection(documents.Workflow).aggregate(
            [
                {"$match": {"_id": {"$in": list(ids)}}},
                {"$project": {"states": 1}},
                {"$unwind": "$states"},
                {"$group": {"_id": each, "count": {"$sum": 1}}},
            ]
        ):
            found[row["_id"]["workflow"]][row["_id"]["state"]] = row["count"]
    return found


def _conditions(wanted: Wanted) -> list[Row]:
    found: list[Row] = []
    if wanted.states:
        found.append({"$or": [_in_state(state) for state in wanted.states]})
    equal = {"apps": wanted.app, "batch": wanted.batch, "name": wanted.name}
    found += [{field: value} for field, value in equal.items() if value is not None]
    for key, value in wanted.labels.items():
        label = {"$getField": {"field": {"$literal": key}, "input": "$labels"}}
        found.append({"$expr": {"$eq": [label, {"$literal": value}]}})
    if wanted.has_failed_step is not None:
        failed = str(StepState.FAILED)
        found.append({"states": failed if wanted.has_failed_step else {"$ne": failed}})
    if wanted.since:
        found.append({"created_at": {"$gte": wanted.since}})
    if wanted.until:
        found.append({"created_at": {"$lt": wanted.until}})
    return found


def _in_state(state: WorkflowState) -> Row:
    """A cancel that was answered counts, also before the engine has taken it in."""
    if state is WorkflowState.CANCELLED:
        asked = {"cancel_requested_at": {"$type": "date"}, "state": {"$nin": list(FINAL_WORKFLOW)}}
        return {"$or": [{"state": state}, asked]}
    if state in FINAL_WORKFLOW:
        return {"state": state}
    return {"state": state, "cancel_requested_at": None}


def page_token(row: Row) -> str:
    """Where a page ended: MongoDB keeps milliseconds."""
    millis = (row["created_at"] - _EPOCH) // timedelta(milliseconds=1)
    return base64.urlsafe_b64encode(json.dumps([millis, row["_id"]]).encode()).decode().rstrip("=")


def after_token(token: str) -> list[Row]:
    if not token:
        return []
    try:
        padded = token + "=" * (-len(token) % 4)
        millis, workflow = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        at = _EPOCH + timedelta(milliseconds=int(millis))
        last = str(workflow).encode("ascii").decode()  # as all ids are; JSON can say more
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Invalid(
            [Problem("page_token", "bad_argument", "it is no next_page_token of an answer")]
        ) from None
    return [{"$or": [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": last}}]}]
