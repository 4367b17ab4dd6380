"""Workflows in a list, page by page. A page's place is stable under inserts."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workflows.model.errors import Invalid, Problem
from workflows.model.states import WorkflowState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.workflows.filters import Wanted, asked_to_cancel, conditions
from workflows.store.workflows.stored import SUMMARY_FIELDS, WorkflowSummary, summary

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Order:
    """The field that a list is sorted by; workflows with the same value stand in the order of ids.

    One user's workflows can be sorted by each of ``FIELDS``, those of all users by time of creation
    alone, which has an index.
    """

    field: str = "created_at"
    descending: bool = True

    @property
    def keys(self) -> list[tuple[str, int]]:
        way = -1 if self.descending else 1
        return [(self.field, way), ("_id", way)]


NEWEST_FIRST: Final = Order()
FIELDS: Final = ("created_at", "updated_at", "name")


def page(
    owner: str | None, wanted: Wanted, size: int, token: str = "", order: Order = NEWEST_FIRST
) -> tuple[list[WorkflowSummary], str | None]:
    """Up to ``size`` workflows after the place of ``token``, and the token of the next page.
    ``owner`` None: of all users.

    Raises ``Invalid`` for a token that no page gave.
    """
    asked = [*conditions(owner, wanted), *after_token(token, order)]
    with translate_errors():
        rows = list(
            collection(documents.Workflow)
            .find({"$and": asked} if asked else {}, dict.fromkeys(SUMMARY_FIELDS, 1))
            .sort(order.keys)
            .limit(size + 1)
        )
    more = len(rows) > size
    following = page_token(rows[size - 1], order) if more else None
    return list(map(summary, rows[:size])), following


def counts(owner: str | None, wanted: Wanted) -> dict[str, int]:
    """How many of them are in each state, as users see it; states that none is in are missing.

    Without further conditions the index of owners and states answers alone.
    """
    asked = conditions(owner, wanted)
    found = Counter(_count_by_state(asked))
    early = _count_by_state([*asked, asked_to_cancel()])
    found.subtract(early)
    found[WorkflowState.CANCELLED] += sum(early.values())
    return {str(state): found[state] for state in WorkflowState if found[state] > 0}


def _count_by_state(asked: Sequence[Row]) -> dict[str, int]:
    steps: list[Row] = [
        {"$match": {"$and": list(asked)} if asked else {}},
        {"$group": {"_id": "$state", "count": {"$sum": 1}}},
    ]
    with translate_errors():
        rows = collection(documents.Workflow).aggregate(steps)
        return {row["_id"]: row["count"] for row in rows}


def names_of(ids: Sequence[str]) -> dict[str, str]:
    """Workflow id to its name; a deleted one is missing."""
    with translate_errors():
        rows = collection(documents.Workflow).find({"_id": {"$in": list(ids)}}, {"name": 1})
        return {row["_id"]: row["name"] for row in rows}


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


def page_token(row: Row, order: Order = NEWEST_FIRST) -> str:
    """Where a page ended: MongoDB keeps milliseconds."""
    value = row[order.field]
    if isinstance(value, datetime):
        value = (value - _EPOCH) // timedelta(milliseconds=1)
    place = json.dumps([value, row["_id"]])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(workflow: WorkflowSummary) -> str:
    """The token of the place behind a workflow, in the order of the newest first."""
    return page_token({"created_at": workflow.created_at, "_id": workflow.id})


def after_token(token: str, order: Order = NEWEST_FIRST) -> list[Row]:
    if not token:
        return []
    try:
        padded = token + "=" * (-len(token) % 4)
        value, workflow = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        at = _read_value(value, order)
        last = str(workflow).encode("ascii").decode()  # as all ids are; JSON can say more
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Invalid(
            [Problem("page_token", "bad_argument", "it is no next_page_token of an answer")]
        ) from None
    way = "$lt" if order.descending else "$gt"
    behind: Row = {"$or": [{order.field: {way: at}}, {order.field: at, "_id": {way: last}}]}
    return [{order.field: {f"{way}e": at}}, behind]  # the first bounds what of the index is read


def _read_value(value: Any, order: Order) -> datetime | str:
    """Raises ``ValueError``, ``TypeError`` or ``OverflowError``."""
    if order.field != "name":
        return _EPOCH + timedelta(milliseconds=int(value))
    if not isinstance(value, str):
        raise TypeError
    return str(value.encode().decode())  # JSON can say half of a surrogate pair
