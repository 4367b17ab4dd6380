"""What limits a write to jobs and locks besides the guards of the moves: owners, times, tokens.

For each such limit a row beyond it is stored, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from tests.profiling import profiled
from workflows.model.states import WorkflowState
from workflows.model.values import Job, Workflow
from workflows.rules.concurrency_limit import Observed
from workflows.store import clock, connection, documents
from workflows.store.jobs import (
    duplicates,
    kills,
    lookups,
    outbox,
    output_search,
    polling,
    reservations,
    rows,
    waiting,
)
from workflows.store.jobs.outbox import Bounds
from workflows.store.mongo import collection
from workflows.store.processes import sweeps
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.job_writes import job_writes

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE, BOB = "alice@bvbrc", "bob@bvbrc"
OUTBOX = {"_id": "outbox"}


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_job_filters")
    yield
    connection.close_database()
    mongo.drop_database("test_job_filters")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    for document in (documents.Job, documents.Lock):
        collection(document).delete_many({})


def put(workflow: str = "wf_1", owner: str = ALICE, **fields: Any) -> Job:
    row = {
        "_id": f"{workflow}/0/1",
        "workflow": workflow,
        "step": 0,
        "attempt": 1,
        "owner": owner,
        "app": "Date",
        "version": 7,
        "tries": 0,
        **fields,
    }
    collection(documents.Job).insert_one(row)
    return rows.value(row)


def stored(workflow: str = "wf_1") -> dict[str, Any]:
    return collection(documents.Job).find_one({"workflow": workflow}) or {}


def lock(name: str = "outbox") -> dict[str, Any]:
    return collection(documents.Lock).find_one({"_id": name}) or {}


def test_an_announced_start_leaves_a_newer_change_unprocessed() -> None:
    job = put(state="active", open=True, changed_at=PAST)
    collection(documents.Job).update_one({"_id": job.key}, {"$set": {"version": 8}})
    workflow = Workflow("wf_1", ALICE, WorkflowState.RUNNING, (), ())
    before = Claimed(workflow, "wf_1/1", "w", PAST, 0, PAST, None, None)
    change = Change(before, workflow, None, seen=(job,), announced=(job,), settled=(job,))

    collection(documents.Job).bulk_write(job_writes([change]))

    row = stored()
    assert (row["announced"], row["open"], row["changed_at"]) == (True, True, PAST)


def test_duplicates_are_taken_when_they_are_due() -> None:
    put("wf_1", state="active", surplus=["7"], surplus_due=PAST)
    put("wf_2", state="active", surplus=["8"], surplus_due=FUTURE)

    assert [each.job_ids for each in duplicates.take(10, MINUTE)] == [("7",)]
    assert stored("wf_2")["surplus_due"] == FUTURE


def test_a_job_with_a_further_duplicate_stays_due() -> None:
    job = put(state="active", surplus=["7", "8"], surplus_due=PAST)

    duplicates.settle(job.key, ["7"])
    assert (stored()["surplus"], stored()["surplus_due"]) == (["8"], PAST)

    duplicates.settle(job.key, ["8"])
    assert not {"surplus", "surplus_due"} & set(stored())


def test_only_one_claim_reserves_places_after_a_reading() -> None:
    book, job = reservations.read(), put(state="intended")
    assert reservations.reserve(book, "first", [job], ALICE)

    assert not reservations.reserve(book, "second", [job], ALICE)

    assert [claim["token"] for claim in lock()["claims"]] == ["first"]


def test_a_claim_releases_its_own_places() -> None:
    for token in ("first", "second"):
        assert reservations.reserve(reservations.read(), token, [], ALICE)

    reservations.release("first")

    assert [claim["token"] for claim in lock()["claims"]] == ["second"]


def test_announced_queries_end_with_their_time_or_by_their_own_process() -> None:
    dead = {"token": "dead", "until": PAST}
    reservations.read()
    collection(documents.Lock).update_one(OUTBOX, {"$set": {"queries": [dead]}})

    for token in ("first", "second"):
        reservations.announce_queries(token)
    assert [query["token"] for query in lock()["queries"]] == ["first", "second"]

    reservations.withdraw_queries("first")
    assert [query["token"] for query in lock()["queries"]] == ["second"]


def test_what_another_process_learnt_in_between_is_not_overwritten() -> None:
    class OtherLearnsFirst(list[tuple[str, datetime]]):
        """The observations of a process that another one overtakes while it computes."""

        def __iter__(self) -> Any:
            if not lock().get("learnt"):
                reservations.learn(Observed(starts=2), 10)
            return super().__iter__()

    reservations.read()

    reservations.learn(Observed(starts=3, lost=OtherLearnsFirst()), 10)

    assert (lock()["learnt"], lock()["limit"]["starts"]) == (2, 5)


def test_only_the_jobs_of_users_with_a_token_return_to_the_queue() -> None:
    put("wf_1", ALICE, state="intended")
    put("wf_2", BOB, state="intended")

    assert waiting.unpark([ALICE]) == 1

    assert "due" not in stored("wf_2")


def test_only_the_look_ups_of_users_with_a_token_are_due_again() -> None:
    put("wf_1", ALICE, state="checking")
    put("wf_2", BOB, state="checking")

    assert waiting.unpark([ALICE]) == 1

    assert "reuse_due" not in stored("wf_2")


def test_a_look_up_is_of_the_backends_and_users_that_were_asked_for() -> None:
    put("wf_1", ALICE, state="sending", due=PAST, backend="appservice")

    assert lookups.take(MINUTE, backends=["builtin"]) is None
    assert lookups.take(MINUTE, barred=[ALICE]) is None
    assert stored()["version"] == 7

    assert lookups.take(MINUTE, backends=["appservice"], barred=[BOB]) is not None


def test_outputs_of_a_barred_user_are_not_searched_for() -> None:
    put("wf_1", ALICE, state="active", results_due=PAST)

    assert output_search.take(MINUTE, [ALICE]) is None
    assert output_search.take(MINUTE, [BOB]) is not None


def test_a_periodic_lock_is_free_once_an_interval() -> None:
    assert set(polling.take_locks(["sweep"], MINUTE)) == {"sweep"}
    before = lock("sweep")

    assert polling.take_locks(["sweep", "poll:alice"], MINUTE).keys() == {"poll:alice"}

    assert lock("sweep") == before


def test_a_periodic_lock_is_taken_in_one_question() -> None:
    polling.take_locks(["sweep"], -MINUTE)

    with profiled() as asked:
        taken = polling.take_locks(["sweep"], MINUTE)

    assert taken["sweep"].since is not None
    assert taken["sweep"].since < taken["sweep"].now == lock("sweep")["last"]
    of_locks = {"ns": collection(documents.Lock).full_name}
    assert asked.count_documents(of_locks) == 1

    with profiled() as asked:
        assert polling.take_locks(["sweep"], MINUTE) == {}
    assert asked.count_documents(of_locks) == 2, "it is there: only whether it is was asked"


@pytest.mark.parametrize(
    ("asks", "before", "reply", "after"),
    [
        (1, None, kills.GONE, kills.GONE),
        (2, None, kills.GONE, kills.UNANSWERED),
        (2, kills.KILLED, kills.GONE, kills.KILLED),
        (2, kills.KILLED, "busy", kills.KILLED),
        (2, "busy", kills.KILLED, kills.KILLED),
    ],
)
def test_a_kill_that_worked_stays(asks: int, before: str | None, reply: str, after: str) -> None:
    job = put(state="active", kill=True, kill_due=PAST, kill_asks=asks, kill_reply=before)

    kills.record([(job, reply, None)])

    assert (stored()["kill_reply"], stored().get("kill_due")) == (after, None)


def test_a_claim_has_none_of_the_jobs_that_another_one_marked() -> None:
    ours, theirs = put("wf_1", state="intended"), put("wf_2", state="intended")
    bounds = Bounds(10, 10, MINUTE, MINUTE, 10)
    assert outbox.mark_sending([theirs], "theirs", bounds) == {theirs.key}

    assert outbox.mark_sending([ours, theirs], "ours", bounds) == {ours.key}


def test_a_claim_that_is_marked_twice_has_all_of_its_jobs() -> None:
    """As after a failover in the midst of it: MongoDB has marked the first of them."""
    first, second = put("wf_1", state="intended"), put("wf_2", state="intended")
    bounds = Bounds(10, 10, MINUTE, MINUTE, 10)
    outbox.mark_sending([first], "ours", bounds)

    assert outbox.mark_sending([first, second], "ours", bounds) == {first.key, second.key}


def test_a_claim_has_jobs_of_several_versions() -> None:
    jobs = [put("wf_1", state="intended"), put("wf_2", state="intended", version=8)]
    late = put("wf_3", state="intended", version=9)
    collection(documents.Job).update_one({"_id": late.key}, {"$set": {"version": 10}})

    marked = outbox.mark_sending([*jobs, late], "ours", Bounds(10, 10, MINUTE, MINUTE, 10))

    assert marked == {job.key for job in jobs}


def test_of_slow_sweeps_the_slowest_of_the_last_day_stay() -> None:
    old = {"at": clock.now() - timedelta(days=2), "seconds": 99.0}
    collection(documents.Lock).insert_one({"_id": "sweep", "slowest": [old]})

    for seconds in (3, 0.05, 5, 0.2, 4, 6, 0.01):
        sweeps.record(timedelta(seconds=seconds))

    assert [sweep.seconds for sweep in sweeps.slowest()] == [6, 5, 4, 3, 0.2]
