"""What the sender does with a job whose workflow ended after the job was intended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.engine.conftest import Engine, document
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
