"""What goes wrong around one workflow fails no workflow, and holds up no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.conftest import Engine, document
from workflows.engine.advance import advance
from workflows.engine.commands import Submission, cancel, submit
from workflows.spec.document import spec_from
from workflows.store import documents
from workflows.store.jobs import kills, lookups, send_results
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection


def test_outages_of_bvbrc_do_not_count_as_refusals(engine: Engine) -> None:
    engine.simulator.fault("status", "start_app2", status=503, count=2)
    workflow = engine.submit(document(""))
    key = f"{workflow}/0/1"
    engine.until(lambda: collection(documents.Job).find_one({"_id": key, "tries": 1}) is not None)
    collection(documents.Job).update_one({"_id": key}, {"$set": {"tries": 50}})
    engine.simulator.clear_faults()
    engine.simulator.fault("lost", "start_app2", done=False, count=1)

    assert engine.ends(workflow, 60) == "succeeded"


def test_a_reason_that_begins_with_a_dollar_is_only_text(engine: Engine) -> None:
    reason = "Error submitting job: Errors found in parameter processing"
    engine.simulator.fault("error", "start_app2", text=f"{reason}: $VAR1 = 1.", count=1)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    job = job_rows.open_jobs([workflow])[workflow].jobs[0]

    collection(documents.Job).update_one(
        {"_id": job.key}, {"$set": {"state": "sending", "claim": ""}}
    )
    assert send_results.record([send_results.job_rejected(job, "$VAR1 = 1.")]) == []

    assert job_rows.of_workflow(workflow)[0].reason == "$VAR1 = 1."


@pytest.mark.parametrize(
    "spoilt",
    [
        {"state": "nonsense"},
        {"states": [7]},
        {"attempts": None},
        {"retries": {"x": 1}},
        {"cap": "x"},
    ],
    ids=str,
)
def test_a_spoilt_workflow_delays_no_other(engine: Engine, spoilt: dict[str, Any]) -> None:
    bad, good = engine.submit(document("")), engine.submit(document("", "a"))
    collection(documents.Workflow).update_one({"_id": bad}, {"$set": spoilt})

    assert engine.ends(good, 60) == "succeeded"


def test_a_spoilt_job_delays_no_other_workflow(engine: Engine) -> None:
    bad, good = engine.submit(document("")), engine.submit(document("", "a"))
    advance(engine.context, [bad])
    collection(documents.Job).update_one({"workflow": bad}, {"$set": {"outcome": "nonsense"}})

    assert engine.ends(good, 60) == "succeeded"


def test_a_plan_does_not_start_whoever_advances_it(engine: Engine) -> None:
    found = document("")
    planned = submit(
        engine.context, engine.owner(), Submission(spec_from(found), found, planned=True)
    )

    advance(engine.context, [planned.id])

    assert job_rows.of_workflow(planned.id) == []


def test_a_look_that_was_begun_too_early_proves_nothing(engine: Engine) -> None:
    engine.simulator.fault("lost", "start_app2", done=False, count=1)
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    engine.drain.run(engine.context)
    taken = None
    while taken is None:
        taken = lookups.take(timedelta(seconds=60))
    past = {"$set": {"absent_after": {"$add": ["$looked_at", 1]}}}
    collection(documents.Job).update_one({"_id": taken.key}, [past])

    assert not lookups.send_again(taken)


def test_a_kill_keeps_its_receipt_whatever_is_answered_later(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    engine.until(lambda: engine.states(workflow) == ["running"])
    cancel(engine.context, workflow)
    [job] = kills.take(10, timedelta(0))[engine.user]

    kills.record([(job, kills.KILLED, None)])
    kills.record([(job, kills.GONE, None)])

    assert job_rows.of_workflow(workflow)[0].kill_reply == "killed"
