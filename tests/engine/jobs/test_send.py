"""What the sender does with a job whose workflow ended after the job was intended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from devstack.processes import wait_until
from tests.engine.conftest import Engine, document
from tests.profiling import profiled
from workflows.engine.advance import advance
from workflows.engine.jobs.send import record_answers
from workflows.store import documents
from workflows.store.jobs import rows as job_rows
from workflows.store.jobs import send_results
from workflows.store.mongo import collection


def intend(engine: Engine) -> str:
    """A workflow whose first job waits in the outbox."""
    workflow = engine.submit(document(""))
    advance(engine.context, [workflow])
    return workflow


@pytest.mark.parametrize(
    "ended",
    [{"cancel_requested_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"state": "failed"}],
    ids=["cancelled", "failed"],
)
def test_a_job_whose_workflow_ended_after_it_was_intended_is_not_sent(
    engine: Engine, ended: dict[str, Any]
) -> None:
    workflow = intend(engine)
    collection(documents.Workflow).update_one({"_id": workflow}, {"$set": ended})

    engine.drain.run(engine.context)

    assert engine.simulator.jobs() == []
    assert job_rows.history(workflow)[0].state == "withdrawn"


def test_a_job_that_is_to_be_killed_is_not_sent(engine: Engine) -> None:
    workflow = intend(engine)
    collection(documents.Job).update_one({"workflow": workflow}, {"$set": {"kill": True}})

    engine.drain.run(engine.context)

    assert engine.simulator.jobs() == []
    assert job_rows.history(workflow)[0].state == "withdrawn"


def test_a_late_answer_is_adopted_though_the_claim_was_given_up(engine: Engine) -> None:
    workflow = intend(engine)
    [job] = job_rows.history(workflow)

    record_answers(engine.context, [send_results.job_started(job, "4711")])

    [adopted] = job_rows.history(workflow)
    assert (adopted.state, adopted.job_id) == ("active", "4711")


def looks_at_the_outbox(engine: Engine) -> int:
    """How often one run of the sender asks for users who have something to send: in each look from
    the user on who was served last, and then from the first one on."""
    with profiled() as asked:
        engine.drain.run(engine.context)
    return asked.count_documents({"command.hint": documents.WAITING})


def test_a_sender_does_not_look_at_the_outbox_again_for_each_answer(engine: Engine) -> None:
    engine = engine.with_limits(emptied_for=timedelta(hours=1))
    intend(engine)

    assert looks_at_the_outbox(engine) == 2
    assert len(engine.simulator.jobs()) == 1
    assert looks_at_the_outbox(engine) == 2, "it was woken"


def test_a_sender_whose_call_fails_looks_at_the_outbox_again(engine: Engine) -> None:
    engine = engine.with_limits(emptied_for=timedelta(hours=1))
    intend(engine)
    engine.simulator.fault("status", "start_app2")

    assert looks_at_the_outbox(engine) == 4


def test_a_sender_that_is_woken_looks_at_the_outbox_while_calls_are_under_way(
    engine: Engine,
) -> None:
    engine = engine.with_limits(emptied_for=timedelta(hours=1))
    intend(engine)
    engine.simulator.fault("hang", "start_app2", seconds=600)
    sender = Thread(target=engine.drain.run, args=[engine.context])
    sender.start()
    try:
        wait_until(lambda: len(engine.simulator.jobs()) == 1, "the first is sent", seconds=60)
        intend(engine)
        assert engine.drain.nudge()
        wait_until(lambda: len(engine.simulator.jobs()) == 2, "the second is sent", seconds=60)
    finally:
        engine.simulator.clear_faults()
        sender.join()
