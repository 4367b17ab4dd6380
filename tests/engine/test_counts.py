"""What is counted is what happened: every transition once, however often a task is run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import values as prometheus_values

from observability.metrics import Counts, Meters
from tests.engine.conftest import LONG, Engine, document
from tests.engine.reuse.test_reuse import READS, assemble, renamed, run
from tests.engine.reuse.test_reuse import workflow as reusing
from workflows.backends.appservice.client import AppService
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.engine.advance import advance
from workflows.engine.commands import Submission, cancel, retry, start, submit
from workflows.spec.document import spec_from
from workflows.store import documents
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection
from workflows.store.workflows import rows as workflow_rows
from workflows.store.workflows import stored
from workflows.store.workflows.changes import Change


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Of this test alone, also in a process that shares its metrics with others."""
    monkeypatch.setattr(prometheus_values, "ValueClass", prometheus_values.MutexValue)
    return Counts(Meters())


@pytest.fixture
def counted(engine: Engine, counts: Counts) -> Iterator[Engine]:
    long = timedelta(seconds=LONG)
    url = engine.simulator.app_service_url
    service = AppService(Rpc(Wire(), counts.call), url, timeout=long, submit_timeout=long)
    context = replace(
        engine.context,
        backends=engine.backends_with(service),
        recorded=counts.events,
        accepted=counts.count_accepted,
        broken=counts.count_defect,
        watched=counts.count_watch_time,
    )
    return replace(engine, context=context)


def values(counts: Counts) -> dict[str, float]:
    """``workflows_completed_total{status=succeeded}`` and so on; buckets left out."""
    return {
        sample.name + "".join(f"{{{name}={value}}}" for name, value in sample.labels.items()): (
            sample.value
        )
        for name in counts.meters.__slots__
        for metric in getattr(counts.meters, name).collect()
        for sample in metric.samples
        if not sample.name.endswith(("_bucket", "_created"))
    }


def first_fails(engine: Engine) -> None:
    """The next job of a first step does."""
    course = {"queue_seconds": 0, "run_seconds": 0, "outcome": "failed"}
    engine.simulator.app(output_file="o0", count=1, **course)


def test_a_known_run_is_counted_exactly(counted: Engine, counts: Counts) -> None:
    counted.simulator.app(
        output_file="o0", outcome="failed", queue_seconds=0, run_seconds=0, count=1
    )
    failed = counted.submit(document("", "a"))
    assert counted.ends(failed) == "failed"
    succeeded = counted.submit(document("", "a"))
    assert counted.ends(succeeded) == "succeeded"

    found = values(counts)

    assert found["workflows_submitted_total"] == 2
    assert found["workflows_completed_total{status=failed}"] == 1
    assert found["workflows_completed_total{status=succeeded}"] == 1
    assert found["workflow_execution_duration_seconds_count"] == 2
    assert found["steps_submitted_total{app=Date}"] == 3
    assert found["steps_completed_total{app=Date}{status=succeeded}"] == 2
    assert found["steps_completed_total{app=Date}{status=failed}"] == 1
    assert found["steps_completed_total{app=Date}{status=upstream_failed}"] == 1
    assert found["step_execution_duration_seconds_count{app=Date}"] == 3
    assert found["scheduler_query_duration_seconds_count"] >= 2
    assert found["scheduler_query_errors_total"] == 0


def test_steps_that_take_earlier_results_are_counted_apart(counted: Engine, counts: Counts) -> None:
    """No job ran for them, so they tell nothing of how many jobs end, and how long these take."""
    counted.owner()
    counted.simulator.put(counted.token, READS)
    run(counted, reusing(assemble()))
    ran = values(counts)
    for name in ("b", "c"):
        run(counted, reusing(renamed(assemble(), name)))

    found = values(counts)

    app = "{app=GenomeAssembly2}"
    assert ran.get(f"steps_reused_total{app}", 0) == 0
    assert found[f"steps_reused_total{app}"] == 2
    for name in (
        f"steps_completed_total{app}{{status=succeeded}}",
        f"step_execution_duration_seconds_count{app}",
    ):
        assert (ran[name], found[name]) == (1, 1)
    assert found["workflows_completed_total{status=succeeded}"] == 3


def test_the_time_of_watched_jobs_is_that_at_appservice(counted: Engine, counts: Counts) -> None:
    """Two jobs between two polls that are an hour apart."""
    counted.simulator.app(run_seconds=None)
    counted.submit(document("", ""))
    watched = "scheduler_active_job_minutes_total"
    counted.until(lambda: values(counts)[watched] > 0)
    for kind, field in ((documents.Job, "submitted_at"), (documents.Lock, "last")):
        hour_ago = {field: {"$subtract": [f"${field}", 3_600_000]}}
        collection(kind).update_many({field: {"$type": "date"}}, [{"$set": hour_ago}])

    counted.until(lambda: values(counts)[watched] >= 120)

    found = values(counts)
    assert found[watched] < 180
    assert found["scheduler_calls_total"] >= found["scheduler_query_duration_seconds_count"] + 2


