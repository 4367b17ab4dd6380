"""Users' commands on workflows are written where their state allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from tests.store.guards.stored_rows import FUTURE, PAST
from tests.store.guards.workflow_rows import (
    EVENT,
    ID,
    LEASED,
    MESSAGE,
    STATES,
    put,
    put_job,
    stored,
)
from workflows.model.states import (
    ACTIVE_WORKFLOW,
    RETRY_WORKFLOW,
    StepState,
    WorkflowState,
)
from workflows.store import documents
from workflows.store.jobs import priorities
from workflows.store.mongo import collection
from workflows.store.workflows import paused, user_commands


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_planned_begins(state: str) -> None:
    row = put(state=state)

    assert user_commands.begin(ID, "request") == (state == "planned")

    assert (stored() != row) == (state == "planned")


@pytest.mark.parametrize("state", STATES)
def test_only_what_has_not_ended_is_cancelled(state: str) -> None:
    going = state in {*ACTIVE_WORKFLOW, WorkflowState.PLANNED}
    row = put(state=state, paused=True, **LEASED)

    assert user_commands.request_cancel(ID) == going

    assert (stored() != row) == going
    assert ("paused" in stored()) != going
    assert ("lease" in stored()) != going, "a turn that began before the cancel could be written"


@pytest.mark.parametrize("state", STATES)
def test_only_what_failed_or_was_cancelled_is_retried(state: str) -> None:
    row = put(state=state)
    again = state in RETRY_WORKFLOW

    assert (
        user_commands.restart(ID, row["revision"], [StepState.PENDING], EVENT, "request") == again
    )

    assert (stored() != row) == again
    assert collection(documents.Event).count_documents({}) == again


COMMANDS: Mapping[str, tuple[Callable[[], object], dict[str, Any]]] = {
    "begin": (lambda: user_commands.begin(ID, "r"), {"state": "planned"}),
    "cancel": (lambda: user_commands.request_cancel(ID), {}),
    "restart": (
        lambda: user_commands.restart(ID, 3, [StepState.PENDING], EVENT, "r"),
        {"state": "failed"},
    ),
    "resume": (lambda: paused.resume(ID), {"paused": True}),
    "change its priority": (lambda: priorities.change(ID, "alice@bvbrc", 1), {}),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_concerns_no_other_workflow(name: str) -> None:
    """MongoDB would meet the first of two first."""
    command, fields = COMMANDS[name]
    other, row = put(_id="wf_0", **fields), put(**fields)

    assert command()

    assert stored() != row
    assert stored("wf_0") == other


def test_a_resumed_workflow_is_paused_no_more() -> None:
    put(paused=True)

    assert paused.resume(ID)

    assert "paused" not in stored()
    assert stored()["next_check"]


def test_what_is_paused_already_stays_as_it_is() -> None:
    row = put(paused=True, next_check=FUTURE)

    assert paused.hold() == 0

    assert stored() == row


def test_a_retry_is_stored_with_its_spec_event_and_messages() -> None:
    left = {"cancel_requested_at": PAST, "finished_at": PAST, "failure": "no", "unplannable": "no"}
    left |= {"replan_due": PAST, "replan_failures": 1, "replan_reason": "no"}
    left |= {"row_failure": {"app": ""}, "retry_wanted": True}
    put(state="failed", bytes=5, **left, **LEASED)
    version = RawBSONDocument(bson.encode({"_id": f"{ID}/2"}))
    event = replace(EVENT, sequence=7)

    assert user_commands.restart(
        ID, 3, [StepState.PENDING], event, "$r", {"bytes": 5}, version, [MESSAGE]
    )

    row = stored()
    named = {"state": "pending", "states": ["pending"], "retries": {}, "sequence": 7}
    named |= {"request_id": "$r", "revision": 4, "spec": f"{ID}/2"}
    assert {name: row[name] for name in named} == named
    assert row["bytes"] == 5 + len(version.raw)
    assert row["taken_up_at"] == row["next_check"] == row["updated_at"] == row["submitted_at"]
    assert not {*left, "lease"} & set(row)
    assert collection(documents.Spec).count_documents({"_id": f"{ID}/2"}) == 1
    assert collection(documents.Delivery).count_documents({}) == 1


def test_a_retry_that_does_not_meet_its_condition_writes_nothing() -> None:
    row = put(state="failed")

    condition = {"retry_wanted": True}
    assert not user_commands.restart(ID, 3, [StepState.PENDING], EVENT, "r", condition)

    assert stored() == row


def test_a_priority_is_written_to_what_may_still_be_sent_of_a_workflow_under_way() -> None:
    put(**LEASED)
    states = ("checking", "intended", "sending", "active")
    for number, state in enumerate(states):
        put_job(f"{ID}/0/{number}", state=state)
    put_job(f"{ID}/1/1", state="intended", open=False)
    put_job("wf_2/0/1", state="intended")

    assert priorities.change(ID, "alice@bvbrc", 2)

    changed = {row["_id"] for row in collection(documents.Job).find({"priority": 2})}
    assert changed == {f"{ID}/0/0", f"{ID}/0/1"}
    assert stored()["priority"] == 2
    assert "lease" not in stored(), "an advance that has read the former one stores no jobs"
    assert stored()["next_check"]
    user = collection(documents.User).find_one({"_id": "alice@bvbrc"})
    assert user == {"_id": "alice@bvbrc", "prioritises": True}

    assert priorities.change(ID, "alice@bvbrc", 0)
    assert not list(collection(documents.Job).find({"priority": {"$exists": True}}))


@pytest.mark.parametrize("state", STATES)
def test_a_priority_of_what_has_ended_is_not_changed(state: str) -> None:
    going = state in {*ACTIVE_WORKFLOW, WorkflowState.PLANNED}
    row = put(state=state)
    job_row = put_job(f"{ID}/0/1", state="intended")

    assert priorities.change(ID, "alice@bvbrc", 2) is going

    assert (stored() != row) is going
    assert ("next_check" in stored()) is (state in ACTIVE_WORKFLOW), "a plan is not advanced"
    assert (collection(documents.Job).find_one({}) != job_row) is going


def test_a_retry_that_read_an_older_revision_writes_nothing() -> None:
    row = put(state="failed")
    older = row["revision"] - 1

    assert not user_commands.restart(ID, older, [StepState.PENDING], EVENT, "request")

    assert stored() == row
    assert collection(documents.Event).count_documents({}) == 0


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_under_way_is_paused(state: str) -> None:
    row = put(state=state)

    assert paused.hold() == (state in ACTIVE_WORKFLOW)

    assert (stored() != row) == (state in ACTIVE_WORKFLOW)


def test_what_is_not_paused_is_not_resumed() -> None:
    row = put()

    assert not paused.resume(ID)

    assert stored() == row
