"""Which workflows and batches users' commands on a batch reach, and when a batch is removed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.store.guards.batch_rows import CANCELLED, COLLECTIONS, ENDED, GATHERED, put_batch
from tests.store.guards.stored_rows import ALICE, FUTURE, MINUTE, PAST, everything, put
from tests.store.guards.stored_rows import stored as find
from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Event
from workflows.store import documents
from workflows.store.batches import progress, retention, user_commands
from workflows.store.workflows import user_commands as workflow_commands

ROWS = itertools.count()


def put_workflow(key: str, **fields: Any) -> dict[str, Any]:
    row = {"owner": ALICE, "batch": "b1", "state": "running", "sample": "s", "row": next(ROWS)}
    return put(documents.Workflow, _id=key, **row | fields)


def test_a_second_cancel_keeps_the_time_of_the_first() -> None:
    put_batch(**CANCELLED)

    user_commands.request_cancel("b1")

    batch = find(documents.Batch, "b1")
    assert (batch["cancel_requested_at"], batch["cancel_pending"]) == (PAST, True)


def test_a_cancel_of_a_batch_ends_leases_of_what_has_not_ended_and_no_other() -> None:
    put_batch("b2", cancel_pending=True)
    put_batch(cancel_pending=True)
    lease = {"token": "t", "until": FUTURE}
    put_workflow("wf_1", lease=lease, retry_wanted=True, paused=True)
    others = [
        put_workflow("wf_2", state="succeeded", lease=lease),
        put_workflow("wf_3", cancel_requested_at=PAST, lease=lease),
        put_workflow("wf_4", batch="b2", lease=lease, retry_wanted=True),
    ]

    user_commands.cancel_workflows("b1")

    cancelled = find(documents.Workflow, "wf_1")
    assert cancelled["cancel_requested_at"]
    assert not {"lease", "retry_wanted", "paused"} & set(cancelled)
    assert [find(documents.Workflow, each["_id"]) for each in others] == others
    assert "cancel_pending" not in find(documents.Batch, "b1")
    assert find(documents.Batch, "b2")["cancel_pending"]


def test_a_retry_that_is_wanted_of_an_ended_row_is_given_up_with_a_cancel() -> None:
    put_batch()
    put_workflow("wf_1", state="failed", retry_wanted=True)

    user_commands.cancel_workflows("b1")

    assert "retry_wanted" not in find(documents.Workflow, "wf_1")


def wanted_again() -> set[str]:
    return set(progress.wanted_retries("b1", 9)) | {
        row["_id"] for row in everything(COLLECTIONS)["Workflow"] if row.get("retry_wanted")
    }


def test_a_retry_of_a_batch_marks_what_was_asked_for() -> None:
    put_batch(**ENDED)
    put_workflow("failed", state="failed")
    put_workflow("of another sample", state="failed", sample="t")
    put_workflow("of another batch", state="failed", batch="b2")
    put_workflow("succeeded", state="succeeded")
    put_workflow("being cancelled", **CANCELLED)
    put_workflow("succeeded in spite of a cancel", state="succeeded", **CANCELLED)
    put_workflow("running")

    assert user_commands.request_retry("b1", [WorkflowState.FAILED], ["s"]) == 1
    assert wanted_again() == {"failed"}
    asked = [WorkflowState.FAILED, WorkflowState.CANCELLED, WorkflowState.SUCCEEDED]
    assert user_commands.request_retry("b1", asked, None) == 3
    assert wanted_again() == {"failed", "of another sample", "being cancelled"}

    batch = find(documents.Batch, "b1")
    assert batch["version"] == 6, "a process that was about to end it finds that it has changed"
    assert "finished_at" not in batch


def test_a_retry_of_a_batch_opens_that_batch_again() -> None:
    put_batch("b0", **ENDED)
    put_batch(**ENDED)
    put_workflow("wf_1", state="failed")

    assert user_commands.request_retry("b1", [WorkflowState.FAILED], None) == 1

    assert "finished_at" in find(documents.Batch, "b0")
    assert "finished_at" not in find(documents.Batch, "b1")


def test_a_retry_of_nothing_leaves_the_batch_ended() -> None:
    put_batch(**ENDED)
    before = everything(COLLECTIONS)

    assert user_commands.request_retry("b1", [WorkflowState.FAILED], None) == 0

    assert everything(COLLECTIONS) == before


def test_only_ended_rows_are_restarted_in_the_order_of_the_table() -> None:
    for row, state in enumerate(["failed", "cancelled", "running", "failed"]):
        put_workflow(f"wf_{row}", state=state, row=9 - row, retry_wanted=True)
    put_workflow("not wanted", state="failed")
    put_workflow("of another batch", state="failed", batch="b2", retry_wanted=True)

    assert progress.wanted_retries("b1", 9) == ["wf_3", "wf_1", "wf_0"]
    assert progress.wanted_retries("b1", 2) == ["wf_3", "wf_1"]


@pytest.mark.parametrize(
    ("fields", "withdrawn"),
    [
        (CANCELLED, True),
        ({}, False),
        ({**CANCELLED, "made": 3}, False),
        ({**CANCELLED, "made": 3, "gather": "all"}, True),
    ],
)
def test_a_cancel_is_withdrawn_where_rows_or_a_gather_are_left(
    fields: dict[str, Any], *, withdrawn: bool
) -> None:
    put_batch("b0", **CANCELLED, **ENDED)
    put_batch(cancel_pending=True, **ENDED, **fields)
    before = everything(COLLECTIONS)

    assert user_commands.withdraw_cancel("b1") is withdrawn

    batch = find(documents.Batch, "b1")
    gone = {"cancel_requested_at", "cancel_pending", "finished_at"} & set(batch)
    assert (everything(COLLECTIONS) != before) is withdrawn
    assert not (withdrawn and gone)
    assert "cancel_requested_at" in find(documents.Batch, "b0")


def test_a_resumed_batch_resumes_its_own_paused_workflows() -> None:
    put_batch(paused=True)
    put_workflow("wf_0")
    put_workflow("wf_1", paused=True)
    others = [put_workflow("wf_2"), put_workflow("wf_3", paused=True, batch="b2")]

    user_commands.resume("b1")

    resumed, batch = find(documents.Workflow, "wf_1"), find(documents.Batch, "b1")
    assert "paused" not in resumed
    assert resumed["next_check"]
    assert batch["next_check"] > PAST
    assert [find(documents.Workflow, each["_id"]) for each in others] == others
    assert batch["paused"] is False


GATHERING = {"gather": "all", "finished_at": PAST}


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        (GATHERING, True),
        (ENDED, False),
        ({**GATHERING, **GATHERED}, False),
        ({**GATHERING, **CANCELLED}, False),
    ],
)
def test_a_gather_that_has_not_begun_waits_for_a_row_that_is_retried(
    fields: dict[str, Any], *, waits: bool
) -> None:
    put_batch("b0", **GATHERING)
    put_batch(**fields)
    put_workflow("wf_1", state="failed", revision=3)
    before = find(documents.Batch, "b1"), find(documents.Batch, "b0")
    event = Event(1, PAST, "workflow", "failed", "pending")

    assert workflow_commands.restart("wf_1", 3, [StepState.PENDING], event, "r", batch="b1")

    after = find(documents.Batch, "b1")
    assert (after != before[0]) is waits
    assert find(documents.Batch, "b0") == before[1]
    if waits:
        assert "finished_at" not in after
        assert (after["version"], after["next_check"] > PAST) == (5, True)


def test_only_an_ended_batch_without_workflows_is_removed() -> None:
    ends = {"a young one": FUTURE, "gone": PAST, "under way": None, "used": PAST}
    for key, ended in ends.items():
        put_batch(key, **({"finished_at": ended} if ended else {}))
        put(documents.BatchPlan, _id=f"{key}/0", content=b"")
    put_workflow("wf_1", batch="used")

    assert retention.remove_old(MINUTE, 9) == 1

    left = everything(COLLECTIONS)
    for kind in ("Batch", "BatchTable", "BatchPlan"):
        assert [row["_id"].split("/")[0] for row in left[kind]] == [
            "a young one",
            "under way",
            "used",
        ]


@pytest.mark.parametrize(
    "since", [{"finished_at": None}, {"finished_at": FUTURE}], ids=["open again", "ended again"]
)
def test_a_batch_to_which_rows_were_added_since_it_was_found_stays_whole(
    since: dict[str, Any],
) -> None:
    put_batch("another that has ended", **ENDED)
    put_batch(**since)
    put(documents.BatchPlan, _id="b1/0", content=b"")
    before = everything(COLLECTIONS)

    assert not retention.remove("b1", MINUTE)

    assert everything(COLLECTIONS) == before


def test_only_as_many_batches_are_removed_as_asked_for() -> None:
    for key in "abc":
        put_batch(key, **ENDED)

    assert retention.remove_old(MINUTE, 2) == 2
