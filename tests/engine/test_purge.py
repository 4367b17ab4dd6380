"""What is old goes as a whole; what may still matter stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.conftest import Engine, document
from workflows.engine.commands import Submission, cancel, submit
from workflows.engine.purge import Keep, purge, purge_in_turn
from workflows.model.errors import NotFound
from workflows.spec.document import spec_from
from workflows.store import documents
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection
from workflows.store.workflows import retention, stored
from workflows.store.workflows import rows as workflow_rows

AT_ONCE = Keep(ended=timedelta(0), never_started=timedelta(0))
YEAR = Keep(ended=timedelta(days=365), never_started=timedelta(days=365))
LEFT = (documents.Workflow, documents.Spec, documents.Job, documents.Event)


def left() -> int:
    return sum(collection(document).count_documents({}) for document in LEFT)


def plan(engine: Engine) -> str:
    found = document("")
    return submit(
        engine.context, engine.owner(), Submission(spec_from(found), found, planned=True)
    ).id


def test_an_old_workflow_goes_with_all_that_belongs_to_it(engine: Engine) -> None:
    workflow = engine.submit(document("", "a"))
    engine.ends(workflow)

    assert purge(engine.context, AT_ONCE) == 1

    assert left() == 0
    with pytest.raises(NotFound):
        stored.get(workflow)


def test_a_plan_that_nobody_submitted_goes(engine: Engine) -> None:
    plan(engine)

    assert purge(engine.context, Keep(never_started=timedelta(0))) == 1

    assert left() == 0


def test_what_is_young_or_active_or_kept_for_ever_stays(engine: Engine) -> None:
    engine.ends(engine.submit(document("")))
    plan(engine)
    before = left()
    assert purge(engine.context, YEAR) == 0
    assert purge(engine.context, Keep()) == 0
    assert left() == before
    purge(engine.context, AT_ONCE)

    active = engine.submit(document(""))

    assert purge(engine.context, AT_ONCE) == 0
    assert engine.ends(active) == "succeeded"


def test_only_the_oldest_go(engine: Engine) -> None:
    old, young = engine.submit(document("")), engine.submit(document(""))
    engine.ends(old)
    engine.ends(young)
    finished = stored.get(old).created_at - timedelta(days=400)
    collection(documents.Workflow).update_one({"_id": old}, {"$set": {"finished_at": finished}})

    assert purge(engine.context, YEAR) == 1

    assert workflow_rows.existing([old, young]) == [young]
    assert job_rows.of_workflow(young) != []


def test_a_workflow_whose_job_is_still_being_killed_stays(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    engine.until(lambda: engine.states(workflow) == ["running"])
    engine.simulator.fault("status", "kill_tasks", status=502)
    cancel(engine.context, workflow)
    engine.turn()
    assert engine.status(workflow) == "cancelled"

    assert purge(engine.context, AT_ONCE) == 0

    engine.simulator.clear_faults()
    engine.ends(workflow)
    assert purge(engine.context, AT_ONCE) == 1


def test_a_workflow_that_was_taken_up_meanwhile_stays(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    engine.ends(workflow)
    collection(documents.Workflow).update_one({"_id": workflow}, {"$set": {"state": "pending"}})

    assert not retention.remove(retention.ENDED, timedelta(0), workflow)

    assert workflow_rows.existing([workflow]) == [workflow]


def test_several_beats_purge_once(engine: Engine) -> None:
    engine.ends(engine.submit(document("")))
    assert purge_in_turn(engine.context, AT_ONCE) == 1
    engine.ends(engine.submit(document("")))

    assert purge_in_turn(engine.context, AT_ONCE) == 0