def test_tasks_that_run_again_and_at_once_count_nothing_twice(
    counted: Engine, counts: Counts
) -> None:
    ids = [counted.submit(document("", "a", "ab")) for _ in range(5)]
    with ThreadPoolExecutor(4) as pool:
        while not all(counted.status(each) == "succeeded" for each in ids):
            list(pool.map(lambda _: advance(counted.context, ids), range(4)))
            counted.turn()
    for _ in range(3):
        advance(counted.context, ids)

    found = values(counts)

    assert found["workflows_completed_total{status=succeeded}"] == 5
    assert found["steps_submitted_total{app=Date}"] == 15
    assert found["steps_completed_total{app=Date}{status=succeeded}"] == 15


def test_a_workflow_is_submitted_once_whoever_repeats_it(counted: Engine, counts: Counts) -> None:
    found = document("")
    planned = submit(
        counted.context, counted.owner(), Submission(spec_from(found), found, planned=True)
    ).id
    assert values(counts)["workflows_submitted_total"] == 0

    start(counted.context, counted.owner(), planned)
    start(counted.context, counted.owner(), planned)
    for _ in range(2):
        keyed = Submission(spec_from(found), found, idempotency_key="k", body=b"b")
        submit(counted.context, counted.owner(), keyed)

    assert values(counts)["workflows_submitted_total"] == 2


def test_a_plan_that_is_cancelled_was_never_submitted_and_does_not_complete(
    counted: Engine, counts: Counts
) -> None:
    found = document("")
    submission = Submission(spec_from(found), found, planned=True)
    planned = submit(counted.context, counted.owner(), submission).id

    cancel(counted.context, planned)

    assert counted.status(planned) == "cancelled"
    assert values(counts)["workflow_execution_duration_seconds_count"] == 0


def test_a_retried_workflow_is_measured_from_its_retry(counted: Engine, counts: Counts) -> None:
    counted.simulator.app(
        output_file="o0", outcome="failed", queue_seconds=0, run_seconds=0, count=1
    )
    workflow = counted.submit(document(""))
    counted.ends(workflow)
    long_ago = stored.get(workflow).begun_at - timedelta(days=300)
    collection(documents.Workflow).update_one(
        {"_id": workflow}, {"$set": {"submitted_at": long_ago}}
    )

    retry(counted.context, counted.owner(), workflow)
    counted.ends(workflow)

    assert values(counts)["workflow_execution_duration_seconds_sum"] < 86_400


def test_failed_calls_are_counted_by_what_they_were_for(counted: Engine, counts: Counts) -> None:
    counted.simulator.fault("lost", "start_app2", count=1)
    counted.simulator.fault("status", "query_tasks", status=502, count=2)
    workflow = counted.submit(document(""))
    counted.ends(workflow)

    found = values(counts)

    assert found["scheduler_submit_errors_total{app=Date}"] == 1
    assert found["scheduler_query_errors_total"] == 2
    assert found["bvbrc_call_errors_total{method=AppService.start_app2}{error_type=InDoubt}"] == 1


def test_a_workflow_that_cannot_be_advanced_is_counted_as_an_error(
    counted: Engine, counts: Counts
) -> None:
    workflow = counted.submit(document(""))
    collection(documents.Workflow).update_one({"_id": workflow}, {"$set": {"spec": "nowhere"}})

    advance(counted.context, [workflow])

    assert values(counts)["executor_errors_total{error_type=NotFound}"] == 1


def test_a_submission_is_told_once_though_its_job_changes_meanwhile(counted: Engine) -> None:
    """A poll stores that the job runs, between a turn's look at the job and its commit."""
    counted.simulator.app(run_seconds=None)
    workflow = counted.submit(document(""))
    counted.until(lambda: len(counted.simulator.jobs()) == 1)
    rows = collection(documents.Job)
    rows.update_one({}, {"$unset": {"announced": ""}, "$currentDate": {"changed_at": True}})
    token, (claimed,), *_ = workflow_rows.claim([workflow], timedelta(seconds=5))
    job = job_rows.open_jobs([workflow])[workflow].jobs[0]

    rows.update_one({}, {"$inc": {"version": 1}})
    change = Change(claimed, claimed.workflow, None, announced=(job,), seen=(job,))
    assert workflow_rows.commit(token, [change]) == [change]

    row = rows.find_one({})
    assert row["announced"]
    assert "changed_at" in row
