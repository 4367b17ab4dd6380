"""The history of durations: counted from jobs, once, whatever dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.conftest import Engine, document
from workflows.engine import durations
from workflows.engine.durations import KEPT, count_in_turn, count_new
from workflows.rules.durations.history import AppHistory
from workflows.store import documents
from workflows.store.durations import hours, progress
from workflows.store.mongo import clock, collection

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def now(engine: Engine) -> datetime:  # noqa: ARG001 - MongoDB is connected
    return clock()


def insert(end: datetime, **changes: Any) -> None:
    """A job that waited a minute and ran for ten."""
    jobs = collection(documents.Job)
    number = jobs.count_documents({})
    row = {
        "_id": f"wf/{number}/1",
        "workflow": "wf",
        "step": number,
        "attempt": 1,
        "owner": "alice",
        "app": "A",
        "state": "done",
        "outcome": "succeeded",
        "submitted_at": end - 11 * MINUTE,
        "started_at": end - 10 * MINUTE,
        "finished_at": end,
    }
    jobs.insert_one({name: value for name, value in (row | changes).items() if value is not None})


def total(app: str = "A") -> AppHistory:
    return hours.totals().get(app, AppHistory())


def test_jobs_are_counted_by_app_and_hour(engine: Engine, now: datetime) -> None:
    for end in (now, now - 3 * DAY, now - 3 * DAY, now - 40 * DAY):
        insert(end)
    insert(now, app="B")

    count_new(engine.context)

    assert total().observations == 4
    assert total("B").observations == 1
    assert [history.observations for _, history in hours.newest("A", 9)] == [1, 2, 1]
    assert total().all_sizes.waits.quantile(0.5) == pytest.approx(60, rel=0.1)
    assert total().all_sizes.runs.quantile(0.5) == pytest.approx(600, rel=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "failed"},
        {"outcome": "lost"},
        {"reused": {"source": "wf_0/0/1"}},
        {"kill": True},
        {"started_at": None},
    ],
    ids=str,
)
def test_what_did_not_run_to_its_end_is_left_out(
    engine: Engine, now: datetime, changes: dict[str, Any]
) -> None:
    insert(now - DAY, **changes)

    count_new(engine.context)

    assert total().observations == 0


def test_what_is_older_than_the_history_is_left_out_and_forgotten(
    engine: Engine, now: datetime
) -> None:
    insert(now - KEPT - 2 * DAY)
    hours.store(now - KEPT - 2 * DAY, {"C": AppHistory()})

    count_new(engine.context)

    assert total().observations == 0
    assert hours.newest("C", 1) == []


def test_the_size_of_inputs_is_that_of_all_files(engine: Engine, now: datetime) -> None:
    def holds(*found: dict[str, Any]) -> dict[str, Any]:
        return {"basis": {"inputs": [{"path": "/a/b", "holds": each} for each in found]}}

    insert(now, **holds({"size": 6 * 10**8}, {"size": 6 * 10**8}))
    insert(now, **holds({"size": 5}, {"folder": "f", "content": "d"}))
    insert(now, **holds({"size": 5, "content": "of a job_result"}))
    insert(now, **holds())

    count_new(engine.context)

    assert {size: each.observations for size, each in total().by_size.items()} == {9: 1, None: 3}


def test_only_new_hours_are_counted_again(engine: Engine, now: datetime) -> None:
    for days in range(2, 12):
        insert(now - days * DAY)
    assert count_new(engine.context) == 20  # each for the first and the second time

    insert(now)

    assert count_new(engine.context) == 1
    assert total().observations == 11


def test_a_job_whose_end_is_learnt_late_is_counted_a_day_later(
    engine: Engine, now: datetime
) -> None:
    insert(now - 5 * DAY)
    count_new(engine.context)
    insert(now - 2 * DAY)
    _move_marks(counted=now, recounted=now - 3 * DAY)

    count_new(engine.context)

    assert total().observations == 2


def test_a_run_that_died_is_repeated_without_harm(engine: Engine, now: datetime) -> None:
    insert(now - DAY)
    count_new(engine.context)
    collection(documents.Lock).delete_one({"_id": progress.LOCK})
    collection(documents.DurationTotal).delete_many({})

    count_new(engine.context)

    assert total().observations == 1


def test_history_outlives_its_jobs(engine: Engine, now: datetime) -> None:
    insert(now - DAY)
    insert(now - DAY)
    count_new(engine.context)
    collection(documents.Job).delete_one({"step": 0})
    collection(documents.Lock).delete_one({"_id": progress.LOCK})

    count_new(engine.context)

    assert total().observations == 2


def test_one_process_counts_at_a_time(engine: Engine, now: datetime) -> None:
    insert(now)

    assert count_in_turn(engine.context) == 1
    assert count_in_turn(engine.context) == 0


def test_a_damaged_job_does_not_keep_the_others_from_being_counted(
    engine: Engine, now: datetime
) -> None:
    insert(now, basis={"inputs": [{"path": "/a/b"}]})
    insert(now)

    count_new(engine.context)

    assert total().observations == 1


def test_finished_workflows_have_a_history(engine: Engine) -> None:
    engine.simulator.app(queue_seconds=0, run_seconds=1, lag_seconds=0)
    assert engine.ends(engine.submit(document(""))) == "succeeded"

    count_new(engine.context)

    assert total("Date").observations == 1
    for kind in (documents.DurationHour, documents.DurationTotal):
        for each in kind.objects:
            each.validate()


def test_the_search_for_jobs_uses_its_index(now: datetime) -> None:
    insert(now)
    plan = (
        collection(documents.Job)
        .find({**hours.RAN, "finished_at": {"$gte": now - DAY, "$lt": now + DAY}})
        .explain()
    )

    assert documents.SUCCEEDED in str(plan["queryPlanner"]["winningPlan"])


def test_the_present_history_is_read_once_a_minute(engine: Engine, now: datetime) -> None:
    durations.forget()
    assert durations.history().expect("A") is None
    for _ in range(5):
        insert(now)
    count_new(engine.context)

    assert durations.history().expect("A") is None
    durations.forget()
    assert durations.history().expect("A") is not None


def _move_marks(counted: datetime, recounted: datetime) -> None:
    fields = {"counted": counted, "recounted": recounted}
    collection(documents.Lock).update_one({"_id": progress.LOCK}, {"$set": fields})
