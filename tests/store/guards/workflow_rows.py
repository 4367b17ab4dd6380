"""A workflow and its jobs, as a process would find them."""

from __future__ import annotations

from typing import Any

from tests.store.guards.stored_rows import FUTURE, PAST
from workflows.model.states import WorkflowState
from workflows.model.values import Event
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.mongo import collection

ID = "wf_1"
LEASED = {"lease": {"token": "ours", "until": FUTURE}}
MESSAGE = Message("m1", "wh_1", "alice@bvbrc", "e", PAST, "{}", "/s")
EVENT = Event(1, PAST, "workflow", "failed", "pending")
STATES = [str(state) for state in WorkflowState]


def put(**fields: Any) -> dict[str, Any]:
    """A stored workflow of one step."""
    row = {
        "_id": ID,
        "owner": "alice@bvbrc",
        "name": "w",
        "spec": f"{ID}/1",
        "state": "running",
        "states": ["pending"],
        "attempts": [0],
        "cap": 2,
        "sequence": 0,
        "revision": 3,
        "created_at": PAST,
        **fields,
    }
    collection(documents.Workflow).insert_one(row)
    return stored(row["_id"])


def stored(workflow: str = ID) -> dict[str, Any]:
    return collection(documents.Workflow).find_one({"_id": workflow}) or {}


def put_job(key: str, **fields: Any) -> dict[str, Any]:
    row = {"_id": key, "workflow": key.split("/", maxsplit=1)[0], "open": True, **fields}
    collection(documents.Job).insert_one(row)
    return row
