"""Stores further steps of workflows, each time as a new version of the spec.

All writes are fenced by the planner's lease: if it was lost, nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pymongo.client_session import ClientSession

from workflows.model.errors import LeaseLost
from workflows.model.states import StepState
from workflows.model.values import Event, Json
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.mongo import (
    NOW,
    Row,
    ago,
    collection,
    has_come,
    later,
    transaction,
    translate_errors,
)
from workflows.store.webhooks import outbox
from workflows.store.workflows import events
from workflows.store.workflows.changes import Claimed

_PLANNED = ("lease", "replan_due", "replan_failures", "replan_reason")
"""What a workflow has no longer when its further steps are planned."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A workflow with further steps."""

    before: Claimed
    document: Mapping[str, Json]
    """All its steps, the further ones last."""
    waits_for: tuple[int, ...]
    events: tuple[Event, ...]
    """One for each further step."""
    messages: tuple[Message, ...] = ()
    """About the events, to the owner's webhooks."""


def due(limit: int, overdue: timedelta) -> list[str]:
    """Workflows whose further steps should have been planned so long ago."""
    with translate_errors():
        rows = collection(documents.Workflow).find(
            _is_due(overdue), {"_id": 1}, sort=[("replan_due", 1)], limit=limit
        )
        return [row["_id"] for row in rows]


def due_of_each(limit: int, without: Sequence[str]) -> list[str]:
    """Of each user the workflow that has been due for the longest time, but for some of them; at
    most ``limit``, those first that have waited longest."""
    with translate_errors():
        rows = collection(documents.Workflow).aggregate(
            [
                {"$match": {**_is_due(timedelta(0)), "_id": {"$nin": list(without)}}},
                {"$sort": {"replan_due": 1}},
                {
                    "$group": {
                        "_id": "$owner",
                        "workflow": {"$first": "$_id"},
                        "since": {"$first": "$replan_due"},
                    }
                },
                {"$sort": {"since": 1}},
                {"$limit": limit},
            ]
        )
        return [row["workflow"] for row in rows]


def _is_due(overdue: timedelta) -> Row:
    return {**has_come("replan_due", ago(overdue)), "paused": {"$ne": True}}


def extend(token: str, grown: Grown) -> bool:
    """Store the further steps, due to be advanced; false where the lease was lost."""
    workflow, _, version = grown.before.spec_id.rpartition("/")
    spec: Row = {"_id": f"{workflow}/{int(version) + 1}", "document": dict(grown.document)}

    def work(session: ClientSession) -> None:
        _write(token, grown.before, _progress(spec["_id"], grown), session)
        collection(documents.Spec).insert_one(spec, session=session)
        if grown.events:
            events.append([(workflow, event) for event in grown.events], session)
        outbox.insert(grown.messages, session)

    return _write_fenced(work)


def refuse(token: str, before: Claimed, reason: str) -> bool:
    """Store why further steps cannot be planned, due to be advanced; false as ``extend``."""
    return _write_fenced(lambda session: _write(token, before, {"unplannable": reason}, session))


def postpone(token: str, workflow: str, wait: timedelta, reason: str) -> None:
    """Planning failed without a fault of the document: retry later, and count the failure."""
    failures = {"$add": [{"$ifNull": ["$replan_failures", 0]}, 1]}
    with translate_errors():
        collection(documents.Workflow).update_one(
            {"_id": workflow, "lease.token": token},
            [
                {
                    "$set": {
                        "replan_due": later(wait),
                        "replan_failures": failures,
                        "replan_reason": {"$literal": reason},
                    }
                },
                {"$unset": "lease"},
            ],
        )


def let_go(token: str, workflow: str) -> None:
    """End the lease; there was nothing to plan."""
    with translate_errors():
        collection(documents.Workflow).update_one(
            {"_id": workflow, "lease.token": token}, {"$unset": {"lease": ""}}
        )


def _progress(spec_id: str, grown: Grown) -> Row:
    before, steps = grown.before.workflow, grown.document["steps"]
    new = len(steps) - len(before.states)
    return {
        "spec": spec_id,
        "states": [*map(str, before.states), *[str(StepState.PENDING)] * new],
        "attempts": [*before.attempts, *[0] * new],
        "step_count": len(steps),
        "apps": sorted({step["app"] for step in steps}),
        "waits_for": list(grown.waits_for),
        "sequence": before.sequence + len(grown.events),
        **({"last_event_at": grown.events[-1].at} if grown.events else {}),
    }


def _write(token: str, before: Claimed, fields: Row, session: ClientSession) -> None:
    literals = {name: {"$literal": value} for name, value in fields.items()}
    written = collection(documents.Workflow).update_one(
        {"_id": before.workflow.id, "lease.token": token},
        [
            {
                "$set": {
                    **literals,
                    "revision": {"$add": ["$revision", 1]},
                    "next_check": NOW,
                    "updated_at": NOW,
                }
            },
            {"$unset": list(_PLANNED)},
        ],
        session=session,
    )
    if not written.matched_count:
        raise LeaseLost


def _write_fenced(work: Callable[[ClientSession], None]) -> bool:
    try:
        transaction(work)
    except LeaseLost:
        return False
    return True
