"""A batch is written where the guard holds, and not at all where a part of it is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from mongoengine import ValidationError
from pymongo import UpdateOne

from tests.store.guards.batch_rows import CANCELLED, COLLECTIONS, ENDED, GATHERED, PAUSED, put_batch
from tests.store.guards.stored_rows import ALICE, MINUTE, PAST, everything, put
from tests.store.guards.stored_rows import replace as put_again
from tests.store.guards.stored_rows import stored as find
from workflows.model.errors import Conflict
from workflows.model.webhooks import Message
from workflows.store import documents
from workflows.store.batches import additions, inserts, progress, user_commands
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows.inserts import Write

ROW = Write(
    UpdateOne({"_id": "wf_9"}, {"$set": {"state": "pending"}}, upsert=True),
    RawBSONDocument(bson.encode({"_id": "wf_9/1"})),
)


MESSAGE = Message("m1", "wh_1", ALICE, "batch.finished", PAST, "{}", "/s")


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
