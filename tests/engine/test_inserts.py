"""New workflows of many requests at once: each is stored, or says why it is not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from mongoengine import ValidationError
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure

from devstack import embedded
from tests.engine.conftest import ALICE, Engine, document
from workflows.engine.commands import Submission, submit
from workflows.model.errors import Conflict, Invalid, Unavailable
from workflows.model.states import WorkflowState
from workflows.spec.document import spec_from
from workflows.store import connection, documents
from workflows.store.mongo import collection, meaning
from workflows.store.workflows import inserts
from workflows.store.workflows.inserts import NewWorkflow, Repeated, Write


def new(name: str, **fields: Any) -> Write:
    """What stores a workflow of that id."""
    submitted = document("")
    usual = {"id": name, "owner": ALICE, "state": WorkflowState.PENDING, "cap": 2}
    return inserts.prepare(NewWorkflow(spec=spec_from(submitted), **{**usual, **fields}), submitted)


def stored_ids(kind: type[Any]) -> list[str]:
    return sorted(found["_id"] for found in collection(kind).find({}, {"_id": 1}))


@pytest.mark.usefixtures("engine")
def test_those_that_go_together_are_all_stored() -> None:
    assert inserts.write([new("a"), new("b"), new("c", state=WorkflowState.PLANNED)]) == [
        None,
        None,
        None,
    ]

    assert stored_ids(documents.Workflow) == ["a", "b", "c"]
    assert stored_ids(documents.Spec) == ["a/1", "b/1", "c/1"]
    found = {each["_id"]: each for each in collection(documents.Workflow).find()}
    assert found["a"]["submitted_at"] == found["a"]["next_check"] == found["a"]["created_at"]
    assert not found["c"].keys() & {"submitted_at", "next_check"}


@pytest.mark.usefixtures("engine")
def test_a_key_that_is_taken_is_a_conflict_of_its_own_and_leaves_nothing() -> None:
    first, twice, another = inserts.write(
        [
            new("a", idempotency_key="k", body_digest="d"),
            new("b", idempotency_key="k", body_digest="d"),
            new("c", idempotency_key="k", body_digest="d", owner="bob"),
        ]
    )

    assert first is None
    assert isinstance(twice, Conflict)
    assert another is None
    assert stored_ids(documents.Workflow) == ["a", "c"]
    assert stored_ids(documents.Spec) == ["a/1", "c/1"]


@pytest.mark.usefixtures("engine")
def test_what_was_accepted_under_a_key_is_found_again() -> None:
    inserts.write([new("a", idempotency_key="k", body_digest="d")])

    assert inserts.find_repeated(ALICE, "k") == Repeated("a", WorkflowState.PENDING, "d")
    assert inserts.find_repeated(ALICE, "another") is None
    assert inserts.find_repeated("bob", "k") is None


@pytest.mark.usefixtures("engine")
def test_what_is_stored_first_of_a_workflow() -> None:
    submitted = document("", "a", priority=3, labels={"study": "x"})
    wanted = NewWorkflow(
        id="a",
        spec=spec_from(submitted),
        owner=ALICE,
        state=WorkflowState.PENDING,
        cap=2,
        waits_for=[1],
        problems=[{"code": "c"}],
        request_id="r",
        batch={"batch": "b_1", "row": 4},
        template={"name": "t", "version": 1},
    )
    write = inserts.prepare(wanted, submitted)
    inserts.write([write])

    [found] = collection(documents.Workflow).find()
    told = {name: value for name, value in found.items() if not name.endswith("_at")}
    assert told.pop("next_check") == found["created_at"]
    assert told.pop("name") == wanted.spec.name
    assert told == {
        "_id": "a",
        "owner": ALICE,
        "labels": {"study": "x"},
        "apps": ["Date"],
        "step_count": 2,
        "spec": "a/1",
        "state": "pending",
        "states": ["pending", "pending"],
        "attempts": [0, 0],
        "waits_for": [1],
        "retries": {},
        "cap": 2,
        "sequence": 0,
        "revision": 0,
        "failures": 0,
        "problems": [{"code": "c"}],
        "request_id": "r",
        "batch": "b_1",
        "row": 4,
        "template": {"name": "t", "version": 1},
        "priority": 3,
        "bytes": len(write.spec.raw),
    }


@pytest.mark.usefixtures("engine")
def test_a_workflow_is_dated_and_is_as_its_document_declares_it() -> None:
    inserts.write([new("a", state=WorkflowState.PLANNED)])
    with pytest.raises(ValidationError):
        new("b", owner=7)

    [found] = collection(documents.Workflow).find()
    assert found["created_at"] == found["updated_at"]


@pytest.mark.usefixtures("engine")
def test_what_mongodb_refuses_of_one_is_told_to_that_one() -> None:
    refused = UpdateOne(
        {"_id": "b"}, [{"$set": {"states.0": "pending", "states": "x"}}], upsert=True
    )

    outcomes = inserts.write([new("a"), replace(new("b"), workflow=refused), new("c")])

    assert outcomes[0] is None
    assert isinstance(outcomes[1], OperationFailure)
    assert outcomes[2] is None
    assert stored_ids(documents.Workflow) == ["a", "c"]


def test_many_submissions_at_once_are_all_stored(engine: Engine) -> None:
    owner, barrier = engine.owner(), Barrier(16)

    def one(number: int) -> str:
        found = document("", workflow_name=f"w{number}")
        barrier.wait()
        return submit(engine.context, owner, Submission(spec_from(found), found)).id

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(one, range(16)))

    assert stored_ids(documents.Workflow) == sorted(ids)
    assert stored_ids(documents.Spec) == sorted(f"{each}/1" for each in ids)


def test_what_is_too_large_to_keep_is_the_users_to_fix(engine: Engine) -> None:
    found = document("")
    found["base_context"]["text"] = "x" * inserts.LARGEST_BYTES

    with pytest.raises(Invalid) as refused:
        engine.submit(found)

    assert [problem.code for problem in refused.value.problems] == ["document_too_large"]
    assert stored_ids(documents.Workflow) == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}), Unavailable),
        (OperationFailure("disk full", 14031), Unavailable),
        (OperationFailure("interrupted at shutdown", 11600), Unavailable),
        (OperationFailure("nonsense", 9), OperationFailure),
    ],
)
def test_a_failure_that_passes_is_no_defect(failure: OperationFailure, kind: type) -> None:
    assert type(meaning(failure)) is kind


def test_no_workflow_outlives_its_spec_where_mongodb_dies_between_the_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver repeats the second statement by itself as soon as MongoDB is there again."""
    server, bulk_write = embedded.start_mongod(tmp_path), Collection.bulk_write
    connection.close_database()
    connection.open_database(server.uri, "restarted")
    documents.ensure_indexes()

    ours, restarts = threading.get_ident(), []

    def after_a_restart(*arguments: Any, **named: Any) -> Any:
        if threading.get_ident() == ours:  # a thread of an earlier test may write, too
            server.kill()
            server.start()
            restarts.append(server)
        return bulk_write(*arguments, **named)

    monkeypatch.setattr(Collection, "bulk_write", after_a_restart)
    try:
        assert inserts.write([new("a")]) == [None]

        assert restarts
        assert stored_ids(documents.Workflow) == ["a"]
        assert stored_ids(documents.Spec) == ["a/1"]
    finally:
        connection.close_database()
        server.kill()
