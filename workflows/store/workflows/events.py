"""The events of each workflow: advances append them; log, stream and pages read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from pymongo.client_session import ClientSession

from workflows.model.errors import NotFound
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Event
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import Row, collection, query, translate_errors


def append(recorded: Iterable[tuple[str, Event]], session: ClientSession) -> None:
    """Within the transaction that changes the state: either both are written or neither."""
    collection(documents.Event).insert_many(
        [row(workflow, event) for workflow, event in recorded], ordered=False, session=session
    )


def is_complete(workflow: str, last: int) -> bool:
    """Whether the workflow has ended and has no event after ``last``. Raises ``NotFound``."""
    with translate_errors():
        stored = query(documents.Workflow, id=workflow).only("state", "sequence").first()
    if stored is None:
        raise NotFound(f"There is no workflow '{workflow}'.")
    return stored.state in FINAL_WORKFLOW and stored.sequence <= last


def of_workflow(workflow: str, after: int = 0, limit: int = 0) -> list[Event]:
    """Events with a higher sequence number than ``after``, in order; 0 means no limit."""
    with translate_errors():
        rows = (
            collection(documents.Event)
            .find({"workflow": workflow, "sequence": {"$gt": after}})
            .sort("sequence", 1)
            .limit(limit)
        )
        return [value(each) for each in rows]


def row(workflow: str, event: Event) -> Row:
    fields: Row = {
        "workflow": workflow,
        "sequence": event.sequence,
        "at": event.at,
        "subject": event.subject,
        "before": str(event.before),
        "after": str(event.after),
    }
    if event.step is not None:
        fields |= {"step": event.step, "step_name": event.step_name, "app": event.app}
    optional: Row = {"attempt": event.attempt, "job_id": event.job_id, "reason": event.reason}
    optional["reused"] = event.reused
    if event.duration is not None:
        optional["duration_seconds"] = event.duration.total_seconds()
    made = fields | {name: found for name, found in optional.items() if found or found == 0.0}
    check_insert(documents.Event, made)
    return made


def value(each: Row) -> Event:
    seconds = each.get("duration_seconds")
    return Event(
        sequence=each["sequence"],
        at=each["at"],
        subject=each["subject"],
        before=each["before"],
        after=each["after"],
        step=each.get("step"),
        step_name=each.get("step_name", ""),
        app=each.get("app", ""),
        attempt=each.get("attempt", 0),
        job_id=each.get("job_id", ""),
        reason=each.get("reason", ""),
        duration=timedelta(seconds=seconds) if seconds is not None else None,
        reused=each.get("reused", False),
    )
