"""What is written to a batch and its workflows is written where the guard holds, and not at all
where it does not: each part of each guard is broken in the stored row, and nothing changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from mongoengine import ValidationError
from pymongo import MongoClient, UpdateOne

from tests.store.stored_rows import ALICE, FUTURE, MINUTE, PAST, clear, everything, put
from tests.store.stored_rows import replace as put_again
from tests.store.stored_rows import stored as find
from workflows.model.errors import Conflict
from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Event
from workflows.model.webhooks import Message
from workflows.store import connection, documents
from workflows.store.batches import additions, inserts, progress, retention, user_commands
from workflows.store.batches import stored as batches
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows import user_commands as workflow_commands
from workflows.store.workflows.inserts import Write

ROWS = itertools.count()
COLLECTIONS = (
    documents.Batch,
    documents.BatchTable,
    documents.BatchPlan,
    documents.Spec,
    documents.Workflow,
    documents.Delivery,
    documents.Event,
)
ROW = Write(
    UpdateOne({"_id": "wf_9"}, {"$set": {"state": "pending"}}, upsert=True),
    RawBSONDocument(bson.encode({"_id": "wf_9/1"})),
)
MESSAGE = Message("m1", "wh_1", ALICE, "batch.finished", PAST, "{}", "/s")
ENDED, CANCELLED, PAUSED = {"finished_at": PAST}, {"cancel_requested_at": PAST}, {"paused": True}
GATHERED = {"gather_rows": 3}


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_batch_guards")
    yield
    connection.close_database()
    mongo.drop_database("test_batch_guards")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    clear(COLLECTIONS)


def put_batch(key: str = "b1", **fields: Any) -> StoredBatch:
    times = {"created_at": PAST, "updated_at": PAST}
    counts = {"count": 3, "made": 1, "max_active": 2, "bytes": 1, "version": 4}
    row = {"owner": ALICE, "name": "b", "seed": "00", "next_check": PAST, **counts, **times}
    put(documents.Batch, _id=key, **row | fields)
    put(documents.BatchTable, _id=key, content=b"before")
    return batches.get(key)


def put_workflow(key: str, **fields: Any) -> dict[str, Any]:
    row = {"owner": ALICE, "batch": "b1", "state": "running", "sample": "s", "row": next(ROWS)}
    return put(documents.Workflow, _id=key, **row | fields)


@dataclass(frozen=True)
class Guarded:
    """A write of a batch, and what each part of its guard excludes."""

    write: Callable[[StoredBatch], object]
    breaks: tuple[dict[str, Any], ...]
    gone: tuple[str, ...] = ()
    """What the batch has no longer."""
    counts: bool = True
    """Whether another process sees that the batch has changed."""
    answers: bool = True
    """Whether it says that it was written."""


ADDED = additions.NewRows(count=1, content=b"after", plans=[b"p"], bytes=1, key="k", digest="d")
WRITES: dict[str, Guarded] = {
    "make rows": Guarded(
        lambda batch: inserts.make(batch, [ROW]), ({"made": 2}, CANCELLED, PAUSED)
    ),
    "make the gather": Guarded(
        lambda batch: inserts.make_gather(batch, ROW, 3),
        ({"version": 5}, GATHERED, CANCELLED, PAUSED),
        ("finished_at",),
    ),
    "refuse the gather": Guarded(
        lambda batch: inserts.refuse_gather(batch, 3, "$no"),
        ({"version": 5}, GATHERED, CANCELLED, PAUSED),
        ("finished_at",),
    ),
    "add rows": Guarded(
        lambda batch: additions.add(batch, ADDED),
        ({"count": 4}, CANCELLED, GATHERED),
        ("finished_at",),
    ),
    "finish": Guarded(
        lambda batch: progress.finish(batch, [MESSAGE]),
        ({"version": 5}, ENDED),
        ("next_check", "held_up_by"),
        counts=False,
    ),
    "look again": Guarded(
        lambda batch: progress.look_again(batch.id, MINUTE, "$quota"),
        (ENDED,),
        counts=False,
        answers=False,
    ),
    "pause": Guarded(lambda batch: user_commands.pause(batch.id), (ENDED,)),
    "resume": Guarded(lambda batch: user_commands.resume(batch.id), (ENDED,)),
    "change what is active": Guarded(
        lambda batch: user_commands.change_max_active(batch.id, 9), (ENDED,)
    ),
    "pause all": Guarded(lambda _: user_commands.pause_all(), (ENDED, PAUSED), counts=False),
    "cancel": Guarded(lambda batch: user_commands.request_cancel(batch.id), (), answers=False),
}
BREAKS = [
    pytest.param(each.write, broken, id=f"{name}: {broken}")
    for name, each in WRITES.items()
    for broken in each.breaks
]


@pytest.mark.parametrize("name", WRITES)
def test_a_batch_is_written_where_its_guard_holds(name: str) -> None:
    each = WRITES[name]
    batch = put_batch(**({} if ENDED in each.breaks else ENDED), held_up_by="quota")
    before = find(documents.Batch, "b1")

    assert bool(each.write(batch)) is each.answers

    after = find(documents.Batch, "b1")
    assert after != before
    assert after["version"] - before["version"] == each.counts
    assert not set(each.gone) & set(after)


@pytest.mark.parametrize(("write", "broken"), BREAKS)
def test_nothing_is_written_where_a_part_of_the_guard_is_broken(
    write: Callable[[StoredBatch], object], broken: dict[str, Any]
) -> None:
    batch = put_batch()
    put_again(documents.Batch, {**find(documents.Batch, "b1"), **broken})
    before = everything(COLLECTIONS)

    assert not write(batch)

    assert everything(COLLECTIONS) == before


@pytest.mark.parametrize("name", sorted(WRITES.keys() - {"pause all"}))
def test_another_batch_stays_as_it_is(name: str) -> None:
    """MongoDB would meet the first of two first."""
    put_batch("b0")
    put(documents.BatchPlan, _id="b0/0", content=b"before")
    batch = put_batch()
    before = everything(COLLECTIONS)

    WRITES[name].write(batch)

    after = everything(COLLECTIONS)
    for kind in ("Batch", "BatchTable", "BatchPlan"):
        assert after[kind][0] == before[kind][0]


def test_rows_that_are_made_are_stored_with_their_count() -> None:
    assert inserts.make(put_batch(), [ROW])

    assert find(documents.Batch, "b1")["made"] == 2
    assert find(documents.Workflow, "wf_9")
    assert find(documents.Spec, "wf_9/1")


def test_a_gather_is_stored_with_the_number_of_its_rows() -> None:
    assert inserts.make_gather(put_batch(), ROW, 3)

    assert find(documents.Batch, "b1")["gather_rows"] == 3
    assert find(documents.Workflow, "wf_9")
    assert find(documents.Spec, "wf_9/1")


def test_why_there_is_no_gather_is_stored_with_the_number_of_its_rows() -> None:
    assert inserts.refuse_gather(put_batch(), 3, "$no")

    batch = find(documents.Batch, "b1")
    assert (batch["gather_rows"], batch["gather_problem"]) == (3, "$no")


def test_rows_are_added_with_their_table_their_plans_and_their_key() -> None:
    assert additions.add(put_batch(), ADDED)

    assert find(documents.Batch, "b1")["count"] == 4
    assert find(documents.BatchTable, "b1")["content"] == b"after"
    assert find(documents.BatchPlan, "b1/0")["content"] == b"p"
    assert additions.find_repeated("b1", "k") == additions.Addition("d", 1)
    assert additions.find_repeated("b1", "another") is None


def test_rows_are_added_without_a_key() -> None:
    assert additions.add(put_batch(), replace(ADDED, key=None))

    assert "additions" not in find(documents.BatchTable, "b1")


def test_the_end_of_a_batch_is_stored_with_the_messages_about_it() -> None:
    assert progress.finish(put_batch(), [MESSAGE])

    assert find(documents.Delivery, "m1")


def new_batch(key: str, **fields: Any) -> inserts.NewBatch:
    kept = {"owner": ALICE, "name": "$b", "labels": {}, "count": 2, "max_active": 1, "seed": "00"}
    return inserts.NewBatch(**{**kept, "id": key, "content": b"t", "request": b"r", **fields})


def test_a_new_batch_is_stored_with_its_table_and_plans_and_no_other_changes() -> None:
    put_batch("b0")
    before = find(documents.Batch, "b0")

    inserts.create(new_batch("b1", plans=[b"p"]))

    batch = find(documents.Batch, "b1")
    assert (batch["name"], batch["made"], batch["next_check"]) == ("$b", 0, batch["created_at"])
    assert find(documents.BatchTable, "b1") == {"_id": "b1", "content": b"t", "request": b"r"}
    assert find(documents.BatchPlan, "b1/0")["content"] == b"p"
    assert find(documents.Batch, "b0") == before


def test_a_batch_that_is_there_is_not_stored_again() -> None:
    put_batch("b1")
    before = everything(COLLECTIONS)

    with pytest.raises(Conflict):
        inserts.create(new_batch("b1"))

    assert everything(COLLECTIONS) == before


def test_a_batch_that_is_not_what_is_declared_is_not_stored() -> None:
    with pytest.raises(ValidationError):
        inserts.create(new_batch("b1", count="two"))


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
    for key, ended in {"gone": PAST, "young": FUTURE, "under way": None, "used": PAST}.items():
        put_batch(key, **({"finished_at": ended} if ended else {}))
        put(documents.BatchPlan, _id=f"{key}/0", content=b"")
    put_workflow("wf_1", batch="used")

    assert retention.remove_old(MINUTE, 9) == 1

    left = everything(COLLECTIONS)
    for kind in ("Batch", "BatchTable", "BatchPlan"):
        assert [row["_id"].split("/")[0] for row in left[kind]] == ["under way", "used", "young"]


def test_only_as_many_batches_are_removed_as_asked_for() -> None:
    for key in "abc":
        put_batch(key, **ENDED)

    assert retention.remove_old(MINUTE, 2) == 2
