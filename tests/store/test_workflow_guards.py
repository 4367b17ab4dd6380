"""What is written to a workflow is written where its guard holds, and not at all where it does not.

Each part of a guard (the lease, the state, the revision, the mark of a pause) is broken in the
stored row, and the row stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from workflows.model.states import (
    ACTIVE_WORKFLOW,
    RETRY_WORKFLOW,
    JobState,
    StepState,
    WorkflowState,
)
from workflows.model.values import Event, Job
from workflows.store import connection, documents
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection
from workflows.store.workflows import paused, replan, rows, user_commands
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.replan import Grown

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ID = "wf_1"
LEASED = {"lease": {"token": "ours", "until": FUTURE}}
STOLEN = {"lease": {"token": "another", "until": FUTURE}}
EVENT = Event(1, PAST, "workflow", "failed", "pending")
STATES = [str(state) for state in WorkflowState]


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_workflow_guards")
    yield
    connection.close_database()
    mongo.drop_database("test_workflow_guards")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    for document in (documents.Workflow, documents.Job, documents.Event, documents.Spec):
        collection(document).delete_many({})


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


def claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(rows.value(dict(row)), row["spec"], row["name"], PAST, 0, PAST, None, None)


def job(workflow: str = ID, **fields: Any) -> Job:
    state = fields.pop("state", JobState.INTENDED)
    return Job(f"{workflow}/0/1", workflow, 0, 1, "alice@bvbrc", "Date", {}, "", state, **fields)


def change(row: Mapping[str, Any]) -> Change:
    """A turn that starts the step."""
    before = claimed(row)
    after = replace(before.workflow, states=(StepState.QUEUED,), attempts=(1,), sequence=1)
    event = Event(1, PAST, "step", "ready", "queued", 0)
    return Change(before, after, None, new_jobs=(job(row["_id"]),), events=(event,))


def extend(row: Mapping[str, Any]) -> object:
    return replan.extend("ours", Grown(claimed(row), {"steps": [{"app": "Date"}]}, (), ()))


UNDER_LEASE: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "commit": lambda row: rows.commit("ours", [change(row)]),
    "release": lambda _: rows.release("ours", [ID]),
    "postpone": lambda _: rows.postpone("ours", ID, MINUTE),
    "extend": extend,
    "refuse": lambda row: replan.refuse("ours", claimed(row), "no"),
    "postpone planning": lambda _: replan.postpone("ours", ID, MINUTE, "away"),
    "let go": lambda _: replan.let_go("ours", ID),
}


@pytest.mark.parametrize("write", UNDER_LEASE.values(), ids=UNDER_LEASE)
def test_the_holder_of_the_lease_writes(write: Callable[[Mapping[str, Any]], object]) -> None:
    row = put(**LEASED)

    write(row)

    assert stored() != row


@pytest.mark.parametrize("write", UNDER_LEASE.values(), ids=UNDER_LEASE)
@pytest.mark.parametrize("lease", [STOLEN, {}], ids=["stolen", "ended"])
def test_nothing_is_written_under_a_lease_that_is_lost(
    write: Callable[[Mapping[str, Any]], object], lease: dict[str, Any]
) -> None:
    row = put(**lease)

    write(row)

    assert stored() == row
    assert collection(documents.Job).count_documents({}) == 0
    assert collection(documents.Event).count_documents({}) == 0
    assert collection(documents.Spec).count_documents({}) == 0


def test_a_lost_lease_does_not_keep_others_from_being_written() -> None:
    lost, held = put(**STOLEN), put(_id="wf_2", **LEASED)
    ours = change(held)

    assert rows.commit("ours", [change(lost), ours]) == [ours]

    assert stored() == lost
    assert stored("wf_2")["states"] == ["queued"]


@pytest.mark.parametrize("taken", [STOLEN, {"paused": True}], ids=["leased", "paused"])
def test_what_another_holds_or_a_restart_paused_is_not_claimed(taken: dict[str, Any]) -> None:
    row = put(**taken)

    assert rows.claim([ID], MINUTE)[1:] == ([], [])

    assert stored() == row


def test_a_lease_that_has_ended_is_taken_over() -> None:
    put(lease={"token": "another", "until": PAST})

    token, [found], _ = rows.claim([ID], MINUTE)

    assert found.workflow.id == ID
    assert stored()["lease"]["token"] == token


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_planned_begins(state: str) -> None:
    row = put(state=state)

    assert user_commands.begin(ID, "request") == (state == "planned")

    assert (stored() != row) == (state == "planned")


@pytest.mark.parametrize("state", STATES)
def test_only_what_has_not_ended_is_cancelled(state: str) -> None:
    going = state in {*ACTIVE_WORKFLOW, WorkflowState.PLANNED}
    row = put(state=state, **LEASED)

    assert user_commands.request_cancel(ID) == going

    assert (stored() != row) == going
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


def acknowledge(seen: Job, **what: tuple[Job, ...]) -> dict[str, Any]:
    """The job's row after a turn that has seen it so; the row is in version 8 by then."""
    row = put(**LEASED)
    changed = job_rows.row(seen, PAST) | {"version": 8, "changed_at": PAST}
    collection(documents.Job).insert_one(changed)
    before = claimed(row)
    rows.commit("ours", [Change(before, before.workflow, None, seen=(seen,), **what)])
    return collection(documents.Job).find_one({"_id": seen.key}) or {}


def test_what_changed_after_a_turn_read_it_stays_unprocessed() -> None:
    seen = job(state=JobState.DONE, version=7, unprocessed=True)

    row = acknowledge(seen, settled=(seen,))

    assert row["changed_at"] == PAST
    assert row["open"]


def test_what_a_turn_saw_in_its_last_version_is_processed() -> None:
    seen = job(state=JobState.DONE, version=8, unprocessed=True)

    row = acknowledge(seen, settled=(seen,))

    assert not {"changed_at", "open"} & set(row)


def test_only_changes_up_to_the_pause_are_discarded() -> None:
    now = datetime.now(UTC)
    later = {"changed_at": FUTURE}
    collection(documents.Job).insert_many(
        [
            job_rows.row(job(), PAST) | {"changed_at": PAST},
            job_rows.row(job(), PAST) | {"_id": f"{ID}/0/2", **later},
            job_rows.row(job("wf_2"), PAST) | {"changed_at": PAST},
        ]
    )

    job_rows.discard_changes(ID, now)

    left = collection(documents.Job).find({"changed_at": {"$type": "date"}})
    assert {row["_id"] for row in left} == {f"{ID}/0/2", "wf_2/0/1"}
