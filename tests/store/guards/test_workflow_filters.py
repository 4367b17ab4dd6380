"""Which workflows a list shows: each condition leaves out what does not meet it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.store.guards.stored_rows import ALICE, BOB, FUTURE, PAST, put
from workflows.model.states import WorkflowState
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.workflows.filters import Wanted, conditions

CANCEL = {"cancel_requested_at": PAST}
WORKFLOWS: dict[str, dict[str, Any]] = {
    "running": {"apps": ["Date", "Sleep"], "name": "A (b)\0c", "labels": {"$x.y": "$z"}},
    "of another label": {"labels": {"$x.y": "z"}, "apps": ["Dates"]},
    "being cancelled": {**CANCEL, "batch": "b1"},
    "cancelled": {"state": "cancelled", **CANCEL, "template": {"name": "t", "version": 1}},
    "succeeded": {"state": "succeeded", **CANCEL, "template": {"name": "t", "version": 2}},
    "failed": {"state": "failed", "states": ["succeeded", "failed"], "created_at": FUTURE},
    "planned": {"state": "planned", "batch": "b2"},
    "of bob": {"owner": BOB},
    "of bob, ended": {"owner": BOB, "state": "failed"},
}
OF_ALICE = WORKFLOWS.keys() - {"of bob", "of bob, ended"}
STATE = WorkflowState


@pytest.fixture(autouse=True)
def stored_workflows() -> None:
    put(documents.Credential, _id=ALICE, expires_at=FUTURE)
    for key, fields in WORKFLOWS.items():
        row = {"owner": ALICE, "state": "running", "states": ["running"], "created_at": PAST}
        put(documents.Workflow, _id=key, **row | {"name": "w"} | fields)


def found(owner: str | None, **wanted: Any) -> set[str]:
    every = [*conditions(owner, Wanted(**wanted)), {}]
    return {row["_id"] for row in collection(documents.Workflow).find({"$and": every})}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, OF_ALICE),
        ({"states": [STATE.RUNNING]}, {"running", "of another label"}),
        ({"states": [STATE.CANCELLED]}, {"being cancelled", "cancelled"}),
        ({"states": [STATE.SUCCEEDED, STATE.FAILED]}, {"succeeded", "failed"}),
        ({"states": [STATE.PLANNED]}, {"planned"}),
        ({"ids": ["running", "failed", "of bob"]}, {"running", "failed"}),
        ({"batch": "b1"}, {"being cancelled"}),
        ({"template": "t"}, {"cancelled", "succeeded"}),
        ({"template": "t@2"}, {"succeeded"}),
        ({"template": "t@x"}, {"cancelled", "succeeded"}),
        ({"name": "a (B"}, {"running"}),
        ({"name": "\0C"}, {"running"}),
        ({"app": "dATE"}, {"running"}),
        ({"labels": {"$x.y": "$z"}}, {"running"}),
        ({"since": FUTURE}, {"failed"}),
        ({"until": FUTURE}, OF_ALICE - {"failed"}),
        ({"has_failed_step": True}, {"failed"}),
        ({"has_failed_step": False}, OF_ALICE - {"failed"}),
        ({"parked": True}, set()),
        ({"parked": False}, OF_ALICE),
    ],
)
def test_a_list_shows_what_was_asked_for_of_one_user(
    wanted: dict[str, Any], expected: set[str]
) -> None:
    assert found(ALICE, **wanted) == expected


def test_a_list_of_all_users_shows_what_is_parked_of_each() -> None:
    """Bob has no token."""
    assert found(None) == WORKFLOWS.keys()
    assert found(None, parked=True) == {"of bob"}
    assert found(None, parked=False) == WORKFLOWS.keys() - {"of bob"}
    assert found(BOB, parked=True) == {"of bob"}


def test_what_is_being_cancelled_is_not_parked() -> None:
    put(documents.Workflow, _id="late", owner=BOB, state="running", **CANCEL)

    assert found(BOB, parked=True) == {"of bob"}
